/** ISO 8601 texts as moments: whole microseconds since 1970 UTC. Pure. */
import { MICROSECONDS } from "./durations.ts"

const DAY = MICROSECONDS.d

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

/** The numbers of months and days as text. */
const TWO_DIGITS = Array.from({ length: 32 }, (_, number) => String(number).padStart(2, "0"))
/** Days from 1 March of year 0 to 1970. */
const EPOCH_DAYS = 719_468
/** Those of 400 years, after which the calendar repeats. */
const ERA_DAYS = 146_097

/**
 * The date of a moment in milliseconds, of the years 0 to 9999. After H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms" (2013), `civil_from_days`: `toISOString` takes ten times as long. Years begin in March, so that the day
 * that may be missing is the last.
 */
export function isoDate(milliseconds: number): string {
  const days = Math.floor(milliseconds / 86_400_000) + EPOCH_DAYS
  const era = Math.floor(days / ERA_DAYS)
  const dayOfEra = days - era * ERA_DAYS
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  const dayOfYear = dayOfEra - (365 * yearOfEra + leapDays)
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${String(year).padStart(4, "0")}-${TWO_DIGITS[month]}-${TWO_DIGITS[day]}`
}
