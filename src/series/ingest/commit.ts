/** The one commit that makes a write true, for one series or for many. */
import type { Commit } from "../../feed/feed.ts"
import { guard, type Statement } from "../../feed/statement.ts"
import type { Condition } from "../../feed/sql.ts"
import { byteLength } from "../../lib/bytes.ts"
import {
  CHANGE_BODY_MAX_BYTES,
  COUNTED_CHUNKS,
  COUNTED_EXACT_CHUNKS,
  DATABASE_TEXT_MAX_BYTES,
  SERIES_DEBT_MAX,
} from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { WriteMode } from "../../protocol/series-write.ts"
import { EVERYTHING } from "../bounds.ts"
import type { Unit } from "../frame.ts"
import { gap } from "../part.ts"
import { patchText } from "../patch.ts"
import { isPiledUp } from "../compaction.ts"
import { both, chunks, type ChunkRow, type Place } from "../sql.ts"
import { listUriOf, uriOf } from "../write.ts"
import { countsOf, sumOf, type Counts, type Ends } from "./counts.ts"
import * as sql from "./sql.ts"
import type { Item } from "./sql.ts"
import type { Stage } from "./stage.ts"
import type { Target } from "./target.ts"

export interface Plan {
  targets: readonly Target[]
  stage: Stage
  mode: WriteMode
  /** Open more of what is stored for the counts. */
  isCounted: boolean
  /** Key of a target → the revision at which it was found to have no row from its first stamp on. */
  free: Map<number, number>
  /** Epoch milliseconds. */
  now: number
  /** Told of a series that should be compacted. */
  piledUp: (place: Place) => void
}

/** JSON text of what the statements know of the series. Throws Problem too_large for names beyond measure. */
export function listOf({ targets, stage, mode, free }: Plan): string {
  const items = targets.map((target) => itemOf(target, mode, free.get(target.key)))
  const texts = items.map((item) => JSON.stringify(item))
  let bytes = 2 + texts.reduce((sum, text) => sum + byteLength(text) + 1, 0)
  if (bytes > DATABASE_TEXT_MAX_BYTES) {
    throw new Problem(
      "too_large",
      `The names of series and columns must take at most ${DATABASE_TEXT_MAX_BYTES} bytes, they take ${bytes}`,
      { limit: DATABASE_TEXT_MAX_BYTES },
    )
  }
  const extend = (at: number, members: Partial<Item>) => {
    const text = JSON.stringify({ ...items[at], ...members })
    const more = byteLength(text) - byteLength(texts[at] as string)
    if (bytes + more > DATABASE_TEXT_MAX_BYTES) return
    Object.assign(items[at] as Item, members)
    texts[at] = text
    bytes += more
  }
  // What finds no room is a chunk. What is staged is in the log already.
  for (const [at, { tail }] of targets.entries()) {
    if (tail !== null && stage.count === 0) extend(at, { tail })
  }
  // Who follows a series whose patch finds no room reads it again.
  for (const [at, target] of targets.entries()) extend(at, patchesOf(target, mode))
  return `[${texts.join()}]`
}

/**
 * The commit, and what it did, once it is done.
 * @param conditions further guards
 */
export function commitOf(
  plan: Plan,
  list: string,
  conditions: Condition[],
): { commit: Commit; counts: () => Counts } {
  const { targets, stage, mode, now } = plan
  const before = new Map<number, Ends>()
  let opened: readonly ChunkRow[] | null = null
  const look = lookOf(plan)
  const reads: Commit["reads"] = [
    {
      statement: sql.ends(list, look !== null),
      take: (rows) => {
        for (const ends of rows as (Ends & { debt: number })[]) before.set(ends.key, ends)
        const place = mostPiledUp(plan, rows as (Ends & { debt: number })[])
        if (place) plan.piledUp(place)
      },
    },
  ]
  if (look) {
    const { statement, limit } = look
    const take = (rows: unknown[]) => {
      opened = rows.length > limit ? null : (rows as ChunkRow[])
    }
    reads.push({ statement, take })
  }
  const counts = () =>
    sumOf(
      targets.map((target) =>
        countsOf(target, mode, before.get(target.key) ?? null, look ? opened : null),
      ),
    )
  const commit: Commit = {
    guards: guardsOf(plan, list, conditions),
    reads,
    drafts: [
      { each: sql.newLists(list, now) },
      { each: sql.changes(list, now, mode === "replace" ? "state" : "patch") },
    ],
    writes: writesOf(plan, list, stage.rest),
  }
  return { commit, counts }
}

/**
 * The series that a write should have compacted, at most one of them. Those that are written together pile up
 * together: then each write has the one compacted that is piled up highest. After a large import there are no queries
 * left for it.
 */
function mostPiledUp(
  { targets, mode, stage }: Plan,
  rows: readonly { key: number; debt: number }[],
): Place | null {
  if (mode === "replace" || stage.count > 0) return null
  const all = rows.map(({ key, debt }) => ({ debt, target: targets[key] as Target }))
  if (targets.length === 1) {
    return all.find(({ debt, target }) => isPiledUp(debt, target.debt))?.target.place ?? null
  }
  let most: { debt: number; target: Target } | null = null
  for (const one of all) {
    if (one.debt >= Math.max(SERIES_DEBT_MAX, (most?.debt ?? 0) + 1)) most = one
  }
  return most?.target.place ?? null
}

/** One statement for all, because every one counts. */
function guardsOf({ mode, stage }: Plan, list: string, conditions: Condition[]): Statement[] {
  const all = [
    ...conditions,
    ...(mode === "replace" ? [] : [sql.sameKinds(list), sql.fewColumns(list)]),
    ...(mode === "append" ? [sql.allAfter(list)] : []),
    ...(stage.count > 0 ? [sql.staged(stage.number, stage.count)] : []),
  ]
  const [first, ...rest] = all
  if (!first) return []
  const joined = rest.reduce(both, first)
  return [guard(joined.sql, joined.params)]
}

function writesOf({ targets, stage, mode }: Plan, list: string, rest: string | null) {
  const writes = [sql.upsert(list, mode === "replace")]
  if (mode === "replace") writes.push(sql.dropAll(list))
  if (mode === "update") {
    writes.push(sql.dropWithin(list))
    const gaps = targets
      .filter((target) => !target.isOrdered)
      .map(({ key, first, last }) => [key, gap([first, last]).level, first, last])
    if (stage.count > 0) writes.push(sql.adopt(list, stage.number))
    if (rest !== null) writes.push(sql.append(list, rest))
    if (gaps.length > 0) writes.push(sql.gapsBefore(list, JSON.stringify(gaps)))
    return writes
  }
  if (stage.count > 0) writes.push(sql.adopt(list, stage.number))
  if (rest !== null) writes.push(sql.append(list, rest))
  return writes
}

/** What has to be opened to count: of one series, and only where the rows are known. */
function lookOf({ targets, mode, isCounted }: Plan) {
  const [target] = targets
  if (targets.length !== 1 || !target || mode === "append") return null
  if (mode !== "replace" && (target.kind === null || !target.stamps)) return null
  const { first, last } = target
  const range = mode === "replace" ? EVERYTHING : { first, last }
  const limit = isCounted ? COUNTED_EXACT_CHUNKS : COUNTED_CHUNKS
  const { sql: text, params } = chunks(target.place, range, range)
  return { statement: { sql: `${text} LIMIT ${limit + 1}`, params }, limit }
}

function itemOf({ place, written, debt }: Target, mode: WriteMode, free: number | undefined): Item {
  const { kind, unit, zone, indexName, columns, span } = written
  return {
    ...place,
    uri: uriOf(place),
    list: listUriOf(place),
    kind,
    unit,
    zone,
    indexName,
    columns: JSON.parse(columns),
    first: span?.[0] ?? null,
    last: span?.[1] ?? null,
    debt,
    ...(free === undefined ? {} : { free }),
  }
}

/** The patch as it reads in a series of either unit; where stamps are finer than the series', none says it all. */
function patchesOf({ whole, written }: Target, mode: WriteMode): Partial<Record<Unit, string>> {
  const { kind, unit, span } = written
  if (!whole || mode === "replace") return {}
  const removed = mode === "update" && span ? [span] : []
  const patches: Partial<Record<Unit, string>> = {}
  for (const one of unit === "us" ? (["us"] as const) : (["ms", "us"] as const)) {
    const text = patchText(removed, whole, kind ?? "naive", one)
    if (text !== null && byteLength(text) <= CHANGE_BODY_MAX_BYTES) patches[one] = text
  }
  return patches
}
