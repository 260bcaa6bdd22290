/** `start` and `end` of a query: the one grammar of times, both inclusive. Pure; the clock is passed in. */
import { MICROSECONDS, readDuration } from "../lib/durations.ts"
import { Problem } from "../protocol/problem.ts"
import { EPOCH_MIN, epochMicroseconds, guessUnit, isDecimal } from "./epoch.ts"
import { STAMP_MAX, type IndexKind } from "./frame.ts"
import { parseMoment } from "./stamp.ts"

export type Side = "start" | "end"

export interface Range {
  first: number
  last: number
}

export const EVERYTHING: Range = { first: -STAMP_MAX, last: STAMP_MAX }

/**
 * The stamps that the query asks for; empty or missing bounds are open.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the bound.
 */
export function readRange(
  query: { start?: string | undefined; end?: string | undefined },
  kind: IndexKind,
  now: number,
): Range {
  const { start, end } = query
  return {
    first: start ? readBound(start, "start", kind, now) : EVERYTHING.first,
    last: end ? readBound(end, "end", kind, now) : EVERYTHING.last,
  }
}

/**
 * One bound as a stamp: RFC 3339, a date (as `end` the whole of it), an epoch number whose unit is guessed as
 * pandas does, or `now-1h30m`; an integer index takes integers. What lies outside the stamps becomes their edge.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the place.
 */
export function readBound(
  text: string,
  side: Side,
  kind: IndexKind,
  now: number,
  place = `query.${side}`,
): number {
  const stamp = kind === "integer" ? integer(text) : instant(text, side, now)
  if (stamp !== null) return Math.max(-STAMP_MAX, Math.min(STAMP_MAX, stamp))
  const wish =
    kind === "integer"
      ? "an integer: the index has no times"
      : `a time (2015-01-31, 2015-01-31T12:00:00Z), an epoch number above ${EPOCH_MIN}, or now-1h30m`
  const found = JSON.stringify(text)
  throw new Problem("invalid_request", `"${place}" must be ${wish}; it is ${found}`, {
    errors: { [place]: `is ${found}, must be ${wish}` },
  })
}

function integer(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null
}

function instant(text: string, side: Side, now: number): number | null {
  if (isDecimal(text)) return epoch(text, side)
  if (text.startsWith("now")) return relative(text.slice(3), now)
  // A "+" that nobody encoded arrives as a space.
  const moment = parseMoment(text.replace(/(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$/, "$1+$2"))
  if (!moment) return null
  if (moment.dateOnly) return side === "end" ? moment.stamp + MICROSECONDS.d - 1 : moment.stamp
  return side === "start" && moment.finer ? moment.stamp + 1 : moment.stamp
}

function epoch(text: string, side: Side): number | null {
  const number = Number(text)
  // A small number is a year or a slip far more often than a moment of 1970.
  if (number !== 0 && Math.abs(number) <= EPOCH_MIN) return null
  const unit = guessUnit(text)
  if (!unit) return number < 0 ? -STAMP_MAX : STAMP_MAX
  const { whole, finer } = epochMicroseconds(text, unit)
  // `whole` is cut towards 0; the bounds look for the microsecond inside.
  const inward = side === "start" ? number > 0 : number < 0
  return Number(whole) + (finer && inward ? Math.sign(number) : 0)
}

function relative(text: string, now: number): number | null {
  const sign = text.startsWith("-") ? -1 : 1
  if (text === "") return now * 1_000
  const span = /^[+-]/.test(text) ? readDuration(text.slice(1)) : null
  return span === null ? null : now * 1_000 + sign * span
}
