/** `fields`: which parts of each document a list shows. Pure. */
import { FIELDS_MAX_PATHS } from "../../protocol/limits.ts"
import { parseExact } from "../../lib/json.ts"
import { FIELDS, parsePath, type Field } from "./path.ts"
import { Scanner } from "./scanner.ts"

/** Member → what is wanted of it; null: all. */
export type Selection = Map<string, Selection | null>

/** The parts wanted, in their order; `*` is all of them. Throws Problem invalid_request that names the character. */
export function parseFields(text: string): Selection {
  const scanner = new Scanner("fields", text)
  const selection: Selection = new Map()
  let paths = 0
  do {
    const start = scanner.place
    if (++paths > FIELDS_MAX_PATHS) scanner.fail(`at most ${FIELDS_MAX_PATHS} paths`)
    if (scanner.take("*")) {
      for (const field of FIELDS) selection.set(field, null)
      continue
    }
    const { field, steps } = parsePath(scanner)
    const members = steps.filter((step) => typeof step === "string")
    if (members.length < steps.length) scanner.fail("members only; an array comes whole", start)
    select(selection, [field, ...members])
  } while (scanner.take(","))
  if (!scanner.isAtEnd) scanner.fail('"," or the end')
  return selection
}

function select(selection: Selection, [member = "", ...rest]: string[]): void {
  const known = selection.get(member)
  if (known === null) return
  if (rest.length === 0) selection.set(member, null)
  else {
    const inner: Selection = known ?? new Map()
    selection.set(member, inner)
    select(inner, rest)
  }
}

/** A document of a list, each part as JSON text. */
export type Parts = Partial<Record<Field, string>>

/** What the selection leaves of the parts, each as JSON text. */
export function project(parts: Parts, selection: Selection): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [field, inner] of selection) {
    const json = parts[field as Field]
    if (json === undefined) continue
    kept[field] = inner === null ? json : pick(parseExact(json), inner)
  }
  return kept
}

/** An object as text, because a member called `__proto__` cannot be put into one. */
function pick(value: unknown, selection: Selection): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const members: string[] = []
  for (const [member, inner] of selection) {
    if (!Object.hasOwn(value, member)) continue
    const own = (value as Record<string, unknown>)[member]
    if (inner === null) members.push(`${JSON.stringify(member)}:${JSON.stringify(own)}`)
    else if (isObject(own)) members.push(`${JSON.stringify(member)}:${pick(own, inner)}`)
  }
  return `{${members.join()}}`
}

function isObject(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
