/** The end of a log, where small writes wait in one row until they are folded. Pure. */
import type { LogEntry } from "./compaction.ts"
import { SERIES_DEBT_MAX, SERIES_TAIL_WRITE_CHARACTERS } from "../protocol/limits.ts"

/** True when a write's chunks, as texts of statements, may wait in the tail. */
export function isSmall(texts: readonly string[]): boolean {
  return texts.length === 1 && (texts[0] as string).length <= SERIES_TAIL_WRITE_CHARACTERS
}

/**
 * True for the one write that brought the log over another SERIES_DEBT_MAX chunks, so that of many writes at once
 * one begins a compaction.
 * @param rows what the statements of the write returned; the tail's is the debt after it
 */
export function isPiledUp(rows: readonly unknown[][], added: number): boolean {
  for (const [row] of rows) {
    const { debt } = (row ?? {}) as { debt?: number }
    if (debt === undefined) continue
    return Math.floor(debt / SERIES_DEBT_MAX) > Math.floor((debt - added) / SERIES_DEBT_MAX)
  }
  return false
}

/** A chunk that waits in the tail. */
export interface TailPart extends LogEntry {
  /** Which write's, and which of its parts: `write/part`. */
  place: string
  body: string | null
}

type StoredPart = [
  level: number,
  first: number,
  last: number,
  replaces: number,
  count: number,
  stats: unknown,
  body: string | null,
]

/** The parts of a stored tail in their order, with the ids that reading gives them. */
export function readTail(parts: string, partsMax: number): TailPart[] {
  const writes = JSON.parse(`[${parts.slice(0, -1)}]`) as [revision: number, parts: StoredPart[]][]
  let count = 0
  return writes.flatMap(([revision, list], write) =>
    list.map(([, first, last, replaces, rows, , body], part) => {
      const bytes = body?.length ?? 0
      const id = count++ - partsMax
      const place = `${write}/${part}`
      return {
        id,
        revision,
        first,
        last,
        replaces: replaces === 1,
        count: rows,
        bytes,
        body,
        place,
      }
    }),
  )
}
