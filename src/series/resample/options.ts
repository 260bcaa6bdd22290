/** What a query asks of a resampled read. Pure. */
import { Problem } from "../../protocol/problem.ts"
import type { BucketSide } from "../../protocol/resample.ts"
import type { Range } from "../bounds.ts"
import type { IndexKind } from "../frame.ts"
import { readAggregates, type Aggregate } from "./aggregate.ts"
import { Buckets, readEvery } from "./every.ts"
import { readFill, type Fill } from "./fill.ts"
import type { Knowns } from "./known.ts"
import { readZone } from "./tz.ts"

/** As the query has it; `closed` and `label` are "left" where they are missing. */
export interface ResampleQuery {
  every: string
  agg: string
  tz?: string | undefined
  fill?: string | undefined
  closed?: BucketSide | undefined
  label?: BucketSide | undefined
}

export interface ResampleOptions {
  kind: IndexKind
  buckets: Buckets
  aggregates: readonly Aggregate[]
  fill: Fill
  label: BucketSide
  /** Where fill begins and ends; at the rows, where a side is open. It cuts no rows off. */
  window?: Range
  /** For `previous` and `linear`: the last values of buckets before the window. */
  before?: Knowns
  /** For `linear`: the first values of buckets after the window. */
  after?: Knowns
}

/** Reads what a query asks of a series. Throws Problem invalid_request naming the parameter. */
export function readResample(query: ResampleQuery, kind: IndexKind): ResampleOptions {
  if (kind === "integer") {
    const flaw = "needs times, and the index has integers"
    throw new Problem("invalid_request", `"every" ${flaw}`, { errors: { "query.every": flaw } })
  }
  const zone = readZone(query.tz, kind)
  return {
    kind,
    buckets: new Buckets(readEvery(query.every), zone, query.closed),
    aggregates: readAggregates(query.agg),
    fill: readFill(query.fill),
    label: query.label ?? "left",
  }
}
