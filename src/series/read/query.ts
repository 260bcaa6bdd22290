/** What a read asks for, beside the range. Pure. */
import { Problem } from "../../protocol/problem.ts"
import type { Downsample } from "../../protocol/resample.ts"
import type { ReadQuery } from "../../protocol/series-read.ts"
import type { ColumnShape } from "../kinds.ts"
import type { Shape } from "../merge.ts"
import type { ResampleQuery } from "../resample/options.ts"

/** Parameters that say something only beside another one. */
const NEEDS = {
  tz: "every",
  closed: "every",
  label: "every",
  agg: "every",
  fill: "every",
  downsample: "max_points",
  on: "max_points",
} as const
/** What is left out after the fact would not be told by `since`. */
const AGAINST_SINCE = ["every", "limit", "latest", "max_points"] as const

/** Throws Problem invalid_request for parameters that do not go together, naming one of them. */
export function checkQuery(query: ReadQuery): void {
  for (const [name, wanted] of Object.entries(NEEDS) as [keyof typeof NEEDS, keyof ReadQuery][]) {
    if (query[name] && !query[wanted]) throw refuse(name, `says something only beside "${wanted}"`)
  }
  if (query.limit !== undefined && query.latest !== undefined) {
    throw refuse("limit", 'does not go together with "latest", which is one itself')
  }
  if (query.since === undefined) return
  for (const name of AGAINST_SINCE) {
    if (query[name]) throw refuse(name, 'does not go together with "since", which tells all')
  }
}

function refuse(name: string, flaw: string): Problem {
  return new Problem("invalid_request", `"${name}" ${flaw}`, {
    errors: { [`query.${name}`]: flaw },
  })
}

/** The resampling that is asked for; null for none. */
export function resampleOf(query: ReadQuery): ResampleQuery | null {
  const { every, tz, closed, label, agg, fill } = query
  if (!every) return null
  return {
    every,
    agg: agg || "mean",
    tz: tz || undefined,
    fill: fill || undefined,
    closed: closed || undefined,
    label: label || undefined,
  }
}

export interface Thinning {
  maxPoints: number
  method: Downsample
  on?: string | undefined
}

/** The downsampling that is asked for; null for none. */
export function thinningOf({ max_points: maxPoints, downsample, on }: ReadQuery): Thinning | null {
  if (maxPoints === undefined) return null
  return { maxPoints, method: downsample || "lttb", on: on || undefined }
}

/**
 * The shape with only the columns that are asked for, in that order. Names may hold commas: what is no column belongs
 * to the name that follows. Throws Problem invalid_request naming the column that is not there.
 */
export function choose(shape: Shape, wanted: string | undefined): Shape {
  if (!wanted) return shape
  const known = new Map(shape.columns.map((column) => [column.name, column]))
  const chosen = new Set<ColumnShape>()
  let rest = ""
  for (const piece of wanted.split(",")) {
    const name = rest + piece
    const column = known.get(name)
    if (column) chosen.add(column)
    rest = column ? "" : `${name},`
  }
  if (rest === "") return { ...shape, columns: [...chosen] }
  const name = JSON.stringify(rest.slice(0, -1))
  const names = [...known.keys()].slice(0, SHOWN_COLUMNS).map((one) => JSON.stringify(one))
  const more = known.size > SHOWN_COLUMNS ? " and more" : ""
  const flaw = `names ${name}, the series has ${names.join(", ") || "no columns"}${more}`
  throw refuse("columns", flaw)
}

const SHOWN_COLUMNS = 20
