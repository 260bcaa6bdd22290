/** Doubles that are whole numbers divided by a power of ten, as the codec packs them and texts show them. Pure. */
import type { FloatColumn } from "./frame.ts"

/** Stands for null among whole numbers. */
export const ABSENT = -(2 ** 31)

export interface Decimals {
  /** Beside ABSENT, within ±(2^31-1). */
  wholes: Int32Array
  /** Places after the point. */
  scale: number
  /** False where there is no null. */
  hasNulls: boolean
}

/** A column of which the doubles are made when they are asked for: who writes it as text needs none. */
export class DecimalColumn implements FloatColumn {
  readonly kind = "float64"
  readonly name: string
  // Private, so that no copy of a column with other values takes them along.
  readonly #decimals: Decimals
  #values: Float64Array | null = null

  constructor(name: string, decimals: Decimals) {
    this.name = name
    this.#decimals = decimals
  }

  get values(): Float64Array {
    return (this.#values ??= doublesOf(this.#decimals))
  }

  get decimals(): Decimals {
    return this.#decimals
  }
}

function doublesOf({ wholes, scale }: Decimals): Float64Array {
  const power = Number(`1e${scale}`)
  const values = new Float64Array(wholes.length)
  for (let at = 0; at < values.length; at++) {
    const whole = wholes[at] as number
    values[at] = whole === ABSENT ? NaN : whole / power
  }
  return values
}
