/** A range of a series as pieces that can be read one after another, each from few chunks. Pure. */
import type { Range } from "../bounds.ts"
import type { ChunkMeta } from "./sql.ts"

/** A part of the range, and the chunks that say what is in it, in the order of the log. */
export interface Piece extends Range {
  chunks: ChunkMeta[]
  /** The piece is one chunk, nothing above it or below counts, and its statistics will do: it need not be opened. */
  summed?: true
}

export interface PieceOptions {
  /** Columns of the series: a piece is about `cells` values. */
  columns: number
  cells: number
  /** Which chunks, of those that are alone, shall not be opened. */
  sums?: (chunk: ChunkMeta) => boolean
}

/** Pieces in the order of the stamps. They cover every chunk that has rows or takes some away, within the range. */
export function piecesOf(
  metas: readonly ChunkMeta[],
  range: Range,
  options: PieceOptions,
): Piece[] {
  const { columns, cells, sums } = options
  const sorted = metas
    .filter(({ first, last }) => first <= range.last && last >= range.first)
    .toSorted((one, other) => one.first - other.first || one.id - other.id)
  const alone = sums ? aloneOf(sorted) : new Set()
  const pieces: Piece[] = []
  let chunks: ChunkMeta[] = []
  let from = range.first
  let size = 0
  const goOn = (last: number) => {
    chunks = chunks.filter((chunk) => chunk.last > last)
    from = last + 1
    size = 0
  }
  const close = (last: number) => {
    if (from > last) return
    if (chunks.some(({ count }) => count > 0)) {
      pieces.push({ first: from, last, chunks: chunks.toSorted(byAge) })
    }
    goOn(last)
  }
  for (const chunk of sorted) {
    const { first, last, count } = chunk
    // Under a chunk that is not opened, nothing counts.
    if (last < from) continue
    const isInside = first >= range.first && last <= range.last
    if (sums && isInside && alone.has(chunk) && sums(chunk)) {
      close(first - 1)
      pieces.push({ first, last, chunks: [chunk], summed: true })
      goOn(last)
      continue
    }
    const more = count * Math.max(1, columns)
    if (size > 0 && size + more > cells && first > from) close(first - 1)
    chunks.push(chunk)
    size += more
  }
  close(range.last)
  return pieces
}

/** The chunks whose range holds exactly their own rows. */
function aloneOf(sorted: readonly ChunkMeta[]): Set<ChunkMeta> {
  const alone = new Set(sorted.filter(({ count }) => count > 0))
  let open: ChunkMeta[] = []
  for (const chunk of sorted) {
    open = open.filter(({ last }) => last >= chunk.first)
    for (const other of open) {
      const [older, newer] = byAge(chunk, other) < 0 ? [chunk, other] : [other, chunk]
      alone.delete(older)
      if (older.count > 0 && newer.replaces === 0) alone.delete(newer)
    }
    open.push(chunk)
  }
  return alone
}

function byAge(one: ChunkMeta, other: ChunkMeta): number {
  return one.revision - other.revision || one.id - other.id
}
