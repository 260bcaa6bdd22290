/** What all orients come down to, labels, names and cells, and how that becomes a frame. Pure. */
import { NAME_MAX_BYTES, SERIES_MAX_CELLS, SERIES_MAX_COLUMNS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { byteLength } from "../../lib/bytes.ts"
import type { Column, Frame, Json } from "../frame.ts"
import { flawOf } from "../json.ts"
import * as kinds from "../kinds.ts"
import { integerLabels, readLabels, type Labels } from "../labels.ts"

export interface Sheet {
  /** Absent: rows are numbered. */
  labels?: Json[]
  names: string[]
  /** Column after column, each as long as there are rows. */
  cells: Json[][]
  rows: number
}

/**
 * The frame of a sheet, every column with the narrowest kind that keeps all its values.
 * Throws Problem, invalid_request or unprocessable, naming the label, or column and row.
 */
export function frameOf(sheet: Sheet): Frame {
  checkNames(sheet.names)
  const labels = sheet.labels ? readLabels(sheet.labels) : integerLabels(sheet.rows)
  const columns = sheet.names.map((name, at) => inferColumn(name, sheet.cells[at] ?? [], sheet))
  return { ...labels, columns }
}

/** The frame of a sheet whose labels and columns were told apart already. */
export function frameWith(labels: Labels, columns: Column[]): Frame {
  checkNames(columns.map((column) => column.name))
  return { ...labels, columns }
}

/** A column of the narrowest kind. Throws Problem unprocessable naming column and row. */
export function inferColumn(name: string, cells: Json[], sheet: Sheet): Column {
  let mask = 0
  for (let row = 0; row < cells.length; row++) {
    const value = cells[row] as Json
    // The commonest first: a frame is mostly doubles.
    if (typeof value === "number" && value % 1 !== 0 && value - value === 0) mask |= kinds.FLOAT
    else mask |= maskOf(value, name, row, sheet)
  }
  return kinds.columnOf(name, kinds.kindOf(mask), cells)
}

function maskOf(value: Json, name: string, row: number, sheet: Sheet): number {
  if (value === null) return 0
  const flaw = flawOf(value)
  if (flaw !== null) throw cellProblem("unprocessable", name, row, sheet, flaw)
  return kinds.bitsOf(value)
}

/** A problem with one value: says the column, the row and its label. */
export function cellProblem(
  code: "invalid_request" | "unprocessable",
  name: string,
  row: number,
  { labels }: Pick<Sheet, "labels">,
  flaw: string,
): Problem {
  const label = labels ? String(labels[row]) : String(row)
  const where = labels ? `row ${row} ("${label}")` : `row ${row}`
  return new Problem(code, `The value in column "${name}", ${where}, ${flaw}`, {
    errors: { [`${name}.${label}`]: flaw },
  })
}

/** A problem with the shape of a part of the body. */
export function shapeProblem(place: string, flaw: string): Problem {
  const where = place === "" ? "The body" : `"${place}" of the frame`
  return new Problem("invalid_request", `${where} ${flaw}`, { errors: { [place]: flaw } })
}

/** Names as columns have them: numbers became text, all else is refused. Throws Problem invalid_request. */
export function readNames(names: readonly Json[], place: string): string[] {
  return names.map((name, at) => {
    if (typeof name === "string") return name
    if (typeof name === "number" || typeof name === "bigint") return String(name)
    throw shapeProblem(
      `${place}.${at}`,
      `must be a text or a number, it is ${JSON.stringify(name)}`,
    )
  })
}

/** Throws Problem too_large before a few short rows with many names become a huge table. */
export function checkSize(rows: number, columns: number): void {
  if (columns > SERIES_MAX_COLUMNS) {
    throw new Problem(
      "unprocessable",
      `A frame must have at most ${SERIES_MAX_COLUMNS} columns, this one has ${columns} or more`,
      { errors: { columns: `has ${columns} or more` }, limit: SERIES_MAX_COLUMNS },
    )
  }
  if (rows * columns <= SERIES_MAX_CELLS) return
  throw new Problem(
    "too_large",
    `A frame must have at most ${SERIES_MAX_CELLS} cells, this one has ${rows} rows and ${columns} columns`,
    { limit: SERIES_MAX_CELLS },
  )
}

/** Throws Problem invalid_request naming one that cannot be kept, or is there twice. */
export function checkNames(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (!name.isWellFormed()) {
      throw shapeProblem(
        `columns.${name.toWellFormed()}`,
        "is not valid Unicode: a surrogate is alone",
      )
    }
    // As JSON, which is how the series remembers it.
    const bytes = byteLength(JSON.stringify(name)) - 2
    if (bytes > NAME_MAX_BYTES) {
      throw shapeProblem(
        `columns.${name.slice(0, 40)}…`,
        `has ${bytes} bytes, at most ${NAME_MAX_BYTES} fit`,
      )
    }
    if (seen.has(name)) throw shapeProblem(`columns.${name}`, "is there twice")
    seen.add(name)
  }
}
