/** What a watched query asks of a series, as far as changes of it can be told. Pure. */
import { readRange, type Range } from "../bounds.ts"
import type { IndexKind } from "../frame.ts"

export interface Asked {
  every: boolean
  columns: string | null
  /** The beginning of the range moves with the clock. */
  isMoving: boolean
  /**
   * The range asked of an index of this kind, at a time in epoch milliseconds.
   * Throws Problem invalid_request for a bound that is none.
   */
  range: (kind: IndexKind, now: number) => Range
}

const RAW = ["start", "end", "columns"]
const BUCKETS = ["every", "agg", "tz", "fill", "closed", "label"]
const ORIENTS = ["orient", "json_format", "jsonformat"]
/** Parameters that may be there as long as they say this. */
const FORMS: Record<string, readonly string[]> = {
  format: ["json"],
  order: ["asc"],
  date_format: ["iso"],
}

/**
 * Null for what is told by reading all of it again: `latest`, `limit`, `order=desc`, `max_points` and the like, and
 * orients whose rows have no stamps or whose empty frames have no columns.
 */
export function askedOf(query: URLSearchParams): Asked | null {
  const given = [...query].filter(([, value]) => value !== "")
  const get = (name: string) => given.find(([one]) => one === name)?.[1]
  const orient = ORIENTS.map(get).find((value) => value !== undefined) ?? "columns"
  if (orient !== "columns" && orient !== "split") return null
  const every = get("every") !== undefined
  const known = [...RAW, ...ORIENTS, ...(every ? BUCKETS : [])]
  if (!given.every(([name, value]) => known.includes(name) || FORMS[name]?.includes(value))) {
    return null
  }
  const bounds = { start: get("start"), end: get("end") }
  if (bounds.end?.startsWith("now")) return null
  return {
    every,
    columns: get("columns") ?? null,
    isMoving: bounds.start?.startsWith("now") ?? false,
    range: (kind, now) => readRange(bounds, kind, now),
  }
}
