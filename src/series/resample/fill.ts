/** `fill`: what stands where a bucket has no value of a column, with or without rows. Pure. */
import { Problem } from "../../protocol/problem.ts"
import type { Column, ColumnKind, Json } from "../frame.ts"
import { columnOf, isInexact } from "../kinds.ts"
import type { Known } from "./known.ts"
import type { Output } from "./outputs.ts"
import { fits, narrow } from "./sum.ts"

/** "none" leaves buckets without rows out, and is the only one that does; a number stands for itself. */
export type Fill = "none" | "null" | "previous" | "linear" | number | bigint

const WORDS = ["none", "null", "previous", "linear"] as const
const WISH = `must be ${WORDS.join(", ")} or a number`

/** Reads `fill`; without it, "none". Throws Problem invalid_request. */
export function readFill(text: string | undefined): Fill {
  if (!text) return "none"
  const word = WORDS.find((one) => one === text)
  if (word) return word
  const isInteger = /^[+-]?\d{1,30}$/.test(text)
  const value = isInteger ? narrow(BigInt(text.replace("+", ""))) : Number(text)
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && fits(value)) return value
  throw fillProblem(
    `"fill" ${WISH}; it is ${JSON.stringify(text)}`,
    `is ${JSON.stringify(text)}, ${WISH}`,
  )
}

function fillProblem(detail: string, flaw: string): Problem {
  return new Problem("invalid_request", detail, { errors: { "query.fill": flaw } })
}

/**
 * The column of an output with its gaps filled. A count is 0 where nothing is, whatever the fill, for that is known.
 * @param labels microseconds, one for every cell: `linear` goes by time, not by place
 * @param before the last value before the first label, @param after the first after the last one
 * Throws Problem, invalid_request when the column has no numbers to fill, unprocessable for integers that have to
 * become doubles and cannot.
 */
export function fillColumn(
  { name, kind, agg, cells }: Output,
  labels: ArrayLike<number>,
  fill: Fill,
  before?: Known,
  after?: Known,
): Column {
  if (agg === "count") return columnOf(name, kind, cells.map(orZero))
  if (fill === "none" || fill === "null") return columnOf(name, kind, cells)
  if (fill === "previous") {
    return filledWith(name, kind, carried(cells, before?.value ?? null), before?.value)
  }
  if (kind !== "float64" && kind !== "int64" && kind !== "null") {
    const flaw = `needs numbers, and column ${JSON.stringify(name)} has none`
    throw fillProblem(`fill=${fill} ${flaw}; leave it out, or take fill=previous`, flaw)
  }
  if (fill === "linear") {
    return columnOf(name, "float64", interpolated(doubles(name, cells), labels, before, after))
  }
  const filled = cells.map((value) => (isMissing(value) ? fill : value))
  return filledWith(name, kind, filled, fill)
}

/** The column as wide as the values that came from outside need it. */
function filledWith(name: string, kind: ColumnKind, cells: Json[], value: Json = null): Column {
  const kindOfFill = kindOfValue(value)
  if (kind === "null") return columnOf(name, kindOfFill, cells)
  if (kind === "int64" && kindOfFill === "float64") {
    return columnOf(name, kindOfFill, doubles(name, cells))
  }
  return columnOf(name, kind, cells)
}

function isMissing(value: Json | undefined): boolean {
  return value === null || value === undefined || Number.isNaN(value)
}

function orZero(value: Json): Json {
  return isMissing(value) ? 0 : value
}

function kindOfValue(value: Json): ColumnKind {
  if (value === null) return "null"
  if (typeof value === "number") return Number.isSafeInteger(value) ? "int64" : "float64"
  if (typeof value === "bigint") return "int64"
  if (typeof value === "object") return "json"
  return typeof value === "string" ? "string" : "boolean"
}

function carried(cells: readonly Json[], before: Json): Json[] {
  let last = before
  return cells.map((value) => (isMissing(value) ? last : (last = value)))
}

function doubles(name: string, cells: readonly Json[]): Float64Array {
  return Float64Array.from(cells, (value) => {
    if (isInexact(value)) {
      const flaw = `makes doubles of column ${JSON.stringify(name)}, and no double is ${value}`
      throw new Problem("unprocessable", `"fill" ${flaw}`, { errors: { "query.fill": flaw } })
    }
    return isMissing(value) ? NaN : Number(value)
  })
}

/** Fills what lies between two values, in place; outside of them nothing is known. */
function interpolated(
  values: Float64Array,
  labels: ArrayLike<number>,
  before: Known | undefined,
  after: Known | undefined,
): Float64Array {
  let from = -1
  let [fromStamp, fromValue] = pointOf(before)
  for (let place = 0; place <= values.length; place++) {
    const isAfter = place === values.length
    const value = values[place] ?? NaN
    if (!isAfter && Number.isNaN(value)) continue
    const [toStamp, toValue] = isAfter ? pointOf(after) : [labels[place] as number, value]
    for (let gap = from + 1; gap < place; gap++) {
      const passed = (labels[gap] as number) - fromStamp
      const span = toStamp - fromStamp
      const rise = ((toValue - fromValue) * passed) / span
      // What is too large for the first form is not for the second, which has more rounding.
      values[gap] = Number.isFinite(rise)
        ? fromValue + rise
        : fromValue * (1 - passed / span) + toValue * (passed / span)
    }
    ;[from, fromStamp, fromValue] = [place, toStamp, toValue]
  }
  return values
}

function pointOf(point: Known | undefined): readonly [stamp: number, value: number] {
  const isNumber = typeof point?.value === "number" || typeof point?.value === "bigint"
  return point && isNumber ? [point.stamp, Number(point.value)] : [NaN, NaN]
}
