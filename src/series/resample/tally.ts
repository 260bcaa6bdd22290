/**
 * What one aggregation keeps of the bucket that is open. Pure.
 *
 * A tally takes the rows of a bucket in order, in as many pieces as they come, whatever kind each piece has; so a
 * column may turn from integers into doubles between two chunks. Nulls are skipped.
 */
import type { Aggregation } from "../../protocol/resample.ts"
import type { Column, ColumnKind, Json } from "../frame.ts"
import { Count, Total } from "./counts.ts"
import { Extreme, First, Last } from "./picks.ts"
import { Deviation, Median } from "./spread.ts"

/** What a chunk says of a column's values that are not null; doubles may give the `carry` of their sum too. */
export interface ColumnStats {
  count: number
  sum: number | bigint
  carry?: number
  min: Json
  max: Json
}

/** The same, with the column's name and what it is in the whole series. */
export interface KnownStats extends ColumnStats {
  name: string
  kind: ColumnKind
}

export interface Tally {
  /** Rows `from` (inclusive) to `to` (exclusive). */
  add(column: Column, from: number, to: number): void
  /** Chunks `from` (inclusive) to `to` (exclusive), null where one has no value. */
  addStats?(chunks: readonly (KnownStats | null)[], from: number, to: number): void
  /** The value of the bucket, and begins the next one. NaN or null when it has none; may be infinite. */
  take(): Json
}

/** A tally for an aggregation that yields one value; `ohlc` is four of them. */
export function tallyOf(agg: Exclude<Aggregation, "ohlc">): Tally {
  switch (agg) {
    case "count":
      return new Count()
    case "sum":
    case "mean":
      return new Total(agg === "mean")
    case "min":
    case "max":
      return new Extreme(agg === "max")
    case "first":
      return new First()
    case "last":
      return new Last()
    case "median":
      return new Median()
    case "std":
      return new Deviation()
  }
}
