/** Where a series ends, when its row knows no more than a bound. */
import type { Database } from "../../feed/database.ts"
import { Problem } from "../../protocol/problem.ts"
import { merge } from "../merge.ts"
import { chunks, type ChunkRow, type SeriesRow } from "../sql.ts"
import { stampFormat } from "../stamp.ts"
import { entriesOf, LAST, shapeOf } from "../stored.ts"
import { tail } from "../tail-sql.ts"
import { reaching, readTail } from "../tail.ts"
import type { Target } from "./target.ts"

/** A day; then 4,096 times as much at a time, which is all of time at the third. */
const WINDOW = 86_400_000_000
const GROWTH = 4_096

/** The conflict, when the series has a row at the first stamp of the rows for it or later; null when it has none. */
export async function explainOrder(
  db: Database,
  row: SeriesRow,
  { place, first }: Target,
): Promise<Problem | null> {
  const last = (row.exact & LAST) !== 0 ? row.last : await lastFrom(db, row, place, first)
  if (last === null || last < first) return null
  const format = stampFormat(shapeOf(row).kind, row.unit)
  const label = (stamp: number) => (row.kind === "integer" ? stamp : format(stamp))
  const { reference, symbol } = place
  return new Problem(
    "conflict",
    `The first stamp, ${label(first)}, must come after the last one of "${reference}/${symbol}", ${label(last)}`,
    {
      errors: { index: `begins at ${label(first)}, must begin after ${label(last)}` },
      last: label(last),
    },
  )
}

/** The last stamp that has a row, if it is not before `first`; else null. Looks from the end, ever farther. */
async function lastFrom(
  db: Database,
  row: SeriesRow,
  place: Target["place"],
  first: number,
): Promise<number | null> {
  const end = row.last as number
  for (let window = WINDOW; ; window *= GROWTH) {
    const range = { first: Math.max(first, end - window), last: end }
    const [tails, stored = []] = await db.batch<{ tail: string } & ChunkRow>([
      tail(place),
      chunks(place, range, range),
    ])
    const rows = [...stored, ...reaching(readTail(tails?.[0]?.tail ?? "", place), range)]
    const { index } = merge(entriesOf(rows, place, row.kind), { ...shapeOf(row), columns: [] })
    const last = index.findLast((stamp) => stamp >= range.first && stamp <= end)
    if (last !== undefined) return last
    if (range.first === first) return null
  }
}
