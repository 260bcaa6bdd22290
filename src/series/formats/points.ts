/** Lines of line protocol as the columns of their series. Pure. */
import { IMPORT_BATCH_CELLS, SERIES_MAX_COLUMNS } from "../../protocol/limits.ts"
import { unitOf, type Frame, type Json } from "../frame.ts"
import { columnOf, kindOf } from "../kinds.ts"
import { shorten } from "./batch.ts"
import { findBare, nameText } from "./escapes.ts"
import { readTimestamp, type Precision } from "./precision.ts"
import { readAddress, type Address } from "./tags.ts"
import { readValue, type Value } from "./values.ts"

/** The rows of one series, in the order of the lines. */
export interface SeriesRows extends Address {
  frame: Frame
}

interface Field {
  name: string
  /** The name as a line wrote it. */
  written: string
  mask: number
  /** As long as up to the last row that has the field. */
  cells: Json[]
  /** The last line that named it. */
  line: number
}

interface Series extends Address {
  stamps: number[]
  fields: Map<string, Field>
  /** The same, in the order in which they were first seen: nearly always that of every line. */
  order: Field[]
}

export const NO_ROOM = Symbol("no room")

/** Gathers points by series. A line counts as a whole or not at all. */
export class PointGatherer {
  readonly #precision: Precision
  readonly #now: number
  /** Series by how a line wrote measurement and tags; several may be the same. */
  #heads = new Map<string, Series>()
  #series = new Map<string, Series>()
  #line = 0
  /** Of the line that is read. */
  #fields: Field[] = []
  #values: Value[] = []
  /** Rows times fields of every series, absent ones too. */
  #cells = 0

  /** @param now stamp in microseconds of lines that have none */
  constructor(precision: Precision, now: number) {
    this.#precision = precision
    this.#now = now
  }

  /**
   * Adds a line that is no comment. Answers what is wrong with it, as the end of a sentence, or null; NO_ROOM when it
   * has to come again after `take`.
   */
  add(text: string): string | typeof NO_ROOM | null {
    const start = skipSpaces(text, 0)
    const space = findBare(text, " ", start)
    if (space < 0) return "has no fields"
    const head = text.slice(start, space)
    const series = this.#heads.get(head) ?? this.#open(head)
    if (typeof series === "string") return series
    const end = this.#readFields(series, text, skipSpaces(text, space))
    if (typeof end === "string") return end
    const rest = text.slice(end).trim()
    const stamp = rest === "" ? this.#now : readTimestamp(rest, this.#precision)
    if (typeof stamp === "string") return stamp
    // Before the fields that are new get their cells in all the rows before.
    if (this.#cells > IMPORT_BATCH_CELLS) return NO_ROOM
    this.#keep(series, stamp)
    return null
  }

  /** The series so far; then it begins anew. */
  take(): SeriesRows[] {
    const series = [...this.#series.values()].filter(({ stamps }) => stamps.length > 0)
    this.#heads = new Map()
    this.#series = new Map()
    this.#cells = 0
    return series.map(toRows)
  }

  #open(head: string): Series | string {
    const address = readAddress(head)
    if (typeof address === "string") return address
    // No newline can be in a head.
    const key = `${address.reference}\n${address.symbol}`
    let series = this.#series.get(key)
    if (!series) {
      series = { ...address, stamps: [], fields: new Map(), order: [] }
      this.#series.set(key, series)
    }
    this.#heads.set(head, series)
    return series
  }

  /** Answers where the fields end, or what is wrong with them. */
  #readFields(series: Series, text: string, from: number): number | string {
    this.#line++
    this.#fields.length = 0
    this.#values.length = 0
    for (let at = from; ; at++) {
      const next = series.order[this.#fields.length]
      const equals = next && isNamed(next, text, at) ? at + next.written.length : -1
      const end = equals < 0 ? findBare(text, "=", at) : equals
      if (end < 0) return at < text.length ? withoutValue(text.slice(at)) : "has no fields"
      const field = equals < 0 ? this.#fieldOf(series, text.slice(at, end)) : (next as Field)
      if (typeof field === "string") return field
      if (field.line === this.#line) return `has the field ${quote(field.name)} twice`
      field.line = this.#line
      const value = readValue(text, end + 1)
      if (typeof value === "string") return `has the field ${quote(field.name)} ${value}`
      this.#fields.push(field)
      this.#values.push(value)
      at = value.end
      if (text.charCodeAt(at) !== 0x2c) return at
    }
  }

  #fieldOf(series: Series, written: string): Field | string {
    if (findBare(written, ",", 0) >= 0 || findBare(written, " ", 0) >= 0) {
      return withoutValue(written)
    }
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
    this.#cells += series.stamps.length
    return field
  }

  #keep(series: Series, stamp: number): void {
    const row = series.stamps.length
    series.stamps.push(stamp)
    this.#cells += series.order.length
    for (let at = 0; at < this.#fields.length; at++) {
      const field = this.#fields[at] as Field
      const { value, mask } = this.#values[at] as Value
      while (field.cells.length < row) field.cells.push(null)
      field.cells.push(value)
      field.mask |= mask
    }
  }
}

/** InfluxDB's timestamps are UTC. Fields that only bad lines had are left out. */
function toRows({ reference, symbol, stamps, order }: Series): SeriesRows {
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
function isNamed({ written }: Field, text: string, at: number): boolean {
  return text.charCodeAt(at + written.length) === 0x3d && text.startsWith(written, at)
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09) at++
  return at
}

function withoutValue(written: string): string {
  const bare = written.split(/[ ,]/)[0] ?? ""
  return `has the field ${quote(bare)} without a value`
}

function quote(text: string): string {
  return JSON.stringify(shorten(text))
}
