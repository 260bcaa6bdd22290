/** A table in memory: a time index and named columns beside it. Pure. */

/** "utc": the stamps came with a zone, and are UTC now. "integer": no times, whole numbers. */
export type IndexKind = "naive" | "utc" | "integer"

/** The finest step that the stamps need to be written exactly. */
export type Unit = "ms" | "us"

/** Stamps and integer labels stay inside what a double counts exactly. */
export const STAMP_MAX = Number.MAX_SAFE_INTEGER

/** A value of JSON. Integers beyond 2^53 are bigint, so that they keep their digits. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json }

/** NaN is null: JSON has no other use for it, and the values stay a typed array. */
export interface FloatColumn {
  name: string
  kind: "float64"
  values: Float64Array
}

/** Numbers where they are safe integers, bigint beyond. */
export interface IntegerColumn {
  name: string
  kind: "int64"
  values: (number | bigint | null)[]
}

export interface BooleanColumn {
  name: string
  kind: "boolean"
  values: (boolean | null)[]
}

export interface StringColumn {
  name: string
  kind: "string"
  values: (string | null)[]
}

/** Anything: nested values, or a mixture. */
export interface JsonColumn {
  name: string
  kind: "json"
  values: Json[]
}

/** Nothing but nulls so far. */
export interface NullColumn {
  name: string
  kind: "null"
  values: null[]
}

export type Column =
  | FloatColumn
  | IntegerColumn
  | BooleanColumn
  | StringColumn
  | JsonColumn
  | NullColumn

export type ColumnKind = Column["kind"]

export interface Frame {
  /** Microseconds since 1970 UTC (naive ones as if in UTC), or the labels of an integer index. */
  index: Float64Array
  kind: IndexKind
  unit: Unit
  /** The zone that a schema named for the stamps; they are UTC all the same. */
  zone?: string
  /** What a schema called the index, where that is not its plain name. */
  indexName?: string
  columns: Column[]
}

/** The value of a row as JSON has it. */
export function cell(column: Column, row: number): Json {
  const value = column.values[row] ?? null
  return typeof value === "number" && Number.isNaN(value) ? null : value
}

/** The finest step among the stamps. */
export function unitOf(index: Float64Array, kind: IndexKind): Unit {
  if (kind === "integer") return "ms"
  for (let row = 0; row < index.length; row++) {
    const stamp = index[row] as number
    // Dividing is exact where it matters, and `%` of doubles takes ten times as long.
    if (Math.floor(stamp / 1_000) * 1_000 !== stamp) return "us"
  }
  return "ms"
}

/** Rows `from` (inclusive) to `to` (exclusive). */
export function slice(frame: Frame, from: number, to: number): Frame {
  if (from === 0 && to === frame.index.length) return frame
  const columns = frame.columns.map((column) => sliceColumn(column, from, to))
  return { ...frame, index: frame.index.slice(from, to), columns }
}

/** The same, with stamps and doubles that are no copies: for who only reads them, as both frames share them. */
export function view(frame: Frame, from: number, to: number): Frame {
  const columns = frame.columns.map((column) =>
    column.kind === "float64"
      ? { ...column, values: column.values.subarray(from, to) }
      : sliceColumn(column, from, to),
  )
  return { ...frame, index: frame.index.subarray(from, to), columns }
}

/** The rows of a sorted frame whose stamps lie between two stamps, both inclusive. */
export function between(frame: Frame, first: number, last: number): Frame {
  const from = lowerBound(frame.index, first)
  return slice(frame, from, Math.max(from, lowerBound(frame.index, last + 1)))
}

/** The frame in the order of its stamps, each of them once; of rows with the same stamp the last counts. */
export function sorted(frame: Frame): Frame {
  const { index } = frame
  if (isIncreasing(index)) return frame
  const rows = new Uint32Array(index.length).map((_, row) => row)
  rows.sort((one, other) => (index[one] as number) - (index[other] as number) || one - other)
  const last = rows.filter((row, at) => index[row] !== index[rows[at + 1] ?? -1])
  const columns = frame.columns.map((column) => take(column, last))
  return { ...frame, index: Float64Array.from(last, (row) => index[row] as number), columns }
}

/** Where the first stamp that is not less than `stamp` stands, or would stand. */
export function lowerBound(index: Float64Array, stamp: number): number {
  let low = 0
  let high = index.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((index[middle] as number) < stamp) low = middle + 1
    else high = middle
  }
  return low
}

function isIncreasing(index: Float64Array): boolean {
  for (let row = 1; row < index.length; row++) {
    if ((index[row] as number) <= (index[row - 1] as number)) return false
  }
  return true
}

function sliceColumn(column: Column, from: number, to: number): Column {
  return { ...column, values: column.values.slice(from, to) } as Column
}

function take(column: Column, rows: Uint32Array): Column {
  const { values } = column
  if (column.kind === "float64") {
    return { ...column, values: Float64Array.from(rows, (row) => values[row] as number) }
  }
  return { ...column, values: Array.from(rows, (row) => values[row] ?? null) } as Column
}
