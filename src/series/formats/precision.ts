/** Timestamps of line protocol: integers since 1970 UTC in a unit that is given, or guessed as InfluxDB 3 does. Pure. */
import { STAMP_MAX } from "../frame.ts"
import { STAMP_RANGE } from "../stamp.ts"
import { shorten } from "../../lines/bad.ts"

export const PRECISIONS = ["auto", "s", "ms", "us", "ns"] as const
export type Precision = (typeof PRECISIONS)[number]

const TIMESTAMP = /^-?\d{1,19}$/

/** Sizes below which `auto` takes a timestamp for one in the unit. */
const BELOW = { s: 5e9, ms: 5e12, us: 5e15 } as const
const FACTORS = { s: 1_000_000, ms: 1_000, us: 1 } as const

/** The stamp in microseconds, or what is wrong with the timestamp as the end of a sentence about its line. */
export function readTimestamp(text: string, precision: Precision): number | string {
  if (!TIMESTAMP.test(text)) return refuse(text, "is no integer of 64 bits")
  const number = Number(text)
  const unit = precision === "auto" ? guess(Math.abs(number)) : precision
  // As a double, nanoseconds would lose digits.
  const stamp = unit === "ns" ? fromNanoseconds(text, number) : number * FACTORS[unit] + 0
  if (stamp === null) return refuse(text, "in nanoseconds is no whole microsecond")
  return Math.abs(stamp) <= STAMP_MAX ? stamp : refuse(text, `in ${unit} is outside ${STAMP_RANGE}`)
}

function guess(size: number): Exclude<Precision, "auto"> {
  if (size < BELOW.s) return "s"
  if (size < BELOW.ms) return "ms"
  return size < BELOW.us ? "us" : "ns"
}

function fromNanoseconds(text: string, number: number): number | null {
  if (Math.abs(number) < 1_000) return number === 0 ? 0 : null
  return text.endsWith("000") ? Number(text.slice(0, -3)) : null
}

function refuse(text: string, flaw: string): string {
  return `has the timestamp ${JSON.stringify(shorten(text))}, which ${flaw}`
}
