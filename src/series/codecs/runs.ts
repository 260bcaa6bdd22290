/** Whole numbers as bytes: zig-zag varints with zeros counted, and bits. Pure. */
import type { Packer, Unpacker } from "../../lib/packing.ts"

/** Numbers to pack lie within ±this: their zig-zag form and the token beside it fit 2^53. */
export const RUN_MAX = 2 ** 52 - 2
/** Values whose differences are packed lie within ±this. */
export const DELTA_VALUE_MAX = 2 ** 51 - 1

/** An engine's fast integers have 31 bits; the number below them is left to stand for null. */
const FAST_MAX = 2 ** 31 - 1
/** From within it, four tokens of a byte lead to nothing beyond FAST_MAX. */
const FOUR_MAX = FAST_MAX - 4 * 64

/** Tokens that have no more bytes than this are written where they are made, which are those of numbers within ±INLINE_MAX. */
const INLINE_BYTES = 4
const INLINE_MAX = 2 ** (7 * INLINE_BYTES - 1)

/** Fewer zeros cost less as they are. */
const ZEROS_MIN = 3

/** Whole numbers within ±RUN_MAX. A token 0 stands for zeros, as many as the next varint says and three. */
export function packRun(packer: Packer, numbers: Float64Array): void {
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number
    if (number === 0) {
      let end = at + 1
      while (numbers[end] === 0) end++
      if (end - at >= ZEROS_MIN) {
        packer.byte(0)
        packer.varint(end - at - ZEROS_MIN)
        at = end - 1
        continue
      }
    }
    packer.varint(number < 0 ? -2 * number : 2 * number + 1)
  }
}

/** Reads `count` numbers. Throws Error when a run of zeros is longer. */
export function unpackRun(unpacker: Unpacker, count: number): Float64Array {
  const numbers = new Float64Array(count)
  const bytes = unpacker.source
  let { at } = unpacker
  for (let place = 0; place < count; place++) {
    // Nearly all tokens have one byte or two. Past the end there is nothing, which is neither.
    const byte = bytes[at] as number
    if (byte > 0 && byte < 128) {
      numbers[place] = small(byte)
      at++
      continue
    }
    const next = bytes[at + 1] as number
    if (byte > 127 && next < 128) {
      numbers[place] = small((byte & 127) | (next << 7))
      at += 2
      continue
    }
    unpacker.at = at
    const token = unpacker.varint()
    if (token === 0) {
      place += unpacker.varint() + ZEROS_MIN - 1
      if (place >= count) throw new Error("a run of zeros is too long")
    } else numbers[place] = token % 2 === 0 ? -token / 2 : (token - 1) / 2
    at = unpacker.at
  }
  unpacker.at = at
  return numbers
}

/** The number of a token of up to 31 bits: no branch, as signs are what no processor foresees. */
function small(token: number): number {
  const sign = (token & 1) - 1
  return ((token >> 1) ^ sign) - sign
}

/**
 * Whole numbers within ±DELTA_VALUE_MAX, each as the difference to the one before: what `packRun` would write of those,
 * in one go, as the commonest columns of all are written here.
 */
export function packDeltas(packer: Packer, values: Float64Array): void {
  let { bytes, at } = packer.open(values.length * INLINE_BYTES)
  let before = 0
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as number
    const delta = value - before
    before = value
    if (delta > -INLINE_MAX && delta < INLINE_MAX) {
      const number = delta | 0
      if (number === 0) {
        let end = place + 1
        while (values[end] === value) end++
        if (end - place >= ZEROS_MIN) {
          bytes[at] = 0
          packer.close(at + 1)
          packer.varint(end - place - ZEROS_MIN)
          ;({ bytes, at } = packer.open((values.length - end) * INLINE_BYTES))
          place = end - 1
          continue
        }
      }
      // No branch, as signs are what no processor foresees.
      const sign = number >> 31
      let token = (((number ^ sign) - sign) << 1) | (sign + 1)
      for (; token > 127; token >>= 7) bytes[at++] = (token & 127) | 128
      bytes[at++] = token
    } else {
      packer.close(at)
      packer.varint(delta < 0 ? -2 * delta : 2 * delta + 1)
      ;({ bytes, at } = packer.open((values.length - place) * INLINE_BYTES))
    }
  }
  packer.close(at)
}

/** Reads `count` values; each divided by the divisor, such that nobody has to go through them again. */
export function unpackDeltas(unpacker: Unpacker, count: number, divisor = 1): Float64Array {
  const values = unpackRun(unpacker, count)
  let value = 0
  for (let at = 0; at < count; at++) {
    value += values[at] as number
    values[at] = value / divisor
  }
  return values
}

/**
 * The same of values within ±FAST_MAX, in integers of the engine's fast sort throughout: the commonest columns of all
 * are read here. Null where a value lies beyond; then nothing counts as read.
 */
export function unpackFastDeltas(unpacker: Unpacker, count: number): Int32Array | null {
  const values = new Int32Array(count)
  const bytes = unpacker.source
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const start = unpacker.at
  let at = start
  let value = 0
  let place = 0
  while (place < count) {
    if (place + 4 <= count && at + 4 <= bytes.length && value < FOUR_MAX && value > -FOUR_MAX) {
      const four = view.getInt32(at, true)
      // All of them from 1 to 127.
      if ((((four - 0x01010101) | four) & 0x80808080) === 0) {
        value += small(four & 127)
        values[place] = value
        value += small((four >> 8) & 127)
        values[place + 1] = value
        value += small((four >> 16) & 127)
        values[place + 2] = value
        value += small(four >> 24)
        values[place + 3] = value
        place += 4
        at += 4
        continue
      }
    }
    let token = bytes[at] as number
    if (token > 0 && token < 128) at++
    else if (token > 127 && (bytes[at + 1] as number) < 128) {
      token = (token & 127) | ((bytes[at + 1] as number) << 7)
      at += 2
    } else {
      unpacker.at = at
      const long = unpacker.varint()
      if (long === 0) {
        const end = place + unpacker.varint() + ZEROS_MIN
        if (end > count) throw new Error("a run of zeros is too long")
        values.fill(value, place, end)
        place = end
        at = unpacker.at
        continue
      }
      if (long > FAST_MAX) break
      // Else the engine takes all tokens for doubles.
      token = long | 0
      at = unpacker.at
    }
    const delta = small(token)
    const sum = (value + delta) | 0
    const overflows = ((value ^ sum) & (delta ^ sum)) < 0
    if (overflows || sum < -FAST_MAX) break
    value = sum
    values[place++] = value
  }
  unpacker.at = place < count ? start : at
  return place < count ? null : values
}

/** Zeros and ones, eight in a byte. */
export function packBits(packer: Packer, bits: Uint8Array): void {
  for (let at = 0; at < bits.length; at += 8) {
    let byte = 0
    for (let bit = 0; bit < 8; bit++) byte |= (bits[at + bit] ?? 0) << bit
    packer.byte(byte)
  }
}

export function unpackBits(unpacker: Unpacker, count: number): Uint8Array {
  const bytes = unpacker.bytes(Math.ceil(count / 8))
  return Uint8Array.from({ length: count }, (_, at) => ((bytes[at >> 3] as number) >> (at & 7)) & 1)
}
