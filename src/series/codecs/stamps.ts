/**
 * An index as bytes: the differences of the differences, counted in the largest step that divides them all.
 * Regular times take some twenty bytes whatever their number; a day left out takes two more. Pure.
 */
import type { Packer, Unpacker } from "../../lib/packing.ts"
import { packRun, RUN_MAX, unpackRun } from "./runs.ts"

const RAW = 0
const STEPS = 1

export function packStamps(packer: Packer, index: Float64Array): void {
  const deltas = new Float64Array(Math.max(0, index.length - 1))
  let least = index[0] ?? 0
  let most = least
  for (let at = 0; at < deltas.length; at++) {
    const stamp = index[at + 1] as number
    deltas[at] = stamp - (index[at] as number)
    if (stamp < least) least = stamp
    if (stamp > most) most = stamp
  }
  // Within half of the span that RUN_MAX allows, no difference of differences leaves what is exact.
  if (most - least > RUN_MAX / 2) {
    packer.byte(RAW)
    for (const stamp of index) packer.float64(stamp)
    return
  }
  packer.byte(STEPS)
  if (index.length > 0) packer.float64(index[0] as number)
  const step = divisorOf(deltas) || 1
  packer.varint(step)
  let before = 0
  for (let at = 0; at < deltas.length; at++) {
    const delta = (deltas[at] as number) / step
    deltas[at] = delta - before
    before = delta
  }
  packRun(packer, deltas)
}

/** Reads `count` stamps. Throws Error for an unknown encoding. */
export function unpackStamps(unpacker: Unpacker, count: number): Float64Array {
  const index = new Float64Array(count)
  const encoding = unpacker.byte()
  if (encoding === RAW) {
    for (let at = 0; at < count; at++) index[at] = unpacker.float64()
    return index
  }
  if (encoding !== STEPS) throw new Error(`stamps have the unknown encoding ${encoding}`)
  let stamp = count > 0 ? unpacker.float64() : 0
  if (count > 0) index[0] = stamp
  const step = unpacker.varint()
  const changes = unpackRun(unpacker, Math.max(0, count - 1))
  let delta = 0
  for (let at = 1; at < count; at++) {
    delta += (changes[at - 1] as number) * step
    stamp += delta
    index[at] = stamp
  }
  return index
}

function divisorOf(deltas: Float64Array): number {
  let common = 0
  let before = 0
  for (let at = 0; at < deltas.length; at++) {
    const delta = deltas[at] as number
    // Nearly all are the same.
    if (delta !== before) common = divisor(common, delta)
    before = delta
  }
  return common
}

/** Greatest common divisor of a positive or zero and any whole number. */
function divisor(one: number, other: number): number {
  let high = Math.abs(other)
  let low = one
  while (low !== 0) {
    const rest = high % low
    high = low
    low = rest
  }
  return high
}
