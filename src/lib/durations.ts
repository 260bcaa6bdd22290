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

/** Microseconds of a duration such as `1h30m` (w d h m s ms us), or null when it is none. */
export function readDuration(text: string): number | null {
  if (!/^(?:\d+(?:us|ms|[smhdw]))+$/.test(text)) return null
  let span = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([a-z]+)/g)) {
    span += Number(count) * MICROSECONDS[unit as keyof typeof MICROSECONDS]
  }
  return span
}
