/**
 * Numbers as the bytes of their decimal text, two digits a step, without a string. Pure.
 *
 * The text of a double is the shortest that gives it again, as JavaScript's, but with a `.0` where it is whole. Most
 * doubles are decimals in disguise: a whole number divided by a power of ten. Both are exact doubles, so the quotient
 * is rounded as reading the decimal's text is; and of the decimals of up to 15 digits no two are the same double, so
 * no other text is as short.
 */

/** The digits of 0 to 99. */
const TENS = Uint8Array.from({ length: 100 }, (_, number) => 0x30 + Math.floor(number / 10))
const ONES = Uint8Array.from({ length: 100 }, (_, number) => 0x30 + (number % 10))
/** How many of both are left when a zero at the end is not written; of 0, one. */
const SHOWN = Uint8Array.from({ length: 100 }, (_, number) => (number % 10 === 0 ? 1 : 2))
const ZERO = 0x30
const POINT = 0x2e
const MINUS = 0x2d

const BILLION = 1e9
/** An engine's fast integers have 31 bits. */
const FAST_MAX = 2 ** 31 - 1
/** The most places after the point that are tried: nine digits are a fast integer. */
export const SCALE_MAX = 9
const POWERS = Float64Array.from({ length: SCALE_MAX + 1 }, (_, scale) => Number(`1e${scale}`))
const EXACT_MAX = 1e15
/** JavaScript writes smaller ones with an exponent. */
const PLAIN_MIN = 1e-6

/** The longest text of an integer or a decimal. */
export const NUMBER_MAX_BYTES = 26

/** Writes a safe integer (of -0, a 0), and returns where it ends. */
export function putInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return putNatural(bytes, at, value)
  bytes[at] = MINUS
  return putNatural(bytes, at + 1, -value)
}

function putNatural(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return putSmall(bytes, at, value | 0)
  const billions = Math.floor(value / BILLION)
  const end = putSmall(bytes, at, billions | 0)
  const rest = (value - billions * BILLION) | 0
  const first = (rest / 100_000_000) | 0
  const eight = rest - first * 100_000_000
  const high = (eight / 10_000) | 0
  bytes[end] = ZERO + first
  // Two halves that need not wait for each other.
  return putFour(bytes, putFour(bytes, end + 1, high), eight - high * 10_000)
}

function putFour(bytes: Uint8Array, at: number, value: number): number {
  const high = (value / 100) | 0
  return putPair(bytes, putPair(bytes, at, high), value - high * 100)
}

/** Up to 31 bits. */
function putSmall(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = ZERO + value
    return at + 1
  }
  if (value < 100) return putPair(bytes, at, value)
  if (value >= 10_000) return putDigits(bytes, at, value, digitsOf(value))
  const hundreds = (value / 100) | 0
  const pair = value - hundreds * 100
  if (hundreds >= 10) return putPair(bytes, putPair(bytes, at, hundreds), pair)
  bytes[at] = ZERO + hundreds
  return putPair(bytes, at + 1, pair)
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
  for (; place - at > 1; place -= 2) {
    const higher = (rest / 100) | 0
    putPair(bytes, place - 2, rest - higher * 100)
    rest = higher
  }
  if (place > at) bytes[at] = ZERO + rest
  return at + digits
}

/** Writes a double of up to two places after the point, and returns where it ends; -1 for any other. */
export function putHundredths(bytes: Uint8Array, at: number, value: number): number {
  const size = Math.abs(value)
  const scaled = Math.floor(size * 100 + 0.5)
  // Zero comes with a sign.
  if (!(scaled / 100 === size && scaled <= FAST_MAX && scaled > 0)) return -1
  bytes[at] = MINUS
  const hundredths = scaled | 0
  const whole = (hundredths / 100) | 0
  const pair = hundredths - whole * 100
  const end = putSmall(bytes, value < 0 ? at + 1 : at, whole)
  bytes[end] = POINT
  bytes[end + 1] = TENS[pair] as number
  bytes[end + 2] = ONES[pair] as number
  return end + 1 + (SHOWN[pair] as number)
}

/** The same for a double of up to `scale` places. */
export function putDecimal(bytes: Uint8Array, at: number, value: number, scale: number): number {
  const power = POWERS[scale] as number
  const size = Math.abs(value)
  const scaled = Math.floor(size * power + 0.5)
  if (!(scaled / power === size && scaled <= EXACT_MAX)) return -1
  if (size < PLAIN_MIN && size !== 0) return -1
  bytes[at] = MINUS
  const whole = Math.floor(size)
  const end = putNatural(bytes, value < 0 || Object.is(value, -0) ? at + 1 : at, whole)
  bytes[end] = POINT
  const first = end + 1
  let last = putDigits(bytes, first, (scaled - whole * power) | 0, scale)
  while (last > first + 1 && bytes[last - 1] === ZERO) last--
  return last
}
