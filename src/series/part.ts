/** Cuts a frame into the chunks that are stored, with what can be known of them unopened. Pure. */
import {
  SERIES_CHUNK_CELLS,
  SERIES_CHUNK_MAX_BYTES,
  SERIES_CHUNK_ROWS,
} from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { byteLength } from "../lib/bytes.ts"
import { encodeChunk } from "./chunk.ts"
import { view, type Frame } from "./frame.ts"
import type { Span } from "./ranges.ts"
import { statsText } from "./stats.ts"

/** How much of a chunk must be there for it to be full. */
const FULL = 0.7

/** A row of `chunks`, but for its series and revision. */
export interface Part {
  level: number
  first: number
  last: number
  /** Whether the range holds nothing but these rows. */
  replaces: boolean
  count: number
  stats: string | null
  body: string | null
}

/**
 * The parts of a sorted frame. Those that replace cover the whole range from its first stamp to its last.
 * Throws Problem too_large for a row that no chunk can hold.
 */
export function cut(frame: Frame, replaces: boolean): Part[] {
  const { index, columns } = frame
  const rows = rowsOfChunk(columns.length)
  const parts: Part[] = []
  for (let from = 0; from < index.length; from += rows) {
    parts.push(...partsOf(view(frame, from, Math.min(index.length, from + rows)), replaces))
  }
  if (!replaces) return parts
  return parts.map((part, at) =>
    spanned(part, [part.first, (parts[at + 1]?.first ?? part.last + 1) - 1]),
  )
}

/** Rows that a chunk of so many columns has at most. */
export function rowsOfChunk(columns: number): number {
  const rows = Math.floor(SERIES_CHUNK_CELLS / Math.max(1, columns))
  return Math.min(SERIES_CHUNK_ROWS, Math.max(1, rows))
}

/** True for a chunk that is better left alone than folded together with others. */
export function isFull(
  { count, body }: { count: number; body: { length: number } | null },
  columns: number,
): boolean {
  return (
    count >= rowsOfChunk(columns) * FULL || (body?.length ?? 0) >= SERIES_CHUNK_MAX_BYTES * FULL
  )
}

/** What a write leaves to be folded: how many of its parts are not full. */
export function debtOf(parts: readonly Part[], columns: number): number {
  return parts.filter((part) => !isFull(part, columns)).length
}

/** A range without rows. */
export function gap([first, last]: Span): Part {
  const level = levelOf([first, last])
  return { level, first, last, replaces: true, count: 0, stats: null, body: null }
}

/** The parts of a sorted frame that say all there is in a span around it. Throws as `cut` does. */
export function cutOver(frame: Frame, [first, last]: Span): Part[] {
  const parts = cut(frame, true)
  return parts.length === 0
    ? [gap([first, last])]
    : parts.map((part, at) =>
        spanned(part, [at === 0 ? first : part.first, at === parts.length - 1 ? last : part.last]),
      )
}

function spanned(part: Part, [first, last]: Span): Part {
  return { ...part, first, last, level: levelOf([first, last]) }
}

/** One part, or more when one would be too large for a row of the database. */
function partsOf(frame: Frame, replaces: boolean): Part[] {
  const { index } = frame
  const body = encodeChunk(frame)
  const stats = statsText(frame)
  const bytes = body.length + byteLength(stats ?? "")
  if (bytes <= SERIES_CHUNK_MAX_BYTES) {
    const span: Span = [index[0] as number, index.at(-1) as number]
    return [{ ...gap(span), replaces, count: index.length, stats, body }]
  }
  if (index.length === 1) {
    throw new Problem(
      "too_large",
      `A row must fit ${SERIES_CHUNK_MAX_BYTES} bytes packed, one has ${bytes}`,
      { limit: SERIES_CHUNK_MAX_BYTES },
    )
  }
  const middle = index.length >> 1
  return [
    ...partsOf(view(frame, 0, middle), replaces),
    ...partsOf(view(frame, middle, index.length), replaces),
  ]
}

/** The smallest level whose 4^level is more than the length of the span; 27 for all of time. */
export function levelOf([first, last]: Span): number {
  let level = 0
  for (let length = 1; length <= last - first; length *= 4) level++
  return level
}
