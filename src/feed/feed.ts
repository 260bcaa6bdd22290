/** The seam: the only way to write, and the only order there is (DESIGN invariants I1–I6). */
import { CHANGE_BODY_MAX_BYTES, CHANGES_PAGE_ROWS, TRIM_MAX_STEPS } from "../protocol/limits.ts"
import type { Change, ChangeEvent, Position } from "../protocol/change.ts"
import { GuardFailed, Stopped, type Problem } from "../protocol/problem.ts"
import { byteLength } from "../lib/bytes.ts"
import type { Database } from "./database.ts"
import { meaningOf, runOf, UnitRefused, type Run } from "./run.ts"
import { guard, type Guard, type Statement } from "./statement.ts"
import * as sql from "./sql.ts"

/** A change to record. `when` is checked inside the batch: a draft whose condition fails records nothing. */
export interface Draft {
  uri: string
  event: ChangeEvent
  /** JSON text; dropped when it is larger than a change row may hold. */
  body?: string | null
  /** Members that the frame carries beside the body. */
  extra?: Record<string, unknown>
  /** Other members, if the condition holds at that moment of the batch. */
  extraIf?: { when: sql.Condition; extra: Record<string, unknown> }
  when?: sql.Condition
}

/** One unit of work: guards first, then the changes, then the statements that make them true. */
export interface Commit {
  /** What has expired, deleted before anything is looked at; of a transaction's several sweeps the first will do. */
  sweep?: Commit
  /** Statements that fail the batch, made by `guard`. */
  guards?: Guard[]
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

/** Whoever can commit a unit of work, and knows where the journal is. */
export type Journal = Pick<Feed, "commit" | "commitAll" | "position">

/**
 * What a reader gets: the changes after its position, or word that they are gone; `first` is then the first that is
 * kept of the position's epoch.
 */
export type Since =
  | { reset: true; first?: number }
  | { reset: false; changes: Change[]; more: boolean }

/**
 * A position, and when its change was made, in epoch milliseconds, where that is known. After a restore revisions are
 * given out again, but at another time: so it is seen although as much was written since as was lost.
 */
export interface Mark extends Position {
  at?: number | null
}

/** A run of changes that is removed, both ends included. */
export interface Trimmed {
  first: number
  last: number
  /** When the last change was made, in epoch milliseconds; null where there is none. */
  at: number | null
}

/**
 * Whoever needs what is trimmed: says how far it may go at once, and what to write in the same transaction. Another that
 * is asked after it may let less of it be trimmed: what all but the last write must be right then, too.
 */
export interface Keeper {
  keep(range: Trimmed): Promise<{ last: number; statements: Statement[] }>
}

export interface FeedOptions {
  /** Epoch milliseconds. */
  now: () => number
  /**
   * Called after a commit that recorded something, with the names of those who listened at that very moment of the
   * journal. Only a hint: losing it must lose nothing.
   */
  poke: (changes: Change[], listeners: string[]) => void
  /** Called when it was seen that the database was put back; perhaps by several at once. */
  renewed?: () => void
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
   * Writes and records several commits in one transaction, all their guards first; answers the changes with their
   * revisions, which are contiguous. Throws what `explain` says when a guard stopped it; nothing is written then.
   */
  async commitAll(commits: Commit[]): Promise<Change[]> {
    try {
      return (await this.commitUnits([commits])).flat()
    } catch (error) {
      throw error instanceof UnitRefused ? error.problem : error
    }
  }

  /**
   * Several units of work in one transaction, as if one were committed after the other: the guards of each find what
   * those before it wrote. Answers the changes of each, all of them contiguous.
   * Throws UnitRefused when a guard stopped it; nothing is written then.
   */
  async commitUnits(units: Commit[][]): Promise<Change[][]> {
    const run = runOf(units, (draft) => this.#append(draft))
    // In the same transaction: whoever began to listen after it finds the commit in what is read from then on. A large
    // import is dozens of commits that change nothing yet, and has no query to spare.
    const isHeard = run.appended.some((places) => places.length > 0)
    if (isHeard) run.statements.push(sql.listeners)
    const results = await this.#batch(run, units)
    const listeners = (isHeard ? (results.at(-1) ?? []) : []) as unknown as Listener[]
    for (const [at, take] of run.taken) take(results[at] ?? [])
    const [swept = [], ...changes] = run.appended.map((places) =>
      places.flatMap((at) => results[at] ?? []),
    )
    const told = [...swept, ...changes.flat()]
    if (told.length > 0) {
      this.#options.poke(
        told,
        listeners.map(({ name }) => name),
      )
    }
    return changes
  }

  /**
   * From now on every commit names this listener; answers the newest position at that very moment, so that nothing
   * can happen between the two. Again does no harm.
   * @param at epoch milliseconds, more than at any time before; or the same, to see to it that it is still so
   */
  async listen(name: string, at: number): Promise<Mark> {
    const [, position] = await this.#db.batch<Bounds>([sql.listen(name, at), sql.position])
    return positionOf(known(position?.[0]))
  }

  /** Ends what `listen` began at that time or before. */
  async unlisten(name: string, at: number): Promise<void> {
    await this.#db.batch([sql.unlisten(name, at)])
  }

  /** The names of those who listen. */
  async listeners(): Promise<string[]> {
    return (await this.#db.all<Listener>(sql.listeners)).map(({ name }) => name)
  }

  /** The newest position. */
  async position(): Promise<Mark> {
    return positionOf(await this.bounds())
  }

  /**
   * The changes after a position, a page at a time. `reset` when the position is of another incarnation of the
   * database, lies in the future, or when something after it has been trimmed.
   */
  async since({ epoch, revision, at = null }: Mark, rows = CHANGES_PAGE_ROWS): Promise<Since> {
    const [bounds, changes, made] = await this.#db.batch<Bounds & Change>([
      sql.position,
      sql.after(revision, rows),
      ...(at === null ? [] : [sql.madeAt(revision)]),
    ])
    const now = bounds?.[0]
    if (!now || now.epoch !== epoch) return { reset: true }
    const isOut = revision > now.last || revision + 1 < now.first
    if (isOut || isAnother(made?.[0], at)) return { reset: true, first: now.first }
    const page = changes ?? []
    return { reset: false, changes: page, more: (page.at(-1)?.revision ?? now.last) < now.last }
  }

  /**
   * Begins a new epoch when the database was put back to an earlier state: the journal ends before a revision that
   * has been seen under this epoch, or has another change there. Then revisions are given out again, and old positions
   * must not be taken for new ones. Answers whether it did.
   */
  async renewIfRestored({ epoch, revision, at = null }: Mark): Promise<boolean> {
    const [bounds, made] = await this.#db.batch<Bounds>([sql.position, sql.madeAt(revision)])
    const now = known(bounds?.[0])
    if (now.epoch !== epoch || (now.last >= revision && !isAnother(made?.[0], at))) return false
    await this.#db.batch([sql.renew(epoch)])
    this.#options.renewed?.()
    return true
  }

  /**
   * Removes changes that are older than `keepMilliseconds` or beyond the newest `keepRows`. Where a keeper wants it,
   * in several steps, and the rest of them another time.
   */
  async trim(
    keepMilliseconds: number,
    keepRows: number,
    keepers: readonly Keeper[] = [],
  ): Promise<void> {
    const before = this.#options.now() - keepMilliseconds
    for (let step = 0; step < TRIM_MAX_STEPS; step++) {
      const range = await this.#db.first<Trimmed>(sql.trimmable(before, keepRows))
      if (!range || range.last < range.first) return
      let { last } = range
      const statements: Statement[] = []
      for (const keeper of keepers) {
        const kept = await keeper.keep({ ...range, last })
        last = kept.last
        statements.push(...kept.statements)
      }
      const begins = sql.beginsAt(range.first)
      await this.commit({
        guards: [guard(begins.sql, begins.params)],
        drafts: [],
        writes: [...statements, ...sql.trim(last)],
      })
      if (last === range.last) return
    }
  }

  async #batch({ statements, guards }: Run, units: Commit[][]): Promise<Change[][]> {
    try {
      return await this.#db.batch<Change>(statements)
    } catch (error) {
      if (error instanceof Stopped) throw new UnitRefused(error.unit, error)
      const failed = error instanceof GuardFailed ? guards[error.guard] : undefined
      if (!failed) throw error
      throw new UnitRefused(failed.unit, await meaningOf(failed, units[failed.unit] ?? []))
    }
  }

  /** The first and the last revision that are kept, and the epoch. */
  async bounds(): Promise<Bounds> {
    return known(await this.#db.first<Bounds>(sql.position))
  }

  #append({ uri, event, body, extra, extraIf, when }: Draft): Statement {
    const kept = body != null && byteLength(body) <= CHANGE_BODY_MAX_BYTES ? body : null
    const row = [this.#options.now(), uri, event, kept]
    const other = extraIf && { when: extraIf.when, extra: membersOf(extraIf.extra) }
    return sql.append(row, membersOf(extra), other, when)
  }
}

function membersOf(extra: Record<string, unknown> = {}): string | null {
  return Object.keys(extra).length > 0 ? JSON.stringify(extra) : null
}

function known(bounds: Bounds | null | undefined): Bounds {
  if (!bounds) throw new Error("The journal has no position")
  return bounds
}

function positionOf({ epoch, last, at }: Bounds): Mark {
  return { epoch, revision: last, at }
}

/** Whether a change is not the one that was made at that time; what is unknown may well be. */
function isAnother(change: { at: number | null } | undefined, at: number | null): boolean {
  return change !== undefined && at !== null && change.at !== at
}

interface Listener {
  name: string
}

export interface Bounds {
  epoch: string
  first: number
  last: number
  /** When the last change was made, in epoch milliseconds; null where there is none. */
  at: number | null
}
