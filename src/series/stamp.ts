/** Times as text: ISO 8601 in, the forms of pandas out. Stamps are whole microseconds since 1970 UTC. Pure. */
import { MICROSECONDS } from "../lib/durations.ts"
import type { DateFormat } from "../protocol/orients.ts"
import type { IndexKind, Unit } from "./frame.ts"

const DAY = MICROSECONDS.d
/** How far a stamp reaches: 28 July 1684 to 5 June 2255. */
export const STAMP_RANGE = "1684-07-28 to 2255-06-05"

export interface Moment {
  /** May lie outside the range of stamps. */
  stamp: number
  /** A zone or an offset was given; the stamp is UTC. */
  zoned: boolean
  /** There was no time of day. */
  dateOnly: boolean
  /** There were digits below a microsecond that are not zero; the stamp is the microsecond before. */
  finer: boolean
}

const ISO =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/

/** The moment an ISO 8601 text names, or null when it is none (`2015-02-30`, a leap second). */
export function parseMoment(text: string): Moment | null {
  const parts = ISO.exec(text)
  if (!parts) return null
  const day = parseDay(parts[1] as string)
  const hours = Number(parts[2] ?? 0)
  const minutes = Number(parts[3] ?? 0)
  const seconds = Number(parts[4] ?? 0)
  const offset = parts[6] === undefined ? 0 : parseOffset(parts[6])
  if (Number.isNaN(day + offset) || hours > 23 || minutes > 59 || seconds > 59) return null
  const fraction = parts[5] ?? ""
  const minute = hours * 60 + minutes - offset
  return {
    stamp: day * DAY + (minute * 60 + seconds) * 1_000_000 + microseconds(fraction),
    zoned: parts[6] !== undefined,
    dateOnly: parts[2] === undefined,
    finer: /[1-9]/.test(fraction.slice(6)),
  }
}

function microseconds(fraction: string): number {
  return fraction === "" ? 0 : Number(fraction.slice(0, 6).padEnd(6, "0"))
}

// Rows come day by day, and a date is the dear part of a stamp.
let lastDate = ""
let lastDay = 0

/** Days since 1970, NaN when the calendar has no such date. */
function parseDay(date: string): number {
  if (date === lastDate) return lastDay
  const milliseconds = Date.parse(`${date}T00:00:00Z`)
  // Date.parse takes 30 February for 2 March.
  const exists = !Number.isNaN(milliseconds) && isoDate(milliseconds) === date
  lastDate = date
  lastDay = exists ? milliseconds / 86_400_000 : NaN
  return lastDay
}

/** Minutes east of Greenwich, NaN for impossible ones. */
function parseOffset(text: string): number {
  if (text === "Z" || text === "z") return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(-2)) * (text.length > 3 ? 1 : 0)
  if (hours > 23 || minutes > 59) return NaN
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes)
}

function isoDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

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
