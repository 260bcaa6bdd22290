/** The seam: the only way to write, and the only order there is (DESIGN invariants I1–I6). */
import { CHANGE_BODY_MAX_BYTES, CHANGES_PAGE_ROWS, TRIM_MAX_STEPS } from "../protocol/limits.ts"
import type { Change, ChangeEvent, Position } from "../protocol/change.ts"
import { GuardFailed, Problem } from "../protocol/problem.ts"
import { byteLength } from "../lib/bytes.ts"
import type { Database } from "./database.ts"
import { guard, type Statement } from "./statement.ts"
import * as sql from "./sql.ts"

/** A change to record. `when` is checked inside the batch: a draft whose condition fails records nothing. */
export interface Draft {
  uri: string
  event: ChangeEvent
  /** JSON text; dropped when it is larger than a change row may hold. */
  body?: string | null
  /** Members that the frame carries beside the body. */
  extra?: Record<string, unknown>
  when?: sql.Condition
}

/** One unit of work: guards first, then the changes, then the statements that make them true. */
export interface Commit {
  /** Statements that fail the batch, made by `guard`. */
  guards?: Statement[]
  /** Read after the guards, before anything is written: what is there at that moment. */
  reads?: { statement: Statement; take: (rows: unknown[]) => void }[]
  /** Or a SELECT of (at, uri, event, body, extra) with one row per change. */
  drafts: (Draft | { each: Statement })[]
  /** May use `REVISION` for the revision of the last change recorded. */
  writes: Statement[]
  /** Asked after a guard failed: what it means to the caller, or null when it was not one of these guards. */
  explain?: () => Promise<Problem | null>
}

/** Whoever can commit; a unit of work that collects is one too. */
export interface Committer {
  commit(commit: Commit): Promise<Change[]>
}

/** What a reader gets: the changes after its position, or word that they are gone. */
export type Since = { reset: true } | { reset: false; changes: Change[]; more: boolean }

/** A run of changes that is removed, both ends included. */
export interface Trimmed {
  first: number
  last: number
}

/** Whoever needs what is trimmed: says how far it may go at once, and what to write in the same transaction. */
export interface Keeper {
  keep(range: Trimmed): Promise<{ last: number; statements: Statement[] }>
}

export interface FeedOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Called after a commit that recorded something. Only a hint: losing it must lose nothing. */
  poke: (changes: Change[]) => void
}

export class Feed implements Committer {
  readonly #db: Database
  readonly #options: FeedOptions

  constructor(db: Database, options: FeedOptions) {
    this.#db = db
    this.#options = options
  }

  /** One unit of work, in one transaction. */
  commit(commit: Commit): Promise<Change[]> {
    return this.commitAll([commit])
  }

  /**
   * Writes and records several units in one transaction; answers the changes with their revisions, which are
   * contiguous. Throws what `explain` says when a guard stopped it; nothing is written then.
   */
  async commitAll(commits: Commit[]): Promise<Change[]> {
    const statements = commits.flatMap(({ guards = [] }) => guards)
    const appended: number[] = []
    const taken: [at: number, take: (rows: unknown[]) => void][] = []
    for (const { reads = [], drafts, writes } of commits) {
      for (const { statement, take } of reads) {
        taken.push([statements.length, take])
        statements.push(statement)
      }
      for (const draft of drafts) {
        appended.push(statements.length)
        statements.push("each" in draft ? sql.appendEach(draft.each) : this.#append(draft))
      }
      statements.push(...writes)
    }
    const results = await this.#batch(statements, commits)
    for (const [at, take] of taken) take(results[at] ?? [])
    const changes = appended.flatMap((at) => results[at] ?? [])
    if (changes.length > 0) this.#options.poke(changes)
    return changes
  }

  /** The newest position. */
  async position(): Promise<Position> {
    const { epoch, last } = await this.bounds()
    return { epoch, revision: last }
  }

  /**
   * The changes after a position, a page at a time. `reset` when the position is of another incarnation of the
   * database, lies in the future, or when something after it has been trimmed.
   */
  async since({ epoch, revision }: Position, rows = CHANGES_PAGE_ROWS): Promise<Since> {
    const [bounds, changes] = await this.#db.batch<Bounds & Change>([
      sql.position,
      sql.after(revision, rows),
    ])
    const now = bounds?.[0]
    if (!now || now.epoch !== epoch || revision > now.last || revision + 1 < now.first) {
      return { reset: true }
    }
    const page = changes ?? []
    return { reset: false, changes: page, more: (page.at(-1)?.revision ?? now.last) < now.last }
  }

  /**
   * Begins a new epoch when the database was put back to an earlier state: the journal ends before a revision that
   * has been seen under this epoch. Then revisions are given out again, and old positions must not be taken for
   * new ones. Answers whether it did.
   */
  async renewIfRestored({ epoch, revision }: Position): Promise<boolean> {
    const now = await this.bounds()
    if (now.epoch !== epoch || now.last >= revision) return false
    await this.#db.batch([sql.renew(epoch)])
    return true
  }

  /**
   * Removes changes that are older than `keepMilliseconds` or beyond the newest `keepRows`. Where the keeper wants it,
   * in several steps, and the rest of them another time.
   */
  async trim(keepMilliseconds: number, keepRows: number, keeper?: Keeper): Promise<void> {
    const before = this.#options.now() - keepMilliseconds
    for (let step = 0; step < TRIM_MAX_STEPS; step++) {
      const range = await this.#db.first<Trimmed>(sql.trimmable(before, keepRows))
      if (!range || range.last < range.first) return
      const kept = await keeper?.keep(range)
      const last = kept?.last ?? range.last
      const begins = sql.beginsAt(range.first)
      await this.#batch(
        [guard(begins.sql, begins.params), ...(kept?.statements ?? []), ...sql.trim(last)],
        [],
      )
      if (last === range.last) return
    }
  }

  async #batch(statements: Statement[], commits: Commit[]): Promise<Change[][]> {
    try {
      return await this.#db.batch<Change>(statements)
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error
      for (const { explain } of commits) {
        const problem = await explain?.()
        if (problem) throw problem
      }
      throw new Problem("conflict", "The resource changed at the same moment, try again")
    }
  }

  /** The first and the last revision that are kept, and the epoch. */
  async bounds(): Promise<Bounds> {
    const bounds = await this.#db.first<Bounds>(sql.position)
    if (!bounds) throw new Error("The journal has no position")
    return bounds
  }

  #append({ uri, event, body, extra, when }: Draft): Statement {
    const kept = body != null && byteLength(body) <= CHANGE_BODY_MAX_BYTES ? body : null
    const members = extra && Object.keys(extra).length > 0 ? JSON.stringify(extra) : null
    return sql.append([this.#options.now(), uri, event, kept, members], when)
  }
}

export interface Bounds {
  epoch: string
  first: number
  last: number
}
