/** Integers of up to 64 bits as bytes: differences, as doubles where they fit and as bigints beyond. Pure. */
import type { Packer, Unpacker } from "../../lib/packing.ts"
import { DELTA_VALUE_MAX, packDeltas, unpackDeltas } from "./runs.ts"

const DELTAS = 0
const BIG_DELTAS = 1

export function packIntegers(packer: Packer, values: (number | bigint)[]): void {
  const small = smallOf(values)
  if (small) {
    packer.byte(DELTAS)
    packDeltas(packer, small)
    return
  }
  packer.byte(BIG_DELTAS)
  let before = 0n
  for (const value of values) {
    // Cut to 64 bits, a difference wraps round, and wraps back when it is added again.
    const delta = BigInt.asIntN(64, BigInt(value) - before)
    packer.bigVarint(BigInt.asUintN(64, (delta << 1n) ^ (delta >> 63n)))
    before = BigInt(value)
  }
}

/** Reads `count` integers, numbers where they are safe. Throws Error for an unknown encoding. */
export function unpackIntegers(unpacker: Unpacker, count: number): (number | bigint)[] {
  const encoding = unpacker.byte()
  if (encoding === DELTAS) return numbersOf(unpackDeltas(unpacker, count))
  if (encoding !== BIG_DELTAS) throw new Error(`integers have the unknown encoding ${encoding}`)
  let before = 0n
  return Array.from({ length: count }, () => {
    const token = unpacker.bigVarint()
    before = BigInt.asIntN(64, before + ((token >> 1n) ^ -(token & 1n)))
    const number = Number(before)
    return Number.isSafeInteger(number) ? number : before
  })
}

/** `Array.from` goes through an iterator, which took as long as all the rest of opening a chunk. */
function numbersOf(values: Float64Array): number[] {
  const numbers: number[] = []
  for (let at = 0; at < values.length; at++) numbers.push(values[at] as number)
  return numbers
}

/** The integers as doubles, which a loop makes ten times as fast as `from`; null where one is beyond DELTA_VALUE_MAX. */
function smallOf(values: readonly (number | bigint)[]): Float64Array | null {
  const small = new Float64Array(values.length)
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number | bigint
    if (typeof value !== "number" || !(Math.abs(value) <= DELTA_VALUE_MAX)) return null
    small[at] = value
  }
  return small
}
