/** The buckets of a resampled frame, from the first to the last. Pure. */
import { RESAMPLE_MAX_CELLS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { STAMP_MAX } from "../frame.ts"
import { stampFormat, STAMP_RANGE } from "../stamp.ts"
import type { Bucket } from "./every.ts"
import type { ResampleOptions } from "./options.ts"

/** Buckets in order; microseconds. */
export interface Span {
  starts: number[]
  ends: number[]
}

/** Throws Problem invalid_request before an answer becomes too large for memory. */
export function checkSize(buckets: number, columns: number): void {
  if (buckets * (columns + 1) <= RESAMPLE_MAX_CELLS) return
  const most = Math.floor(RESAMPLE_MAX_CELLS / (columns + 1))
  const flaw = `makes more than ${most} buckets, too many for an answer of ${columns} columns`
  throw new Problem("invalid_request", `"every" ${flaw}; take longer buckets or a shorter range`, {
    errors: { "query.every": flaw },
    limit: RESAMPLE_MAX_CELLS,
  })
}

/**
 * All buckets of the window and of those known to have rows, and for each its place among the known, -1 for none.
 * Throws Problem as `checkSize` does.
 */
export function spread(
  known: Span,
  options: ResampleOptions,
  columns: number,
): { span: Span; places: number[] } {
  const span: Span = { starts: [], ends: [] }
  const places: number[] = []
  const [first, last] = edges(known, options)
  if (!first || !last) return { span, places }
  // Said at once, where counting them would take a while.
  checkSize((last.end - first.start) / (first.end - first.start) / 4, columns)
  let place = 0
  for (let bucket = first; bucket.start <= last.start; bucket = options.buckets.after(bucket)) {
    span.starts.push(bucket.start)
    span.ends.push(bucket.end)
    places.push(bucket.start === known.starts[place] ? place++ : -1)
    if (places.length % 4_096 === 0) checkSize(places.length, columns)
  }
  checkSize(places.length, columns)
  return { span, places }
}

function edges(
  { starts, ends }: Span,
  { window, buckets }: ResampleOptions,
): [first: Bucket | null, last: Bucket | null] {
  const end = starts.length - 1
  let first: Bucket | null = null
  let last: Bucket | null = null
  if (end >= 0) {
    first = { start: starts[0] as number, end: ends[0] as number }
    last = { start: starts[end] as number, end: ends[end] as number }
  }
  if (window && window.first > -STAMP_MAX) {
    const bucket = buckets.at(window.first)
    if (!first || bucket.start < first.start) first = bucket
  }
  if (window && window.last < STAMP_MAX) {
    const bucket = buckets.at(window.last)
    if (!last || bucket.start > last.start) last = bucket
  }
  return [first, last]
}

/** The stamps that name the buckets. Throws Problem unprocessable when one is none. */
export function labelsOf({ starts, ends }: Span, { label, kind }: ResampleOptions): Float64Array {
  const labels = label === "left" ? starts : ends
  for (const stamp of [labels[0] ?? 0, labels.at(-1) ?? 0]) {
    if (Math.abs(stamp) <= STAMP_MAX) continue
    const text = stampFormat(kind, "ms")(stamp)
    const flaw = `makes a bucket that is named ${text}, outside ${STAMP_RANGE}`
    throw new Problem("unprocessable", `"every" ${flaw}`, { errors: { "query.every": flaw } })
  }
  return Float64Array.from(labels)
}
