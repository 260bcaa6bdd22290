/** When something expires or is about to, as changes tell it. Pure. */
import type { Change } from "../protocol/change.ts"

/** The earliest expiry or warning that these changes speak of, in epoch milliseconds; null when they speak of none. */
export function expiryOf(changes: readonly Change[]): number | null {
  let earliest: number | null = null
  for (const { extra } of changes) {
    // Asked of the text first, because nearly no change has it.
    if (!extra?.includes('"expires_at"')) continue
    const told = JSON.parse(extra) as { expires_at?: unknown; warn_at?: unknown }
    for (const at of [told.expires_at, told.warn_at]) {
      const time = typeof at === "string" ? Date.parse(at) : Number(at ?? Number.NaN)
      if (Number.isFinite(time)) earliest = Math.min(earliest ?? time, time)
    }
  }
  return earliest
}
