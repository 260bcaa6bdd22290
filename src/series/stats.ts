/** What a chunk says of its numbers without being opened. Pure. */
import type { Column, Json } from "./frame.ts"
import { jsonText } from "./json.ts"
import { Sum } from "./resample/sum.ts"

type Count = number | bigint

/** The values of a column that are numbers and not null; the first and last in order of the stamps. */
export type Stats = [
  name: string,
  count: number,
  min: Count,
  max: Count,
  /** Null beyond all doubles. */
  sum: Count | null,
  first: Count,
  last: Count,
  /** Of doubles: what has to be added to the sum to be as exact as it was; absent for 0. */
  carry?: number,
]

/** JSON text of one list per numeric column; null when there is none. A sum beyond all doubles is null. */
export function statsText(columns: readonly Column[]): string | null {
  const stats = columns.map(statsOf).filter((one) => one !== null)
  return stats.length > 0 ? jsonText(stats as Json) : null
}

function statsOf({ name, kind, values }: Column): Stats | null {
  if (kind !== "float64" && kind !== "int64") return null
  const doubles = kind === "float64" ? new Sum() : null
  let count = 0
  let min: Count = 0
  let max: Count = 0
  let sum: Count = 0
  let first: Count = 0
  let last: Count = 0
  for (let row = 0; row < values.length; row++) {
    const value = (values[row] ?? NaN) as Count
    if (Number.isNaN(value)) continue
    if (count++ === 0) min = max = first = value
    if (value < min) min = value
    if (value > max) max = value
    if (!doubles) sum = addIntegers(sum, value)
    last = value
  }
  if (count === 0) return null
  if (!doubles) return [name, count, min, max, sum, first, last]
  doubles.addDoubles(values as Float64Array, 0, values.length)
  const { carry } = doubles
  sum = doubles.total()
  if (carry === 0) return [name, count, min, max, sum, first, last]
  return [name, count, min, max, sum, first, last, carry]
}

/** Exact: a bigint from where doubles no longer count every integer. */
function addIntegers(sum: Count, value: Count): Count {
  if (typeof sum === "number" && typeof value === "number") {
    const total = sum + value
    if (Number.isSafeInteger(total)) return total
  }
  return BigInt(sum) + BigInt(value)
}
