/** When something expires, as changes tell it. Pure. */
import type { Change } from "../protocol/change.ts"

/** The earliest expiry that these changes speak of, in epoch milliseconds; null when they speak of none. */
export function expiryOf(changes: readonly Change[]): number | null {
  let earliest: number | null = null
  for (const { extra } of changes) {
    // Asked of the text first, because nearly no change has it.
    if (!extra?.includes('"expires_at"')) continue
    const { expires_at: at } = JSON.parse(extra) as { expires_at?: unknown }
    const time = typeof at === "string" ? Date.parse(at) : Number(at ?? Number.NaN)
    if (Number.isFinite(time)) earliest = Math.min(earliest ?? time, time)
  }
  return earliest
}
