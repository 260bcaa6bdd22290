/** Points in time: revisions of the journal, or moments. Pure; the clock is passed in. */
import { EPOCH_MIN } from "../../lib/epoch.ts"
import { instant, INSTANT_WISH } from "../../lib/instant.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Until } from "./sql.ts"

export interface Point extends Until {
  /** Where it was read, and what it said. */
  place: string
  text: string
}

/** After everything. Not infinity, which SQL has no text for. */
export const LATEST = Number.MAX_SAFE_INTEGER

/**
 * A revision (`42`, or an ETag `"42"`), or a time in the grammar of all times; a date alone is its beginning.
 * @param now epoch milliseconds
 * @param place where the text was, as the problem shall name it
 * Throws Problem invalid_request, also for a time that is yet to come.
 */
export function readPoint(text: string, now: number, place: string): Point {
  const [, tag, number] = /^(?:(?:W\/)?"(\d{1,15})"|(\d{1,15}))$/.exec(text) ?? []
  if (tag !== undefined || Number(number) <= EPOCH_MIN) {
    return { revision: Number(tag ?? number), at: LATEST, place, text }
  }
  const found = instant(text, "start", now)
  if (found === null) throw wrong(place, text, `must be a revision, ${INSTANT_WISH}`)
  const at = Math.floor(found / 1_000)
  if (at > now) throw wrong(place, text, "must not lie in the future")
  return { revision: LATEST, at: Math.max(at, -LATEST), place, text }
}

export function wrong(place: string, text: string, flaw: string): Problem {
  const found = JSON.stringify(text)
  return new Problem("invalid_request", `"${place}" ${flaw}; it is ${found}`, {
    errors: { [place]: `is ${found}, ${flaw}` },
  })
}
