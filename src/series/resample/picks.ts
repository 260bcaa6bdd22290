/** Tallies whose value is one of the values of the bucket. Pure. */
import type { Column, Json } from "../frame.ts"
import type { KnownStats, Tally } from "./tally.ts"

/** The least or the greatest: of texts by their UTF-16 code units, of booleans false before true. */
export class Extreme implements Tally {
  readonly #greatest: boolean
  #value: Json = null

  constructor(greatest: boolean) {
    this.#greatest = greatest
  }

  add({ kind, values }: Column, from: number, to: number): void {
    if (kind !== "float64") {
      for (let row = from; row < to; row++) this.#join(values[row] ?? null)
      return
    }
    let best = NaN
    for (let row = from; row < to; row++) {
      const value = values[row] as number
      // Not the other way round: a comparison with NaN is false, and the first value must replace it.
      if (this.#greatest ? !(value <= best) : !(value >= best))
        best = value === value ? value : best
    }
    if (best === best) this.#join(best)
  }

  addStats(chunks: readonly (KnownStats | null)[], from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const stats = chunks[at]
      if (stats) this.#join(this.#greatest ? stats.max : stats.min)
    }
  }

  take(): Json {
    const value = this.#value
    this.#value = null
    return value
  }

  #join(value: Json): void {
    if (value === null) return
    const known = this.#value
    if (known === null || (this.#greatest ? value > known : value < known)) this.#value = value
  }
}

export class First implements Tally {
  #value: Json = null

  add({ values }: Column, from: number, to: number): void {
    for (let row = from; this.#value === null && row < to; row++) {
      const value = values[row] ?? null
      if (value === value) this.#value = value
    }
  }

  take(): Json {
    const value = this.#value
    this.#value = null
    return value
  }
}

export class Last implements Tally {
  #value: Json = null

  add({ values }: Column, from: number, to: number): void {
    for (let row = to - 1; row >= from; row--) {
      const value = values[row] ?? null
      if (value === null || value !== value) continue
      this.#value = value
      return
    }
  }

  take(): Json {
    const value = this.#value
    this.#value = null
    return value
  }
}
