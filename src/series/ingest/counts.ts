/** What a write did to the rows that were there: exact numbers, or none. Pure. */
import type { WriteMode } from "../../protocol/series-write.ts"
import { lowerBound, type IndexKind } from "../frame.ts"
import { merge } from "../merge.ts"
import type { ChunkRow } from "../sql.ts"
import { entriesOf } from "../stored.ts"
import { readTail } from "../tail.ts"
import type { Target } from "./target.ts"

/** Left out where only more reading would tell. */
export interface Counts {
  inserted?: number
  replaced?: number
  removed?: number
}

/** How far a series reached before the write. */
export interface Ends {
  key: number
  first: number | null
  last: number | null
  kind: IndexKind | null
  /** The end of its log, beside the chunks. */
  tail: string
}

/**
 * What the write of one series did.
 * @param before null when there was no such series
 * @param chunks all that reached into the range of the write (for mode replace: all at all); null when not read
 */
export function countsOf(
  target: Target,
  mode: WriteMode,
  before: Ends | null,
  chunks: readonly ChunkRow[] | null,
): Counts {
  const { distinct, first, last, stamps } = target
  if (distinct === null) return mode === "upsert" || mode === "append" ? { removed: 0 } : {}
  const fresh = { inserted: distinct, replaced: 0, removed: 0 }
  if (!before || before.first === null || before.last === null) return fresh
  const apart = distinct === 0 || first > before.last || last < before.first
  if (mode === "append" || (mode !== "replace" && apart)) return fresh
  const old = chunks && stampsOf(chunks, before.tail, target)
  if (!old) return mode === "upsert" ? { removed: 0 } : {}
  if (mode === "replace" && before.kind !== target.kind) return { ...fresh, removed: old.length }
  if (!stamps) return mode === "upsert" ? { removed: 0 } : {}
  const reached =
    mode === "replace" ? old : old.subarray(lowerBound(old, first), lowerBound(old, last + 1))
  const replaced = common(reached, stamps)
  return {
    inserted: distinct - replaced,
    replaced,
    removed: mode === "upsert" ? 0 : reached.length - replaced,
  }
}

/** The sums, of those that all of them know. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum: Counts = {}
  for (const name of ["inserted", "replaced", "removed"] as const) {
    if (all.some((one) => one[name] === undefined)) continue
    sum[name] = all.reduce((total, one) => total + (one[name] ?? 0), 0)
  }
  return sum
}

/** The stamps that chunks hold together; null when one of them cannot be read, which is for a reader to complain of. */
function stampsOf(
  chunks: readonly ChunkRow[],
  tail: string,
  { place }: Target,
): Float64Array | null {
  try {
    const all = [...chunks, ...readTail(tail, place)]
    const entries = entriesOf(all, place, null).map(({ removed, rows }) => ({
      removed,
      rows: rows && { ...rows, columns: [] },
    }))
    return merge(entries, { kind: "naive", unit: "ms", columns: [] }).index
  } catch {
    return null
  }
}

/** How many stamps are in both; each has its own in order, once. */
function common(one: Float64Array, other: Float64Array): number {
  let count = 0
  for (let at = 0, beside = 0; at < one.length && beside < other.length;) {
    const [left, right] = [one[at] as number, other[beside] as number]
    if (left === right) count++
    if (left <= right) at++
    if (right <= left) beside++
  }
  return count
}
