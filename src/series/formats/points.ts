/** Lines of line protocol as points of their series. Pure. */
import { IMPORT_BATCH_CELLS } from "../../protocol/limits.ts"
import { findBare } from "./escapes.ts"
import { readTimestamp, type Precision } from "./precision.ts"
import {
  fieldOf,
  isNamed,
  keep,
  quote,
  toRows,
  withoutValue,
  type Field,
  type Series,
  type SeriesRows,
} from "./table.ts"
import { readAddress } from "./tags.ts"
import { readValue, type Value } from "./values.ts"

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
    const before = series.order.length
    const end = this.#readFields(series, text, skipSpaces(text, space))
    this.#cells += (series.order.length - before) * series.stamps.length
    if (typeof end === "string") return end
    const rest = text.slice(end).trim()
    const stamp = rest === "" ? this.#now : readTimestamp(rest, this.#precision)
    if (typeof stamp === "string") return stamp
    // Before the fields that are new get their cells in all the rows before.
    if (this.#cells > IMPORT_BATCH_CELLS) return NO_ROOM
    this.#cells += series.order.length
    keep(series, stamp, this.#fields, this.#values)
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
      if (end < 0) return text.length === from ? "has no fields" : withoutValue(text.slice(at))
      const field = equals < 0 ? fieldOf(series, text.slice(at, end)) : (next as Field)
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
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09) at++
  return at
}
