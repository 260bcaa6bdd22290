/** One column of the answer in the making: a tally for the open bucket and the cells of those before. Pure. */
import type { Aggregation } from "../../protocol/resample.ts"
import { Problem } from "../../protocol/problem.ts"
import type { ColumnKind, Json } from "../frame.ts"
import { fits } from "./sum.ts"
import { tallyOf, type Tally } from "./tally.ts"

type Single = Exclude<Aggregation, "ohlc">

/** The parts of the aggregation that has several. */
const OHLC: readonly (readonly [name: string, agg: Single])[] = [
  ["open", "first"],
  ["high", "max"],
  ["low", "min"],
  ["close", "last"],
]

export class Part {
  /** What tells it apart from others of the same column: `mean`, or `open`. */
  readonly name: string
  readonly agg: Single
  readonly tally: Tally
  /** One for every closed bucket; NaN where it had no value. */
  readonly cells: Json[] = []

  /** @param closed buckets that closed before the column came, and had no value of it */
  constructor(name: string, agg: Single, closed: number) {
    this.name = name
    this.agg = agg
    this.tally = tallyOf(agg)
    for (let at = 0; at < closed; at++) this.cells.push(this.tally.take() ?? NaN)
  }

  /** Closes the bucket. Throws Problem unprocessable when its value is beyond int64 or all doubles. */
  close(column: string, kind: ColumnKind, bucket: (place: number) => string): void {
    let value = this.tally.take() ?? NaN
    // Integers that came to a column of doubles.
    if (typeof value === "bigint" && kind === "float64") value = Number(value)
    const isNumber = typeof value === "number" || typeof value === "bigint"
    if (isNumber && value === value && !fits(value as number | bigint)) {
      const flaw =
        typeof value === "bigint" ? "is an integer beyond 64 bits" : "is larger than any double"
      const place = `column ${JSON.stringify(column)} in the bucket of ${bucket(this.cells.length)}`
      throw new Problem("unprocessable", `The ${this.agg} of ${place} ${flaw}`, {
        errors: { "query.agg": `${this.agg} of ${place} ${flaw}` },
      })
    }
    this.cells.push(value)
  }
}

/** The parts of an aggregation. */
export function partsOf(agg: Aggregation, closed: number): Part[] {
  if (agg !== "ohlc") return [new Part(agg, agg, closed)]
  return OHLC.map(([name, one]) => new Part(name, one, closed))
}
