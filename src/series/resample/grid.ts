/** Where buckets begin on a local clock that nobody ever changes. Microseconds, and pure. */
import { MICROSECONDS } from "../../lib/durations.ts"
import type { EveryUnit } from "../../protocol/resample.ts"

export interface Every {
  count: number
  unit: EveryUnit
}

export interface Grid {
  /** The last beginning that is not after a local time. */
  floor(local: number): number
  /** The beginning after this one. */
  next(edge: number): number
  /** Infinity where buckets differ in length: no change of a clock is a multiple of that. */
  width: number
}

export const DAY = MICROSECONDS.d

/** Monday 2000-01-03. */
const ORIGIN = 10_959 * DAY

/** Microseconds of the shortest bucket. */
export function leastLength({ count, unit }: Every): number {
  if (unit === "mo") return count * 28 * DAY
  return count * (unit === "y" ? 365 * DAY : MICROSECONDS[unit])
}

/** `mo` and `y` are counted from January of year 0, all others from Monday 2000-01-03. */
export function gridOf({ count, unit }: Every): Grid {
  if (unit === "mo") return monthGrid(count)
  return unit === "y" ? monthGrid(count * 12) : evenGrid(count * MICROSECONDS[unit])
}

function evenGrid(width: number): Grid {
  const phase = ORIGIN % width
  return {
    width,
    floor: (local) => Math.floor((local - phase) / width) * width + phase,
    next: (edge) => edge + width,
  }
}

function monthGrid(months: number): Grid {
  return {
    width: Infinity,
    floor: (local) => startOf(Math.floor(monthOf(local) / months) * months),
    next: (edge) => startOf(monthOf(edge) + months),
  }
}

/** Months since January of year 0. */
function monthOf(local: number): number {
  const date = new Date(Math.floor(local / 1_000))
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

function startOf(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12) * 1_000
}
