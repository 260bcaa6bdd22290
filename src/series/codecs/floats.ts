/**
 * Doubles as bytes. Most that people store are decimals in disguise: 101.25 is 10125 at scale 2, and the
 * differences of such whole numbers fit one or two bytes. A double is packed so only if the division gives back its
 * very bits. Pure.
 */
import { Packer, type Unpacker } from "../../lib/packing.ts"
import type { Decimals } from "../decimal.ts"
import { DELTA_VALUE_MAX, packDeltas, unpackDeltas, unpackFastDeltas } from "./runs.ts"

const RAW = 0
const SINGLE = 1
const DECIMAL = 2
const CONSTANT = 3

/** Doubles have no more than 17 digits, and beyond 10^15 nothing below DELTA_VALUE_MAX is left of 1. */
const SCALE_MAX = 15
const POWERS = Float64Array.from({ length: SCALE_MAX + 1 }, (_, scale) => Number(`1e${scale}`))

/** In the middle of the doubles whose last digit is 1. */
const ROUNDER = 1.5 * 2 ** 52

/** Packs doubles, none of them NaN, each way that is exact, and keeps the shortest. */
export function packFloats(packer: Packer, values: Float64Array): void {
  if (isConstant(values)) {
    packer.byte(CONSTANT)
    if (values.length > 0) packer.float64(values[0] as number)
    return
  }
  const single = isSingle(values)
  const plainBytes = values.length * (single ? 4 : 8)
  const decimal = packDecimals(values)
  if (decimal && decimal.length < plainBytes) {
    packer.byte(DECIMAL)
    packer.bytes(decimal)
    return
  }
  packer.byte(single ? SINGLE : RAW)
  for (let at = 0; at < values.length; at++) {
    if (single) packer.float32(values[at] as number)
    else packer.float64(values[at] as number)
  }
}

// Loops, not `every`: a callback for each value is most of the cost of packing it.

function isConstant(values: Float64Array): boolean {
  for (let at = 1; at < values.length; at++) if (!Object.is(values[at], values[0])) return false
  return true
}

/** True when every double is one of single precision, as sensors and models give them. */
function isSingle(values: Float64Array): boolean {
  for (let at = 0; at < values.length; at++) {
    if (Math.fround(values[at] as number) !== values[at]) return false
  }
  return true
}

/** Reads `count` doubles, as decimals where they are small ones. Throws Error for an unknown encoding. */
export function unpackFloats(unpacker: Unpacker, count: number): Float64Array | Decimals {
  const values = new Float64Array(count)
  const encoding = unpacker.byte()
  switch (encoding) {
    case CONSTANT:
      return count > 0 ? values.fill(unpacker.float64()) : values
    case DECIMAL:
      return unpackDecimals(unpacker, count)
    case SINGLE:
      for (let at = 0; at < count; at++) values[at] = unpacker.float32()
      return values
    case RAW:
      for (let at = 0; at < count; at++) values[at] = unpacker.float64()
      return values
    default:
      throw new Error(`doubles have the unknown encoding ${encoding}`)
  }
}

/** Null when a value is a decimal at no scale. */
function packDecimals(values: Float64Array): Uint8Array | null {
  const whole = new Float64Array(values.length)
  let scale = 0
  let power = 1
  for (let at = 0; at < values.length; at++) {
    const number = wholeAt(values[at] as number, power)
    whole[at] = number
    if (number === number) continue
    scale = scaleOf(values[at] as number, scale + 1)
    if (scale < 0) return null
    // Nearly always one of the first values has all the decimals that there will be.
    power = POWERS[scale] as number
    at = -1
  }
  const packer = new Packer(values.length * 2)
  packer.byte(scale)
  packDeltas(packer, whole)
  return packer.done()
}

function unpackDecimals(unpacker: Unpacker, count: number): Float64Array | Decimals {
  const scale = unpacker.byte()
  const power = POWERS[scale]
  if (power === undefined) throw new Error("decimals have an impossible scale")
  const wholes = unpackFastDeltas(unpacker, count)
  return wholes ? { wholes, scale, hasNulls: false } : unpackDeltas(unpacker, count, power)
}

/** The smallest scale, from `least` on, at which a value is a decimal; -1 when it is at none. */
function scaleOf(value: number, least: number): number {
  for (let scale = least; scale <= SCALE_MAX; scale++) {
    if (!Number.isNaN(wholeAt(value, POWERS[scale] as number))) return scale
  }
  return -1
}

/** The whole number that gives back exactly this double when divided by the power; NaN when there is none. */
function wholeAt(value: number, power: number): number {
  const product = value * power
  // Doubles from 2^52 to 2^53 have no digits below 1: the sum is rounded there, several times as fast as `Math.round`.
  const whole = product + ROUNDER - ROUNDER
  const exact = whole / power === value && whole <= DELTA_VALUE_MAX && whole >= -DELTA_VALUE_MAX
  // -0 equals 0 but is another double, which no whole number gives.
  return exact && (whole !== 0 || Object.is(value, 0)) ? whole : NaN
}
