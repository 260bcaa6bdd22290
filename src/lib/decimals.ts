/** Numbers as the bytes of their decimal text, two digits a step. Pure. */

/** The digits of 0 to 99. */
const TENS = Uint8Array.from({ length: 100 }, (_, number) => 0x30 + Math.floor(number / 10))
const ONES = Uint8Array.from({ length: 100 }, (_, number) => 0x30 + (number % 10))
const ZERO = 0x30
const POINT = 0x2e

/** What fits the 31 bits of an engine's fast integers, in whole digits. */
const BILLION = 1e9
/** Doubles have room for no more places after the point that fit them. */
export const SCALE_MAX = 9
export const POWERS = Float64Array.from({ length: SCALE_MAX + 1 }, (_, scale) => Number(`1e${scale}`))
/** Decimals of up to 15 digits are all different doubles. */
const EXACT_MAX = 1e15
/** JavaScript writes smaller ones with an exponent. */
const PLAIN_MIN = 1e-6

/** The longest text of an integer or a double. */
export const NUMBER_MAX_BYTES = 26

/** Writes an integer from 0 to 2^53-1, and returns where it ends. */
export function putInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return putSmall(bytes, at, value | 0)
  const high = Math.floor(value / BILLION)
  const start = putSmall(bytes, at, high | 0)
  return putDigits(bytes, start, (value - high * BILLION) | 0, 9)
}

function putSmall(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = ZERO + value
    return at + 1
  }
  if (value < 100) return putPair(bytes, at, value)
  if (value >= 10_000) return putDigits(bytes, at, value, digitsOf(value))
  const hundreds = (value / 100) | 0
  return putPair(bytes, putSmall(bytes, at, hundreds), value - hundreds * 100)
}

function putPair(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = TENS[value] as number
  bytes[at + 1] = ONES[value] as number
  return at + 2
}

/** Of 10,000 and more. */
function digitsOf(value: number): number {
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8
  return value < BILLION ? 9 : 10
}

/** Writes so many digits, zeros in front, and returns where they end. */
export function putDigits(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value
  let place = at + digits
  while (place - at > 1) {
    const higher = (rest / 100) | 0
    const pair = rest - higher * 100
    rest = higher
    bytes[place - 1] = ONES[pair] as number
    bytes[place - 2] = TENS[pair] as number
    place -= 2
  }
  if (place > at) bytes[at] = ZERO + rest
  return at + digits
}

/**
 * Writes a double from 0 on that is a decimal of so many places, `1.0` when it is whole, and returns where it ends;
 * -1 when it is none, and must be written otherwise.
 *
 * The text is the shortest that gives the same double, as JavaScript's: a quotient of two exact doubles is rounded as
 * the reading of its decimal text is, and of all texts of up to 15 digits only one gives a double.
 */
export function putDecimal(bytes: Uint8Array, at: number, value: number, scale: number): number {
  const power = POWERS[scale] as number
  const scaled = Math.floor(value * power + 0.5)
  if (!(scaled / power === value && scaled <= EXACT_MAX)) return -1
  if (value < PLAIN_MIN && value !== 0) return -1
  const whole = Math.floor(value)
  const end = putInteger(bytes, at, whole)
  const fraction = (scaled - whole * power) | 0
  bytes[end] = POINT
  if (fraction === 0) {
    bytes[end + 1] = ZERO
    return end + 2
  }
  if (scale === 2) {
    bytes[end + 1] = TENS[fraction] as number
    const last = ONES[fraction] as number
    bytes[end + 2] = last
    return last === ZERO ? end + 2 : end + 3
  }
  let last = putDigits(bytes, end + 1, fraction, scale)
  while (bytes[last - 1] === ZERO) last--
  return last
}
