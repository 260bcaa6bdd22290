/** The first record of a CSV file: its columns, and which of them is the index. Pure. */
import { Problem } from "../../protocol/problem.ts"
import { checkSize, shapeProblem } from "../orients/sheet.ts"
import { shorten } from "../../lines/bad.ts"
import { startOf, type ColumnPlace } from "./cells.ts"
import type { CsvOptions } from "./csv.ts"
import { STRAY_TEXT, textOf } from "./fields.ts"
import { indexAmong } from "./labels.ts"
import type { Line } from "../../lines/lines.ts"

export interface Header {
  fields: number
  index: number
  columns: ColumnPlace[]
}

/** No name of an index, but what stands under one: the header was forgotten, and its row would be lost. */
const TIME = /^\d{4}-\d\d-\d\d(?:[T ]|$)/

/** Throws Problem invalid_request. */
export function readHeader(record: Line, fields: string[] | null, options: CsvOptions): Header {
  const flaw = record.flaw ?? (fields ? null : STRAY_TEXT)
  if (flaw !== null) throw headerProblem(`The header of the CSV, line ${record.number}, ${flaw}`)
  const names = (fields ?? []).map(textOf)
  checkSize(0, names.length - 1)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) throw shapeProblem(`columns.${twice}`, "is there twice")
  const index = options.index === undefined ? indexAmong(names) : names.indexOf(options.index)
  if (index < 0) {
    const wish = `must name a column of the header, ${shorten(names.join(", "))}`
    throw new Problem("invalid_request", `"index" ${wish}; it is "${options.index}"`, {
      errors: { "query.index": `is "${options.index}", ${wish}` },
    })
  }
  const first = names[index] ?? ""
  if (options.index === undefined && TIME.test(first)) {
    const wish =
      "The CSV must begin with a header of column names; its first line begins with a time"
    throw headerProblem(`${wish}, ${JSON.stringify(shorten(first))}`)
  }
  const known = new Map((options.columns ?? []).map(({ name, mask }) => [name, startOf(mask)]))
  const columns = names.map((name, at) => ({ name, at, mask: known.get(name) ?? 0 }))
  return { fields: names.length, index, columns: columns.toSpliced(index, 1) }
}

export function headerProblem(detail: string): Problem {
  return new Problem("invalid_request", detail, { errors: { header: detail } })
}
