/** Frames as the JSON that pandas writes, in pieces. Pure. */
import type { DateFormat } from "../../protocol/orients.ts"
import type { Column, Frame } from "../frame.ts"
import { floatText, jsonText } from "../json.ts"
import { stampFormat } from "../stamp.ts"

/** Rows in a piece: large enough that joining costs nothing, small enough to be streamed. */
const PIECE_ROWS = 500

/** The label of a row as a JSON value; as a key it needs quotes, which numbers do not have yet. */
interface Written {
  label: (row: number) => string
  key: (row: number) => string
}

/** Labels of more rows are made anew for every column: a million of them kept would be most of a Worker's memory. */
const KEPT_ROWS = 200_000

/** `{"<column>":{"<label>":value}}`. */
export function* writeColumns(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const { key } = write(frame, dateFormat)
  yield "{"
  for (const [at, column] of frame.columns.entries()) {
    const text = texts(column)
    yield `${at > 0 ? "," : ""}${JSON.stringify(column.name)}:{`
    yield* rows(frame, (row) => `${key(row)}:${text(row)}`)
    yield "}"
  }
  yield "}"
}

/** `{"<label>":{"<column>":value}}`. */
export function* writeIndex(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const { key } = write(frame, dateFormat)
  const record = records(frame.columns)
  yield "{"
  yield* rows(frame, (row) => `${key(row)}:{${record(row)}}`)
  yield "}"
}

/** `{"columns":[…],"index":[…],"data":[[value]]}`. */
export function* writeSplit(frame: Frame, dateFormat: DateFormat): Generator<string> {
  const { label } = write(frame, dateFormat)
  yield `{"columns":${JSON.stringify(frame.columns.map((column) => column.name))},"index":[`
  yield* rows(frame, label)
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
  const { label } = write(frame, "iso")
  const name = indexName(frame.columns)
  const fields = [
    { name, ...indexType(frame) },
    ...frame.columns.map((column) => ({ name: column.name, type: TYPES[column.kind] })),
  ]
  yield JSON.stringify({ schema: { fields, primaryKey: [name], pandas_version: "1.4.0" } }).slice(
    0,
    -1,
  )
  yield `,"data":[`
  const record = records(frame.columns)
  const comma = frame.columns.length > 0 ? "," : ""
  yield* rows(frame, (row) => `{${JSON.stringify(name)}:${label(row)}${comma}${record(row)}}`)
  yield "]}"
}

function indexType({ kind, zone = "UTC" }: Frame): { type: string; tz?: string } {
  if (kind === "integer") return { type: "integer" }
  return kind === "utc" ? { type: "datetime", tz: zone } : { type: "datetime" }
}

/** "index", unless a column has that name already; pandas says level_0 then. */
function indexName(columns: Column[]): string {
  const taken = new Set(columns.map((column) => column.name))
  let name = "index"
  for (let level = 0; taken.has(name); level++) name = `level_${level}`
  return name
}

function write({ index, kind, unit, columns }: Frame, dateFormat: DateFormat): Written {
  const format = stampFormat(kind, unit, dateFormat)
  const bare = (row: number) => format(index[row] as number)
  const quoted = (row: number) => `"${bare(row)}"`
  const isNumber = kind === "integer" || dateFormat === "epoch"
  const isKept = columns.length > 1 && index.length <= KEPT_ROWS
  return { label: isNumber ? bare : quoted, key: isKept ? kept(quoted) : quoted }
}

function kept(text: (row: number) => string): (row: number) => string {
  const known: string[] = []
  return (row) => (known[row] ??= text(row))
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
  return (row) => `[${cells.map((text) => text(row)).join(",")}]`
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
