/** The one grammar of times. Pure; the clock is passed in. */
import { MICROSECONDS, readDuration } from "./durations.ts"
import { EPOCH_MIN, epochMicroseconds, guessUnit, isDecimal } from "./epoch.ts"
import { parseMoment } from "./moment.ts"

/** Which end of a span the moment is: a date alone is as `end` the whole day. */
export type Side = "start" | "end"

/** What to say to who wrote something else. */
export const INSTANT_WISH = `a time (2015-01-31, 2015-01-31T12:00:00Z), an epoch number above ${EPOCH_MIN}, or now-1h30m`

/**
 * A text as a moment in microseconds since 1970 UTC: RFC 3339, a date (as `end` the whole of it), an epoch number whose
 * unit is guessed as pandas does, or `now-1h30m`; null when it is none of them. Infinite when no unit fits the number.
 * @param now epoch milliseconds
 */
export function instant(text: string, side: Side, now: number): number | null {
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
  if (!unit) return number < 0 ? -Infinity : Infinity
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
