/** Field masks (`X-Fields`): which members of an answer the caller wants. Pure. */
import { Problem } from "../protocol/problem.ts"

/** The members named, in order; null when there is no mask or it takes all. Throws Problem invalid_request. */
export function parseMask(header: string | null): string[] | null {
  const text = header?.trim() ?? ""
  if (text === "") return null
  const opened = text.startsWith("{")
  if (opened && !text.endsWith("}")) throw malformed("Missing closing bracket")
  const inner = (opened ? text.slice(1, -1) : text).trim()
  if (inner === "*") return null
  if (inner === "") return []
  // What is asked below a member has no effect: documents are answered whole or not at all.
  const flat = inner.replace(/\{[^{}]*\}/g, "")
  if (flat.includes("{")) throw malformed("Missing closing bracket")
  if (flat.includes("}")) throw malformed("Missing opening bracket")
  const members = flat.split(",").map((member) => member.trim())
  if (members.includes("")) throw malformed("Unexpected comma")
  return members.includes("*") ? null : members
}

/** The members of `parts` (name → JSON text) that the mask names, as one JSON object. */
export function applyMask(parts: Record<string, string>, mask: string[] | null): string {
  const names = mask ? mask.filter((name) => Object.hasOwn(parts, name)) : Object.keys(parts)
  return `{${names.map((name) => `${JSON.stringify(name)}:${parts[name]}`).join()}}`
}

function malformed(reason: string): Problem {
  const message = `Mask parse error: ${reason}`
  return new Problem("invalid_request", message, { errors: { "X-Fields": reason }, message })
}
