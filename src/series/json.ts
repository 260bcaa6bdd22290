/** JSON whose integers keep every digit: bigint where a double would not do. Pure. */
import { JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { twiceIn } from "../lib/twice.ts"
import { Problem } from "../protocol/problem.ts"
import type { Json } from "./frame.ts"

// Exponents and decimals do not matter here: doubles are what they are meant to be.
const LONG_INTEGER = /(?:^|[[,:\s-])\d{16,}(?:[\s,\]}]|$)/
const INTEGER = /^-?\d+$/
// Longer ones are beyond int64 whatever follows; making a bigint of a million digits takes seconds.
const DIGITS_KEPT = 40

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** Parses a body. Throws Problem invalid_json. */
export function parseJson(text: string): Json {
  try {
    // The reviver costs four times the parsing, so it only runs where it can matter.
    return LONG_INTEGER.test(text) ? parseExactly(text) : (JSON.parse(text) as Json)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem("invalid_json", `The body must be JSON: ${reason}`, {
      errors: { "": reason },
    })
  }
}

/**
 * The same of what was sent, where each member must be there once.
 * @param isFree see `twiceIn`
 * Throws Problem: invalid_json; invalid_request, for a member that is there twice.
 */
export function parseSent(text: string, isFree?: (depth: number) => boolean): Json {
  const value = parseJson(text)
  const place = twiceIn(text, isFree)?.join(".")
  if (place === undefined) return value
  const flaw = "is there twice"
  throw new Problem("invalid_request", `"${place}" of the body ${flaw}`, {
    errors: { [place]: flaw },
  })
}

function parseExactly(text: string): Json {
  return JSON.parse(text, (_key, value: Json, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value
    const source = context?.source ?? ""
    return INTEGER.test(source) ? BigInt(source.slice(0, DIGITS_KEPT)) : value
  }) as Json
}

/** What keeps a value from being stored exactly, as the end of a sentence; null when nothing does. */
export function flawOf(value: Json, depth = 0): string | null {
  if (typeof value === "number") {
    return Number.isFinite(value) || Number.isNaN(value) ? null : "is larger than any double"
  }
  if (typeof value === "bigint") {
    const fits = value >= INT64_MIN && value <= INT64_MAX
    return fits ? null : `is ${String(value).slice(0, 24)}, an integer beyond 64 bits`
  }
  if (typeof value !== "object" || value === null) return null
  if (depth >= JSON_MAX_DEPTH) return `nests deeper than ${JSON_MAX_DEPTH} levels`
  for (const inner of Object.values(value)) {
    const flaw = flawOf(inner, depth + 1)
    if (flaw !== null) return flaw
  }
  return null
}

/** The text of a value, such that `parseJson` gives the same value again. */
export function jsonText(value: Json): string {
  return JSON.stringify(value, (_key, inner: Json) => {
    if (typeof inner === "bigint") return raw.rawJSON(String(inner))
    return typeof inner === "number" ? exactNumber(inner) : inner
  })
}

/** Doubles that would be read as integers with other digits, or lose their sign, are written with a point. */
function exactNumber(value: number): unknown {
  if (Number.isSafeInteger(value) ? !Object.is(value, -0) : !Number.isInteger(value)) return value
  return raw.rawJSON(floatText(value))
}

/** The reader of pandas refuses more digits before the point than 64 bits hold. */
const POINT_MAX = 1e16

/** A double as JSON, always recognisable as one: `1.0`, `1e+16`; shortest digits that give the same double. */
export function floatText(value: number): string {
  if (value % 1 !== 0) return Number.isFinite(value) ? String(value) : "null"
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  return Math.abs(value) < POINT_MAX ? `${value}.0` : value.toExponential()
}

interface RawJson {
  rawJSON(text: string): unknown
}

// TypeScript's library does not know it yet; V8 has had it since 11.4.
const raw = JSON as unknown as RawJson
