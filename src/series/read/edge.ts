/** The rows at one end of a range, without looking at the rest of it. */
import type { Database } from "../../feed/database.ts"
import { SERIES_PAGE_BYTES } from "../../protocol/limits.ts"
import { EVERYTHING } from "../bounds.ts"
import { slice, type Frame } from "../frame.ts"
import { floorOf } from "../retention.ts"
import type { Place, SeriesRow } from "../sql.ts"
import { Vanished } from "./frames.ts"
import { hold } from "./hold.ts"
import { overwritten, readRows, takeSnapshot, TRIES, type Snapshot } from "./snapshot.ts"
import * as sql from "./sql.ts"
import type { Edge, Newest, TailedRow } from "./sql.ts"
import { tailMetas } from "./tail.ts"
import { isOpen, type Window } from "./window.ts"
import type { Shape } from "../merge.ts"

export interface EdgeRows {
  row: SeriesRow
  frame: Frame
}

/** The columns that are wanted of a series. */
export type Choose = (row: SeriesRow) => Shape

/** Rounds in which more and more is looked at; after them, all. */
const ROUNDS = 3
const GROWTH = 8
/** What is added where so many rows did not do: a chunk's worth. */
const MORE_ROWS = 2_000

/**
 * The first or last rows of a range, in the order of the stamps, few statements and few rows of the database; null
 * when there is no such series. Throws Problem as `readRows` does.
 */
export async function readEdge(
  db: Database,
  place: Place,
  window: Window,
  edge: Edge,
  choose: Choose,
): Promise<EdgeRows | null> {
  if (edge.side === "last" && isOpen(window.times) && isOpen(window.integers)) {
    const found = await readTop(db, place, window.now, edge.rows, choose)
    if (found) return found
  }
  let rows = edge.rows
  for (let round = 1, tries = 1; ; round++) {
    const wanted = round > ROUNDS ? undefined : { ...edge, rows }
    const snapshot = await takeSnapshot(db, place, window, {
      edge: wanted,
      bytes: 2 * SERIES_PAGE_BYTES,
    })
    if (!snapshot) return null
    try {
      const frame = await whole(db, snapshot, choose(snapshot.row), edge)
      const { range, part, row } = snapshot
      // There is no more than that, whatever the bounds of the part are: the rounds must have an end.
      const isAll = !wanted || (part.first <= range.first && part.last >= range.last)
      if (frame.index.length >= edge.rows || isAll) return { row, frame: cut(frame, edge) }
      rows = rows * GROWTH + MORE_ROWS
    } catch (error) {
      if (!(error instanceof Vanished)) throw error
      if (tries++ === TRIES) throw overwritten(place)
      round--
    }
  }
}

/** All rows of a small part; of a large one as many as are wanted. */
async function whole(
  db: Database,
  snapshot: Snapshot,
  shape: Shape,
  { side, rows }: Edge,
): Promise<Frame> {
  const frames: Frame[] = []
  let count = 0
  for await (const [, frame] of readRows(db, snapshot, { shape, backwards: side === "last" })) {
    if (!frame) continue
    frames.push(frame)
    count += frame.index.length
    if (count >= rows) break
  }
  return hold(side === "last" ? frames.toReversed() : frames, shape, count)
}

function cut(frame: Frame, { side, rows }: Edge): Frame {
  const { length } = frame.index
  return side === "first"
    ? slice(frame, 0, Math.min(rows, length))
    : slice(frame, Math.max(0, length - rows), length)
}

/**
 * The last rows of all, guessed from the newest chunks: where those are full, a handful of rows of the database are
 * looked at. Null when that told nothing, or not enough.
 */
async function readTop(
  db: Database,
  place: Place,
  now: number,
  rows: number,
  choose: Choose,
): Promise<EdgeRows | null> {
  const [found, metas = []] = await db.batch<TailedRow & Newest>([
    sql.series(place),
    sql.newest(place, rows),
  ])
  const row = found?.[0]
  if (!row || metas.some(({ low }) => low === null)) return null
  // What is below the edge of one level may lie under what is on another.
  const floor = floorOf(row, now) ?? EVERYTHING.first
  const first = Math.max(floor, ...metas.map(({ low }) => low as number))
  const range = { first, last: EVERYTHING.last }
  const all = [...metas, ...tailMetas(row.tail, place, range)]
  const snapshot: Snapshot = { place, row, range, floor, now, part: range, metas: all }
  const edge: Edge = { side: "last", rows }
  const frame = await whole(db, snapshot, choose(row), edge)
  return frame.index.length >= rows ? { row, frame: cut(frame, edge) } : null
}
