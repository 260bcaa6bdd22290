/** The pieces of a range as frames: chunks are read some megabytes at a time, and each is opened once. */
import type { Database } from "../../feed/database.ts"
import { REQUEST_MAX_QUERIES, SERIES_PAGE_BYTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { decodeChunk } from "../chunk.ts"
import { between, type Column, type Frame, type IndexKind } from "../frame.ts"
import { kindOf } from "../kinds.ts"
import { merge, namesOf, type Entry, type Shape } from "../merge.ts"
import type { Place } from "../sql.ts"
import { corrupt } from "../stored.ts"
import type { Piece } from "./pieces.ts"
import * as sql from "./sql.ts"
import type { ChunkMeta } from "./sql.ts"

/** Chunks were overwritten or compacted before they were read. */
export class Vanished extends Error {
  override name = "Vanished"
}

export interface FramesOptions {
  place: Place
  /** The columns that are wanted, and the kind of index. */
  shape: Shape
  /** Bytes that are read at a time. */
  pageBytes?: number
}

/** A piece, and its rows; null for one that need not be opened. */
export type Read = readonly [piece: Piece, frame: Frame | null]

/**
 * The rows of pieces, in the order in which they stand here. A page of chunks is read when the first of them is
 * needed; that they are the ones that were planned with is checked, so that all are of one moment.
 * Throws Vanished when they are not, Problem corrupt_data naming a chunk that cannot be read.
 */
export async function* readPieces(
  db: Database,
  pieces: readonly Piece[],
  { place, shape, pageBytes = SERIES_PAGE_BYTES }: FramesOptions,
): AsyncGenerator<Read> {
  const names = new Set(shape.columns.map(({ name }) => name))
  const opened = new Map<number, Frame>()
  const lastUses = new Map<number, number>()
  for (const [at, { chunks }] of pieces.entries()) {
    for (const { id } of chunks) lastUses.set(id, at)
  }
  const isMissing = (chunk: ChunkMeta) => isUnread(chunk) && !opened.has(chunk.id)
  for (const [at, piece] of pieces.entries()) {
    if (piece.summed) {
      yield [piece, null]
      continue
    }
    if (piece.chunks.some(isMissing)) await readPage(db, pieces.slice(at), pageBytes, isMissing)
    const entries = piece.chunks.map((chunk): Entry => {
      const rows = opened.get(chunk.id) ?? open(chunk, names, place, shape.kind)
      chunk.body = null
      if (rows && lastUses.get(chunk.id) !== at) opened.set(chunk.id, rows)
      else opened.delete(chunk.id)
      return clip(chunk, rows, piece)
    })
    const [only] = entries
    yield [
      piece,
      (entries.length === 1 && only?.rows && asIs(only.rows, shape)) || merge(entries, shape),
    ]
  }
}

/**
 * Reads the bodies that are needed first, some megabytes of them, into the chunks of the pieces.
 * Throws Vanished when they are gone, Problem too_large when a request has no queries left.
 */
export async function readPage(
  db: Database,
  pieces: readonly Piece[],
  bytes: number,
  isMissing = isUnread,
): Promise<void> {
  const wanted = new Map<number, ChunkMeta>()
  let size = 0
  for (const { chunks, summed } of pieces) {
    if (size >= bytes) break
    for (const chunk of summed ? [] : chunks.filter(isMissing)) {
      if (!wanted.has(chunk.id)) size += chunk.size ?? 0
      wanted.set(chunk.id, chunk)
    }
  }
  if (wanted.size === 0) return
  if (db.cost.queries >= REQUEST_MAX_QUERIES) {
    throw new Problem("too_large", "This takes too many queries; take a shorter range", {
      limit: REQUEST_MAX_QUERIES,
    })
  }
  const found = await db.all<ChunkMeta>(sql.bodies(JSON.stringify([...wanted.keys()])))
  for (const row of found) {
    const chunk = wanted.get(row.id)
    if (!chunk || !isSame(row, chunk)) continue
    chunk.body = row.body
    wanted.delete(row.id)
  }
  if (wanted.size > 0) throw new Vanished("Chunks that were planned with are gone")
}

/** The rows of a chunk that lies alone, unless their columns are to be other ones than theirs; merging copies them. */
function asIs(rows: Frame, shape: Shape): Frame | null {
  const { kind, unit, columns } = shape
  const fits =
    rows.kind === kind &&
    rows.columns.length === columns.length &&
    columns.every(({ name, mask }, at) => {
      const column = rows.columns[at]
      return column?.name === name && column.kind === kindOf(mask)
    })
  if (!fits) return null
  return { ...rows, ...namesOf(shape), unit: rows.unit === "us" ? "us" : unit }
}

/** True for a chunk that has a body which was not read yet. */
export function isUnread({ size, body }: ChunkMeta): boolean {
  return size !== null && body === null
}

/** Ids are given out again, so what else is known of the chunk must be the same too. */
function isSame(one: ChunkMeta, other: ChunkMeta): boolean {
  return (["revision", "first", "last", "replaces", "count"] as const).every(
    (member) => one[member] === other[member],
  )
}

function open(
  chunk: ChunkMeta,
  names: ReadonlySet<string>,
  place: Place,
  kind: IndexKind,
): Frame | null {
  const { body } = chunk
  if (body === null) return null
  try {
    const frame = decodeChunk(body, names)
    return { ...frame, columns: inOrder(frame.columns, names) }
  } catch (error) {
    throw corrupt(chunk, place, kind, error)
  }
}

/** Those of the columns that are wanted, in that order. */
function inOrder(columns: readonly Column[], names: ReadonlySet<string>): Column[] {
  const known = new Map(columns.map((column) => [column.name, column]))
  return [...names].flatMap((name) => known.get(name) ?? [])
}

function clip(chunk: ChunkMeta, rows: Frame | null, { first, last }: Piece): Entry {
  return {
    removed:
      chunk.replaces === 1 ? [Math.max(first, chunk.first), Math.min(last, chunk.last)] : null,
    rows: rows && between(rows, first, last),
  }
}
