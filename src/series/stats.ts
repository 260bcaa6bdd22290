/** What a chunk says of its numbers without being opened. Pure. */
import { lowerBound, type Column, type Frame, type Json } from "./frame.ts"
import { jsonText, parseJson } from "./json.ts"
import { gridOf } from "./resample/grid.ts"
import { Sum } from "./resample/sum.ts"

type Count = number | bigint

/** The values of a column that are numbers and not null, in one stretch. */
export type Stats = [
  count: number,
  min: Count,
  max: Count,
  /** Null beyond all doubles. */
  sum: Count | null,
  /** Of doubles: what has to be added to the sum to be as exact as it was; absent for 0. */
  carry?: number,
]

/** The rows of a chunk from one stamp to another, and what they are by the names of the columns. */
export interface Stretch {
  first: number
  last: number
  /** Null for a column without numbers in it. */
  columns: [name: string, stats: Stats | null][]
}

/** A row of a chunk in a bucket that ends with another chunk is the rule, so the stretches are those of a calendar. */
const GRIDS = (["h", "d", "w"] as const).map((unit) => gridOf({ count: 1, unit }))
/** More would cost more than they save. */
const STRETCHES_MAX = 4

/**
 * JSON text: the first and last stamps of the stretches, each as the difference to the one before, and one list per
 * numeric column. The stretches are the hours of the chunk (in UTC), else its days or weeks, where those are few
 * enough; else it is one. Null when there are no numbers.
 */
export function statsText({ index, kind, columns }: Frame): string | null {
  const cuts = kind === "integer" ? [index.length] : cutsOf(index)
  const lists: Json[] = []
  for (const column of columns) {
    const stats = cuts.map((to, at) => statsOf(column, cuts[at - 1] ?? 0, to))
    if (stats.some((one) => one !== null)) lists.push([column.name, ...(stats as Json[])])
  }
  if (lists.length === 0) return null
  const stamps = cuts.flatMap((to, at) => [index[cuts[at - 1] ?? 0], index[to - 1]]) as number[]
  const steps = stamps.map((stamp, at) => stamp - (stamps[at - 1] ?? 0))
  // A text: integers of 16 digits would have all of it read the slow way, which keeps their digits.
  return jsonText([steps.join(" "), ...lists])
}

/** What `statsText` wrote. */
export function readStats(text: string): Stretch[] {
  const [steps, ...lists] = parseJson(text) as unknown as [string, ...[string, ...Stats[]][]]
  let stamp = 0
  const stamps = steps.split(" ").map((step) => (stamp += Number(step)))
  return Array.from({ length: stamps.length / 2 }, (_, at) => ({
    first: stamps[2 * at] as number,
    last: stamps[2 * at + 1] as number,
    columns: lists.map(([name, ...stats]) => [name, stats[at] ?? null]),
  }))
}

/** Where the stretches of a sorted index end. */
function cutsOf(index: Float64Array): number[] {
  for (const { floor, next } of GRIDS) {
    const cuts: number[] = []
    for (let from = 0; from < index.length && cuts.length <= STRETCHES_MAX;) {
      from = lowerBound(index, next(floor(index[from] as number)))
      cuts.push(from)
    }
    if (cuts.length <= STRETCHES_MAX) return cuts
  }
  return [index.length]
}

function statsOf(column: Column, from: number, to: number): Stats | null {
  if (column.kind === "float64") return statsOfDoubles(column.values, from, to)
  if (column.kind !== "int64") return null
  let count = 0
  let min: Count = 0
  let max: Count = 0
  let sum: Count = 0
  for (let row = from; row < to; row++) {
    const value = column.values[row] ?? null
    if (value === null) continue
    if (count++ === 0) min = max = value
    if (value < min) min = value
    if (value > max) max = value
    sum = addIntegers(sum, value)
  }
  return count === 0 ? null : [count, min, max, sum]
}

function statsOfDoubles(values: Float64Array, from: number, to: number): Stats | null {
  const sums = new Sum()
  const count = sums.addDoubles(values, from, to)
  if (count === 0) return null
  let min = Infinity
  let max = -Infinity
  // No comparison holds for NaN; of 0 and -0, that which comes first stays.
  for (let row = from; row < to; row++) {
    const value = values[row] as number
    if (value < min) min = value
    if (value > max) max = value
  }
  const { carry } = sums
  const sum = sums.total()
  return carry === 0 ? [count, min, max, sum] : [count, min, max, sum, carry]
}

/** Exact: a bigint from where doubles no longer count every integer. */
function addIntegers(sum: Count, value: Count): Count {
  if (typeof sum === "number" && typeof value === "number") {
    const total = sum + value
    if (Number.isSafeInteger(total)) return total
  }
  return BigInt(sum) + BigInt(value)
}
