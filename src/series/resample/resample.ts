/**
 * A frame, or chunk after chunk of one, becomes a frame with one row for each bucket of time. Pure.
 *
 * Memory is that of the answer and of the one open bucket, however many rows come.
 */
import { sorted, type ColumnKind, type Frame } from "../frame.ts"
import { maskOfKind } from "../kinds.ts"
import { stampFormat } from "../stamp.ts"
import { fillColumn } from "./fill.ts"
import type { ResampleOptions } from "./options.ts"
import { Outputs } from "./outputs.ts"
import { checkSize, labelsOf, spread } from "./span.ts"
import type { ColumnStats } from "./tally.ts"

/** What is known of a chunk without opening it; columns without a value are left out. */
export interface ChunkStats {
  /** The stamps of its first and its last row. */
  first: number
  last: number
  columns: (ColumnStats & { name: string; kind: ColumnKind })[]
}

/** A frame with one row for each bucket. Throws Problem as `Resampler` does. */
export function resample(frame: Frame, options: ResampleOptions): Frame {
  const resampler = new Resampler(options)
  resampler.push(sorted(frame))
  return resampler.finish()
}

export class Resampler {
  readonly #options: ResampleOptions
  readonly #outputs: Outputs
  /** Of the buckets that have rows, in order; the last is open. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #reached = -Infinity

  constructor(options: ResampleOptions) {
    this.#options = options
    const format = stampFormat(options.kind, "ms")
    this.#outputs = new Outputs(options.aggregates, (place) => format(this.#starts[place] ?? 0))
  }

  get #closed(): number {
    return Math.max(0, this.#starts.length - 1)
  }

  /**
   * Adds rows that are sorted and later than all before; a frame without rows still makes its columns known. Throws
   * Problem: invalid_request when a column has no such aggregation or the buckets are too many, unprocessable when
   * a value is beyond int64 or all doubles.
   */
  push({ index, kind, columns }: Frame): void {
    if (kind !== this.#options.kind) {
      throw new Error(`The rows are ${kind}, resampled is ${this.#options.kind}`)
    }
    this.#outputs.meet(columns, this.#closed)
    if (index.length === 0) return
    this.#reach(index[0] as number, index.at(-1) as number)
    this.#outputs.add(columns, index.length, this.#open(index))
  }

  /**
   * Adds a chunk by its statistics: only for what `canUseStats` allows, and only when one bucket holds it
   * (`options.buckets.holds(first, last)`). Throws as `push` does, and Error when the chunk must be opened.
   */
  pushStats({ first, last, columns }: ChunkStats): void {
    const { buckets } = this.#options
    // Asked once: where there are thousands of chunks, finding buckets is much of the work.
    const bucket = first > this.#openUntil() ? buckets.at(first) : null
    if (last > (bucket ? buckets.lastOf(bucket.end) : this.#openUntil())) {
      throw new Error("The chunk reaches into more than one bucket and must be opened")
    }
    for (const { name, kind, min, max } of columns) {
      this.#outputs.meetMask(name, maskOfKind(kind, [min, max]), this.#closed)
    }
    this.#reach(first, last)
    if (bucket) {
      if (this.#starts.length > 0) this.#outputs.add([], 0, [0])
      this.#starts.push(bucket.start)
      this.#ends.push(bucket.end)
      checkSize(this.#starts.length, this.#outputs.width)
    }
    for (const stats of columns) this.#outputs.addStats(stats.name, stats.kind, stats)
  }

  /** The frame of all buckets, once. Throws Problem as `push` does, and as filling does. */
  finish(): Frame {
    const { kind, fill, before, after } = this.#options
    if (this.#starts.length > 0) this.#outputs.add([], 0, [0])
    const outputs = this.#outputs.done()
    const known = { starts: this.#starts, ends: this.#ends }
    const { span, places } =
      fill === "none" ? { span: known, places: null } : spread(known, this.#options, outputs.length)
    const index = labelsOf(span, this.#options)
    const columns = outputs.map((output) => {
      const cells = places ? places.map((place) => output.cells[place] ?? NaN) : output.cells
      const [one, other] = [before?.get(output.name), after?.get(output.name)]
      return fillColumn({ ...output, cells }, index, fill, one, other)
    })
    return { index, kind, unit: "ms", columns }
  }

  /** Opens the buckets of rows; returns the rows before which a bucket that was open closes. */
  #open(index: ArrayLike<number>): number[] {
    const { buckets } = this.#options
    const cuts: number[] = []
    let last = this.#openUntil()
    for (let row = 0; row < index.length; row++) {
      const stamp = index[row] as number
      if (stamp <= last) continue
      const { start, end } = buckets.at(stamp)
      if (this.#starts.length > 0) cuts.push(row)
      this.#starts.push(start)
      this.#ends.push(end)
      last = buckets.lastOf(end)
    }
    checkSize(this.#starts.length, this.#outputs.width)
    return cuts
  }

  /** The last stamp of the open bucket. */
  #openUntil(): number {
    const end = this.#ends.at(-1)
    return end === undefined ? -Infinity : this.#options.buckets.lastOf(end)
  }

  #reach(first: number, last: number): void {
    if (first <= this.#reached) throw new Error("Rows must come in the order of their stamps")
    this.#reached = last
  }
}
