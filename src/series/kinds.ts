/** What a column's values are, as sets of bits, so that two columns join without looking at a value. Pure. */
import type { Column, ColumnKind, Json } from "./frame.ts"

/**
 * The bits of what a column has ever held. SQL joins them with `|` inside the batch, where a write cannot read
 * first; that is why a kind is not simply a name. INEXACT: integers that no double has.
 */
export const BOOLEAN = 1
export const INTEGER = 2
export const INEXACT = 4
export const FLOAT = 8
export const STRING = 16
export const JSON_VALUE = 32

const INTEGER_MAX = Number.MAX_SAFE_INTEGER

/** A column as a series remembers it. */
export interface ColumnShape {
  name: string
  mask: number
}

/** The narrowest kind that keeps every value of the mask exactly. */
export function kindOf(mask: number): ColumnKind {
  if (mask === 0) return "null"
  if (mask === BOOLEAN) return "boolean"
  if (mask === STRING) return "string"
  if ((mask & ~(INTEGER | INEXACT)) === 0) return "int64"
  return (mask & ~(INTEGER | FLOAT)) === 0 ? "float64" : "json"
}

const MASKS: Record<ColumnKind, number> = {
  null: 0,
  boolean: BOOLEAN,
  int64: INTEGER,
  float64: FLOAT,
  string: STRING,
  json: JSON_VALUE,
}

/** The bits of one value; none for null. */
export function bitsOf(value: Json): number {
  switch (typeof value) {
    case "number":
      return isInteger(value) ? INTEGER : FLOAT
    case "bigint":
      return isInexact(value) ? INTEGER | INEXACT : INTEGER
    case "string":
      return STRING
    case "boolean":
      return BOOLEAN
    default:
      return value === null ? 0 : JSON_VALUE
  }
}

/** Whether a number is an integer rather than a double. Not by `Number.isSafeInteger`: measurably slower. */
export function isInteger(value: number): boolean {
  return Math.floor(value) === value && Math.abs(value) <= INTEGER_MAX && !Object.is(value, -0)
}

/** The bits of a column. */
export function maskOf(column: Column): number {
  return column.kind === "int64" ? maskOfKind(column.kind, column.values) : MASKS[column.kind]
}

/** The bits of a kind; of integers, these values tell whether doubles will do. */
export function maskOfKind(kind: ColumnKind, values: readonly Json[]): number {
  return kind === "int64" && values.some(isInexact) ? MASKS[kind] | INEXACT : MASKS[kind]
}

/** An integer that no double has. */
export function isInexact(value: unknown): value is bigint {
  return typeof value === "bigint" && BigInt(Number(value)) !== value
}

/** A column of a wider kind with the same values; which kind is wide enough, `kindOf` says. */
export function widen(column: Column, kind: ColumnKind): Column {
  return column.kind === kind ? column : columnOf(column.name, kind, column.values)
}

/** A column of one kind from values that fit it; NaN and null are null. */
export function columnOf(name: string, kind: ColumnKind, cells: ArrayLike<Json>): Column {
  if (kind === "float64") {
    const values = new Float64Array(cells.length)
    for (let row = 0; row < values.length; row++) {
      const value = cells[row] ?? null
      values[row] = value === null ? NaN : Number(value)
    }
    return { name, kind, values }
  }
  const values = Array.from(cells, (value) =>
    typeof value === "number" && Number.isNaN(value) ? null : value,
  )
  return { name, kind, values } as Column
}
