/** Sums that do not depend on luck: integers exactly, doubles with the error of each addition carried along. Pure. */
import { productError } from "../../lib/doubles.ts"

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/**
 * Doubles after A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54
 * (1974): as good as if summed with twice the digits, also where large numbers cancel. Integers are numbers while
 * those count exactly and bigint from there on. Booleans count as 0 and 1.
 */
export class Sum {
  #sum = 0
  #carry = 0
  #integers = 0
  #large = 0n

  addDouble(value: number): void {
    const sum = this.#sum + value
    this.#carry +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum
    this.#sum = sum
  }

  addInteger(value: number | bigint | boolean): void {
    if (typeof value !== "bigint") {
      const sum = this.#integers + Number(value)
      if (Number.isSafeInteger(sum)) {
        this.#integers = sum
        return
      }
    }
    this.#large += BigInt(value)
  }

  /** Adds the doubles of a column's rows that are not NaN, and returns how many those are. */
  addDoubles(values: Float64Array, from: number, to: number): number {
    let sum = this.#sum
    let carry = this.#carry
    let count = 0
    for (let row = from; row < to; row++) {
      const value = values[row] as number
      if (value !== value) continue
      const next = sum + value
      carry += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      sum = next
      count++
    }
    this.#sum = sum
    this.#carry = carry
    return count
  }

  /** What has to be added to `total()` of doubles to be as exact as the sum is inside. */
  get carry(): number {
    return Number.isFinite(this.#sum) ? this.#sum - this.#doubles() + this.#carry : 0
  }

  /** Safe integers are numbers, integers beyond are bigint; with any fraction, a double. May be infinite. */
  total(): number | bigint {
    const doubles = this.#doubles()
    if (this.#large === 0n) return doubles + this.#integers
    const integers = this.#large + BigInt(this.#integers)
    if (doubles !== 0) return doubles + Number(integers)
    return narrow(integers)
  }

  /** The mean, with what rounding took from sum and quotient put back: of equal values, that value. */
  mean(count: number): number {
    const total = Number(this.total())
    const mean = total / count
    const rest = (total - mean * count - productError(mean, count) + this.carry) / count
    return Number.isFinite(rest) ? mean + rest : mean
  }

  /** Back to 0; a new object for every bucket would be most of the work where buckets are small. */
  clear(): void {
    this.#sum = this.#carry = this.#integers = 0
    this.#large = 0n
  }

  #doubles(): number {
    // Beyond all doubles the carry is NaN, which would pass for a null.
    return Number.isFinite(this.#sum) ? this.#sum + this.#carry : Infinity
  }
}

/** A number where it is a safe integer. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** False beyond 64 bits, and for a double beyond all doubles. */
export function fits(value: number | bigint): boolean {
  if (typeof value === "number") return Number.isFinite(value)
  return value >= INT64_MIN && value <= INT64_MAX
}
