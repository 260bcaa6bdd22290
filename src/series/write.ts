/** One write to a series: its chunks, the changes that tell of it, and what it means when it is refused. */
import type { Statement } from "../feed/statement.ts"
import type { Commit } from "../feed/feed.ts"
import { byteLength } from "../lib/bytes.ts"
import { CHANGE_BODY_MAX_BYTES, SERIES_MAX_COLUMNS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { readRange, type Bounds } from "./bounds.ts"
import { sorted, type Frame, type IndexKind, type Unit } from "./frame.ts"
import { isPiledUp } from "./compaction.ts"
import { cut, debtOf, gap, type Part } from "./part.ts"
import { patchText, readSpans, type Patch } from "./patch.ts"
import type { Span } from "./ranges.ts"
import * as sql from "./sql.ts"
import * as told from "./told-sql.ts"
import type { Place, SeriesRow, Written } from "./sql.ts"
import { partTexts, shapeOf, spanOf, writtenOf } from "./stored.ts"
import { tailOf } from "./tail.ts"

export interface Write {
  rows: Frame
  written: Written
  /** What is taken away before the rows come. */
  removed: Span[]
  parts: Part[]
}

/** The URI of a series. */
export function uriOf({ reference, symbol }: Place): string {
  return fill("/api/store/:reference/:symbol", { reference, symbol })
}

/** The URI of the list that a series is in. */
export function listUriOf({ reference }: Place): string {
  return fill("/api/store/:reference/", { reference })
}

/** The rows of a frame in place of everything from its first stamp to its last. Throws Problem too_large. */
export function replacement(frame: Frame): Write {
  const rows = sorted(frame)
  const span = spanOf(rows.index)
  return { rows, written: writtenOf(rows), removed: span ? [span] : [], parts: cut(rows, true) }
}

/**
 * What a patch does to a series with an index of this kind (null: it never had rows).
 * @param now epoch milliseconds
 * Throws Problem: invalid_request naming the range, too_large.
 */
export function changeOf(patch: Patch, stored: IndexKind | null, now: number): Write {
  const hasRows = patch.rows !== null && patch.rows.index.length > 0
  const kind = (hasRows ? patch.rows?.kind : stored) ?? "naive"
  const removed = readSpans(patch.removed, kind, now)
  const rows = { index: new Float64Array(), unit: "ms" as const, columns: [], ...patch.rows, kind }
  const parts = [...removed.map(gap), ...cut(rows, false)]
  return { rows, written: writtenOf(rows), removed, parts }
}

/**
 * What takes a range away from a series with an index of this kind.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the bound.
 */
export function erasureOf(bounds: Bounds, kind: IndexKind, now: number): Write {
  const { first, last } = readRange(bounds, kind, now)
  if (first > last) {
    const flaw = "ends before it begins"
    throw new Problem(
      "invalid_request",
      `The range from "${bounds.start}" to "${bounds.end}" ${flaw}`,
      {
        errors: { "query.end": flaw },
      },
    )
  }
  const rows = { index: new Float64Array(), unit: "ms" as const, columns: [], kind }
  const span: Span = [first, last]
  return { rows, written: writtenOf(rows), removed: [span], parts: [gap(span)] }
}

/**
 * The commit of a write; `guards` come before its own, `piledUp` is called when the log wants a compaction.
 * @param now epoch milliseconds
 */
export function commitOf(
  place: Place,
  write: Write,
  now: number,
  guards: Statement[] = [],
  piledUp: () => void = () => {},
): Commit {
  const { rows, written, removed, parts } = write
  const spans = JSON.stringify(removed)
  const debt = debtOf(parts, rows.columns.length)
  const tail = tailOf(parts)
  return {
    guards: [
      ...guards,
      sql.sameKind(place, removed.length > 0 ? rows.kind : written.kind),
      sql.fewColumns(place, written),
    ],
    reads: [
      {
        statement: sql.debt(place),
        take: (found) => {
          const [before] = found as { debt: number }[]
          if (before && isPiledUp(before.debt, debt)) piledUp()
        },
      },
    ],
    drafts: draftsOf(place, write, now),
    writes: [
      sql.shrink(place, spans),
      sql.upsert(place, written, debt, tail),
      sql.dropWithin(place, spans),
      ...partTexts(parts).map((text) => sql.append(place, text, tail)),
    ],
  }
}

/** The changes that a write may be; inside the batch, one of those of the series itself holds. */
function draftsOf(place: Place, { rows, written, removed }: Write, now: number): Commit["drafts"] {
  const uri = uriOf(place)
  const present = sql.exists(place)
  const patches: Commit["drafts"] = []
  let otherwise = present
  // Finer stamps than the series has: all are written anew. Coarser ones: the patch is written as finely as it is.
  const units: Unit[] = written.unit === "us" ? ["us"] : ["ms", "us"]
  for (const unit of units) {
    const body = patchText(removed, rows, rows.kind, unit)
    if (body === null || byteLength(body) > CHANGE_BODY_MAX_BYTES) continue
    patches.push({ each: told.patched(place, written, { at: now, uri, body, unit }) })
    otherwise = sql.both(otherwise, sql.not(told.isPatch(place, written, unit)))
  }
  return [
    { uri: listUriOf(place), event: "create", when: sql.not(sql.hasSeries(place.reference)) },
    { uri, event: "create", when: sql.not(present) },
    ...patches,
    { uri, event: "patch", when: otherwise },
  ]
}

/** Why what is stored cannot take a write; null when it can. */
export function explainShape(
  stored: SeriesRow | null,
  { reference, symbol }: Place,
  { written }: Pick<Write, "written">,
): Problem | null {
  if (!stored) return null
  const name = `"${reference}/${symbol}"`
  if (stored.kind !== null && written.kind !== null && stored.kind !== written.kind) {
    return new Problem(
      "unprocessable",
      `The index of ${name} is ${KINDS[stored.kind]}, that of the payload ${KINDS[written.kind]}`,
      { errors: { index: `is ${KINDS[written.kind]}, must be ${KINDS[stored.kind]}` } },
    )
  }
  const known = new Set(shapeOf(stored).columns.map((column) => column.name))
  for (const [column] of JSON.parse(written.columns) as [string, number][]) known.add(column)
  if (known.size <= SERIES_MAX_COLUMNS) return null
  return new Problem(
    "unprocessable",
    `${name} would have ${known.size} columns, at most ${SERIES_MAX_COLUMNS} fit`,
    { errors: { columns: `would be ${known.size}` }, limit: SERIES_MAX_COLUMNS },
  )
}

const KINDS = {
  naive: "of times without a zone",
  utc: "of times with a zone",
  integer: "of integers",
} as const
