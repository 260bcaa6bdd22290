/** The orient table: rows with a schema (Table Schema of frictionless, as pandas writes it). Pure. */
import type { Column, ColumnKind, Frame, Json } from "../frame.ts"
import { integerLabels, readIntegerLabels, readLabels, type Labels } from "../labels.ts"
import { jsonText } from "../json.ts"
import * as kinds from "../kinds.ts"
import { isZone } from "../resample/tz.ts"
import { fromObjects, listAt, objectAt } from "./read.ts"
import {
  cellProblem,
  checkNames,
  checkSize,
  frameWith,
  inferColumn,
  readNames,
  shapeProblem,
  type Sheet,
} from "./sheet.ts"

interface Field {
  name: string
  type: string
  kind: ColumnKind | null
  zone: string | null
}

/**
 * What the schema says stays so, even where the values would allow something narrower. Not `string`: so pandas calls
 * any column of objects, whatever they are, and one of nothing but nulls.
 */
const KINDS: Record<string, ColumnKind> = {
  integer: "int64",
  number: "float64",
  boolean: "boolean",
  datetime: "string",
  duration: "string",
}
/** Numbers that are integers all the same, because nulls are among them. */
const INTEGERS = "Int64"

/** What pandas calls an index that has no name; the second where a column has the first one. */
const UNNAMED = /^(index|level_\d+)$/

/** Any other type is inferred. Throws Problem naming the field, or column and row. */
export function readTable(value: Json): Frame {
  const table = objectAt(value, "")
  const schema = objectAt(table["schema"], "schema")
  const fields = listAt(schema["fields"], "schema.fields").map(readField)
  checkSize(0, fields.length)
  const rows = listAt(table["data"], "data")
  const sheet = fromObjects(rows, (row) => `data.${row}`)
  const cells = new Map(sheet.names.map((name, at) => [name, sheet.cells[at] ?? []]))
  checkNamed(fields, sheet.names)
  const key = indexField(fields, schema["primaryKey"])
  const labels = key ? labelsOf(key, cells.get(key.name), rows.length) : integerLabels(rows.length)
  const rest = fields.filter((field) => field !== key)
  checkSize(rows.length, rest.length)
  const blank = Array.from<Json>({ length: rows.length }).fill(null)
  const frame = frameWith(
    labels,
    rest.map((field) => columnFor(field, cells.get(field.name) ?? blank, sheet)),
  )
  if (!key || UNNAMED.test(key.name)) return frame
  checkNames([key.name])
  return { ...frame, indexName: key.name }
}

function readField(value: Json, at: number): Field {
  const place = `schema.fields.${at}`
  const field = objectAt(value, place)
  const [name = ""] = readNames([field["name"] ?? null], `${place}.name`)
  const type = field["type"] ?? "any"
  if (typeof type !== "string") throw shapeProblem(`${place}.type`, "must be a text")
  const zone = field["tz"] ?? null
  if (zone !== null && (typeof zone !== "string" || !isZone(zone))) {
    const shown = jsonText(zone).slice(0, 64)
    throw shapeProblem(`${place}.tz`, `is ${shown}, must be a zone such as Europe/Oslo`)
  }
  const kind = field["extDtype"] === INTEGERS ? "int64" : (KINDS[type] ?? null)
  return { name, type, kind, zone }
}

function checkNamed(fields: Field[], names: string[]): void {
  const known = new Set(fields.map((field) => field.name))
  if (known.size < fields.length) throw shapeProblem("schema.fields", "name a field twice")
  const stray = names.find((name) => !known.has(name))
  if (stray !== undefined) throw shapeProblem(`data.${stray}`, "is not among the schema's fields")
}

/** The field that the primary key names; pandas drops the key, but not the field, when labels repeat. */
function indexField(fields: Field[], key: Json | undefined): Field | undefined {
  if (key === undefined) return fields.find((field) => field.name === "index")
  const names = readNames(Array.isArray(key) ? key : [key], "schema.primaryKey")
  if (names.length > 1)
    throw shapeProblem("schema.primaryKey", "must name one field, it names several")
  const field = fields.find(({ name }) => name === names[0])
  if (field || names.length === 0) return field
  throw shapeProblem("schema.primaryKey", `names "${names[0]}", which is not among the fields`)
}

function labelsOf(key: Field, cells: Json[] | undefined, rows: number): Labels {
  const labels = cells ?? Array.from<Json>({ length: rows }).fill(null)
  if (key.type === "integer") return readIntegerLabels(labels)
  if (key.zone === null) return readLabels(labels)
  return { ...readLabels(labels, "utc"), zone: key.zone }
}

function columnFor({ name, type, kind }: Field, cells: Json[], sheet: Sheet): Column {
  const column = inferColumn(name, cells, sheet)
  if (kind === null || column.kind === kind) return column
  const joined = kinds.maskOf(column) | kinds.maskOf(kinds.columnOf(name, kind, []))
  if (kinds.kindOf(joined) === kind) return kinds.columnOf(name, kind, cells)
  const row = cells.findIndex((value) => value !== null && !fits(value, kind))
  throw cellProblem(
    "invalid_request",
    name,
    row,
    sheet,
    `is no ${type}, which the schema says it is`,
  )
}

function fits(value: Json, kind: ColumnKind): boolean {
  if (kind === "int64") {
    return typeof value === "bigint" || (typeof value === "number" && kinds.isInteger(value))
  }
  if (kind === "float64")
    return typeof value === "number" || (typeof value === "bigint" && !kinds.isInexact(value))
  return typeof value === (kind === "boolean" ? "boolean" : "string")
}
