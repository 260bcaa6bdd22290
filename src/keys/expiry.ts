/** How long a key may live. Pure. */
import { readDuration } from "../lib/durations.ts"
import { EXPIRE_MAX_SECONDS, KV_TTL_MIN_SECONDS } from "../protocol/limits.ts"

export const TTL_WISH = `must be whole seconds from 1 to ${EXPIRE_MAX_SECONDS}, or a duration such as 5m or 1h30m`
export const TIME_WISH = `must be RFC 3339 with its zone (2030-01-01T12:00:00Z) or epoch seconds, ahead of now by ${EXPIRE_MAX_SECONDS} seconds at most`

/** The milliseconds of an `expire_in`: seconds, blanks and a plus sign tolerated, or a duration; null when it is no lifetime. */
export function ttlOf(given: unknown): number | null {
  if (typeof given === "number") return Number.isInteger(given) ? bounded(given * 1_000) : null
  if (typeof given !== "string") return null
  const digits = /^\s*\+?(\d+)\s*$/.exec(given)?.[1]
  const microseconds = readDuration(given)
  if (digits !== undefined) return bounded(Number(digits) * 1_000)
  return microseconds === null ? null : bounded(Math.floor(microseconds / 1_000))
}

/** How long before the expiry that is told. */
export const WARN_WISH = `${TTL_WISH}, and less than the time that is left`

const TIME = /^(\d{4}-\d\d-\d\d)(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/
const EPOCH_SECONDS = /^\d{1,11}(?:\.\d{1,9})?$/

/**
 * The epoch milliseconds of an `expire_at`, RFC 3339 or epoch seconds; null when it is none, or not ahead of `now`.
 * A date alone is its first moment in UTC.
 */
export function momentOf(given: unknown, now: number): number | null {
  const text = typeof given === "number" ? String(given) : given
  if (typeof text !== "string") return null
  const date = TIME.exec(text)?.[1]
  // Date.parse takes 30 February for 2 March.
  const exists = date !== undefined && isDate(date)
  const time = EPOCH_SECONDS.test(text)
    ? Math.round(Number(text) * 1_000)
    : exists
      ? Date.parse(text.toUpperCase())
      : Number.NaN
  return bounded(time - now) === null ? null : Math.floor(time)
}

/** How long Workers KV is to keep an entry. It may keep it longer than asked, never shorter: readers check. */
export function keepSeconds(expiresAt: number, now: number): number {
  return Math.max(KV_TTL_MIN_SECONDS, Math.ceil((expiresAt - now) / 1000))
}

function bounded(milliseconds: number): number | null {
  return milliseconds >= 1 && milliseconds <= EXPIRE_MAX_SECONDS * 1_000 ? milliseconds : null
}

function isDate(date: string): boolean {
  const time = Date.parse(date)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date)
}
