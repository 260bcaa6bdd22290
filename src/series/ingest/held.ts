/** Rows of one series that wait to be packed. Pure. */
import { sorted, type Frame } from "../frame.ts"
import { jsonText } from "../json.ts"
import { merge } from "../merge.ts"
import { unite } from "./unite.ts"

interface Entry {
  frame: Frame
  /** How often it was joined. */
  rank: number
  weight: number
}

/** So many frames of one rank become one of the next: many small ones take far more memory than their values. */
const JOINED_AT_ONCE = 4

export class Held {
  /** Oldest first; ranks only fall. */
  readonly #entries: Entry[] = []
  readonly #onTwice: (stamp: number) => void
  readonly #unites: boolean
  rows = 0
  /** What the rows take in memory, about. */
  weight = 0

  /**
   * @param onTwice told of a stamp that more than one row has; it may throw
   * @param unites whether such rows become one, field by field
   */
  constructor(onTwice: (stamp: number) => void, unites = false) {
    this.#onTwice = onTwice
    this.#unites = unites
  }

  add(frame: Frame): void {
    this.#push(frame, 0)
    for (let rank = 0; this.#entries.at(-JOINED_AT_ONCE)?.rank === rank; rank++) {
      this.#push(this.#join(JOINED_AT_ONCE), rank + 1)
    }
  }

  /** All rows by stamp, each stamp once, of rows with the same one the last or all; then none is held. */
  take(): Frame {
    return this.#join(this.#entries.length)
  }

  #push(frame: Frame, rank: number): void {
    const weight = weightOf(frame)
    this.#entries.push({ frame, rank, weight })
    this.rows += frame.index.length
    this.weight += weight
  }

  #join(count: number): Frame {
    const entries = this.#entries.splice(-count)
    for (const { frame, weight } of entries) {
      this.rows -= frame.index.length
      this.weight -= weight
    }
    const frames = entries.map(({ frame }) => frame)
    const all = this.#unites ? unite(frames) : joined(frames)
    const rows = frames.reduce((sum, { index }) => sum + index.length, 0)
    if (all.index.length < rows) this.#onTwice(twiceIn(frames, rows))
    return all
  }
}

function joined(frames: readonly Frame[]): Frame {
  const [frame] = frames
  if (frame && frames.length === 1) return sorted(frame)
  const entries = frames.map((rows) => ({ removed: null, rows: sorted(rows) }))
  return merge(entries, { kind: frame?.kind ?? "naive", unit: "ms", columns: [] })
}

// Measured in V8: what a frame and a column take without a value in them, and a text without a character.
const FRAME_BYTES = 500
const COLUMN_BYTES = 300
const TEXT_BYTES = 24

/** Bytes that a frame takes, about. */
function weightOf({ index, columns }: Frame): number {
  let bytes = FRAME_BYTES + COLUMN_BYTES * columns.length + index.length * 8 * (columns.length + 1)
  for (const { kind, values } of columns) {
    if (kind !== "string" && kind !== "json") continue
    for (const value of values) {
      const text = typeof value === "object" && value ? jsonText(value) : String(value)
      bytes += TEXT_BYTES + text.length
    }
  }
  return bytes
}

/** The first stamp that is there more than once. */
function twiceIn(frames: readonly Frame[], rows: number): number {
  const stamps = new Float64Array(rows)
  let at = 0
  for (const { index } of frames) {
    stamps.set(index, at)
    at += index.length
  }
  stamps.sort()
  return stamps.find((stamp, row) => row > 0 && stamps[row - 1] === stamp) ?? NaN
}
