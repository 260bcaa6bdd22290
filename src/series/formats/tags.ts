/** The head of a line of line protocol, measurement and tags, as the address of a series. Pure. */
import { byteLength } from "../../lib/bytes.ts"
import { NAME_MAX_BYTES } from "../../protocol/limits.ts"
import { shorten } from "../../lines/bad.ts"
import { findBare, measurementText, nameText, symbolText } from "./escapes.ts"

export interface Address {
  reference: string
  symbol: string
}

/** The symbol of points without tags. Any other has an equals sign. */
export const NO_TAGS = "_"

/**
 * The measurement as reference and the tags, sorted by key, as symbol: `host=a,region=eu`. A comma, equals sign or
 * backslash that belongs to a tag has a backslash before it. Or, as a text, what is wrong with the head.
 */
export function readAddress(head: string): Address | string {
  const parts = splitBare(head, ",")
  const reference = measurementText(parts[0] as string)
  const tags = new Map<string, string>()
  for (const part of parts.slice(1)) {
    const equals = findBare(part, "=", 0)
    if (equals < 0) return `has the tag ${quote(part)} without a value`
    const [key, value] = [nameText(part.slice(0, equals)), nameText(part.slice(equals + 1))]
    if (key === "" || value === "") return `has the tag ${quote(part)} without a key or a value`
    if (tags.has(key)) return `has the tag ${quote(key)} twice`
    tags.set(key, value)
  }
  const keys = [...tags.keys()].toSorted()
  const pairs = keys.map((key) => `${symbolText(key)}=${symbolText(tags.get(key) as string)}`)
  const symbol = pairs.join(",") || NO_TAGS
  const flaw = flawOf("measurement", reference) ?? flawOf("set of tags", symbol)
  return flaw ?? { reference, symbol }
}

/** Both become segments of a URI, with what that allows. */
function flawOf(what: string, name: string): string | null {
  if (name === "") return `has no ${what}`
  if (name === "." || name === "..") return `has the ${what} "${name}", which no URI can name`
  // No character takes more than three bytes for each of its code units.
  const fits = name.length * 3 <= NAME_MAX_BYTES || byteLength(name) <= NAME_MAX_BYTES
  return fits ? null : `has a ${what} of more than ${NAME_MAX_BYTES} bytes`
}

function splitBare(text: string, separator: string): string[] {
  const parts: string[] = []
  let from = 0
  for (;;) {
    const at = findBare(text, separator, from)
    if (at < 0) break
    parts.push(text.slice(from, at))
    from = at + 1
  }
  parts.push(text.slice(from))
  return parts
}

function quote(text: string): string {
  return JSON.stringify(shorten(text))
}
