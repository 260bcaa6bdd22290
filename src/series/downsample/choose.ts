/** `max_points`: a frame of some of its rows, whole and untouched, chosen by one column. Pure. */
import { Problem } from "../../protocol/problem.ts"
import type { Downsample } from "../../protocol/resample.ts"
import type { Column, Frame } from "../frame.ts"
import { lttb } from "./lttb.ts"
import { m4 } from "./m4.ts"
import { minmax } from "./minmax.ts"

export interface DownsampleOptions {
  /** Rows of the answer, 2 at least. */
  maxPoints: number
  method: Downsample
  /** The column that is looked at; where missing, the first with numbers, else the first with booleans. */
  on?: string | undefined
}

type Choice = (stamps: Float64Array, values: Float64Array, most: number) => Uint32Array

const METHODS: Record<Downsample, Choice> = { lttb, minmax, m4 }

/**
 * At most `maxPoints` rows of a sorted frame, with all their columns; the first and the last row are always among them.
 * A row whose value is null is none of the others, unless all are: then rows are taken at even distances. A frame
 * that is small enough comes back as it is.
 * Throws Problem invalid_request for fewer than 2 points, and for a column that is not there or has no numbers.
 */
export function downsample(frame: Frame, { maxPoints, method, on }: DownsampleOptions): Frame {
  if (!Number.isSafeInteger(maxPoints) || maxPoints < 2) {
    const flaw = `must be a whole number, 2 or more; it is ${maxPoints}`
    throw refuse("max_points", `"max_points" ${flaw}`, flaw)
  }
  const column = columnFor(frame.columns, on)
  if (frame.index.length <= maxPoints) return frame
  if (!column) throw withoutNumbers()
  return pick(frame, chooseRows(pointsOf(frame.index, numbersOf(column)), maxPoints, method))
}

/** What `max_points` looks at. */
export interface Points {
  /** Of the rows whose value is not null, in order. */
  stamps: Float64Array
  values: Float64Array
  /** Which rows they are; null: all. */
  rows: Uint32Array | null
  /** Rows, those without a value too. */
  total: number
}

/**
 * The column that is looked at; undefined where there is none to look at.
 * Throws Problem invalid_request for one that is not there or has no numbers.
 */
export function columnFor<One extends Pick<Column, "name" | "kind">>(
  columns: readonly One[],
  on: string | undefined,
): One | undefined {
  return on === undefined ? anyColumn(columns) : columnOn(columns, on)
}

/** There is no column to look at. */
export function withoutNumbers(): Problem {
  const flaw = "needs a column of numbers, and the frame has none"
  return refuse("max_points", `"max_points" ${flaw}`, flaw)
}

function refuse(parameter: string, detail: string, flaw: string): Problem {
  return new Problem("invalid_request", detail, { errors: { [`query.${parameter}`]: flaw } })
}

function columnOn<One extends Pick<Column, "name" | "kind">>(
  columns: readonly One[],
  on: string,
): One {
  const column = columns.find(({ name }) => name === on)
  if (column && column.kind !== "string" && column.kind !== "json") return column
  const flaw = column
    ? `names the column ${JSON.stringify(on)}, which has no numbers`
    : `names the column ${JSON.stringify(on)}, which is not there`
  throw refuse("on", `"on" ${flaw}`, flaw)
}

function anyColumn<One extends Pick<Column, "name" | "kind">>(
  columns: readonly One[],
): One | undefined {
  const kinds = [["float64", "int64"], ["boolean"], ["null"]]
  return kinds
    .map((some) => columns.find(({ kind }) => some.includes(kind)))
    .find((column) => column !== undefined)
}

/** NaN for null. Only to choose by: integers beyond 2^53 lose digits here and nowhere else. */
export function numbersOf({ kind, values }: Column): Float64Array {
  if (kind === "float64") return values
  return Float64Array.from(values, (value) => (value === null ? NaN : Number(value)))
}

/** The numbers of at most `most` of the rows (2 at least), which are more than that. */
export function chooseRows(
  { stamps, values, rows: some, total }: Points,
  most: number,
  method: Downsample,
): Uint32Array {
  const choice = METHODS[method]
  const last = total - 1
  if (values.length === 0) return evenly(last, most)
  if (!some) return choice(stamps, values, most)
  const hasFirst = some[0] === 0
  const hasLast = some.at(-1) === last
  const left = most - (hasFirst ? 0 : 1) - (hasLast ? 0 : 1)
  // Both ends are taken; of three rows one may lie between them.
  if (left < 2) return Uint32Array.of(0, ...some.subarray(0, most - 2), last)
  const places = choice(stamps, values, left)
  return Uint32Array.from([
    ...(hasFirst ? [] : [0]),
    ...places.map((place) => some[place] as number),
    ...(hasLast ? [] : [last]),
  ])
}

function pointsOf(index: Float64Array, values: Float64Array): Points {
  const rows = new Uint32Array(values.length)
  let known = 0
  for (let row = 0; row < values.length; row++) if (values[row] === values[row]) rows[known++] = row
  const total = values.length
  if (known === total) return { stamps: index, values, rows: null, total }
  const some = rows.subarray(0, known)
  return { stamps: gather(index, some), values: gather(values, some), rows: some, total }
}

function evenly(last: number, most: number): Uint32Array {
  return Uint32Array.from({ length: most }, (_, place) => Math.round((place * last) / (most - 1)))
}

/** Some of the values. A loop, for `Float64Array.from` takes ten times as long. */
function gather(values: Float64Array, rows: Uint32Array): Float64Array {
  const some = new Float64Array(rows.length)
  for (let place = 0; place < rows.length; place++) {
    some[place] = values[rows[place] as number] as number
  }
  return some
}

/** Some rows of a frame. */
export function pick({ index, columns, ...frame }: Frame, rows: Uint32Array): Frame {
  return {
    ...frame,
    index: gather(index, rows),
    columns: columns.map((column) => pickColumn(column, rows)),
  }
}

function pickColumn(column: Column, rows: Uint32Array): Column {
  const { values } = column
  if (column.kind === "float64") {
    return { ...column, values: gather(column.values, rows) }
  }
  return { ...column, values: Array.from(rows, (row) => values[row] ?? null) } as Column
}
