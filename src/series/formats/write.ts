/**
 * Frames as CSV and as JSON lines, such that the readers beside give the same frames back.
 *
 * Of CSV that holds for every kind but these: a column of nothing but nulls has no kind but null; a json column comes
 * back as text, which is JSON where the value was no text; a text with half of a surrogate pair is refused, because
 * UTF-8 has no bytes for it. Of JSON lines it holds but for columns of nothing but nulls, and columns that are named
 * by whole numbers come first, because JavaScript puts such members there. In both, an integer index whose labels are
 * all above a year of seconds looks like times, so the reader has to be told its kind.
 */
import { Problem } from "../../protocol/problem.ts"
import type { DateFormat } from "../../protocol/orients.ts"
import type { Column, Frame, Json } from "../frame.ts"
import { jsonText } from "../json.ts"
import { stampFormat } from "../stamp.ts"
import { floatCells, IntegerCells, StampCells, TextCells, type Cells } from "../text/cells.ts"
import type { Document } from "../text/rows.ts"
import { looksOtherwise } from "./cells.ts"
import { indexName } from "./labels.ts"

/**
 * A header and the rows of all frames. A frame without one of the columns has nulls there.
 * @param names the columns, in their order; other columns of the frames are left out
 * Writing throws Problem unprocessable for text that is no Unicode, naming column and row.
 */
export function csvDocument(names: readonly string[], dates: DateFormat = "iso"): Document {
  const header = [indexName(names), ...names].map((name) => quoteWhereNeeded(name))
  const row = (frame: Frame) => [
    new StampCells(frame, dates),
    ...columnsOf(frame, names).flatMap((column) => [
      ",",
      ...(column ? [csvCells(column, frame, dates)] : []),
    ]),
    "\n",
  ]
  return { layouts: [{ before: `${header.join(",")}\n`, row, between: "" }], after: () => "" }
}

/** An object for each row of all frames. A frame's rows have the members that it has columns, null or not. */
export function ndjsonDocument(names: readonly string[], dates: DateFormat = "iso"): Document {
  const key = JSON.stringify(indexName(names))
  const row = (frame: Frame) => {
    const mark = frame.kind === "integer" || dates === "epoch" ? "" : '"'
    const members = columnsOf(frame, names)
      .filter((column) => column !== undefined)
      .flatMap((column) => [`,${JSON.stringify(column.name)}:`, jsonCells(column)])
    return [`{${key}:${mark}`, new StampCells(frame, dates), mark, ...members, "}\n"]
  }
  return { layouts: [{ before: "", row, between: "" }], after: () => "" }
}

function columnsOf({ columns }: Frame, names: readonly string[]): (Column | undefined)[] {
  const byName = new Map(columns.map((column) => [column.name, column]))
  return names.map((name) => byName.get(name))
}

/** What writes a column's fields; null is nothing at all. */
function csvCells(column: Column, frame: Frame, dates: DateFormat): Cells {
  if (column.kind === "float64") return floatCells(column, "")
  if (column.kind === "int64") return new IntegerCells(column, "")
  return new TextCells((row) => {
    const value: Json = column.values[row] ?? null
    if (value === null) return ""
    const text = typeof value === "string" ? value : jsonText(value)
    if (!text.isWellFormed()) {
      const label = stampFormat(frame.kind, frame.unit, dates)(frame.index[row] as number)
      throw loneSurrogate(column.name, label)
    }
    // Else the numbers of a mixture would be read as such, until a text came that is too late.
    const isText = column.kind === "json" || (column.kind === "string" && looksOtherwise(text))
    return quoteWhereNeeded(text, isText)
  })
}

/** A field as RFC 4180 has it; `wanted` where its text would be read as something else without quotes. */
function quoteWhereNeeded(text: string, wanted = false): string {
  return wanted || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function loneSurrogate(name: string, label: string): Problem {
  const flaw = "has half of a surrogate pair, for which UTF-8 has no bytes; JSON can say it"
  return new Problem(
    "unprocessable",
    `The text in column "${name}", row "${label}", cannot be written as CSV: it ${flaw}`,
    { errors: { [`${name}.${label}`]: flaw } },
  )
}

function jsonCells(column: Column): Cells {
  if (column.kind === "float64") return floatCells(column)
  if (column.kind === "int64") return new IntegerCells(column)
  return new TextCells((row) => jsonText(column.values[row] ?? null))
}
