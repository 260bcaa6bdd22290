/**
 * The orients read straight from the bytes, column by column, without the text and the tree of a JSON parser: several
 * times as fast. It takes frames in the forms that pandas writes; all else, and all that is wrong, it leaves to the
 * readers that know every form and every refusal. Pure.
 */
import { JsonBytes } from "../../lib/json-bytes.ts"
import { SERIES_MAX_CELLS } from "../../protocol/limits.ts"
import type { Orient } from "../../protocol/orients.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Frame } from "../frame.ts"
import { parseJson } from "../json.ts"
import { integerLabels, readLabels, readNumbers, type Labels } from "../labels.ts"
import { Builder } from "./builder.ts"
import { Keys } from "./keys.ts"
import { frameWith, readNames } from "./sheet.ts"

/** The same frame as the other readers make; null when it is for them to make it, or to refuse. */
export function readQuickly(bytes: Uint8Array, orient: Orient): Frame | null {
  const read = READERS[orient]
  try {
    return read ? frameOf(read, new JsonBytes(bytes)) : null
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Problem) return null
    throw error
  }
}

interface Table {
  names: string[]
  columns: Builder[]
  /** Absent: rows are numbered. */
  labels?: Labels | null
}

const READERS: Partial<Record<Orient, (json: JsonBytes) => Table>> = {
  columns: readColumns,
  index: readIndex,
  split: readSplit,
  records: readRecords,
  values: readValues,
}

function frameOf(read: (json: JsonBytes) => Table, json: JsonBytes): Frame {
  const { names, columns, labels } = read(json)
  json.end()
  const rows = columns[0]?.rows ?? 0
  if (rows === 0 || names.length !== columns.length) leave()
  const index = labels === undefined ? integerLabels(rows) : (labels ?? leave())
  if (index.index.length !== rows) leave()
  return frameWith(
    index,
    columns.map((column, at) => column.column(names[at] as string)),
  )
}

function readSplit(json: JsonBytes): Table {
  let names: string[] | undefined
  let labels: Labels | null | undefined
  let table: Table | undefined
  for (let more = json.openObject(); more; more = json.moreOfObject()) {
    const part = json.name()
    if (part === "columns" && !names) names = readColumnNames(json)
    else if (part === "index" && labels === undefined) labels = readStamps(json)
    else if (part === "data" && !table) table = readValues(json)
    else leave()
  }
  const { names: numbers, columns } = table ?? leave()
  return { names: names ?? numbers, columns, ...(labels === undefined ? {} : { labels }) }
}

function readColumnNames(json: JsonBytes): string[] {
  const names = parseJson(json.text())
  return Array.isArray(names) ? readNames(names, "columns") : leave()
}

function readStamps(json: JsonBytes): Labels | null {
  if (json.isListOfStrings()) {
    const labels = parseJson(json.text())
    return Array.isArray(labels) ? readLabels(labels) : null
  }
  const stamps = new Builder()
  for (let more = json.openList(); more; more = json.moreOfList()) stamps.read(json)
  return stamps.numbers && readNumbers(stamps.numbers)
}

function readValues(json: JsonBytes): Table {
  const columns: Builder[] = []
  let rows = 0
  for (let more = json.openList(); more; more = json.moreOfList()) {
    let width = 0
    for (let cells = json.openList(); cells; cells = json.moreOfList()) {
      columnAt(columns, width++, rows).read(json)
    }
    checkRow(++rows, width, columns)
  }
  return { names: columns.map((_, at) => String(at)), columns }
}

function readRecords(json: JsonBytes): Table {
  const members = new Members()
  for (let more = json.openList(); more; more = json.moreOfList()) members.read(json)
  return members
}

function readIndex(json: JsonBytes): Table {
  const keys = new Keys()
  const members = new Members()
  for (let more = json.openObject(); more; more = json.moreOfObject()) {
    keys.read(json)
    members.read(json)
  }
  return { names: members.names, columns: members.columns, labels: keys.labels() }
}

function readColumns(json: JsonBytes): Table {
  const keys = new Keys()
  const names: string[] = []
  const columns: Builder[] = []
  for (let more = json.openObject(); more; more = json.moreOfObject()) {
    names.push(json.name())
    const column = columnAt(columns, columns.length, 0)
    for (let cells = json.openObject(); cells; cells = json.moreOfObject()) {
      if (columns.length === 1) keys.read(json)
      else if (!keys.repeat(json, column.rows)) leave()
      column.read(json)
    }
    checkRow(keys.count, columns.length, columns)
  }
  checkOrder(names)
  return { names, columns, labels: keys.labels() }
}

/** The columns of rows that are objects, all with the same members in the same order. */
class Members implements Table {
  readonly names: string[] = []
  readonly columns: Builder[] = []
  /** Where each name begins, and where its value does. */
  readonly #places: number[] = []
  #rows = 0

  read(json: JsonBytes): void {
    let width = 0
    for (let more = json.openObject(); more; more = json.moreOfObject()) {
      if (this.#rows === 0) this.#learn(json)
      else if (!this.#repeat(json, width)) leave()
      columnAt(this.columns, width++, this.#rows).read(json)
    }
    if (this.#rows === 0) checkOrder(this.names)
    checkRow(++this.#rows, width, this.columns)
  }

  #learn(json: JsonBytes): void {
    if (!json.isString()) leave()
    const start = json.at
    this.names.push(json.name())
    this.#places.push(start, json.at)
  }

  #repeat(json: JsonBytes, place: number): boolean {
    if (place >= this.names.length) return false
    return json.same(this.#places[place * 2] as number, this.#places[place * 2 + 1] as number)
  }
}

/** The column of a place, which the first row makes. */
function columnAt(columns: Builder[], place: number, row: number): Builder {
  if (row === 0) columns.push(new Builder())
  return columns[place] ?? leave()
}

/** All rows have as many values as the first, and there are not too many of them. */
function checkRow(rows: number, width: number, columns: Builder[]): void {
  if (width !== columns.length || columns.at(-1)?.rows !== rows) leave()
  if (rows * width > SERIES_MAX_CELLS) leave()
}

const NUMERAL = /^(?:0|[1-9]\d*)$/

/** Objects have members that are numerals first, in the order of their values, and none of them twice. */
function checkOrder(names: readonly string[]): void {
  const isNumeral = names.map((name) => NUMERAL.test(name))
  const isOrdered = names.every((name, at) => at === 0 || Number(names[at - 1]) < Number(name))
  if (isNumeral.includes(true) && (isNumeral.includes(false) || !isOrdered)) leave()
  if (new Set(names).size < names.length) leave()
}

function leave(): never {
  throw new SyntaxError("not one of the forms that are read here")
}
