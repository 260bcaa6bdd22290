/** How long rows are kept, and from where on they are answered. Pure. */
import { Problem } from "../protocol/problem.ts"
import { readDuration } from "../lib/durations.ts"
import { STAMP_MAX } from "./frame.ts"
import type { SeriesRow } from "./sql.ts"

/** What was said of a reference. */
export interface Retention {
  /** Microseconds; null: for ever. */
  keep: number | null
  /** As it was said. */
  text: string | null
  /** That of the last change which the setting made. */
  revision: number
  /** When the series was changed last, epoch milliseconds; null where the journal does not know any more. */
  changedAt: number | null
}

/** Microseconds of a retention such as `30d`. Throws Problem invalid_request. */
export function readRetention(text: string): number {
  const keep = readDuration(text)
  if (keep !== null && keep > 0 && keep <= STAMP_MAX) return keep
  const wish = "a duration above 0 such as 30d, 12h or 1w12h (w d h m s), or null"
  const found = JSON.stringify(text)
  throw new Problem("invalid_request", `"retention" must be ${wish}; it is ${found}`, {
    errors: { "body.retention": `is ${found}, must be ${wish}` },
  })
}

/** What was said of the reference of a series; null when nothing ever was. */
export function retentionOf({ retention }: Pick<SeriesRow, "retention">): Retention | null {
  if (retention === null) return null
  const [keep, text, revision, changedAt] = JSON.parse(retention) as [
    number | null,
    string | null,
    number,
    number | null,
  ]
  return { keep, text, revision, changedAt }
}

/**
 * The first stamp that is still answered; null when all are. Counted from the newest stamp the series has had or from
 * now, whichever is earlier: a stamp far in the future must not erase history (QuestDB's guard), and a series that
 * ended keeps its end. An index of integers has no age.
 * @param now epoch microseconds
 */
export function floorOf(
  row: Pick<SeriesRow, "kind" | "last" | "retention">,
  now: number,
): number | null {
  const { kind, last } = row
  const keep = retentionOf(row)?.keep ?? null
  if (keep === null || last === null || kind === "integer") return null
  return Math.max(-STAMP_MAX, Math.min(now, last) - keep)
}

/**
 * True when time alone may have taken rows away since the revision: while a series has rows in the future, its floor
 * moves with the clock; else with its newest row, which is a change.
 * @param now epoch microseconds
 */
export function isAging(row: Pick<SeriesRow, "kind" | "last" | "retention">, now: number): boolean {
  if (floorOf(row, now) === null) return false
  const changedAt = retentionOf(row)?.changedAt ?? null
  return (row.last as number) > (changedAt === null ? now : changedAt * 1_000)
}
