/** The orients columns, index, records, values and split of pandas, as sheets. Pure. */
import type { Json } from "../frame.ts"
import { checkSize, readNames, shapeProblem, type Sheet } from "./sheet.ts"

type JsonObject = { [name: string]: Json }

/** `{"<column>": {"<label>": value}}`; also what pandas takes beside it: lists per column, records, values, null. */
export function readColumns(value: Json): Sheet {
  if (value === null) return { names: [], cells: [], rows: 0 }
  if (Array.isArray(value)) return readRows(value)
  const columns = objectAt(value, "")
  const names = Object.keys(columns)
  const inner = Object.values(columns)
  checkSize(0, names.length)
  if (Array.isArray(inner[0])) return readLists(names, inner)
  const parts = inner.map((column, at) => {
    const values = objectAt(column, names[at] ?? "")
    return { labels: Object.keys(values), values: Object.values(values) }
  })
  const rowOf = rowsOf(parts.map((part) => part.labels))
  const labels = [...rowOf.keys()]
  checkSize(labels.length, names.length)
  const cells = parts.map((part) => {
    if (isSame(part.labels, labels)) return part.values
    const column = blank(labels.length)
    for (const [at, label] of part.labels.entries()) {
      column[rowOf.get(label) ?? 0] = part.values[at] ?? null
    }
    return column
  })
  return { labels, names, cells, rows: labels.length }
}

/** The labels of all columns in the order in which they are first seen, with their rows. */
function rowsOf(columns: string[][]): Map<string, number> {
  const rowOf = new Map<string, number>()
  let before: string[] = []
  for (const labels of columns) {
    // Nearly always every column has the labels of the one before it.
    if (isSame(labels, before)) continue
    for (const label of labels) if (!rowOf.has(label)) rowOf.set(label, rowOf.size)
    before = labels
  }
  return rowOf
}

function isSame(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((label, at) => label === other[at])
}

/** `{"<label>": {"<column>": value}}`. */
export function readIndex(value: Json): Sheet {
  if (value === null) return { names: [], cells: [], rows: 0 }
  const rows = objectAt(value, "")
  const labels = Object.keys(rows)
  return { ...fromObjects(Object.values(rows), (row) => labels[row] ?? ""), labels }
}

/** `[{"<column>": value}]`. */
export function readRecords(value: Json): Sheet {
  if (!Array.isArray(value))
    throw shapeProblem("", `must be a list of objects, it is ${nameOf(value)}`)
  return fromObjects(value, String)
}

/** `[[value]]`. */
export function readValues(value: Json): Sheet {
  if (!Array.isArray(value))
    throw shapeProblem("", `must be a list of lists, it is ${nameOf(value)}`)
  const width = Array.isArray(value[0]) ? value[0].length : 0
  const names = Array.from({ length: width }, (_, at) => String(at))
  return { names, cells: transpose(value, width, ""), rows: value.length }
}

/** `{"columns": […], "index": […], "data": [[value]]}`; without index the rows are numbered. */
export function readSplit(value: Json): Sheet {
  const parts = objectAt(value, "")
  for (const key of Object.keys(parts)) {
    if (key !== "columns" && key !== "index" && key !== "data") {
      throw shapeProblem(key, "is none of columns, index, data")
    }
  }
  const data = listAt(parts["data"] ?? [], "data")
  const index = parts["index"] === undefined ? undefined : listAt(parts["index"], "index")
  if (index && index.length !== data.length) {
    throw shapeProblem("index", `has ${index.length} labels for ${data.length} rows of data`)
  }
  const width = Array.isArray(data[0]) ? data[0].length : 0
  const names =
    parts["columns"] === undefined
      ? Array.from({ length: width }, (_, at) => String(at))
      : readNames(listAt(parts["columns"], "columns"), "columns")
  const cells = transpose(data, names.length, "data.")
  return { names, cells, rows: data.length, ...(index ? { labels: index } : {}) }
}

/** Rows as objects, absent members null; columns in the order in which they are first seen. */
export function fromObjects(rows: readonly Json[], placeOf: (row: number) => string): Sheet {
  const cells = new Map<string, Json[]>()
  for (const [at, row] of rows.entries()) {
    const members = objectAt(row, placeOf(at))
    for (const name of Object.keys(members)) {
      let column = cells.get(name)
      if (!column) {
        checkSize(rows.length, cells.size + 1)
        column = blank(rows.length)
        cells.set(name, column)
      }
      column[at] = members[name] ?? null
    }
  }
  return { names: [...cells.keys()], cells: [...cells.values()], rows: rows.length }
}

/** A list where an object was expected, as pandas takes it: records, rows of values, or one column of scalars. */
function readRows(rows: Json[]): Sheet {
  const [first] = rows
  if (Array.isArray(first)) return readValues(rows)
  if (typeof first === "object" && first !== null) return readRecords(rows)
  return rows.length === 0
    ? { names: [], cells: [], rows: 0 }
    : { names: ["0"], cells: [rows], rows: rows.length }
}

/** `{"<column>": [value]}`. */
function readLists(names: string[], columns: Json[]): Sheet {
  const cells = columns.map((column, at) => listAt(column, names[at] ?? ""))
  const rows = cells[0]?.length ?? 0
  checkSize(rows, names.length)
  const odd = cells.findIndex((column) => column.length !== rows)
  if (odd >= 0) {
    throw shapeProblem(
      names[odd] ?? "",
      `has ${cells[odd]?.length} values, "${names[0]}" has ${rows}`,
    )
  }
  return { names, cells, rows }
}

function transpose(rows: Json[], width: number, place: string): Json[][] {
  checkSize(rows.length, width)
  // Pushed, not set: engines keep an array that only ever held doubles as doubles, a third of the memory.
  const cells = Array.from({ length: width }, (): Json[] => [])
  for (const [at, row] of rows.entries()) {
    if (!Array.isArray(row))
      throw shapeProblem(`${place}${at}`, `must be a list, it is ${nameOf(row)}`)
    if (row.length !== width) {
      throw shapeProblem(`${place}${at}`, `has ${row.length} values for ${width} columns`)
    }
    for (let column = 0; column < width; column++) cells[column]?.push(row[column] ?? null)
  }
  return cells
}

function blank(rows: number): Json[] {
  return Array.from<Json>({ length: rows }).fill(null)
}

/** The object at a place. Throws Problem invalid_request. */
export function objectAt(value: Json | undefined, place: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value
  throw shapeProblem(place, `must be an object, it is ${nameOf(value)}`)
}

/** The list at a place. Throws Problem invalid_request. */
export function listAt(value: Json | undefined, place: string): Json[] {
  if (Array.isArray(value)) return value
  throw shapeProblem(place, `must be a list, it is ${nameOf(value)}`)
}

function nameOf(value: Json | undefined): string {
  if (value === undefined) return "not there"
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  return typeof value === "object"
    ? "an object"
    : `a ${typeof value === "bigint" ? "number" : typeof value}`
}
