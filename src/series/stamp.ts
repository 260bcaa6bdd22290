/** Times as text, in the forms of pandas. Stamps are whole microseconds since 1970 UTC. Pure. */
import { MICROSECONDS } from "../lib/durations.ts"
import { isoDate } from "../lib/moment.ts"
import type { DateFormat } from "../protocol/orients.ts"
import type { IndexKind, Unit } from "./frame.ts"

const DAY = MICROSECONDS.d
/** How far a stamp reaches: 28 July 1684 to 5 June 2255. */
export const STAMP_RANGE = "1684-07-28 to 2255-06-05"

/**
 * How the labels of an index are written, without quotes: `2015-01-01T00:00:00.000` with `Z` for "utc" and six
 * decimals for unit "us"; or epoch milliseconds, with decimals where only they are exact; or the integers.
 */
export function stampFormat(
  kind: IndexKind,
  unit: Unit,
  dateFormat: DateFormat = "iso",
): (stamp: number) => string {
  if (kind === "integer") return String
  if (dateFormat === "epoch") return epochMilliseconds
  const zone = kind === "utc" ? "Z" : ""
  let day = NaN
  let date = ""
  return (stamp) => {
    const today = Math.floor(stamp / DAY)
    if (today !== day) {
      day = today
      date = isoDate(today * 86_400_000)
    }
    return `${date}T${timeOfDay(stamp - today * DAY, unit)}${zone}`
  }
}

function timeOfDay(sinceMidnight: number, unit: Unit): string {
  const seconds = Math.floor(sinceMidnight / 1_000_000)
  const fraction = sinceMidnight - seconds * 1_000_000
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor(seconds / 60) % 60
  const decimals = unit === "us" ? pad(fraction, 6) : pad(Math.floor(fraction / 1_000), 3)
  return `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds % 60, 2)}.${decimals}`
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0")
}

function epochMilliseconds(stamp: number): string {
  // Above 2^53 / 1000 the quotient has no room for three decimals, so they are put there as text.
  const whole = Math.trunc(stamp / 1_000)
  const rest = Math.abs(stamp - whole * 1_000)
  if (rest === 0) return String(whole)
  const sign = stamp < 0 ? "-" : ""
  return `${sign}${Math.abs(whole)}.${pad(rest, 3)}`.replace(/0+$/, "")
}
