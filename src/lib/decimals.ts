/**
 * Numbers as the bytes of their decimal text, four digits a step, without a string. Pure.
 *
 * The text of a double is the shortest that gives it again, as JavaScript's, but with a `.0` where it is whole. Most
 * doubles are decimals in disguise: a whole number divided by a power of ten. Both are exact doubles, so the quotient
 * is rounded as reading the decimal's text is; and of the decimals of up to 15 digits no two are the same double, so
 * no other text is as short.
 *
 * Up to three bytes behind what is written may be written too: there must be room, and whatever comes next goes there.
 */

/** The digits of 0 to 9,999 with zeros in front, as one little-endian number each. */
const FOURS = Uint32Array.from({ length: 10_000 }, (_, number) => packed(pad(number, 4)))
/** A point and the digits of 0 to 99, likewise … */
const PAIRS = Uint32Array.from({ length: 100 }, (_, number) => packed(`.${pad(number, 2)}`))
/** … and how many of these bytes are left when a zero at the end is not written; of 0, one. */
const PAIR_BYTES = Uint8Array.from({ length: 100 }, (_, number) => (number % 10 === 0 ? 2 : 3))
const ZERO = 0x30
const POINT = 0x2e
const MINUS = 0x2d
const COLON = 0x3a

const MYRIAD = 10_000
const HUNDRED_MILLION = 1e8
/** An engine's fast integers have 31 bits. */
const FAST_MAX = 2 ** 31 - 1
/** The most places after the point that are tried: nine digits are a fast integer. */
export const SCALE_MAX = 9
/** JavaScript writes what is smaller than a millionth with an exponent. */
export const SCALED_MAX = 6
const POWERS = Float64Array.from({ length: SCALE_MAX + 1 }, (_, scale) => Number(`1e${scale}`))
const EXACT_MAX = 1e15
const PLAIN_MIN = 1e-6

/** The longest text of an integer or a decimal, and what may be written behind it. */
export const NUMBER_MAX_BYTES = 29

/** Writes a safe integer (of -0, a 0), and returns where it ends. */
export function putInteger(view: DataView, at: number, value: number): number {
  if (value >= 0) return putNatural(view, at, value)
  view.setUint8(at, MINUS)
  return putNatural(view, at + 1, -value)
}

function putNatural(view: DataView, at: number, value: number): number {
  if (value <= FAST_MAX) return putSmall(view, at, value | 0)
  const high = Math.floor(value / HUNDRED_MILLION)
  // Two halves that need not wait for each other.
  return putEight(view, putSmall(view, at, high | 0), (value - high * HUNDRED_MILLION) | 0)
}

/** Up to 31 bits. */
function putSmall(view: DataView, at: number, value: number): number {
  if (value < MYRIAD) return putShort(view, at, value)
  const high = (value / MYRIAD) | 0
  if (high < MYRIAD) return putFour(view, putShort(view, at, high), value - high * MYRIAD)
  const highest = (high / MYRIAD) | 0
  return putEight(view, putShort(view, at, highest), value - highest * HUNDRED_MILLION)
}

/** Up to 9,999. */
function putShort(view: DataView, at: number, value: number): number {
  const digits = value < 100 ? (value < 10 ? 1 : 2) : value < 1_000 ? 3 : 4
  view.setUint32(at, (FOURS[value] as number) >>> (32 - 8 * digits), true)
  return at + digits
}

/** Writes four digits, zeros in front, and returns where they end. */
function putFour(view: DataView, at: number, value: number): number {
  view.setUint32(at, FOURS[value] as number, true)
  return at + 4
}

/** The same of eight. */
export function putEight(view: DataView, at: number, value: number): number {
  const high = (value / MYRIAD) | 0
  return putFour(view, putFour(view, at, high), value - high * MYRIAD)
}

/** The same of as many as are wanted. */
export function putDigits(view: DataView, at: number, value: number, digits: number): number {
  let rest = value
  for (let place = at + digits - 1; place >= at; place--) {
    const higher = (rest / 10) | 0
    view.setUint8(place, ZERO + rest - higher * 10)
    rest = higher
  }
  return at + digits
}

/** The same of two. */
export function putPair(view: DataView, at: number, value: number): number {
  view.setUint16(at, (FOURS[value] as number) >>> 16, true)
  return at + 2
}

/** Writes a time of day as `hh:mm:ss`, and returns where it ends. */
export function putClock(
  view: DataView,
  at: number,
  hours: number,
  minutes: number,
  seconds: number,
): number {
  const middle = (FOURS[minutes] as number) >>> 16
  const end = (FOURS[seconds] as number) & 0xffff0000
  // Eight characters in two steps: every step costs as much as all that is calculated for it.
  view.setUint32(at, ((FOURS[hours] as number) >>> 16) | (COLON << 16) | (middle << 24), true)
  view.setUint32(at + 4, (middle >>> 8) | (COLON << 8) | end, true)
  return at + 8
}

/** Writes a point and three digits, and returns where they end. */
export function putThousandths(view: DataView, at: number, value: number): number {
  // The first of the four digits is a zero.
  view.setUint32(at, (FOURS[value] as number) ^ (ZERO ^ POINT), true)
  return at + 4
}

/**
 * Writes the double that a whole number of 31 bits is when it is divided by 10^scale, and returns where it ends.
 * @param scale up to SCALED_MAX
 */
export function putScaled(view: DataView, start: number, whole: number, scale: number): number {
  const sign = whole >> 31
  const size = (whole ^ sign) - sign
  view.setUint8(start, MINUS)
  const at = start - sign
  if (scale === 2) {
    const units = (size / 100) | 0
    return putPoint(view, putSmall(view, at, units), size - units * 100)
  }
  if (scale === 1) {
    const units = (size / 10) | 0
    return putPoint(view, putSmall(view, at, units), (size - units * 10) * 10)
  }
  const power = POWERS[scale] as number
  const units = (size / power) | 0
  return putPlaces(view, putSmall(view, at, units), size - units * power, scale)
}

/** Writes a point and hundredths. */
function putPoint(view: DataView, at: number, hundredths: number): number {
  view.setUint32(at, PAIRS[hundredths] as number, true)
  return at + (PAIR_BYTES[hundredths] as number)
}

/** Writes a point and so many places, but for zeros at the end of which one is left. */
function putPlaces(view: DataView, at: number, places: number, scale: number): number {
  view.setUint8(at, POINT)
  let rest = places
  let digits = scale
  for (; digits > 1; digits--) {
    const higher = (rest / 10) | 0
    if (higher * 10 !== rest) break
    rest = higher
  }
  return putDigits(view, at + 1, rest, Math.max(1, digits))
}

/** Writes a double of up to two places after the point, and returns where it ends; -1 for any other. */
export function putHundredths(view: DataView, at: number, value: number): number {
  const size = Math.abs(value)
  const scaled = Math.floor(size * 100 + 0.5)
  // Zero comes with a sign.
  if (!(scaled / 100 === size && scaled <= FAST_MAX && scaled > 0)) return -1
  return putScaled(view, at, value < 0 ? -scaled | 0 : scaled | 0, 2)
}

/** The same for a double of up to `scale` places. */
export function putDecimal(view: DataView, at: number, value: number, scale: number): number {
  const power = POWERS[scale] as number
  const size = Math.abs(value)
  const scaled = Math.floor(size * power + 0.5)
  if (!(scaled / power === size && scaled <= EXACT_MAX)) return -1
  if (size < PLAIN_MIN && size !== 0) return -1
  view.setUint8(at, MINUS)
  const whole = Math.floor(size)
  const end = putNatural(view, value < 0 || Object.is(value, -0) ? at + 1 : at, whole)
  return putPlaces(view, end, (scaled - whole * power) | 0, scale)
}

function packed(text: string): number {
  let number = 0
  for (let at = 0; at < text.length; at++) number += text.charCodeAt(at) * 2 ** (8 * at)
  return number
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, "0")
}
