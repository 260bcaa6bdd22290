/** How long a key may live. Pure. */
import { EXPIRE_MAX_SECONDS, KV_TTL_MIN_SECONDS } from "../protocol/limits.ts"

/** The seconds in an `expire_in` of a query, blanks and a plus sign tolerated; null when it is no lifetime. */
export function parseTtlSeconds(text: string): number | null {
  const digits = /^\s*\+?(\d+)\s*$/.exec(text)?.[1]
  return digits !== undefined && isTtl(Number(digits)) ? Number(digits) : null
}

/** True for whole seconds from 1 to the limit. */
export function isTtl(seconds: unknown): seconds is number {
  return Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= EXPIRE_MAX_SECONDS
}

/** How long Workers KV is to keep an entry. It may keep it longer than asked, never shorter: readers check. */
export function keepSeconds(expiresAt: number, now: number): number {
  return Math.max(KV_TTL_MIN_SECONDS, Math.ceil((expiresAt - now) / 1000))
}
