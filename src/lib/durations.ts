/** Lengths of time by their units, in microseconds. Pure. */

const DAY = 86_400_000_000

export const MICROSECONDS = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: DAY,
  w: 7 * DAY,
} as const
