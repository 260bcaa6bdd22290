/** Real data: CSV files of the npm package vega-datasets, as frames. */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "csv-parse/sync"

const DATA = join(dirname(fileURLToPath(import.meta.resolve("vega-datasets"))), "../data")

export type Cell = number | string

/** The `split` orient of pandas. */
export interface Split {
  columns: string[]
  index: string[]
  data: Cell[][]
}

export interface Table extends Split {
  symbol: string
  file: string
}

/** The `columns` orient: column → label → value. */
export type Columns = Record<string, Record<string, Cell>>

/** Every series of the demo, rows in the order of the files. */
export function loadTables(): Table[] {
  return [
    tableOf("sp500", "sp500.csv"),
    tableOf("sp500-daily", "sp500-2000.csv"),
    tableOf("seattle-weather", "seattle-weather.csv"),
    ...["MSFT", "AMZN", "IBM", "GOOG", "AAPL"].map((symbol) =>
      tableOf(symbol, "stocks.csv", (record) => record["symbol"] === symbol),
    ),
  ]
}

/** Rows `from` to before `to` of a table. */
export function sliceOf({ columns, index, data }: Split, from: number, to?: number): Split {
  return { columns, index: index.slice(from, to), data: data.slice(from, to) }
}

export function toColumns({ columns, index, data }: Split): Columns {
  return Object.fromEntries(
    columns.map((column, at) => [
      column,
      Object.fromEntries(index.map((label, row) => [label, data[row]?.[at] ?? Number.NaN])),
    ]),
  )
}

export function fromColumns(frame: Columns): Split {
  const columns = Object.keys(frame)
  const index = Object.keys(Object.values(frame)[0] ?? {})
  return {
    columns,
    index,
    data: index.map((label) => columns.map((column) => frame[column]?.[label] ?? Number.NaN)),
  }
}

/** What is not as in the file, as sentences; every label and every value is looked at. */
export function differences(wanted: Split, got: Split): string[] {
  if (wanted.columns.join() !== got.columns.join()) {
    return [`columns are ${got.columns.join()}, the file has ${wanted.columns.join()}`]
  }
  const found: string[] = []
  if (wanted.index.length !== got.index.length) {
    found.push(`${got.index.length} rows, the file has ${wanted.index.length}`)
  }
  for (const [row, label] of wanted.index.entries()) {
    if (timeOf(got.index[row]) !== timeOf(label)) {
      found.push(`row ${row} is at ${got.index[row]}, the file has ${label}`)
    }
    for (const [at, column] of wanted.columns.entries()) {
      const [one, other] = [got.data[row]?.[at], wanted.data[row]?.[at]]
      if (one !== other) found.push(`${column} at ${label} is ${one}, the file has ${other}`)
    }
  }
  return found
}

/** How many values a table holds. */
export function countOf({ columns, data }: Split): number {
  return columns.length * data.length
}

function tableOf(
  symbol: string,
  file: string,
  keep: (record: Record<string, string>) => boolean = () => true,
): Table {
  const text = readFileSync(join(DATA, file), "utf8")
  const records = (parse(text, { columns: true }) as Record<string, string>[]).filter(keep)
  const columns = Object.keys(records[0] ?? {}).filter((name) => !["symbol", "date"].includes(name))
  return {
    symbol,
    file,
    columns,
    index: records.map(({ date = "" }) => isoDate(date)),
    data: records.map((record) => columns.map((column) => cellOf(record[column] ?? ""))),
  }
}

/** "Jan 1 2000" and "2000-01-01" alike. */
function isoDate(text: string): string {
  return new Date(/^\d{4}-/.test(text) ? text : `${text} UTC`).toISOString().slice(0, 10)
}

function cellOf(text: string): Cell {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

/** A label without a zone is UTC. */
function timeOf(label: string | undefined): number {
  return Date.parse(
    /(Z|[+-]\d\d:\d\d)$|^\d{4}-\d\d-\d\d$/.test(label ?? "") ? `${label}` : `${label}Z`,
  )
}
