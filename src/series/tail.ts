/**
 * The end of a log, where small writes wait until they are folded: text in the series' own row, which every write
 * writes anyway, where a row of `chunks` would cost two rows now, and one when it is folded. Pure.
 */
import { SERIES_TAIL_WRITE_CHARACTERS, SERIES_TAIL_WRITE_ROWS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import type { Part } from "./part.ts"
import type { ChunkRow, Place } from "./sql.ts"

/** A chunk that waits in the tail. */
export interface TailPart extends ChunkRow {
  count: number
  body: string
  /** As it stands in the tail. */
  text: string
}

type Stored = [
  revision: number,
  level: number,
  first: number,
  last: number,
  replaces: number,
  count: number,
  body: string,
]

/**
 * Ids that parts get when they are read: below those of all chunks, the ones below zero too. Of one revision, what a
 * compaction states has to count more than what it was made of.
 */
const FIRST_ID = Number.MIN_SAFE_INTEGER
const IDS = 2 ** 40

/** True for the id of a part of the tail. */
export function isTailId(id: number): boolean {
  return id < FIRST_ID + IDS
}

/** What a write adds to the tail, but for its revision; null when it has more than one small chunk of rows. */
export function tailOf(parts: readonly Part[]): string | null {
  const [part] = parts
  if (!part || parts.length > 1 || part.body === null || part.count > SERIES_TAIL_WRITE_ROWS) {
    return null
  }
  const { level, first, last, replaces, count, body } = part
  const text = `,${level},${first},${last},${Number(replaces)},${count},"${body}"`
  return text.length <= SERIES_TAIL_WRITE_CHARACTERS ? text : null
}

/** The parts of a stored tail, oldest first. Throws Problem corrupt_data when it cannot be read. */
export function readTail(tail: string, { reference, symbol }: Place): TailPart[] {
  try {
    const parts: unknown = JSON.parse(`[${tail.slice(0, -1)}]`)
    if (!Array.isArray(parts) || !parts.every(isStored)) throw new Error("it is no list of parts")
    return parts.map((part, at) => {
      const [revision, , first, last, replaces, count, body] = part
      const text = `${JSON.stringify(part)},`
      return { id: FIRST_ID + at, revision, first, last, replaces, count, body, text }
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem(
      "corrupt_data",
      `The tail of "${reference}/${symbol}" cannot be read: ${reason}`,
      { tail: { reference, symbol } },
    )
  }
}

/** Those of the parts that reach into a range. */
export function reaching<Reach extends { first: number; last: number }>(
  parts: readonly Reach[],
  { first, last }: { first: number; last: number },
): Reach[] {
  return parts.filter((part) => part.first <= last && part.last >= first)
}

function isStored(part: unknown): part is Stored {
  return (
    Array.isArray(part) &&
    part.length === 7 &&
    part.slice(0, 6).every(Number.isSafeInteger) &&
    typeof part[6] === "string"
  )
}
