/**
 * Frames as CSV and as JSON lines, in pieces, such that the readers beside give the same frames back.
 *
 * Of CSV that holds for every kind but these: a column of nothing but nulls has no kind but null; a json column comes
 * back as text, which is JSON where the value was no text; a text with half of a surrogate pair is refused, because
 * UTF-8 has no bytes for it. Of JSON lines it holds but for columns of nothing but nulls, and columns that are named
 * by whole numbers come first, because JavaScript puts such members there. In both, an integer index whose labels are
 * all above a year of seconds looks like times, so the reader has to be told its kind.
 */
import { Problem } from "../../protocol/problem.ts"
import type { DateFormat } from "../../protocol/series.ts"
import type { Column, Frame, Json } from "../frame.ts"
import { floatText, jsonText } from "../json.ts"
import { stampFormat } from "../stamp.ts"
import { looksOtherwise } from "./cells.ts"
import { indexName } from "./labels.ts"

/** Rows in a piece: large enough that joining costs nothing, small enough to be streamed. */
const PIECE_ROWS = 500

/** Frames one after another; those of a series come from it chunk by chunk. */
export type Frames = Iterable<Frame> | AsyncIterable<Frame>

/**
 * A header and the rows of all frames. A frame without one of the columns has nulls there.
 * @param names the columns, in their order; other columns of the frames are left out
 * Throws Problem unprocessable for text that is no Unicode, naming column and row.
 */
export async function* csvText(
  frames: Frames,
  names: readonly string[],
  dates: DateFormat = "iso",
): AsyncGenerator<string> {
  yield `${[indexName(names), ...names].map((name) => quoteWhereNeeded(name)).join(",")}\n`
  for await (const frame of frames) yield* csvRows(frame, names, dates)
}

/** An object for each row of all frames. A frame's rows have the members that it has columns, null or not. */
export async function* ndjsonText(
  frames: Frames,
  names: readonly string[],
  dates: DateFormat = "iso",
): AsyncGenerator<string> {
  const key = JSON.stringify(indexName(names))
  for await (const frame of frames) yield* ndjsonRows(frame, names, key, dates)
}

function* csvRows(frame: Frame, names: readonly string[], dates: DateFormat): Generator<string> {
  const label = stampFormat(frame.kind, frame.unit, dates)
  const labelOf = (row: number) => label(frame.index[row] as number)
  const fields = columnsOf(frame, names).map((column) =>
    column ? csvFields(column, labelOf) : () => "",
  )
  yield* pieces(frame, (row) => {
    let line = labelOf(row)
    for (const field of fields) line += `,${field(row)}`
    return line
  })
}

function* ndjsonRows(
  frame: Frame,
  names: readonly string[],
  key: string,
  dates: DateFormat,
): Generator<string> {
  const label = stampFormat(frame.kind, frame.unit, dates)
  const mark = frame.kind === "integer" || dates === "epoch" ? "" : '"'
  const members = columnsOf(frame, names)
    .filter((column) => column !== undefined)
    .map((column) => ({ start: `,${JSON.stringify(column.name)}:`, value: jsonMembers(column) }))
  yield* pieces(frame, (row) => {
    let line = `{${key}:${mark}${label(frame.index[row] as number)}${mark}`
    for (const { start, value } of members) line += start + value(row)
    return `${line}}`
  })
}

function columnsOf({ columns }: Frame, names: readonly string[]): (Column | undefined)[] {
  const byName = new Map(columns.map((column) => [column.name, column]))
  return names.map((name) => byName.get(name))
}

function* pieces({ index }: Frame, line: (row: number) => string): Generator<string> {
  for (let from = 0; from < index.length; from += PIECE_ROWS) {
    const to = Math.min(index.length, from + PIECE_ROWS)
    let piece = ""
    for (let row = from; row < to; row++) piece += `${line(row)}\n`
    yield piece
  }
}

/** The function that writes a column's field in a row; null is nothing at all. */
function csvFields(column: Column, label: (row: number) => string): (row: number) => string {
  if (column.kind === "float64") {
    return (row) => {
      const value = column.values[row] as number
      return Number.isNaN(value) ? "" : floatText(value)
    }
  }
  return (row) => {
    const value: Json = column.values[row] ?? null
    if (value === null) return ""
    const text = typeof value === "string" ? value : jsonText(value)
    if (!text.isWellFormed()) throw loneSurrogate(column.name, label(row))
    // Else the numbers of a mixture would be read as such, until a text came that is too late.
    const isText = column.kind === "json" || (column.kind === "string" && looksOtherwise(text))
    return quoteWhereNeeded(text, isText)
  }
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

function jsonMembers(column: Column): (row: number) => string {
  if (column.kind === "float64") return (row) => floatText(column.values[row] as number)
  return (row) => jsonText(column.values[row] ?? null)
}
