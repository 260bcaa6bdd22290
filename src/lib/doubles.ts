/** Doubles, with what their rounding took. Pure. */

/** The largest power of ten that a double has. */
export const EXACT_POWER = 22
export const POWERS = Float64Array.from({ length: EXACT_POWER + 1 }, (_, power) =>
  Number(`1e${power}`),
)

/** What rounding took from the product of two doubles. After T. J. Dekker, Numerische Mathematik 18 (1971). */
export function productError(one: number, other: number): number {
  const [oneHigh, otherHigh] = [highHalf(one), highHalf(other)]
  const [oneLow, otherLow] = [one - oneHigh, other - otherHigh]
  const rest = oneHigh * otherHigh - one * other + oneHigh * otherLow + oneLow * otherHigh
  return rest + oneLow * otherLow
}

/** The upper 26 bits of a double. */
function highHalf(value: number): number {
  const spread = value * (2 ** 27 + 1)
  return spread - (spread - value)
}

/**
 * The double nearest to (high × 10^lowDigits + low) / 10^decimals, for whole numbers high below 10^15 and low below
 * 10^lowDigits, and exponents of at most 7 and 22; NaN when two doubles are nearly as near. It calculates with twice
 * the digits of a double, in pairs of which one is what the rounding of the other took.
 */
export function nearestTo(high: number, low: number, lowDigits: number, decimals: number): number {
  const shift = POWERS[lowDigits] as number
  const product = high * shift
  const sum = product + low
  const rest = productError(high, shift) + (product - sum + low)
  const power = POWERS[decimals] as number
  const quotient = sum / power
  const back = quotient * power
  const more = (sum - back - productError(quotient, power) + rest) / power
  // The roundings above come to less than a thousandth of this.
  const doubt = quotient * 2 ** -90
  const nearest = quotient + (more - doubt)
  return nearest === quotient + (more + doubt) ? nearest : NaN
}
