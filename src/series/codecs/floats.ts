/**
 * Doubles as bytes. Most that people store are decimals in disguise: 101.25 is 10125 at scale 2, and the
 * differences of such whole numbers fit one or two bytes. A double is packed so only if the division gives back its
 * very bits. Pure.
 */
import { Packer, type Unpacker } from "../../lib/packing.ts"
import { DELTA_VALUE_MAX, packDeltas, unpackDeltas } from "./runs.ts"

const RAW = 0
const SINGLE = 1
const DECIMAL = 2
const CONSTANT = 3

/** Doubles have no more than 17 digits, and beyond 10^15 nothing below DELTA_VALUE_MAX is left of 1. */
const SCALE_MAX = 15
const POWERS = Float64Array.from({ length: SCALE_MAX + 1 }, (_, scale) => Number(`1e${scale}`))

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

/** Reads `count` doubles. Throws Error for an unknown encoding. */
export function unpackFloats(unpacker: Unpacker, count: number): Float64Array {
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

function packDecimals(values: Float64Array): Uint8Array | null {
  const scale = scaleOf(values)
  if (scale < 0) return null
  const power = POWERS[scale] as number
  const whole = new Float64Array(values.length)
  for (let at = 0; at < values.length; at++) {
    const number = wholeAt(values[at] as number, power)
    if (Number.isNaN(number)) return null
    whole[at] = number
  }
  const packer = new Packer(values.length * 2)
  packer.byte(scale)
  packDeltas(packer, whole)
  return packer.done()
}

function unpackDecimals(unpacker: Unpacker, count: number): Float64Array {
  const power = POWERS[unpacker.byte()]
  if (power === undefined) throw new Error("decimals have an impossible scale")
  return unpackDeltas(unpacker, count, power)
}

/** The smallest scale at which every value in turn was a decimal; -1 when one is at none. */
function scaleOf(values: Float64Array): number {
  let scale = 0
  for (let at = 0; at < values.length; at++) {
    while (Number.isNaN(wholeAt(values[at] as number, POWERS[scale] as number))) {
      if (++scale > SCALE_MAX) return -1
    }
  }
  return scale
}

/** The whole number that gives back exactly this double when divided by the power; NaN when there is none. */
function wholeAt(value: number, power: number): number {
  const whole = Math.round(value * power)
  const exact = whole / power === value && whole <= DELTA_VALUE_MAX && whole >= -DELTA_VALUE_MAX
  // -0 equals 0 but is another double, which no whole number gives.
  return exact && (whole !== 0 || Object.is(value, 0)) ? whole : NaN
}
