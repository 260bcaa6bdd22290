/**
 * A frame as the text of a chunk, and back. Pure.
 *
 *   "TMS" version | rows, index kind, unit, index | columns, each: name, kind, length, values | CRC-32 of all before
 *
 * Base64, because D1 hands BLOBs over as lists of numbers. Old versions must stay readable for ever: add, never
 * change.
 */
import { fromBase64, toBase64 } from "../lib/base64.ts"
import { crc32 } from "../lib/crc32.ts"
import { Packer, Unpacker } from "../lib/packing.ts"
import { packColumn, unpackColumn } from "./codecs/column.ts"
import { packStamps, unpackStamps } from "./codecs/stamps.ts"
import type { Column, Frame, IndexKind, Unit } from "./frame.ts"

const MAGIC = "TMS"
const VERSION = 1
const HEADER_BYTES = 4
const CHECKSUM_BYTES = 4

/** Places in these lists are what is stored: only ever append. */
const INDEX_KINDS: readonly IndexKind[] = ["naive", "utc", "integer"]
const UNITS: readonly Unit[] = ["ms", "us"]

/** The text of a frame; of doubles, NaN is stored as null. */
export function encodeChunk({ index, kind, unit, columns }: Frame): string {
  const packer = new Packer(index.length * columns.length * 2 + 64)
  for (const character of MAGIC) packer.byte(character.charCodeAt(0))
  packer.byte(VERSION)
  packer.varint(index.length)
  packer.byte(INDEX_KINDS.indexOf(kind))
  packer.byte(UNITS.indexOf(unit))
  packStamps(packer, index)
  packer.varint(columns.length)
  for (const column of columns) packColumn(packer, column)
  packer.uint32(crc32(packer.done()))
  return toBase64(packer.done())
}

/**
 * The frame in a text. Throws Error saying what is wrong with it: never a frame with other values.
 * @param wanted the names of the columns to open; all when absent
 */
export function decodeChunk(text: string, wanted?: ReadonlySet<string>): Frame {
  const bytes = checked(text)
  const unpacker = new Unpacker(bytes)
  const rows = unpacker.varint()
  const kind = INDEX_KINDS[unpacker.byte()]
  const unit = UNITS[unpacker.byte()]
  if (kind === undefined || unit === undefined) throw new Error("its index is of an unknown kind")
  const index = unpackStamps(unpacker, rows)
  const count = unpacker.varint()
  const columns: Column[] = []
  for (let at = 0; at < count; at++) {
    const column = unpackColumn(unpacker, rows, wanted)
    if (column) columns.push(column)
  }
  if (unpacker.left > 0) throw new Error(`it has ${unpacker.left} bytes too many`)
  return { index, kind, unit, columns }
}

/** The bytes between header and checksum, when both are right. */
function checked(text: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = fromBase64(text)
  } catch {
    throw new Error("it is not base64")
  }
  if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES) {
    throw new Error(`it has ${bytes.length} bytes, fewer than the smallest chunk`)
  }
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length))
  if (magic !== MAGIC) throw new Error(`it begins with ${JSON.stringify(magic)}, not "${MAGIC}"`)
  const version = bytes[MAGIC.length] as number
  if (version !== VERSION) throw new Error(`it has version ${version}, known is ${VERSION}`)
  const end = bytes.length - CHECKSUM_BYTES
  const wanted = new Unpacker(bytes.subarray(end)).uint32()
  const found = crc32(bytes.subarray(0, end))
  if (found !== wanted) throw new Error(`its checksum is ${found}, should be ${wanted}`)
  return bytes.subarray(HEADER_BYTES, end)
}
