/** Numbers in a text, exactly, and without cutting the text up. Pure. */
import { FLOAT, INEXACT, INTEGER, isInexact } from "../kinds.ts"

const ZERO = 0x30
const NINE = 0x39
const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e

// Fifteen digits and these powers are doubles without error, so that one division of them rounds correctly (Clinger,
// "How to Read Floating Point Numbers Accurately", 1990). Number() takes three times as long.
const EXACT_DIGITS = 15
const POWERS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`))

const INT64_DIGITS = 19
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const WITH_EXPONENT = /^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+$/

/**
 * The number that the characters `from` (inclusive) to `to` (exclusive) are: decimal, with or without point and
 * exponent, to the last bit; integers beyond 2^53 as bigint. Infinity when no double is that large; null when it is
 * no number, or an integer beyond 64 bits.
 */
export function readNumber(text: string, from = 0, to = text.length): number | bigint | null {
  const sign = text.charCodeAt(from)
  let at = sign === MINUS || sign === PLUS ? from + 1 : from
  let value = 0
  let digits = 0
  let places = 0
  let point = -1
  const start = at
  for (; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code >= ZERO && code <= NINE) {
      value = value * 10 + code - ZERO
      // Zeros in front do not count.
      if (value > 0) digits++
      places++
    } else if (code === POINT && point < 0) point = places
    else return withExponent(text.slice(from, to))
  }
  if (places === 0) return null
  if (point < 0 && digits > EXACT_DIGITS) return longInteger(text.slice(start, to), sign, digits)
  const decimals = point < 0 ? 0 : places - point
  if (digits > EXACT_DIGITS || decimals >= POWERS.length) return Number(text.slice(from, to))
  const size = decimals === 0 ? value : value / (POWERS[decimals] as number)
  return sign === MINUS ? -size : size
}

function withExponent(text: string): number | null {
  return WITH_EXPONENT.test(text) ? Number(text) : null
}

function longInteger(text: string, sign: number, digits: number): number | bigint | null {
  if (digits > INT64_DIGITS) return null
  const size = BigInt(text)
  const value = sign === MINUS ? -size : size
  if (value < INT64_MIN || value > INT64_MAX) return null
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** The bits of a number that `readNumber` read there: `1.0` and `-0` are floats, `1` is an integer. */
export function maskOfNumber(
  value: number | bigint,
  text: string,
  from = 0,
  to = text.length,
): number {
  if (typeof value === "bigint") return isInexact(value) ? INTEGER | INEXACT : INTEGER
  if (value % 1 !== 0 || Object.is(value, -0)) return FLOAT
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    // A point or an exponent.
    if (code > NINE || code === POINT) return FLOAT
  }
  return INTEGER
}
