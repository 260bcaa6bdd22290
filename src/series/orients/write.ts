/** Frames as the JSON that pandas writes, in pieces. Pure. */
import type { DateFormat } from "../../protocol/series.ts"
import type { Column, Frame } from "../frame.ts"
import { floatText, jsonText } from "../json.ts"
import { stampFormat } from "../stamp.ts"

/** Rows in a piece: large enough that joining costs nothing, small enough to be streamed. */
const PIECE_ROWS = 500

/** `{"<column>":{"<label>":value}}`. */
export function* writeColumns(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const keys = write(frame, dateFormat, "keys")
  yield "{"
  for (const [at, column] of frame.columns.entries()) {
    const text = texts(column)
    yield `${at > 0 ? "," : ""}${JSON.stringify(column.name)}:{`
    yield* rows(frame, (row) => `${keys[row]}:${text(row)}`)
    yield "}"
  }
  yield "}"
}

/** `{"<label>":{"<column>":value}}`. */
export function* writeIndex(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const keys = write(frame, dateFormat, "keys")
  const record = records(frame.columns)
  yield "{"
  yield* rows(frame, (row) => `${keys[row]}:{${record(row)}}`)
  yield "}"
}

/** `{"columns":[…],"index":[…],"data":[[value]]}`. */
export function* writeSplit(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const labels = write(frame, dateFormat, "labels")
  yield `{"columns":${JSON.stringify(frame.columns.map((column) => column.name))},"index":[`
  yield* rows(frame, (row) => labels[row] ?? "")
  yield `],"data":[`
  yield* rows(frame, lists(frame.columns))
  yield "]}"
}

/** `[{"<column>":value}]`; the index is left out. */
export function* writeRecords(frame: Frame): Generator<string> {
  const record = records(frame.columns)
  yield "["
  yield* rows(frame, (row) => `{${record(row)}}`)
  yield "]"
}

/** `[[value]]`; index and names are left out. */
export function* writeValues(frame: Frame): Generator<string> {
  yield "["
  yield* rows(frame, lists(frame.columns))
  yield "]"
}

const TYPES: Record<Column["kind"], string> = {
  int64: "integer",
  float64: "number",
  boolean: "boolean",
  string: "string",
  json: "any",
  null: "any",
}

/** `{"schema":{…},"data":[{"index":label,"<column>":value}]}`; times are ISO always. */
export function* writeTable(frame: Frame): Generator<string> {
  const labels = write(frame, "iso", "labels")
  const name = indexName(frame.columns)
  const fields = [
    { name, ...INDEX_TYPES[frame.kind] },
    ...frame.columns.map((column) => ({ name: column.name, type: TYPES[column.kind] })),
  ]
  yield JSON.stringify({ schema: { fields, primaryKey: [name], pandas_version: "1.4.0" } }).slice(
    0,
    -1,
  )
  yield `,"data":[`
  const record = records(frame.columns)
  const comma = frame.columns.length > 0 ? "," : ""
  yield* rows(frame, (row) => `{${JSON.stringify(name)}:${labels[row]}${comma}${record(row)}}`)
  yield "]}"
}

const INDEX_TYPES = {
  naive: { type: "datetime" },
  utc: { type: "datetime", tz: "UTC" },
  integer: { type: "integer" },
} as const

/** "index", unless a column has that name already; pandas says level_0 then. */
function indexName(columns: Column[]): string {
  const taken = new Set(columns.map((column) => column.name))
  let name = "index"
  for (let level = 0; taken.has(name); level++) name = `level_${level}`
  return name
}

/** The index as JSON values, or as keys: those need quotes, which numbers do not have. */
function write(
  { index, kind, unit }: Frame,
  dateFormat: DateFormat,
  use: "labels" | "keys",
): string[] {
  const format = stampFormat(kind, unit, dateFormat)
  const isNumber = kind === "integer" || dateFormat === "epoch"
  if (use === "labels" && isNumber) return Array.from(index, (stamp) => format(stamp))
  return Array.from(index, (stamp) => `"${format(stamp)}"`)
}

function* rows({ index }: Frame, text: (row: number) => string): Generator<string> {
  for (let from = 0; from < index.length; from += PIECE_ROWS) {
    const to = Math.min(index.length, from + PIECE_ROWS)
    let piece = from > 0 ? "," : ""
    for (let row = from; row < to; row++) piece += row > from ? `,${text(row)}` : text(row)
    yield piece
  }
}

function lists(columns: Column[]): (row: number) => string {
  const cells = columns.map(texts)
  // Not map and join: they cost as much as the numbers.
  return (row) => {
    let list = "["
    for (let at = 0; at < cells.length; at++) {
      list += at > 0 ? `,${(cells[at] as (row: number) => string)(row)}` : cells[at]?.(row)
    }
    return `${list}]`
  }
}

function records(columns: Column[]): (row: number) => string {
  const cells = columns.map(texts)
  const names = columns.map((column) => `${JSON.stringify(column.name)}:`)
  return (row) =>
    names.map((name, at) => name + (cells[at] as (row: number) => string)(row)).join(",")
}

/** The function that writes a column's value in a row. */
function texts(column: Column): (row: number) => string {
  switch (column.kind) {
    case "float64":
      return (row) => floatText(column.values[row] as number)
    case "string":
      return (row) => JSON.stringify(column.values[row] ?? null)
    case "json":
      return (row) => jsonText(column.values[row] ?? null)
    default:
      return (row) => String(column.values[row] ?? null)
  }
}
