/** A series as it is at one moment: what it knows of itself, and the chunks that its rows are in. */
import type { Database } from "../../feed/database.ts"
import {
  SERIES_PAGE_BYTES,
  SERIES_PIECE_CELLS,
  SERIES_READ_MAX_BYTES,
} from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { EVERYTHING, type Range } from "../bounds.ts"
import type { Shape } from "../merge.ts"
import { floorOf } from "../retention.ts"
import type { Place, SeriesRow } from "../sql.ts"
import { isUnread, readPage, readPieces, Vanished, type Read } from "./frames.ts"
import { piecesOf, type Piece } from "./pieces.ts"
import * as sql from "./sql.ts"
import type { ChunkMeta, Edge, PlannedChunk, TailedRow } from "./sql.ts"
import { tailMetas } from "./tail.ts"
import { windowOf, type Window } from "./window.ts"

export interface Snapshot {
  place: Place
  row: SeriesRow
  /** What was asked for, as far as rows are still kept. */
  range: Range
  /** No row before this stamp is kept. */
  floor: number
  /** Epoch microseconds. */
  now: number
  /** The part of it that the chunks are of; smaller where only an edge was asked for. */
  part: Range
  metas: ChunkMeta[]
}

export interface SnapshotOptions {
  edge?: Edge | undefined
  stats?: boolean | undefined
  /** Bodies come along when all of them are no larger. */
  bytes?: number
}

/**
 * One query for the series, one for its chunks, one moment; null when there is no such series.
 * Throws Problem corrupt_data when its tail cannot be read.
 */
export async function takeSnapshot(
  db: Database,
  place: Place,
  window: Window,
  { edge, stats, bytes = SERIES_PAGE_BYTES }: SnapshotOptions = {},
): Promise<Snapshot | null> {
  const { times, integers, now } = window
  const [rows, chunks = []] = await db.batch<TailedRow & PlannedChunk>([
    sql.series(place),
    sql.plan(place, { times, integers, now, edge, stats, bytes }),
  ])
  const row = rows?.[0]
  if (!row) return null
  const floor = floorOf(row, now) ?? EVERYTHING.first
  const { first, last } = window.of(row.kind ?? "naive")
  const range = { first: Math.max(first, floor), last }
  const [chunk] = chunks
  const part = edge && chunk ? { first: chunk.low, last: chunk.high } : range
  const metas = [...chunks, ...tailMetas(row.tail, place, part)]
  return { place, row, range, floor, now, part, metas }
}

export interface RowsOptions {
  /** The columns that are wanted. */
  shape: Shape
  /** Pieces from the last to the first; the rows in each are in their order. */
  backwards?: boolean
  /** Which chunks need not be opened. */
  sums?: ((chunk: ChunkMeta) => boolean) | undefined
  /** Which of the chunks count at all. */
  counts?: ((chunk: ChunkMeta) => boolean) | undefined
  /** Queries it takes at most. */
  pages?: number
}

/** Of 40, the others are for what comes before and for chunks that have moved. */
const PAGES = 28

/** Tries of an answer whose chunks go before they are read. */
export const TRIES = 4

/**
 * The rows of a snapshot, piece by piece. Chunks that compaction took away meanwhile are found again in others, as
 * long as the series is at the same revision.
 * Throws Problem: too_large, overloaded when the series was written to so that what is missing is gone.
 */
export async function* readRows(
  db: Database,
  snapshot: Snapshot,
  options: RowsOptions,
): AsyncGenerator<Read> {
  const { shape, backwards, sums, pages } = options
  const { place, row } = snapshot
  const rest = { ...snapshot.part }
  for (let { metas } = snapshot, tries = 1; ; tries++) {
    const pieces = planned(metas, rest, options)
    try {
      for await (const read of readPieces(db, pieces, {
        place,
        shape,
        pageBytes: pageOf(pieces, pages),
      })) {
        yield read
        if (backwards) rest.last = read[0].first - 1
        else rest.first = read[0].last + 1
      }
      return
    } catch (error) {
      if (!(error instanceof Vanished)) throw error
      if (tries === TRIES) throw overwritten(place)
      const stats = sums !== undefined
      const window = windowOf(rest, snapshot.now)
      const again = await takeSnapshot(db, place, window, { stats, bytes: 0 })
      if (again?.row.revision !== row.revision) throw overwritten(place)
      metas = again.metas
    }
  }
}

/**
 * Reads what the first piece needs, so that what comes first is of the moment of the snapshot. Throws Vanished when
 * it is too late, Problem too_large.
 */
export async function prime(db: Database, { metas, part }: Snapshot, options: RowsOptions) {
  const pieces = planned(metas, part, options)
  const [first] = pieces.filter(({ summed }) => !summed)
  if (first?.chunks.some(isUnread)) await readPage(db, pieces, pageOf(pieces, options.pages))
}

function planned(
  metas: readonly ChunkMeta[],
  range: Range,
  { shape, backwards, sums, counts }: RowsOptions,
): Piece[] {
  const pieces = piecesOf(counts ? metas.filter(counts) : metas, range, {
    columns: shape.columns.length,
    cells: SERIES_PIECE_CELLS,
    ...(sums ? { sums } : {}),
  })
  return backwards ? pieces.toReversed() : pieces
}

/** Bytes of a page, such that so many will do. */
function pageOf(pieces: readonly Piece[], pages = PAGES): number {
  const sizes = new Map<number, number>()
  for (const { chunks, summed } of pieces) {
    for (const { id, size } of summed ? [] : chunks) sizes.set(id, size ?? 0)
  }
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  const most = Math.floor((SERIES_READ_MAX_BYTES * pages) / PAGES)
  if (bytes > most) {
    throw new Problem(
      "too_large",
      `What was asked for is ${bytes} bytes packed, at most ${most} are read at once; take a shorter range (start, end)`,
      { limit: most },
    )
  }
  return Math.max(SERIES_PAGE_BYTES, Math.ceil(bytes / pages))
}

/** What was to be read is gone. */
export function overwritten({ reference, symbol }: Place): Problem {
  return new Problem(
    "overloaded",
    `The series "${symbol}" in "${reference}" was written to while it was read, try again`,
    { retry: true },
    { "Retry-After": "1" },
  )
}
