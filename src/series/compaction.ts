/**
 * What a compaction does: which chunks of a log become fewer. Pure.
 *
 * A job states all that is true of one range as of the revision at which the log was read. Such a statement stays
 * true whatever else happens: later writes have higher revisions, and other compactions state the same.
 */
import {
  SERIES_CHUNK_MAX_BYTES,
  SERIES_COMPACT_BYTES,
  SERIES_COMPACT_CELLS,
} from "../protocol/limits.ts"
import { isFull, rowsPerChunk } from "./part.ts"
import { cover, uncovered, type Span } from "./ranges.ts"

/** A chunk unopened. */
export interface LogEntry {
  /** Below 0 for those of the tail. */
  id: number
  revision: number
  first: number
  last: number
  replaces: boolean
  count: number
  bytes: number
}

export interface Job {
  /** The range that is written anew. */
  span: Span
  /** What has a part in it, oldest first. */
  reads: LogEntry[]
  /** Of those, what has no part elsewhere. */
  drops: LogEntry[]
}

export interface Plan {
  jobs: Job[]
  /** What later chunks cover wholly. */
  dead: LogEntry[]
  /** There is more to do than one step has room for. */
  more: boolean
}

/** The part of a chunk that no later one covers. */
interface Piece {
  entry: LogEntry
  span: Span
  /** Of the chunk's rows, as far as can be said unopened. */
  rows: number
}

/** Pieces that overlap; outside its span there are none of them, unless it is a window of a larger one. */
interface Island {
  span: Span
  pieces: Piece[]
}

/** A job leaves at most a third of what it reads: then no value is written more often than log3 of their number. */
const SHRINK = 3

/**
 * What is worth doing to a log, oldest entry first.
 * @param columns how many the series has
 */
export function planOf(log: readonly LogEntry[], columns: number): Plan {
  const { pieces, dead } = visible(log)
  const places = Map.groupBy(pieces, ({ entry }) => entry)
  const jobs = runs(islands(pieces, columns), columns)
    .filter((run) => run.length > 1 || (run[0] as Island).pieces.length > 1)
    .map((run) => [jobOf(run, places), rowsOf(run)] as const)
    .filter(([{ drops }, rows]) => {
      return drops.length >= SHRINK * Math.max(1, Math.ceil(rows / rowsPerChunk(columns)))
    })
    .map(([job]) => job)
    // What is in the tail first: it can only be emptied as a whole.
    .toSorted((one, other) => Number(hasTail(other)) - Number(hasTail(one)))
  let [cells, bytes] = [0, 0]
  const chosen = jobs.filter(({ reads }, at) => {
    for (const entry of reads)
      [cells, bytes] = [cells + cellsOf(entry, columns), bytes + entry.bytes]
    return at === 0 || (cells <= SERIES_COMPACT_CELLS && bytes <= SERIES_COMPACT_BYTES)
  })
  return { jobs: chosen, dead, more: chosen.length < jobs.length }
}

function hasTail({ reads }: Job): boolean {
  return reads.some(({ id }) => id < 0)
}

function cellsOf({ count }: LogEntry, columns: number): number {
  return count * Math.max(1, columns)
}

/** What can be seen of the log, and what cannot. */
function visible(log: readonly LogEntry[]): { pieces: Piece[]; dead: LogEntry[] } {
  const gone: Span[] = []
  const pieces: Piece[] = []
  const dead: LogEntry[] = []
  for (const entry of log.toReversed()) {
    const whole: Span = [entry.first, entry.last]
    const spans = uncovered(gone, whole)
    if (spans.length === 0) dead.push(entry)
    for (const span of spans) {
      pieces.push({ entry, span, rows: (entry.count * lengthOf(span)) / lengthOf(whole) })
    }
    if (entry.replaces) cover(gone, whole)
  }
  return { pieces: pieces.toSorted((one, other) => one.span[0] - other.span[0]), dead }
}

/** How many stamps a span has. */
function lengthOf([first, last]: Span): number {
  return last - first + 1
}

function islands(pieces: readonly Piece[], columns: number): Island[] {
  const found: { first: number; last: number; pieces: Piece[] }[] = []
  for (const piece of pieces) {
    const [first, last] = piece.span
    const island = found.at(-1)
    if (island && first <= island.last) {
      island.last = Math.max(island.last, last)
      island.pieces.push(piece)
    } else found.push({ first, last, pieces: [piece] })
  }
  return found.flatMap((island) =>
    windows({ span: [island.first, island.last], pieces: island.pieces }, columns),
  )
}

/** The island, or windows of it where one step could not hold it. */
function windows(island: Island, columns: number): Island[] {
  const load = new Load(columns)
  if (load.takes(island.pieces)) return [island]
  const spans: Span[] = []
  load.clear()
  let from = island.span[0]
  for (const piece of island.pieces) {
    if (!load.takes([piece]) && piece.span[0] > from) {
      spans.push([from, piece.span[0] - 1])
      from = piece.span[0]
      load.clear()
      load.takes([piece])
    }
  }
  spans.push([from, island.span[1]])
  return spans.map((span) => {
    const pieces = island.pieces.filter((one) => one.span[0] <= span[1] && one.span[1] >= span[0])
    return { span, pieces }
  })
}

/** Neighbours that are not as they should be, as many as a step can hold. */
function runs(all: readonly Island[], columns: number): Island[][] {
  const found: Island[][] = []
  const load = new Load(columns)
  let open = false
  for (const island of all) {
    if (isFine(island, columns)) {
      open = false
      continue
    }
    if (!open || !load.takes(island.pieces)) {
      load.clear()
      load.takes(island.pieces)
      found.push([])
    }
    found.at(-1)?.push(island)
    open = true
  }
  return found
}

/** A full chunk alone, all of it in sight. */
function isFine({ pieces }: Island, columns: number): boolean {
  const [{ entry, span }] = pieces as [Piece]
  const isWhole = span[0] === entry.first && span[1] === entry.last
  const size = { count: entry.count, body: { length: entry.bytes } }
  return pieces.length === 1 && isWhole && entry.id >= 0 && isFull(size, columns)
}

function jobOf(run: readonly Island[], places: ReadonlyMap<LogEntry, Piece[]>): Job {
  const span: Span = [(run[0] as Island).span[0], (run.at(-1) as Island).span[1]]
  const entries = new Set(run.flatMap(({ pieces }) => pieces.map(({ entry }) => entry)))
  const reads = [...entries].toSorted(inOrder)
  const isInside = (piece: Piece) => piece.span[0] >= span[0] && piece.span[1] <= span[1]
  return { span, reads, drops: reads.filter((entry) => places.get(entry)?.every(isInside)) }
}

/** How many rows will be left, where those that overlap are taken to be over each other. */
function rowsOf(run: readonly Island[]): number {
  let sum = 0
  for (const { span, pieces } of run) {
    const rows = pieces.reduce((total, piece) => total + piece.rows, 0)
    const length = pieces.reduce((total, piece) => total + lengthOf(piece.span), 0)
    sum += rows / Math.max(1, length / lengthOf(span))
  }
  return sum
}

/** The order in which steps of a log hold. */
export function inOrder(
  one: { revision: number; id: number },
  other: { revision: number; id: number },
): number {
  return one.revision - other.revision || one.id - other.id
}

/** How much a step would have in memory. */
class Load {
  readonly #columns: number
  #cells = 0
  #bytes = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  clear(): void {
    this.#cells = 0
    this.#bytes = 0
  }

  /** Adds the pieces; false when that was too much. */
  takes(pieces: readonly Piece[]): boolean {
    for (const { entry } of pieces) {
      this.#cells += cellsOf(entry, this.#columns)
      this.#bytes += Math.min(entry.bytes, SERIES_CHUNK_MAX_BYTES)
    }
    return this.#cells <= SERIES_COMPACT_CELLS && this.#bytes <= SERIES_COMPACT_BYTES
  }
}
