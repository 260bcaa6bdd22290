/** A column as bytes: name, kind, length, then where the nulls are and the values without them. Pure. */
import { Packer, Unpacker } from "../../lib/packing.ts"
import { ABSENT, DecimalColumn } from "../decimal.ts"
import type { Column, ColumnKind } from "../frame.ts"
import { packFloats, unpackFloats } from "./floats.ts"
import { packIntegers, unpackIntegers } from "./integers.ts"
import { packBits, unpackBits } from "./runs.ts"
import { packJson, packStrings, unpackJson, unpackStrings } from "./texts.ts"

/** The place in the list is what is stored: only ever append. */
const KINDS: readonly ColumnKind[] = ["null", "boolean", "int64", "float64", "string", "json"]

export function packColumn(packer: Packer, column: Column): void {
  packer.text(column.name)
  packer.byte(KINDS.indexOf(column.kind))
  const body = new Packer(column.values.length * 2 + 16)
  packValues(body, column)
  // With its length in front, a reader can pass over a column it does not need.
  packer.varint(body.length)
  packer.bytes(body.done())
}

/**
 * The column, or null for one that is not wanted, which is passed over.
 * Throws Error for bytes that are no column.
 */
export function unpackColumn(
  unpacker: Unpacker,
  rows: number,
  wanted?: ReadonlySet<string>,
): Column | null {
  const name = unpacker.text()
  const code = unpacker.byte()
  const kind = KINDS[code]
  if (kind === undefined) throw new Error(`column "${name}" has the unknown kind ${code}`)
  const bytes = unpacker.bytes(unpacker.varint())
  if (wanted?.has(name) === false) return null
  const body = new Unpacker(bytes)
  const column = unpackValues(name, kind, body, rows)
  if (body.left > 0 || lengthOf(column) !== rows) {
    throw new Error(`column "${name}" does not end where it says`)
  }
  return column
}

function lengthOf(column: Column): number {
  return column instanceof DecimalColumn ? column.decimals.wholes.length : column.values.length
}

function packValues(packer: Packer, column: Column): void {
  switch (column.kind) {
    case "null":
      return
    case "json":
      // Its nulls are among the values.
      return packJson(packer, column.values)
    case "float64":
      return packFloats(packer, packNumbers(packer, column.values))
    case "int64":
      return packIntegers(packer, packPresent(packer, column.values))
    case "boolean":
      return packBits(packer, Uint8Array.from(packPresent(packer, column.values), Number))
    case "string":
      return packStrings(packer, packPresent(packer, column.values))
  }
}

function unpackValues(name: string, kind: ColumnKind, unpacker: Unpacker, rows: number): Column {
  if (kind === "null") return { name, kind, values: Array.from({ length: rows }, () => null) }
  if (kind === "json") return { name, kind, values: unpackJson(unpacker) }
  const nulls = unpackNulls(unpacker, rows)
  const count = nulls ? rows - nulls.reduce((sum, bit) => sum + bit, 0) : rows
  switch (kind) {
    case "float64": {
      const found = unpackFloats(unpacker, count)
      if (found instanceof Float64Array) {
        return {
          name,
          kind,
          values: nulls ? spreadInto(new Float64Array(rows), found, nulls, NaN) : found,
        }
      }
      if (!nulls) return new DecimalColumn(name, found)
      const wholes = spreadInto(new Int32Array(rows), found.wholes, nulls, ABSENT)
      return new DecimalColumn(name, { ...found, wholes, hasNulls: true })
    }
    case "int64":
      return { name, kind, values: spread(unpackIntegers(unpacker, count), nulls, null) }
    case "boolean": {
      const values = Array.from(unpackBits(unpacker, count), Boolean)
      return { name, kind, values: spread(values, nulls, null) }
    }
    case "string":
      return { name, kind, values: spread(unpackStrings(unpacker, count), nulls, null) }
  }
}

/** Packs which values are null, and answers the others. */
function packPresent<Value>(packer: Packer, values: (Value | null)[]): Value[] {
  if (!values.includes(null)) {
    packer.byte(0)
    return values as Value[]
  }
  const nulls = new Uint8Array(values.length)
  for (let row = 0; row < nulls.length; row++) nulls[row] = values[row] === null ? 1 : 0
  packNulls(packer, nulls)
  return values.filter((value) => value !== null)
}

/** The same for doubles, whose null is NaN. */
function packNumbers(packer: Packer, values: Float64Array): Float64Array {
  let count = 0
  for (let row = 0; row < values.length; row++) if (values[row] === values[row]) count++
  if (count === values.length) {
    packer.byte(0)
    return values
  }
  const nulls = new Uint8Array(values.length)
  const present = new Float64Array(count)
  let at = 0
  for (let row = 0; row < nulls.length; row++) {
    const value = values[row] as number
    if (value !== value) nulls[row] = 1
    else present[at++] = value
  }
  packNulls(packer, nulls)
  return present
}

function packNulls(packer: Packer, nulls: Uint8Array): void {
  packer.byte(1)
  packBits(packer, nulls)
}

/** One where a value is null; null when none is. */
function unpackNulls(unpacker: Unpacker, rows: number): Uint8Array | null {
  const code = unpacker.byte()
  if (code > 1) throw new Error(`nulls have the unknown encoding ${code}`)
  return code === 1 ? unpackBits(unpacker, rows) : null
}

/** The same into an array for numbers, nulls and all. */
function spreadInto<Numbers extends Float64Array | Int32Array>(
  all: Numbers,
  values: Numbers,
  nulls: Uint8Array,
  absent: number,
): Numbers {
  let at = 0
  for (let row = 0; row < all.length; row++) {
    all[row] = nulls[row] === 1 ? absent : (values[at++] as number)
  }
  return all
}

/** The values with the nulls back between them. */
function spread<Value, Absent>(
  values: ArrayLike<Value>,
  nulls: Uint8Array | null,
  absent: Absent,
): (Value | Absent)[] {
  if (!nulls) return values as Value[]
  let at = 0
  return Array.from(nulls, (bit) => (bit === 1 ? absent : (values[at++] as Value)))
}
