/** How pandas lays out a frame as JSON. Pure. */
import type { DateFormat, Orient } from "../../protocol/orients.ts"
import type { Column, Frame, Json } from "../frame.ts"
import { jsonText } from "../json.ts"
import { floatCells, IntegerCells, StampCells, TextCells, type Cells } from "../text/cells.ts"
import type { Document, Layout } from "../text/rows.ts"

/**
 * The JSON of frames, without spaces; whole numbers of a float column as `1.0`.
 * @param head a frame with the columns of all, with or without rows
 */
export function documentOf(head: Frame, orient: Orient, dates: DateFormat): Document {
  switch (orient) {
    case "columns":
      return columnsDocument(head, dates)
    case "index":
      return indexDocument(dates)
    case "split":
      return splitDocument(head, dates)
    case "records":
      return { layouts: [rows("[", ({ columns }) => record(columns))], after: () => "]" }
    case "values":
      return { layouts: [rows("[", ({ columns }) => list(columns))], after: () => "]" }
    case "table":
      return tableDocument(head)
  }
}

/** `{"<column>":{"<label>":value}}`. */
function columnsDocument(head: Frame, dates: DateFormat): Document {
  const layouts = head.columns.map(({ name }, at) => {
    const before = `${at > 0 ? "}," : "{"}${JSON.stringify(name)}:{`
    return rows(before, (frame) => [
      ...key(frame, dates),
      ":",
      cellsOf(frame.columns[at] as Column),
    ])
  })
  return { layouts, after: () => (layouts.length > 0 ? "}}" : "{}") }
}

/** `{"<label>":{"<column>":value}}`. */
function indexDocument(dates: DateFormat): Document {
  const row = (frame: Frame) => [...key(frame, dates), ":", ...record(frame.columns)]
  return { layouts: [rows("{", row)], after: () => "}" }
}

/** `{"columns":[…],"index":[…],"data":[[value]]}`. */
function splitDocument(head: Frame, dates: DateFormat): Document {
  const names = JSON.stringify(head.columns.map(({ name }) => name))
  return {
    layouts: [
      rows(`{"columns":${names},"index":[`, (frame) => label(frame, dates)),
      rows(`],"data":[`, (frame) => list(frame.columns)),
    ],
    after: () => "]}",
  }
}

const TYPES: Record<Column["kind"], string> = {
  int64: "integer",
  float64: "number",
  boolean: "boolean",
  string: "string",
  json: "any",
  null: "any",
}

/**
 * `{"data":[{"index":label,"<column>":value}],"schema":{…}}`; times are ISO always. The schema comes last, for it
 * depends on whether an integer or a boolean was null.
 */
function tableDocument(head: Frame): Document {
  const name = nameOfIndex(head)
  const holes = head.columns.map(() => new Holes())
  const row = (frame: Frame) => {
    for (const [at, column] of frame.columns.entries()) holes[at]?.look(column)
    return [
      `{${JSON.stringify(name)}:`,
      ...label(frame, "iso"),
      ...frame.columns.flatMap((column) => [",", ...member(column)]),
      "}",
    ]
  }
  const after = () => {
    const fields = [
      { name, ...indexType(head) },
      ...head.columns.map((column, at) => ({
        name: column.name,
        ...(holes[at]?.typeOf(column.kind) ?? { type: TYPES[column.kind] }),
      })),
    ]
    const schema = JSON.stringify({ fields, primaryKey: [name], pandas_version: "1.4.0" })
    return `],"schema":${schema}}`
  }
  return { layouts: [rows(`{"data":[`, row)], after }
}

/**
 * Whether a column of integers or booleans has nulls. Then pandas must not be told its plain type: it reads null as
 * false, and of integers it reads nothing at all. Checked with pandas 1.5 and 3.0.
 */
class Holes {
  #hasNull = false
  #hasLarge = false

  look({ kind, values }: Column): void {
    if (kind !== "int64" && kind !== "boolean") return
    this.#hasNull ||= (values as Json[]).includes(null)
    this.#hasLarge ||= kind === "int64" && values.some((value) => typeof value === "bigint")
  }

  /** Null where the plain type will do. */
  typeOf(kind: Column["kind"]): { type: string; extDtype?: string } | null {
    if (!this.#hasNull) return null
    // Large integers too: pandas makes Int64 of doubles, and refuses what those cannot hold.
    if (kind === "boolean" || this.#hasLarge) return { type: "any" }
    return { type: "number", extDtype: "Int64" }
  }
}

function indexType({ kind, zone = "UTC" }: Frame): { type: string; tz?: string } {
  if (kind === "integer") return { type: "integer" }
  return kind === "utc" ? { type: "datetime", tz: zone } : { type: "datetime" }
}

/** As it was called, or "index", unless a column has that name already; pandas says level_0 then. */
function nameOfIndex({ indexName = "index", columns }: Frame): string {
  const taken = new Set(columns.map((column) => column.name))
  let name = indexName
  for (let level = 0; taken.has(name); level++) name = `level_${level}`
  return name
}

function rows(before: string, row: Layout["row"]): Layout {
  return { before, row, between: "," }
}

/** `[value,value]`. */
function list(columns: readonly Column[]): (string | Cells)[] {
  return ["[", ...columns.flatMap((column, at) => [at > 0 ? "," : "", cellsOf(column)]), "]"]
}

/** `{"<column>":value}`. */
function record(columns: readonly Column[]): (string | Cells)[] {
  return ["{", ...columns.flatMap((column, at) => [at > 0 ? "," : "", ...member(column)]), "}"]
}

function member(column: Column): (string | Cells)[] {
  return [`${JSON.stringify(column.name)}:`, cellsOf(column)]
}

/** The label of a row as a JSON value: numbers have no quotes. */
function label(frame: Frame, dates: DateFormat): (string | Cells)[] {
  const isNumber = frame.kind === "integer" || dates === "epoch"
  return isNumber ? [new StampCells(frame, dates)] : key(frame, dates)
}

/** The label of a row as a key. */
function key(frame: Frame, dates: DateFormat): (string | Cells)[] {
  return ['"', new StampCells(frame, dates), '"']
}

/** What writes a column's values. */
function cellsOf(column: Column): Cells {
  switch (column.kind) {
    case "float64":
      return floatCells(column)
    case "int64":
      return new IntegerCells(column)
    case "string":
      return new TextCells((row) => JSON.stringify(column.values[row] ?? null))
    case "json":
      return new TextCells((row) => jsonText(column.values[row] ?? null))
    default:
      return new TextCells((row) => String(column.values[row] ?? null))
  }
}
