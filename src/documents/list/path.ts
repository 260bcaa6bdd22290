/** Places in a document as a list's query names them: `name`, `data.theme`, `data.tags[0]`, `data."odd name"`. Pure. */
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts"
import type { Scanner } from "./scanner.ts"

/** What a document in a list consists of. */
export const FIELDS = ["name", "data", "revision", "created"] as const
export type Field = (typeof FIELDS)[number]

export interface Path {
  field: Field
  /** Into the data: members by name, elements by number. */
  steps: (string | number)[]
}

// No array in a document can have more elements; SQLite counts in 32 bits.
const INDEX = /^\d{1,9}$/

/** Takes a path. Throws Problem invalid_request. */
export function parsePath(scanner: Scanner): Path {
  const start = scanner.place
  const field = scanner.word()
  if (!isField(field)) scanner.fail(`a path: ${FIELDS.join(", ")} or data.…`, start)
  const path: Path = { field, steps: [] }
  if (field !== "data") return path
  for (;;) {
    const at = scanner.place
    if (path.steps.length > JSON_MAX_DEPTH) {
      scanner.fail(`the end of the path: documents nest at most ${JSON_MAX_DEPTH} deep`)
    }
    if (scanner.take(".")) path.steps.push(memberAfterDot(scanner))
    else if (scanner.take("[")) path.steps.push(inBrackets(scanner, at))
    else return path
  }
}

function memberAfterDot(scanner: Scanner): string {
  const wanted = "a member's name right after the dot, in double quotes if it is odd"
  if (scanner.isAtSpace) scanner.fail(wanted)
  const start = scanner.place
  const member = scanner.text() ?? scanner.word()
  return member === null ? scanner.fail(wanted) : checked(member, scanner, start)
}

function inBrackets(scanner: Scanner, start: number): string | number {
  const text = scanner.text()
  const word = text === null ? (scanner.word() ?? "") : ""
  if (text === null && !INDEX.test(word)) {
    scanner.fail("in brackets the number of an element, or a member's name in double quotes", start)
  }
  if (!scanner.take("]")) scanner.fail('"]"')
  return text === null ? Number(word) : checked(text, scanner, start)
}

function checked(member: string, scanner: Scanner, start: number): string {
  // SQLite takes the end of such a name for the end of the path.
  if (member.includes("\0")) scanner.fail("a member's name without the character U+0000", start)
  return member
}

function isField(word: string | null): word is Field {
  return (FIELDS as readonly (string | null)[]).includes(word)
}

/** The steps as SQLite's JSON functions take them. A quoted member is compared as JSON, escapes and all. */
export function sqlitePath(steps: Path["steps"]): string {
  const written = steps.map((step) =>
    typeof step === "number" ? `[${step}]` : `.${JSON.stringify(step)}`,
  )
  return `$${written.join("")}`
}

/** The value at the steps of a JSON value; undefined when there is none. */
export function valueAt(value: unknown, steps: Path["steps"]): unknown {
  let found = value
  for (const step of steps) {
    if (typeof found !== "object" || found === null) return undefined
    if (Array.isArray(found) !== (typeof step === "number")) return undefined
    if (!Object.hasOwn(found, step)) return undefined
    found = (found as Record<string | number, unknown>)[step]
  }
  return found
}
