/** Tallies that count and add. Pure. */
import type { Column, Json } from "../frame.ts"
import { Sum } from "./sum.ts"
import type { ColumnStats, Tally } from "./tally.ts"

export class Count implements Tally {
  #count = 0

  add(column: Column, from: number, to: number): void {
    this.#count += countOf(column, from, to)
  }

  addStats({ count }: ColumnStats): void {
    this.#count += count
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

  addStats({ count, sum, carry = 0 }: ColumnStats, isDouble: boolean): void {
    if (isDouble) {
      this.#sum.addDouble(Number(sum))
      this.#sum.addDouble(carry)
    } else this.#sum.addInteger(sum)
    this.#count += count
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
