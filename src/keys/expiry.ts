/** What "expired" means, in TypeScript and in SQL side by side, and how long a key may live. Pure. */
import { KEY_TTL_MAX_SECONDS, KV_TTL_MIN_SECONDS } from "../protocol/limits.ts"

/** When a key is to expire, in epoch milliseconds; null: never; undefined: as before. */
export type Expiry = number | null | undefined

/** True from the very millisecond that the expiry names. Both are epoch milliseconds; null never expires. */
export function expired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}

/** `expired` as a condition on a row of `keys`; its one parameter is now. */
export const EXPIRED = "expires_at <= ?"
/** Its opposite, for rows that never expire too. */
export const LIVE = "(expires_at IS NULL OR expires_at > ?)"

/** The seconds in an `expire_in` of a query, blanks and a plus sign tolerated; null when it is no lifetime. */
export function parseTtlSeconds(text: string): number | null {
  const digits = /^\s*\+?(\d+)\s*$/.exec(text)?.[1]
  return digits !== undefined && isTtl(Number(digits)) ? Number(digits) : null
}

/** True for whole seconds from 1 to the limit. */
export function isTtl(seconds: unknown): seconds is number {
  return Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= KEY_TTL_MAX_SECONDS
}

/** How long Workers KV is to keep an entry. It may keep it longer than asked, never shorter: readers check. */
export function keepSeconds(expiresAt: number, now: number): number {
  return Math.max(KV_TTL_MIN_SECONDS, Math.ceil((expiresAt - now) / 1000))
}
