/** Tallies of how values are spread: always doubles. Pure. */
import type { Column, Json } from "../frame.ts"
import type { Tally } from "./tally.ts"

/** Keeps the values of the open bucket: the one tally whose memory grows with the rows of a bucket. */
export class Median implements Tally {
  #values = new Float64Array(64)
  #count = 0

  add(column: Column, from: number, to: number): void {
    this.#reserve(to - from)
    for (let row = from; row < to; row++) {
      const value = numberAt(column, row)
      if (value === value) this.#values[this.#count++] = value
    }
  }

  take(): Json {
    const values = this.#values.subarray(0, this.#count).sort()
    this.#count = 0
    const middle = values.length >> 1
    const high = values[middle] ?? NaN
    if (values.length % 2 === 1) return high
    const low = values[middle - 1] ?? NaN
    // Halved first, two large numbers cannot overflow.
    return Number.isFinite(low + high) ? (low + high) / 2 : low / 2 + high / 2
  }

  #reserve(more: number): void {
    if (this.#count + more <= this.#values.length) return
    const larger = new Float64Array(Math.max(this.#values.length * 2, this.#count + more))
    larger.set(this.#values.subarray(0, this.#count))
    this.#values = larger
  }
}

/**
 * The sample standard deviation (ddof 1), none for fewer than two values. In one pass after B. P. Welford, "Note on a
 * Method for Calculating Corrected Sums of Squares and Products", Technometrics 4 (1962).
 */
export class Deviation implements Tally {
  #count = 0
  #mean = 0
  #squares = 0

  add(column: Column, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const value = numberAt(column, row)
      if (value !== value) continue
      const change = value - this.#mean
      this.#mean += change / ++this.#count
      this.#squares += change * (value - this.#mean)
    }
  }

  take(): Json {
    const variance = this.#squares / (this.#count - 1)
    const count = this.#count
    this.#count = this.#mean = this.#squares = 0
    if (count < 2) return NaN
    // NaN would pass for a null; it comes of a difference beyond all doubles.
    return variance === variance ? Math.sqrt(variance) : Infinity
  }
}

function numberAt({ kind, values }: Column, row: number): number {
  if (kind === "float64") return values[row] as number
  const value = values[row] ?? null
  return value === null ? NaN : Number(value)
}
