/** Folds the small chunks of a log into full ones, in the background and on schedule. */
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import { SERIES_TAIL_KEPT_PARTS, SERIES_TAIL_MAX_CHARACTERS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { decodeChunk } from "./chunk.ts"
import { inOrder, planOf, type Job, type LogEntry } from "./compaction.ts"
import * as sql from "./compactor-sql.ts"
import { between } from "./frame.ts"
import { merge } from "./merge.ts"
import { cutOver, type Part } from "./part.ts"
import type { ChunkRow, Place } from "./sql.ts"
import { statsText } from "./stats.ts"
import { entriesOf, partTexts } from "./stored.ts"
import { isTailId, readTail, type TailPart } from "./tail.ts"

/** Steps of one call: with the write that caused it, the call stays within 40 queries. */
const STEPS = 3
/** Queries that a step takes, but for one of megabytes, which takes up to four more. */
const STEP_QUERIES = 9
/** Of those, what it commits with. */
const COMMIT_QUERIES = 6

interface Log {
  row: sql.LogRow
  /** Oldest first, those of the tail among them. */
  entries: LogEntry[]
  tail: TailPart[]
}

export class Compactor {
  readonly #db: Database
  readonly #committer: Committer
  /** Queries of commits that failed, which are not among the cost of the database. */
  #failed = 0

  constructor(db: Database, committer: Committer) {
    this.#db = db
    this.#committer = committer
  }

  /**
   * Folds what is worth folding. It is no change of the series: nothing is recorded, revision and content stay. Gives
   * way to whoever changes the same chunks at the same moment. Answers whether it left nothing to do.
   */
  async compact(place: Place, steps = STEPS): Promise<boolean> {
    for (let step = 0; step < steps; step++) {
      try {
        const log = await this.#read(place)
        if (!log) return true
        if (!(await this.#step(place, log))) return true
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (error.code === "conflict") {
          this.#failed += COMMIT_QUERIES
          return false
        }
        if (error.code !== "corrupt_data") throw error
        // What is not known must not be stated. Whoever reads the series is told.
        console.error({ event: "compaction_skipped", message: error.message })
        return true
      }
    }
    return false
  }

  /**
   * Compacts the series that need it most, as long as `queries` last. One that somebody was in the way of, or that was
   * not done, comes once more after the others: each time takes queries, so that there is an end to it.
   */
  async compactAll(queries: number): Promise<void> {
    const waiting = await this.#db.all<Place>(sql.indebted(queries))
    for (const place of waiting) {
      const spent = this.#db.cost.queries + this.#failed
      const steps = Math.floor((queries - spent) / STEP_QUERIES)
      if (steps < 1) return
      if (!(await this.compact(place, Math.min(steps, STEPS)))) waiting.push(place)
    }
  }

  async #read(place: Place): Promise<Log | null> {
    const [rows, metas = []] = await this.#db.batch<sql.LogRow & sql.MetaRow>([
      sql.log(place),
      sql.metas(place),
    ])
    const row = rows?.[0]
    if (!row) return null
    const tail = readTail(row.tail, place)
    const parts = tail.map((part) => ({ ...part, bytes: part.body.length }))
    const entries = [...metas, ...parts].map((meta) => ({ ...meta, replaces: meta.replaces === 1 }))
    return { row, tail, entries: entries.toSorted(inOrder) }
  }

  /** One commit; answers whether there is more to do. */
  async #step(place: Place, { row, entries, tail }: Log): Promise<boolean> {
    const { series, debt } = row
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
    const goneIds = new Set([...gone].map(({ id }) => id))
    const { spilled, kept } = divide(tail.filter(({ id }) => !goneIds.has(id)))
    if (written.length + gone.size + spilled.length + debt === 0) return false

    const dropped = [...goneIds].filter((id) => !isTailId(id))
    // All that was read is older than what anybody writes from now on.
    const revision = entries.at(-1)?.revision ?? 0
    await this.#committer.commit({
      guards: [
        sql.unchanged(
          series,
          [...read].filter(({ id }) => !isTailId(id)),
        ),
        ...(row.tail ? [sql.tailBegins(series, row.tail)] : []),
      ],
      drafts: [],
      writes: [
        ...(dropped.length > 0 ? [sql.drop(JSON.stringify(dropped))] : []),
        // First, so that their ids are lower: what is stated of the same revision holds after them.
        ...(spilled.length > 0 ? [sql.spill(series, `[${spilled.join()}]`)] : []),
        ...partTexts(written).map((text) => sql.state(series, revision, text)),
        sql.settle(series, debt, row.tail, kept),
      ],
    })
    return plan.more
  }

  /** What the jobs read, by id. */
  async #open(jobs: Job[], tail: TailPart[]): Promise<Map<number, ChunkRow>> {
    const all = jobs.flatMap(({ reads }) => reads.map(({ id }) => id))
    const ids = all.filter((id) => !isTailId(id))
    const rows = ids.length > 0 ? await this.#db.all<ChunkRow>(sql.bodies(JSON.stringify(ids))) : []
    return new Map([...rows, ...tail].map((row) => [row.id, row]))
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

/** What is left of a tail: few parts stay in it, many become chunks, but for those that cannot be read. */
function divide(parts: readonly TailPart[]): { spilled: string[]; kept: string } {
  const spilled: string[] = []
  let kept = parts.map(({ text }) => text).join("")
  const isFew = parts.length <= SERIES_TAIL_KEPT_PARTS
  if (isFew && kept.length <= SERIES_TAIL_MAX_CHARACTERS / 2) return { spilled, kept }
  kept = ""
  for (const { text, body } of parts) {
    try {
      spilled.push(`[${text.slice(0, -1)},${statsText(decodeChunk(body))}]`)
    } catch {
      kept += text
    }
  }
  return { spilled, kept }
}
