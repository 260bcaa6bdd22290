/** JSON values as lists compare them: first by kind, then among their own. The same as the statements do. Pure. */

/** In the order in which a sort puts them; their places are the ranks that cursors carry. */
export const KINDS = [
  "absent",
  "null",
  "false",
  "true",
  "number",
  "text",
  "array",
  "object",
] as const
export type Kind = (typeof KINDS)[number]

/** A value as it is compared; only numbers and texts have one. */
export interface Comparable {
  kind: Kind
  value: number | bigint | string | null
}

interface RawJson {
  isRawJSON(value: unknown): boolean
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** What `parseExact` answered, or nothing, as it is compared. */
export function comparable(value: unknown): Comparable {
  if (value === undefined) return { kind: "absent", value: null }
  if (value === null) return { kind: "null", value: null }
  if (typeof value === "boolean") return { kind: value ? "true" : "false", value: null }
  if (typeof value === "string") return { kind: "text", value }
  if (typeof value === "number") return { kind: "number", value: numberOf(String(value)) }
  if ((JSON as unknown as RawJson).isRawJSON(value)) {
    return { kind: "number", value: numberOf(JSON.stringify(value)) }
  }
  return { kind: Array.isArray(value) ? "array" : "object", value: null }
}

/** A JSON number as SQLite has it: an integer of 64 bits where it is written as one, else a double. */
function numberOf(json: string): number | bigint {
  if (!/^-?\d+$/.test(json)) return Number(json)
  const integer = BigInt(json)
  return integer >= INT64_MIN && integer <= INT64_MAX ? integer : Number(json)
}

/** Negative, 0 or positive. Integers and doubles are compared exactly, texts by code point. */
export function compare(one: Comparable, other: Comparable): number {
  if (one.kind !== other.kind) return KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind)
  const [a, b] = [one.value, other.value]
  if (a === null || b === null) return 0
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

/** By code point, as UTF-8 sorts; JavaScript's own order differs beyond U+FFFF. */
function compareTexts(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  // In the middle of a pair the half before it was the same, so its other half decides.
  return (codeAt(one, at) ?? -1) - (codeAt(other, at) ?? -1)
}

function codeAt(text: string, at: number): number | undefined {
  return text.codePointAt(at)
}
