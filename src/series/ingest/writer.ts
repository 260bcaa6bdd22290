/** Writes of rows: to one series or to many, of a frame or of a stream, in one commit. */
import { conditionsHeld, explainConditions } from "../../feed/conditions.ts"
import type { Database } from "../../feed/database.ts"
import type { Committer } from "../../feed/feed.ts"
import type { Conditions } from "../../protocol/endpoint.ts"
import {
  DATABASE_TEXT_MAX_BYTES,
  IMPORT_HELD_MAX_BYTES,
  IMPORT_MAX_STAGED,
  IMPORT_MAX_STAGED_APPEND,
} from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { BadLine } from "../../lines/bad.ts"
import type { Frame } from "../frame.ts"
import { CURRENT, get, type Place, type SeriesRow } from "../sql.ts"
import { explainShape, uriOf } from "../write.ts"
import { commitOf, listOf, type Plan } from "./commit.ts"
import type { Counts } from "./counts.ts"
import { Intake } from "./intake.ts"
import * as sql from "./sql.ts"
import { Stage, stageNumber, staleNumber } from "./stage.ts"
import { explainOrder } from "./tail.ts"
import type { Target, Wish } from "./target.ts"

/** Rows as they come, and lines that were no rows. */
export interface Delivery {
  rows: readonly (Place & { frame: Frame })[]
  bad: readonly BadLine[]
}

export interface WriteOptions extends Wish {
  /** Whether good lines are kept where others are bad. */
  isPartial: boolean
  /** Open more of what is stored for the counts. */
  isCounted: boolean
}

/** What was done. */
export interface Outcome extends Counts {
  /** Of the last series; 0 when nothing was written. */
  revision: number
  targets: Target[]
  /** Rows of the database. */
  rowsWritten: number
  bad: BadLine[]
  badTotal: number
}

export interface WriterOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Letters and digits that nobody else gets. */
  newId: () => string
  /** Whether rows may be put into the log before the commit; else all of them must fit one statement. */
  mayStage?: boolean
  /** Told of a series that should be compacted. */
  piledUp?: (place: Place) => void
  /** Bytes of packed rows in one statement, and of rows that are held back; smaller ones in tests. */
  textBytes?: number
  heldBytes?: number
}

/** How often an append looks again when the series changed while it looked. */
const TRIES = 2

export class SeriesWriter {
  readonly #db: Database
  readonly #committer: Committer
  readonly #options: WriterOptions

  constructor(db: Database, committer: Committer, options: WriterOptions) {
    this.#db = db
    this.#committer = committer
    this.#options = options
  }

  /** What is stored of a series beside its rows; null when there is none. */
  stored(place: Place): Promise<SeriesRow | null> {
    return this.#db.first<SeriesRow>(get(place))
  }

  /**
   * Writes rows as they come, all or nothing, to a series that is made when there is none.
   * Throws Problem: unprocessable (with the bad lines, where there are), too_large, conflict when they do not come
   * after what mode append finds, precondition_failed, and what reading them throws.
   */
  write(
    place: Place,
    deliveries: AsyncIterable<Delivery> | Iterable<Delivery>,
    options: WriteOptions,
    conditions: Conditions,
  ): Promise<Outcome> {
    return this.#write(deliveries, options, { place, conditions })
  }

  /** The same for all series that the rows name; when they name none, nothing is written. */
  ingest(deliveries: AsyncIterable<Delivery>, options: WriteOptions): Promise<Outcome> {
    return this.#write(deliveries, options, null)
  }

  /** Takes away what requests that died have left. */
  async sweep(): Promise<void> {
    const stale = staleNumber(this.#options.now())
    await this.#committer.commit({ drafts: [], writes: [sql.sweep(stale)] })
  }

  async #write(
    deliveries: AsyncIterable<Delivery> | Iterable<Delivery>,
    options: WriteOptions,
    only: { place: Place; conditions: Conditions } | null,
  ): Promise<Outcome> {
    const {
      now,
      newId,
      mayStage = true,
      textBytes = DATABASE_TEXT_MAX_BYTES,
      heldBytes = IMPORT_HELD_MAX_BYTES,
    } = this.#options
    const written = this.#db.cost.rowsWritten
    const chance = Number.parseInt(newId().slice(-5), 16) || 0
    const stage = new Stage(this.#committer, stageNumber(now(), chance), {
      bytes: textBytes,
      // Where the last row is not known, an append looks for it and tries again.
      statements: !mayStage
        ? 0
        : options.mode === "append"
          ? IMPORT_MAX_STAGED_APPEND
          : IMPORT_MAX_STAGED,
    })
    const intake = new Intake(options, stage, heldBytes)
    if (only) intake.target(only.place)
    try {
      for await (const { rows, bad } of deliveries) await intake.take(rows, bad)
      await intake.finish()
      const { targets, bad, badTotal } = intake
      const done = targets.length > 0 ? await this.#commit(intake, options, only) : { revision: 0 }
      const rowsWritten = this.#db.cost.rowsWritten - written
      return { ...done, targets, rowsWritten, bad, badTotal }
    } catch (error) {
      // What stays, because this fails too, is swept later.
      await stage.discard().catch(() => undefined)
      throw error
    }
  }

  async #commit(
    { targets, stage }: Intake,
    { mode, isCounted }: WriteOptions,
    only: { place: Place; conditions: Conditions } | null,
  ): Promise<Counts & { revision: number }> {
    const held = only ? heldOf(only) : []
    const plan: Plan = {
      targets,
      stage,
      mode,
      isCounted,
      free: new Map(),
      now: this.#options.now(),
      piledUp: this.#options.piledUp ?? (() => {}),
    }
    for (let tries = 1; ; tries++) {
      const list = listOf(plan)
      const again = new Problem("conflict", "The series changed at the same moment, try again")
      const { commit, counts } = commitOf(plan, list, held)
      const explain = () => this.#explain(plan, list, only, again)
      try {
        const changes = await this.#committer.commit({ ...commit, explain })
        return { revision: changes.at(-1)?.revision ?? 0, ...counts() }
      } catch (error) {
        if (error !== again || tries === TRIES) throw error
      }
    }
  }

  /** What it means that a guard failed; `again` when the plan knows more now. */
  async #explain(
    { targets, mode, free }: Plan,
    list: string,
    only: { place: Place; conditions: Conditions } | null,
    again: Problem,
  ): Promise<Problem | null> {
    const rows = await this.#db.all<SeriesRow & { key: number }>(sql.stored(list))
    if (only) {
      const problem = explainConditions(uriOf(only.place), only.conditions, rows[0]?.revision)
      if (problem) return problem
    }
    if (mode === "replace") return null
    let found = false
    for (const row of rows) {
      const target = targets[row.key] as Target
      const problem = explainShape(row, target.place, target)
      if (problem) return problem
      if (mode !== "append" || target.kind === null || row.last === null) continue
      if (row.last < target.first || free.get(row.key) === row.revision) continue
      const late = await explainOrder(this.#db, row, target)
      if (late) return late
      free.set(row.key, row.revision)
      found = true
    }
    return found ? again : null
  }
}

function heldOf({ place, conditions }: { place: Place; conditions: Conditions }) {
  return conditionsHeld(conditions, CURRENT, [place.reference, place.symbol])
}
