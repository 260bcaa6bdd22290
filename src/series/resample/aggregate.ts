/** `agg`: what becomes of the values of a bucket, and of which columns. Pure. */
import { AGGREGATIONS, type Aggregation } from "../../protocol/resample.ts"
import { Problem } from "../../protocol/problem.ts"
import type { ColumnKind } from "../frame.ts"
import { kindOf, type ColumnShape } from "../kinds.ts"

export interface Aggregate {
  /** null: every column. */
  column: string | null
  agg: Aggregation
}

const WISH = `must be one of ${AGGREGATIONS.join(", ")}, or a list such as price:mean,volume:sum`

/**
 * Reads `mean` (of every column) or `price:mean,volume:sum` (those columns, in that order, and no other). Names may
 * hold colons and commas: what has no colon belongs to the name that follows. Throws Problem invalid_request.
 */
export function readAggregates(text: string): Aggregate[] {
  const pieces = text.split(",")
  if (!text.includes(":")) {
    return unique(pieces.map((piece) => ({ column: null, agg: aggregationOf(piece, text) })))
  }
  const aggregates: Aggregate[] = []
  let name = ""
  for (const piece of pieces) {
    const colon = piece.lastIndexOf(":")
    if (colon < 0) {
      name += `${piece},`
      continue
    }
    const agg = aggregationOf(piece.slice(colon + 1), text)
    aggregates.push({ column: name + piece.slice(0, colon), agg })
    name = ""
  }
  if (name !== "") {
    const flaw = `names ${JSON.stringify(name.slice(0, -1))} at its end, and no aggregation of it`
    throw aggProblem(`"agg" ${WISH}; ${JSON.stringify(text)} ${flaw}`, flaw)
  }
  return unique(aggregates)
}

function aggregationOf(word: string, text: string): Aggregation {
  const agg = AGGREGATIONS.find((one) => one === word)
  if (agg) return agg
  const flaw = `names ${JSON.stringify(word)}, ${WISH}`
  throw aggProblem(`"agg" ${WISH}; ${JSON.stringify(text)} names ${JSON.stringify(word)}`, flaw)
}

function unique(aggregates: Aggregate[]): Aggregate[] {
  const seen = new Set<string>()
  for (const { column, agg } of aggregates) {
    const shown = column === null ? agg : `${column}:${agg}`
    if (seen.has(shown)) throw aggProblem(`"agg" must name ${shown} once`, `names ${shown} twice`)
    seen.add(shown)
  }
  return aggregates
}

/** A problem with `agg`. */
export function aggProblem(detail: string, flaw: string): Problem {
  return new Problem("invalid_request", detail, { errors: { "query.agg": flaw } })
}

const TEXT_AGGREGATIONS: readonly Aggregation[] = ["first", "last", "count", "min", "max"]
const ALLOWED: Record<ColumnKind, readonly Aggregation[]> = {
  null: AGGREGATIONS,
  int64: AGGREGATIONS,
  float64: AGGREGATIONS,
  boolean: [...TEXT_AGGREGATIONS, "sum", "mean"],
  string: TEXT_AGGREGATIONS,
  json: ["first", "last", "count"],
}
const HELD: Record<ColumnKind, string> = {
  null: "nothing",
  int64: "integers",
  float64: "numbers",
  boolean: "booleans",
  string: "texts",
  json: "mixed or nested values",
}

/** Throws Problem invalid_request, naming column and aggregation, when a column of this kind has no such thing. */
export function checkAggregate(agg: Aggregation, name: string, kind: ColumnKind): void {
  if (ALLOWED[kind].includes(agg)) return
  const flaw = `holds ${HELD[kind]} and takes ${ALLOWED[kind].join(", ")}, not ${agg}`
  const column = `column ${JSON.stringify(name)}`
  throw aggProblem(
    `The ${column} ${flaw}; name the columns, as in agg=price:${agg}`,
    `${column} ${flaw}`,
  )
}

/** The kind of what an aggregation makes of a column. */
export function kindAfter(agg: Aggregation, kind: ColumnKind): ColumnKind {
  if (agg === "count") return "int64"
  if (agg === "mean" || agg === "median" || agg === "std") return "float64"
  return agg === "sum" && kind === "boolean" ? "int64" : kind
}

const STATS_AGGREGATIONS: readonly Aggregation[] = ["mean", "min", "max", "sum", "count"]

/**
 * True when chunks may be given as statistics (`pushStats`) instead of rows: for mean, min, max, sum and count.
 * @param shapes the columns of the series; statistics are only of numbers, so other columns need the rows
 */
export function canUseStats(
  aggregates: readonly Aggregate[],
  shapes: readonly ColumnShape[] = [],
): boolean {
  return aggregates.every(
    ({ column, agg }) =>
      STATS_AGGREGATIONS.includes(agg) &&
      shapes.filter(({ name }) => column === null || column === name).every(isNumeric),
  )
}

function isNumeric({ mask }: ColumnShape): boolean {
  return ["null", "int64", "float64"].includes(kindOf(mask))
}
