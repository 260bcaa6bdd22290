/** What a watched query asks of a series, as far as changes of it can be told. Pure. */
import { readRange, type Range } from "../bounds.ts"
import type { IndexKind } from "../frame.ts"

/**
 * How changes of a view are told: "rows" as the change itself, cut to the view; "buckets" by reading those that it
 * touches; "copy" by reading all of it and comparing that with what was told before.
 */
type Means = "rows" | "buckets" | "copy"

export interface Asked {
  means: Means
  /** The rows are buckets of time. */
  isBuckets: boolean
  columns: string | null
  /** The last row stands first. */
  isTurned: boolean
  /** Only so many of the rows, the first or the last ones. */
  edge: { side: "first" | "last"; rows: number } | null
  /** Which of the rows are shown, their values decide. */
  isThinned: boolean
  /** The range moves with the clock. */
  isMoving: boolean
  /** Stamps are milliseconds. */
  isEpoch: boolean
  /**
   * The range asked of an index of this kind, at a time in epoch milliseconds.
   * Throws Problem invalid_request for a bound that is none.
   */
  range: (kind: IndexKind, now: number) => Range
}

const RAW = ["start", "end", "columns", "limit", "latest", "max_points", "downsample", "on"]
const BUCKETS = ["every", "agg", "tz", "fill", "closed", "label"]
const ORIENTS = ["orient", "json_format", "jsonformat"]
/** Parameters that may be there as long as they say one of these. */
const FORMS: Record<string, readonly string[]> = {
  format: ["json"],
  order: ["asc", "desc"],
  date_format: ["iso", "epoch"],
}

/**
 * Null for what is told by reading all of it again: orients whose rows have no stamps or whose empty frames have no
 * columns, `since`, texts, and parameters that are not known here.
 */
export function askedOf(query: URLSearchParams): Asked | null {
  const given = [...query].filter(([, value]) => value !== "")
  const get = (name: string) => given.find(([one]) => one === name)?.[1]
  const orient = ORIENTS.map(get).find((value) => value !== undefined) ?? "columns"
  if (orient !== "columns" && orient !== "split") return null
  const isBuckets = get("every") !== undefined
  const known = [...RAW, ...ORIENTS, ...(isBuckets ? BUCKETS : [])]
  if (!given.every(([name, value]) => known.includes(name) || FORMS[name]?.includes(value))) {
    return null
  }
  const bounds = { start: get("start"), end: get("end") }
  const [limit, latest] = [Number(get("limit") ?? 0), Number(get("latest") ?? 0)]
  const isTurned = get("order") === "desc"
  const isThinned = get("max_points") !== undefined
  const isEpoch = get("date_format") === "epoch"
  const isEndMoving = bounds.end?.startsWith("now") ?? false
  const isCopy = limit > 0 || latest > 0 || isThinned || isEpoch || isEndMoving
  const side = latest > 0 || isTurned ? "last" : "first"
  return {
    means: isCopy ? "copy" : isBuckets ? "buckets" : "rows",
    isBuckets,
    columns: get("columns") ?? null,
    isTurned,
    edge: limit + latest > 0 ? { side, rows: limit + latest } : null,
    isThinned,
    isMoving: isEndMoving || (bounds.start?.startsWith("now") ?? false),
    isEpoch,
    range: (kind, now) => readRange(bounds, kind, now),
  }
}
