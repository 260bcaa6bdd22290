/**
 * CSV in: RFC 4180 with a header, in batches. Written here because no library was found that streams without Node's
 * APIs and tells `"1"` from `1` and `""` from nothing, without which what is exported would not come back the same.
 */
import { unitOf, type Column, type Frame, type IndexKind } from "../frame.ts"
import type { ColumnShape } from "../kinds.ts"
import { badLine, type BadLine } from "../../lines/bad.ts"
import { isFull, type Batch } from "./batch.ts"
import { readColumn, type ColumnPlace, type Fields } from "./cells.ts"
import { QUOTE, quoteIsOpen, splitFields, STRAY_TEXT, textOf } from "./fields.ts"
import { headerProblem, readHeader, type Header } from "./header.ts"
import { LabelReader } from "./labels.ts"
import type { Line } from "../../lines/lines.ts"
import { readRecords } from "./records.ts"
import type { StreamOptions } from "../../lines/unzip.ts"

export interface CsvOptions extends StreamOptions {
  /** The index's column. Without: the first called index, date, time, timestamp or datetime, else the first. */
  index?: string
  /** What the series' index is, if there is a series. */
  kind?: IndexKind
  /** The series' columns: their texts stay texts, and their numbers take no text. */
  columns?: readonly ColumnShape[]
  /** A field in quotes is text; or, for files that quote everything, quotes say nothing. */
  quotes?: "text" | "ignored"
}

/**
 * The rows of a CSV file, in batches. A column's kind is decided by the first batch in which it has values, and may
 * widen in a later one (int64 to float64) but never between numbers and text: the text of a number is gone once it
 * was handed out, so a line with text comes too late and is a bad line. Columns that are text from the start, because
 * `columns` says so or one of their fields in that batch is text or quoted, keep every character.
 * Bad lines: another number of fields than the header, text after a closing quote, labels that are no stamps or of
 * another form than the first, and what `readLines` could not read. Blank lines are passed over.
 * Throws Problem: invalid_request for what is wrong with the header, and as `readLines` does.
 */
export async function* readCsv(
  stream: ReadableStream<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<Batch> {
  const reader = new CsvReader(options)
  for await (const records of readRecords(stream, quoteIsOpen, options)) {
    for (const record of records) {
      if (reader.isFull) yield reader.take()
      reader.add(record)
    }
  }
  reader.checkHeader()
  if (reader.hasLines) yield reader.take()
}

interface Row extends Fields {
  record: Line
  stamp: number
}

class CsvReader {
  readonly #options: CsvOptions
  readonly #labels: LabelReader
  #header: Header | null = null
  #rows: Row[] = []
  #bad: BadLine[] = []
  #first = 0
  #last = 0
  #characters = 0

  constructor(options: CsvOptions) {
    this.#options = options
    this.#labels = new LabelReader(options.kind)
  }

  get hasLines(): boolean {
    return this.#first > 0
  }

  get isFull(): boolean {
    const count = this.#rows.length
    return isFull(count + this.#bad.length, count * (this.#header?.fields ?? 0), this.#characters)
  }

  /** Throws Problem when the file ended before a header came. */
  checkHeader(): void {
    if (this.#header) return
    throw headerProblem("The CSV must begin with a header of column names, it is empty")
  }

  add(record: Line): void {
    if (record.text === "" && record.flaw === null) return
    const fields = record.flaw === null ? splitFields(record.text) : null
    if (!this.#header) {
      this.#header = readHeader(record, fields, this.#options)
      return
    }
    this.#first ||= record.number
    this.#last = record.last
    this.#characters += record.text.length
    const flaw = flawOf(record, fields, this.#header)
    if (fields && flaw === null) {
      const row = this.#options.quotes === "ignored" ? fields.map(unquote) : fields
      this.#rows.push({ fields: row, record, stamp: NaN, flaw })
    } else this.#bad.push(badLine(record, flaw ?? ""))
  }

  /** The batch so far; the next begins. */
  take(): Batch {
    const frame = this.#frame(this.#header as Header)
    const bad = this.#bad.toSorted((one, other) => one.line - other.line)
    const batch: Batch = { frame, lines: [this.#first, this.#last], bad }
    this.#rows = []
    this.#bad = []
    this.#first = 0
    this.#characters = 0
    return batch
  }

  #frame({ index: at, columns }: Header): Frame {
    this.#labels.decide(this.#rows.map((row) => labelOf(row, at)))
    for (const row of this.#rows) {
      const stamp = this.#labels.read(labelOf(row, at))
      if (typeof stamp === "number") row.stamp = stamp
      else row.flaw = stamp
    }
    // A line without a stamp, such as one of units below the header, has no say in what the columns are.
    this.#sweep()
    let read = this.#readColumns(columns)
    // Now that it is known what the columns are, all rows that are left fit.
    if (this.#sweep()) read = this.#readColumns(columns)
    const index = Float64Array.from(this.#rows, ({ stamp }) => stamp)
    const { kind } = this.#labels
    return { index, kind, unit: unitOf(index, kind), columns: read }
  }

  #readColumns(columns: ColumnPlace[]): Column[] {
    return columns.map((place) => {
      const { column, mask } = readColumn(place, this.#rows)
      place.mask = mask
      return column
    })
  }

  /** Takes away the rows that have a flaw, if there are any. */
  #sweep(): boolean {
    const rows = this.#rows.filter(({ flaw }) => flaw === null)
    if (rows.length === this.#rows.length) return false
    for (const { record, flaw } of this.#rows) if (flaw) this.#bad.push(badLine(record, flaw))
    this.#rows = rows
    return true
  }
}

function flawOf({ flaw }: Line, fields: string[] | null, header: Header): string | null {
  if (flaw !== null) return flaw
  if (!fields) return STRAY_TEXT
  if (fields.length === header.fields) return null
  const count = fields.length === 1 ? "1 field" : `${fields.length} fields`
  return `has ${count}, the header has ${header.fields}`
}

function labelOf({ fields }: Row, at: number): string {
  return textOf(fields[at] as string).trim()
}

/** The field as if it had no quotes. Text that begins with a quote itself is nothing but text anyway. */
function unquote(field: string): string {
  return field.startsWith(QUOTE) && !field.startsWith(QUOTE, 1) ? field.slice(1) : field
}
