/** Folds the small chunks of a log into full ones, in the background and on schedule. */
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import { SERIES_TAIL_MAX_CHARACTERS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { inOrder, planOf, type Job, type LogEntry } from "./compaction.ts"
import * as sql from "./compactor-sql.ts"
import { between } from "./frame.ts"
import { merge } from "./merge.ts"
import { cutOver, type Part } from "./part.ts"
import { TAIL_PARTS_MAX, type ChunkRow, type Place } from "./sql.ts"
import { entriesOf, levelsText, partTexts } from "./stored.ts"
import { levels } from "./tail-sql.ts"
import { readTail, type TailPart } from "./tail.ts"

/** Steps of one call: with the write that caused it, the call stays within 40 queries. */
const STEPS = 3
/** Parts that may stay in the tail where none of them can be folded. */
const TAIL_PARTS_KEPT = 32

interface Log {
  row: sql.LogRow
  /** Oldest first. */
  entries: LogEntry[]
  tail: TailPart[]
}

export class Compactor {
  readonly #db: Database
  readonly #committer: Committer

  constructor(db: Database, committer: Committer) {
    this.#db = db
    this.#committer = committer
  }

  /**
   * Folds what is worth folding. It is no change of the series: nothing is recorded, revision and content stay. Gives
   * way to whoever changes the same chunks at the same moment. Answers whether it left nothing to do.
   */
  async compact(place: Place): Promise<boolean> {
    for (let step = 0; step < STEPS; step++) {
      const log = await this.#read(place)
      if (!log) return true
      try {
        if (!(await this.#step(place, log))) return true
      } catch (error) {
        if (error instanceof Problem && error.code === "conflict") return false
        throw error
      }
    }
    return false
  }

  /** Compacts the series that need it most, as long as `queries` last. */
  async compactAll(queries: number): Promise<void> {
    const places = await this.#db.all<Place>(sql.indebted(queries))
    for (const place of places) {
      if (this.#db.cost.queries + STEPS * 9 > queries) return
      await this.compact(place)
    }
  }

  async #read(place: Place): Promise<Log | null> {
    const [rows, metas] = await this.#db.batch<sql.LogRow & sql.MetaRow>([
      sql.log(place),
      sql.metas(place),
    ])
    const row = rows?.[0]
    if (!row) return null
    const tail = readTail(row.parts, TAIL_PARTS_MAX)
    const chunks = (metas ?? []).map((meta) => ({ ...meta, replaces: meta.replaces === 1 }))
    return { row, tail, entries: [...chunks, ...tail].toSorted(inOrder) }
  }

  /** One commit; answers whether there is more to do. */
  async #step(place: Place, { row, entries, tail }: Log): Promise<boolean> {
    const { series } = row
    const columns = (JSON.parse(row.columns) as unknown[]).length
    const plan = planOf(entries, columns)
    const opened = await this.#open(plan.jobs, tail)
    const written: Part[] = []
    const read = new Set(plan.dead)
    const gone = new Set(plan.dead)
    for (const job of plan.jobs) {
      const parts = statement(job, opened, row, place)
      if (!parts) continue
      written.push(...parts)
      for (const entry of job.reads) read.add(entry)
      for (const entry of job.drops) gone.add(entry)
    }
    const empties =
      tail.some((part) => gone.has(part)) ||
      tail.length > TAIL_PARTS_KEPT ||
      row.parts.length > SERIES_TAIL_MAX_CHARACTERS / 2
    if (written.length === 0 && gone.size === 0 && !empties && row.debt === 0) return false

    const chunks = [...read].filter(({ id }) => id >= 0)
    const dropped = [...gone].filter(({ id }) => id >= 0).map(({ id }) => id)
    const folded = tail.filter((part) => gone.has(part)).map(({ place: at }) => at)
    // All that was read is older than what anybody writes from now on.
    const revision = entries.at(-1)?.revision ?? 0
    await this.#committer.commit({
      guards: [
        sql.unchanged(series, chunks),
        ...(row.parts ? [sql.tailBegins(series, row.parts)] : []),
      ],
      drafts: [],
      writes: [
        ...(dropped.length > 0 ? [sql.drop(JSON.stringify(dropped))] : []),
        // First, so that their ids are lower: what is stated of the same revision holds after them.
        ...(empties && folded.length < tail.length
          ? [sql.spill(series, row.parts, JSON.stringify(folded))]
          : []),
        ...(written.length > 0 ? [levels(place, levelsText(written))] : []),
        ...partTexts(written).map((text) => sql.state(series, revision, text)),
        sql.settle(series, empties ? row.parts : "", row.debt),
      ],
    })
    return plan.more
  }

  /** What the jobs read, by id. */
  async #open(jobs: Job[], tail: TailPart[]): Promise<Map<number, ChunkRow>> {
    const ids = jobs.flatMap(({ reads }) => reads.map(({ id }) => id)).filter((id) => id >= 0)
    const rows = ids.length > 0 ? await this.#db.all<ChunkRow>(sql.bodies(JSON.stringify(ids))) : []
    const parts = tail.map((part) => ({ ...part, replaces: Number(part.replaces) }))
    return new Map([...rows, ...parts].map((row) => [row.id, row]))
  }
}

/** All that is true of the job's range, as chunks; null when that cannot be said. */
function statement(
  { span, reads }: Job,
  opened: Map<number, ChunkRow>,
  { kind }: sql.LogRow,
  place: Place,
): Part[] | null {
  const rows = reads.map(({ id }) => opened.get(id)).filter((row) => row !== undefined)
  // Somebody was here in between, and the guard would say so.
  if (rows.length < reads.length) return null
  try {
    const frame = merge(entriesOf(rows, place, kind), {
      kind: kind ?? "naive",
      unit: "ms",
      columns: [],
    })
    return cutOver(between(frame, ...span), span)
  } catch (error) {
    // What cannot be read stays as it is; whoever reads it is told.
    console.error({ event: "compaction_skipped", message: String(error) })
    return null
  }
}
