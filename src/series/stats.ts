/** What a chunk says of its numbers without being opened. Pure. */
import type { Column, Json } from "./frame.ts"
import { jsonText } from "./json.ts"

type Count = number | bigint

/** The values of a column that are numbers and not null; the first and last in order of the stamps. */
type Stats = [
  name: string,
  count: number,
  min: Count,
  max: Count,
  sum: Count,
  first: Count,
  last: Count,
]

/** JSON text of one list per numeric column; null when there is none. A sum beyond all doubles is null. */
export function statsText(columns: readonly Column[]): string | null {
  const stats = columns.map(statsOf).filter((one) => one !== null)
  return stats.length > 0 ? jsonText(stats as Json) : null
}

function statsOf({ name, kind, values }: Column): Stats | null {
  if (kind !== "float64" && kind !== "int64") return null
  const add = kind === "float64" ? addDoubles : addIntegers
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
    sum = add(sum, value)
    last = value
  }
  return count > 0 ? [name, count, min, max, sum, first, last] : null
}

function addDoubles(sum: Count, value: Count): Count {
  return Number(sum) + Number(value)
}

/** Exact: a bigint from where doubles no longer count every integer. */
function addIntegers(sum: Count, value: Count): Count {
  if (typeof sum === "number" && typeof value === "number") {
    const total = sum + value
    if (Number.isSafeInteger(total)) return total
  }
  return BigInt(sum) + BigInt(value)
}
