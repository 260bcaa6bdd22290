/** How long rows are kept. Pure. */
import { Problem } from "../protocol/problem.ts"
import { readDuration } from "./bounds.ts"
import { STAMP_MAX } from "./frame.ts"
import type { SeriesRow } from "./sql.ts"

/** Microseconds of a retention such as `30d`. Throws Problem invalid_request. */
export function readRetention(text: string): number {
  const keep = readDuration(text)
  if (keep !== null && keep > 0 && keep <= STAMP_MAX) return keep
  const wish = "a duration above 0 such as 30d, 12h or 1w (w d h m s), or null"
  throw new Problem("invalid_request", `"retention" must be ${wish}; it is "${text}"`, {
    errors: { "body.retention": `is "${text}", must be ${wish}` },
  })
}

/**
 * The first stamp that is still kept; null when all are. Counted from the newest row or from now, whichever is
 * earlier: a stamp far in the future must not erase history, and a series that ended keeps its end.
 * An index of integers has no age.
 * @param now epoch milliseconds
 */
export function floorOf(
  { kind, keep, last }: Pick<SeriesRow, "kind" | "keep" | "last">,
  now: number,
): number | null {
  if (keep === null || last === null || kind === "integer") return null
  return Math.max(-STAMP_MAX, Math.min(now * 1_000, last) - keep)
}
