/**
 * A frame, or chunk after chunk of one, becomes a frame with one row for each bucket of time. Pure.
 *
 * Memory is that of the answer and of the one open bucket, however many rows come.
 */
import { sorted, type Frame } from "../frame.ts"
import { stampFormat } from "../stamp.ts"
import { fillColumn } from "./fill.ts"
import type { ResampleOptions } from "./options.ts"
import { Outputs } from "./outputs.ts"
import { checkSize, labelsOf, spread } from "./span.ts"
import type { KnownStats } from "./tally.ts"

/** What is known of a chunk without opening it; columns without a value are left out. */
export interface ChunkStats {
  /** The stamps of its first and its last row. */
  first: number
  last: number
  columns: KnownStats[]
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
   * Adds chunks by their statistics, in order: only for what `canUseStats` allows, and only those that one bucket
   * holds (`options.buckets.holds(first, last)`). Throws as `push` does, and Error when a chunk must be opened.
   */
  pushStats(chunks: readonly ChunkStats[]): void {
    const columns = new Map<string, (KnownStats | null)[]>()
    const firsts = new Float64Array(chunks.length)
    for (const [at, { first, last, columns: all }] of chunks.entries()) {
      this.#reach(first, last)
      firsts[at] = first
      for (const stats of all) {
        let known = columns.get(stats.name)
        if (!known) columns.set(stats.name, (known = chunks.map(() => null)))
        known[at] = stats
      }
    }
    this.#outputs.meetStats(columns, this.#closed)
    this.#outputs.addStats(columns, chunks.length, this.#open(firsts, chunks))
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

  /**
   * Opens the buckets of rows; returns the rows before which a bucket that was open closes.
   * @param chunks where the rows stand for chunks, those
   */
  #open(index: Float64Array, chunks?: readonly ChunkStats[]): number[] {
    const { buckets } = this.#options
    const cuts: number[] = []
    const open = this.#ends.at(-1)
    let last = open === undefined ? -Infinity : buckets.lastOf(open)
    for (let row = 0; row < index.length; row++) {
      const stamp = index[row] as number
      if (stamp > last) {
        const { start, end } = buckets.at(stamp)
        if (this.#starts.length > 0) cuts.push(row)
        this.#starts.push(start)
        this.#ends.push(end)
        last = buckets.lastOf(end)
      }
      if (chunks && (chunks[row] as ChunkStats).last > last) {
        throw new Error("The chunk reaches into more than one bucket and must be opened")
      }
    }
    checkSize(this.#starts.length, this.#outputs.width)
    return cuts
  }

  #reach(first: number, last: number): void {
    if (first <= this.#reached) throw new Error("Rows must come in the order of their stamps")
    this.#reached = last
  }
}
