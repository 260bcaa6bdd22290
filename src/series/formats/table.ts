/** Points of one series, field by field, until they are a frame. Pure. */
import { SERIES_MAX_COLUMNS } from "../../protocol/limits.ts"
import { unitOf, type Frame, type Json } from "../frame.ts"
import { columnOf, kindOf } from "../kinds.ts"
import { shorten } from "../../lines/bad.ts"
import { findBare, nameText } from "./escapes.ts"
import type { Address } from "./tags.ts"
import type { Value } from "./values.ts"

/** The rows of one series, in the order of the lines. */
export interface SeriesRows extends Address {
  frame: Frame
}

export interface Field {
  name: string
  /** The name as a line wrote it. */
  written: string
  mask: number
  /** As long as up to the last row that has the field. */
  cells: Json[]
  /** The last line that named it. */
  line: number
}

export interface Series extends Address {
  stamps: number[]
  fields: Map<string, Field>
  /** The same, in the order in which they were first seen: nearly always that of every line. */
  order: Field[]
}

/** The field of a name as a line wrote it, made where it is new; or what is wrong with it. */
export function fieldOf(series: Series, written: string): Field | string {
  if (findBare(written, ",", 0) >= 0 || findBare(written, " ", 0) >= 0) return withoutValue(written)
  const name = nameText(written)
  if (name === "") return "has a field without a name"
  const known = series.fields.get(name)
  if (known) return known
  if (series.order.length === SERIES_MAX_COLUMNS) {
    return `has the field ${quote(name)}, one more than the ${SERIES_MAX_COLUMNS} of a series`
  }
  const field: Field = { name, written, mask: 0, cells: [], line: 0 }
  series.fields.set(name, field)
  series.order.push(field)
  return field
}

/** Adds a row. */
export function keep(
  { stamps }: Series,
  stamp: number,
  fields: readonly Field[],
  values: readonly Value[],
): void {
  const row = stamps.push(stamp) - 1
  for (let at = 0; at < fields.length; at++) {
    const field = fields[at] as Field
    const { value, mask } = values[at] as Value
    while (field.cells.length < row) field.cells.push(null)
    field.cells.push(value)
    field.mask |= mask
  }
}

/** InfluxDB's timestamps are UTC. Fields that only bad lines had are left out. */
export function toRows({ reference, symbol, stamps, order }: Series): SeriesRows {
  const index = Float64Array.from(stamps)
  const columns = order
    .filter(({ cells }) => cells.length > 0)
    .map(({ name, mask, cells }) => {
      while (cells.length < stamps.length) cells.push(null)
      return columnOf(name, kindOf(mask), cells)
    })
  return { reference, symbol, frame: { index, kind: "utc", unit: unitOf(index, "utc"), columns } }
}

/** Whether the field stands there, with its equals sign. */
export function isNamed({ written }: Field, text: string, at: number): boolean {
  return text.charCodeAt(at + written.length) === 0x3d && text.startsWith(written, at)
}

/** What is wrong where no equals sign follows a name. */
export function withoutValue(written: string): string {
  const bare = written.split(/[ ,]/)[0] ?? ""
  return `has the field ${quote(bare)} without a value`
}

/** A name as a message shows it. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text))
}
