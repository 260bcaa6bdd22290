/** Strings and JSON values as bytes. Pure. */
import type { Packer, Unpacker } from "../../lib/packing.ts"
import type { Json } from "../frame.ts"
import { jsonText, parseJson } from "../json.ts"
import { packDeltas, packRun, unpackDeltas, unpackRun } from "./runs.ts"

const PLAIN = 0
const DICTIONARY = 1
const AS_JSON = 2

/** Packs strings one after another, or each different one once when they repeat. */
export function packStrings(packer: Packer, values: string[]): void {
  // UTF-8 cannot hold a lone surrogate, JSON's escapes can.
  if (!values.every((value) => value.isWellFormed())) {
    packer.byte(AS_JSON)
    packJson(packer, values)
    return
  }
  const places = new Map<string, number>()
  for (const value of values) if (!places.has(value)) places.set(value, places.size)
  if (places.size * 2 > values.length) {
    packer.byte(PLAIN)
    packList(packer, values)
    return
  }
  packer.byte(DICTIONARY)
  packer.varint(places.size)
  packList(packer, [...places.keys()])
  packDeltas(
    packer,
    Float64Array.from(values, (value) => places.get(value) ?? 0),
  )
}

/** Reads `count` strings. Throws Error for an unknown encoding. */
export function unpackStrings(unpacker: Unpacker, count: number): string[] {
  const encoding = unpacker.byte()
  if (encoding === AS_JSON) return unpackJson(unpacker) as string[]
  if (encoding === PLAIN) return unpackList(unpacker, count)
  if (encoding !== DICTIONARY) throw new Error(`strings have the unknown encoding ${encoding}`)
  const words = unpackList(unpacker, unpacker.varint())
  return Array.from(unpackDeltas(unpacker, count), (place) => words[place] as string)
}

/** One text for all: a coder call per string costs more than the string. */
function packList(packer: Packer, values: string[]): void {
  packRun(
    packer,
    Float64Array.from(values, (value) => value.length),
  )
  packer.text(values.join(""))
}

function unpackList(unpacker: Unpacker, count: number): string[] {
  const lengths = unpackRun(unpacker, count)
  const text = unpacker.text()
  let at = 0
  return Array.from(lengths, (length) => text.slice(at, (at += length)))
}

export function packJson(packer: Packer, values: Json[]): void {
  packer.text(jsonText(values))
}

export function unpackJson(unpacker: Unpacker): Json[] {
  return parseJson(unpacker.text()) as Json[]
}
