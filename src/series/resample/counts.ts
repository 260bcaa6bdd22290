/** Tallies that count and add. Pure. */
import type { Column, Json } from "../frame.ts"
import { Sum } from "./sum.ts"
import type { KnownStats, Tally } from "./tally.ts"

export class Count implements Tally {
  #count = 0

  add(column: Column, from: number, to: number): void {
    this.#count += countOf(column, from, to)
  }

  addStats(chunks: readonly (KnownStats | null)[], from: number, to: number): void {
    for (let at = from; at < to; at++) this.#count += chunks[at]?.count ?? 0
  }

  take(): Json {
    const count = this.#count
    this.#count = 0
    return count
  }
}

/** The sum, or the mean of exactly that sum. */
export class Total implements Tally {
  readonly #mean: boolean
  readonly #sum = new Sum()
  #count = 0

  constructor(mean: boolean) {
    this.#mean = mean
  }

  add({ kind, values }: Column, from: number, to: number): void {
    if (kind === "float64") {
      this.#count += this.#sum.addDoubles(values, from, to)
      return
    }
    for (let row = from; row < to; row++) {
      const value = values[row] ?? null
      if (value === null) continue
      this.#sum.addInteger(value as number | bigint | boolean)
      this.#count++
    }
  }

  addStats(chunks: readonly (KnownStats | null)[], from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const stats = chunks[at]
      if (!stats) continue
      if (stats.kind === "float64") {
        this.#sum.addDouble(Number(stats.sum))
        this.#sum.addDouble(stats.carry ?? 0)
      } else this.#sum.addInteger(stats.sum)
      this.#count += stats.count
    }
  }

  take(): Json {
    const count = this.#count
    if (count === 0) return NaN
    const value = this.#mean ? this.#sum.mean(count) : this.#sum.total()
    this.#sum.clear()
    this.#count = 0
    return value
  }
}

function countOf({ kind, values }: Column, from: number, to: number): number {
  let count = 0
  if (kind === "float64") {
    for (let row = from; row < to; row++) if (values[row] === values[row]) count++
  } else {
    for (let row = from; row < to; row++) if ((values[row] ?? null) !== null) count++
  }
  return count
}
