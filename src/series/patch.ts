/** `{"removed": [[from, to], …], "rows": <split frame>}`: the patch of a series, read and written. Pure. */
import { CHANGE_BODY_MAX_BYTES, SERIES_MAX_REMOVED } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { readBound } from "./bounds.ts"
import { sorted, type Frame, type IndexKind, type Json, type Unit } from "./frame.ts"
import { parseSent } from "./json.ts"
import { frameText, toFrame } from "./orient.ts"
import { listAt, objectAt } from "./orients/read.ts"
import { cover, type Span } from "./ranges.ts"
import { stampFormat } from "./stamp.ts"

/** A patch as it came; what its ranges mean, the index of the series decides. */
export interface Patch {
  removed: Json[]
  /** Sorted; null when there were none. */
  rows: Frame | null
}

/** Throws Problem: invalid_json, invalid_request, unprocessable. */
export function readPatch(text: string): Patch {
  const patch = objectAt(parseSent(text), "")
  const { removed = [], rows, ...rest } = patch
  const [stray] = Object.keys(rest)
  if (stray !== undefined) throw patchProblem(stray, "is neither removed nor rows")
  return {
    removed: listAt(removed, "removed"),
    rows: rows === undefined ? null : sorted(toFrame(rows, "split")),
  }
}

/**
 * The ranges of a patch, both ends inclusive, in the grammar of `start` and `end`; sorted, none touching another.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the range.
 */
export function readSpans(removed: readonly Json[], kind: IndexKind, now: number): Span[] {
  if (removed.length > SERIES_MAX_REMOVED) {
    const flaw = `has ${removed.length} ranges, at most ${SERIES_MAX_REMOVED} are taken`
    throw patchProblem("removed", flaw)
  }
  const spans: Span[] = []
  for (const [at, value] of removed.entries()) {
    const ends = listAt(value, `removed.${at}`)
    if (ends.length !== 2) throw patchProblem(`removed.${at}`, "must be [from, to]")
    const [first, last] = (["start", "end"] as const).map((side, end) =>
      readBound(String(ends[end]), side, kind, now, `removed.${at}.${end}`),
    ) as [number, number]
    if (first > last) throw patchProblem(`removed.${at}`, "ends before it begins")
    cover(spans, [first, last])
  }
  return spans
}

/**
 * The patch that tells others of a write, its stamps as GET writes those of a series of this kind and unit; null
 * when it would be too large for a change.
 */
export function patchText(
  removed: Span[],
  rows: Frame,
  kind: IndexKind,
  unit: Unit,
): string | null {
  const { index, columns } = rows
  // Two bytes for a cell and its comma, ten for a label: no need to write what is too long already.
  if (index.length * (10 + 2 * columns.length) > CHANGE_BODY_MAX_BYTES) return null
  return `{"removed":${spanTexts(removed, kind, unit)},"rows":${frameText({ ...rows, kind, unit }, "split")}}`
}

/** Ranges as JSON, their ends as GET writes the stamps of a series of this kind and unit. */
export function spanTexts(removed: readonly Span[], kind: IndexKind, unit: Unit): string {
  const format = stampFormat(kind, unit)
  const label = kind === "integer" ? format : (stamp: number) => `"${format(stamp)}"`
  const step = kind !== "integer" && unit === "ms" ? 1_000 : 1
  // Between the steps of a series there are no rows.
  const spans = removed
    .map(([first, last]): Span => [Math.ceil(first / step) * step, Math.floor(last / step) * step])
    .filter(([first, last]) => first <= last)
    .map(([first, last]) => `[${label(first + 0)},${label(last + 0)}]`)
  return `[${spans.join()}]`
}

function patchProblem(place: string, flaw: string): Problem {
  return new Problem("invalid_request", `"${place}" of the patch ${flaw}`, {
    errors: { [place]: flaw },
  })
}
