/** Lists of series with what is in them: counts and ends, or the last row of each. */
import type { Database } from "../../feed/database.ts"
import {
  REQUEST_MAX_QUERIES,
  SERIES_LIST_MAX_CHUNKS,
  SERIES_PAGE_BYTES,
  SERIES_PIECE_CELLS,
} from "../../protocol/limits.ts"
import type { SeriesEntry } from "../../protocol/series.ts"
import { EVERYTHING } from "../bounds.ts"
import { slice, type Frame } from "../frame.ts"
import type { Shape } from "../merge.ts"
import { frameText } from "../orient.ts"
import { floorOf, isAging } from "../retention.ts"
import { head, type Place } from "../sql.ts"
import { stampFormat } from "../stamp.ts"
import { entryOf, FIRST, LAST, shapeOf } from "../stored.ts"
import { readEdge } from "./edge.ts"
import { isUnread, readPage, readPieces, Vanished } from "./frames.ts"
import * as listing from "./listing.ts"
import type { ListedChunk, ListedRow, ListedTop, Part } from "./listing.ts"
import { piecesOf, type Piece } from "./pieces.ts"
import { overwritten, TRIES } from "./snapshot.ts"
import type { ChunkMeta } from "./sql.ts"
import { tailMetas } from "./tail.ts"
import { windowOf } from "./window.ts"

/** A part of a list as JSON texts, and the name after which the next begins. */
export interface Listing {
  entries: string[]
  revision: number
  next: string | null
  /** How long the rows are kept, as it was said; null: for ever. */
  retention: string | null
  /** Time alone may have changed it. */
  isAging: boolean
}

/** Queries that are left for who falls back on reading a series alone. */
const QUERIES_LEFT = 10

/** A series of the page, and the pieces of it that have to be looked at. */
interface Listed {
  row: ListedRow
  /** No row before this stamp is kept. */
  floor: number
  place: Place
  shape: Shape
  pieces: Piece[]
}

export class SeriesLists {
  readonly #db: Database
  readonly #now: () => number

  /** @param now the clock, epoch milliseconds */
  constructor(db: Database, now: () => number) {
    this.#db = db
    this.#now = now
  }

  /** The references that have series, by name. */
  async references(part: Part): Promise<Listing> {
    const [at, rows = []] = await this.#db.batch<{ reference: string; revision: number }>([
      head,
      listing.references({ ...part, limit: part.limit + 1 }),
    ])
    const names = rows.slice(0, part.limit).map(({ reference }) => reference)
    return {
      entries: names.map((reference) => JSON.stringify({ reference })),
      revision: at?.[0]?.revision ?? 0,
      next: rows.length > part.limit ? (names.at(-1) ?? null) : null,
      retention: null,
      isAging: false,
    }
  }

  /**
   * The series of a reference by symbol, exactly as they are at the revision: with count, first and last, or with
   * their last row. A page ends early where looking takes too much. Throws Problem overloaded.
   */
  async series(reference: string, part: Part, latest: boolean): Promise<Listing> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#page(reference, part, latest)
      } catch (error) {
        if (!(error instanceof Vanished)) throw error
        if (tries === TRIES) throw overwritten({ reference, symbol: part.prefix })
      }
    }
  }

  async #page(reference: string, part: Part, latest: boolean): Promise<Listing> {
    const wanted = { ...part, limit: part.limit + 1 }
    const now = this.#now() * 1_000
    const [at, rows = [], chunks = []] = await this.#db.batch<
      { revision: number; retention: string | null } & ListedRow & ListedChunk & ListedTop
    >([
      listing.head(reference),
      listing.series(reference, wanted, SERIES_PAGE_BYTES),
      latest
        ? listing.newest(reference, wanted)
        : listing.chunks(reference, wanted, SERIES_LIST_MAX_CHUNKS),
    ])
    const bySeries = Map.groupBy(chunks, (chunk) => chunk.series)
    // What was cut off belongs to the series that came last; if it is the only one, it stays without a count.
    const isCut = !latest && chunks.length === SERIES_LIST_MAX_CHUNKS
    const end = isCut ? rows.findIndex(({ id }) => id === chunks.at(-1)?.series) : part.limit
    const tailless = rows.findIndex(({ tail }) => tail === null)
    const most = Math.min(end, part.limit, tailless < 0 ? Infinity : tailless)
    const listed = rows.slice(0, Math.max(1, most)).map((row): Listed => {
      const shape = shapeOf(row)
      const place = { reference, symbol: row.symbol }
      const metas = bySeries.get(row.id) ?? []
      const floor = floorOf(row, now) ?? EVERYTHING.first
      const tail = tailMetas(row.tail ?? "", place, EVERYTHING)
      const pieces = latest
        ? newestOf(metas, tail, floor)
        : countedOf([...metas, ...tail], row, floor)
      return { row, floor, place, shape, pieces }
    })
    const entries: string[] = []
    const queries = this.#db.cost.queries
    for (const [place, one] of listed.entries()) {
      const spent = this.#db.cost.queries - queries
      if (place > 0 && spent > REQUEST_MAX_QUERIES - QUERIES_LEFT) break
      await this.#fetch(one, listed.slice(place))
      if (end === 0) entries.push(JSON.stringify(entryOf(one.row, one.floor)))
      else entries.push(latest ? await this.#latest(one, now) : await this.#counted(one))
    }
    const isPart = entries.length < rows.length
    const last = listed[entries.length - 1]?.row.symbol ?? null
    return {
      entries,
      revision: at?.[0]?.revision ?? 0,
      next: isPart ? last : null,
      retention: at?.[0]?.retention ?? null,
      isAging: rows.some((row) => isAging(row, now)),
    }
  }

  /** Reads what a series needs, and some megabytes for those that follow. */
  async #fetch({ pieces }: Listed, listed: readonly Listed[]): Promise<void> {
    const needs = pieces.some(({ chunks, summed }) => !summed && chunks.some(isUnread))
    if (!needs) return
    const all = listed.flatMap((one) => one.pieces)
    await readPage(this.#db, all, SERIES_PAGE_BYTES)
  }

  async #counted({ row, floor, place, shape, pieces }: Listed): Promise<string> {
    let count = 0
    let first: number | null = null
    let last: number | null = null
    const bare = { ...shape, columns: [] }
    for await (const [piece, frame] of readPieces(this.#db, pieces, { place, shape: bare })) {
      const rows = frame ? frame.index.length : (piece.chunks[0]?.count ?? 0)
      if (rows === 0) continue
      count += rows
      first ??= frame ? (frame.index[0] as number) : piece.first
      last = frame ? (frame.index.at(-1) as number) : null
    }
    const entry: SeriesEntry = { ...entryOf(row, floor), count }
    const label = labelOf(shape)
    if (count > 0 && first !== null) entry.first ??= label(first)
    if (count > 0 && last !== null) entry.last ??= label(last)
    return JSON.stringify(entry)
  }

  async #latest({ row, floor, place, shape, pieces }: Listed, now: number): Promise<string> {
    let found: Frame | null = null
    for await (const [, frame] of readPieces(this.#db, pieces, { place, shape })) {
      if (frame && frame.index.length > 0) found = frame
    }
    if (!found && row.first !== null) {
      const edge = { side: "last", rows: 1 } as const
      const all = windowOf(EVERYTHING, now)
      const alone = await readEdge(this.#db, place, all, edge, shapeOf)
      found = alone?.frame ?? null
    }
    const { first: _, ...entry } = entryOf(row, floor)
    if (!found || found.index.length === 0) return JSON.stringify(entry)
    const { length } = found.index
    const one = frameText(slice(found, length - 1, length), "records")
    const last = labelOf(shape)(found.index[length - 1] as number)
    return `${JSON.stringify({ ...entry, last }).slice(0, -1)},"latest":${one.slice(1, -1)}}`
  }
}

function labelOf({ kind, unit }: Shape): (stamp: number) => string | number {
  const format = stampFormat(kind, unit)
  return (stamp) => (kind === "integer" ? stamp : format(stamp))
}

const CELLS = { columns: 1, cells: SERIES_PIECE_CELLS }

function newestOf(found: readonly ListedTop[], tail: readonly ChunkMeta[], floor: number): Piece[] {
  const low = found[0] ? found[0].low : EVERYTHING.first
  if (low === null) return []
  const first = Math.max(low, floor, ...tail.map((part) => part.first))
  const chunks = found.filter((one) => one.id !== null)
  return piecesOf([...chunks, ...tail], { first, last: EVERYTHING.last }, CELLS)
}

/** Chunks that lie alone need not be opened, but for those that may tell where the series begins and ends. */
function countedOf(
  metas: readonly ChunkMeta[],
  { exact, first }: ListedRow,
  floor: number,
): Piece[] {
  const pieces = piecesOf(metas, { ...EVERYTHING, first: floor }, { ...CELLS, sums: () => true })
  if ((exact & FIRST) === 0 || (first ?? floor) < floor) openUntilSure(pieces)
  if ((exact & LAST) === 0) openUntilSure(pieces.toReversed())
  return pieces
}

/** Opens the pieces up to the first that surely has rows: that which nothing lies over. */
function openUntilSure(pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    const isSure = piece.summed === true
    delete piece.summed
    if (isSure) return
  }
}
