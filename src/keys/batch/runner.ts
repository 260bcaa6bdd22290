/** Batches of keys: one commit for all of them, then Workers KV. */
import type { Database } from "../../feed/database.ts"
import { sweepOf } from "../../feed/expiry.ts"
import type { Commit, Feed } from "../../feed/feed.ts"
import { countStatements, UnitRefused } from "../../feed/run.ts"
import { guard } from "../../feed/statement.ts"
import type { Change } from "../../protocol/change.ts"
import { KEY_BATCH_MAX_STATEMENTS, KEY_LIST_MAX_BYTES } from "../../protocol/limits.ts"
import { Problem, Stopped } from "../../protocol/problem.ts"
import { chunksOf, type EdgeCopies } from "../edge.ts"
import { place, valueOf, type Entry } from "../entry.ts"
import { packed } from "../packed.ts"
import { settle, type Sides } from "../settle.ts"
import { afterExpiry } from "../expirer.ts"
import { SWEPT_WITHIN, type Row } from "../sql.ts"
import { kindOf, type Value } from "../value.ts"
import { explain } from "./conditions.ts"
import { itemOf, stepsOf, type Item, type Operation } from "./operations.ts"
import * as sql from "./sql.ts"

/** What became of an operation. */
export interface Outcome {
  operation: Operation
  /** Whether there was such a key before. */
  isFound: boolean
  /** What it wrote or got; null: nothing. */
  revision: number | null
  /** What it got. */
  value: Value | null
  /** Epoch milliseconds. */
  expiresAt: number | null
}

export interface KeyBatchOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Ends keys that have expired and have something to do then. */
  expire: (name: string | null) => Promise<void>
}

/** Requests to Workers KV under way at once; a Worker has six connections. */
const READS_AT_ONCE = 6

export class KeyBatches {
  readonly #db: Database
  readonly #feed: Feed
  readonly #edge: EdgeCopies
  readonly #options: KeyBatchOptions

  constructor(db: Database, feed: Feed, edge: EdgeCopies, options: KeyBatchOptions) {
    this.#db = db
    this.#feed = feed
    this.#edge = edge
    this.#options = options
  }

  /**
   * Does the operations as if one came after the other, all or none of them; answers what became of each.
   * Throws Problem: precondition_failed, too_large, unprocessable, overloaded. After an overloaded that says that
   * the write is recorded, the same batch sent again ends it.
   */
  async run(operations: readonly Operation[]): Promise<Outcome[]> {
    const now = this.#options.now()
    const kept = await this.#forgotten(operations)
    const steps = stepsOf(operations).map((step) => new Step(step, kept, now))
    // In a unit of its own, because the guards of those behind the first say themselves what they mean.
    const swept: Commit = { sweep: sweepOf(SWEPT_WITHIN, now), drafts: [], writes: [] }
    const units = [[swept], ...steps.map((step) => step.commits)]
    checkSize(units)
    const [, ...changes] = await afterExpiry(
      () => this.#commit(operations, units),
      () => this.#options.expire(null),
    )
    const outcomes = steps.flatMap((step, at) => step.outcomes(changes[at] ?? []))
    await this.#readForgotten(outcomes)
    await this.#publish(outcomes)
    return outcomes.toSorted((one, other) => one.operation.at - other.operation.at)
  }

  async #commit(operations: readonly Operation[], units: Commit[][]): Promise<Change[][]> {
    try {
      return await this.#feed.commitUnits(units)
    } catch (error) {
      if (!(error instanceof UnitRefused)) throw error
      if (error.problem instanceof Stopped) throw error.problem
      const stored = await this.#stored(operations)
      // Whoever is refused may be sending again what is recorded already: then this finishes it.
      await this.#settleAgain(operations)
      throw explain(operations, stored) ?? error.problem
    }
  }

  /** The bodies of changes of keys that are to expire, where the journal has forgotten the last. */
  async #forgotten(operations: readonly Operation[]): Promise<Kept> {
    const names = operations.filter(({ kind }) => kind === "expire").map(({ name }) => name)
    const kept: Kept = new Map()
    for (const { json } of packed(names)) {
      const rows = await this.#db.all<sql.BareRow>(sql.bare(json))
      const entries = await this.#edge.entries(rows.filter(isUnknown).map(({ name }) => name))
      for (const row of rows) {
        const { name, revision, type, size, blob } = row
        const text = row.number ?? row.held
        const isKnown = text !== null || kindOf(row) === "bytes"
        const value = isKnown ? { type, size, text, blob } : entries.get(name)
        // Of bytes the change tells what they are, of text that the index holds nothing at all.
        if (value) kept.set(name, { revision, body: place(name, value).body })
      }
    }
    return kept
  }

  /** The values that were got and that D1 does not have, before any of them is written to. */
  async #readForgotten(outcomes: readonly Outcome[]): Promise<void> {
    const bare = outcomes.filter(
      ({ operation, isFound, value }) => operation.kind === "get" && isFound && value === null,
    )
    const entries = await this.#edge.entries([...new Set(bare.map((one) => one.operation.name))])
    for (const outcome of bare) {
      const entry = entries.get(outcome.operation.name)
      // Neither: it has been deleted since.
      outcome.isFound = entry !== undefined
      if (entry) outcome.value = entry
    }
  }

  /** Brings to Workers KV what the last operation on each key left there. */
  async #publish(outcomes: readonly Outcome[]): Promise<void> {
    const entries = new Map<string, Entry | null>()
    const revisions = new Map<string, number>()
    for (const { operation, revision } of outcomes) {
      const { kind, name, value, expiresAt } = operation
      // Where there was nothing to expire, what came before it stands.
      if (kind === "get" || (kind === "expire" && revision === null)) continue
      revisions.set(name, 0)
      entries.delete(name)
      if (kind === "set" && value !== null && revision !== null) {
        entries.set(name, { ...value, revision, expiresAt })
        revisions.set(name, revision)
      } else if (kind === "delete") entries.set(name, null)
    }
    await this.#edge.write(entries)
    await settle(this.#sides, revisions)
  }

  get #sides(): Sides {
    return { db: this.#db, feed: this.#feed, edge: this.#edge }
  }

  async #settleAgain(operations: readonly Operation[]): Promise<void> {
    const now = this.#options.now()
    const names = operations.filter(({ kind }) => kind !== "get").map(({ name }) => name)
    const revisions = new Map<string, number>()
    for (const some of chunksOf([...new Set(names)], READS_AT_ONCE)) {
      const copies = await Promise.all(some.map((name) => this.#edge.get(name, now)))
      for (const [at, name] of some.entries()) revisions.set(name, copies[at]?.revision ?? 0)
    }
    await settle(this.#sides, revisions)
  }

  async #stored(operations: readonly Operation[]): Promise<Map<string, number>> {
    const stored = new Map<string, number>()
    for (const { json } of packed([...new Set(operations.map(({ name }) => name))])) {
      const rows = await this.#db.all<Pick<Row, "name" | "revision">>(sql.revisions(json))
      for (const { name, revision } of rows) stored.set(name, revision)
    }
    return stored
  }
}

/** True of text that only Workers KV has. */
function isUnknown(row: sql.BareRow): boolean {
  return kindOf(row) !== "bytes" && row.number === null && row.isHeld === 0
}

/** Name → the body of its change, as far as nobody else has written since this revision. */
type Kept = Map<string, { revision: number; body: string | null }>

/** Operations that are done together. */
class Step {
  readonly #operations: readonly Operation[]
  readonly #got = new Map<number, sql.GotRow>()
  readonly commits: Commit[]

  constructor(operations: readonly Operation[], kept: Kept, now: number) {
    this.#operations = operations
    const reading = operations.filter(({ kind }) => kind === "get")
    const writing = operations.filter(({ kind }) => kind !== "get")
    const items = writing.map((operation): Item => {
      const known = operation.kind === "expire" ? kept.get(operation.name) : undefined
      const item = itemOf(operation)
      return known ? { ...item, kept: known.body, keptAt: known.revision } : item
    })
    this.commits = [
      this.#looking(operations, reading),
      ...packed(items).map(({ json, count }) => writesOf(json, count, writing, now)),
    ]
  }

  /** What became of the operations, once they are done. */
  outcomes(changes: readonly Change[]): Outcome[] {
    const byUri = new Map(changes.map((change) => [change.uri, change]))
    return this.#operations.map((operation) => {
      if (operation.kind === "get") return this.#gotten(operation)
      const change = byUri.get(operation.uri)
      return {
        operation,
        isFound: change !== undefined && change.event !== "create",
        revision: change?.revision ?? null,
        value: null,
        expiresAt: change && operation.kind !== "delete" ? operation.expiresAt : null,
      }
    })
  }

  #gotten(operation: Operation): Outcome {
    const row = this.#got.get(operation.at)
    return {
      operation,
      isFound: row !== undefined,
      revision: row?.revision ?? null,
      value: row ? valueOf(row) : null,
      expiresAt: row?.expiresAt ?? null,
    }
  }

  /** Conditions and reads, before anything of the step is written. */
  #looking(operations: readonly Operation[], reading: readonly Operation[]): Commit {
    const conditional = operations
      .filter(({ match, none }) => match !== null || none !== null)
      .map(({ name, match, none }) => ({ name, match, none }))
    const wanted = packed(reading.map(({ at, name }) => ({ at, name })))
    const conditions = packed(conditional).map(({ json }) => sql.conditionsHold(json))
    return {
      guards: [
        ...conditions.map((condition) => guard(condition.sql, condition.params)),
        ...wanted.map(({ json }) => {
          const { sql: size, params } = sql.sizeOf(json)
          return guard(`${size} <= ${KEY_LIST_MAX_BYTES}`, params, tooMuch)
        }),
      ],
      reads: wanted.map(({ json }) => ({
        statement: sql.get(json),
        take: (rows) => {
          for (const row of rows as sql.GotRow[]) this.#got.set(row.at, row)
        },
      })),
      drafts: [],
      writes: [],
    }
  }
}

function writesOf(json: string, count: number, writing: readonly Operation[], now: number): Commit {
  const has = (wanted: Operation["kind"]) => writing.some(({ kind }) => kind === wanted)
  return {
    drafts: [{ each: sql.changes(json, now) }],
    writes: [
      ...(has("set") ? [sql.set(json, count)] : []),
      ...(has("expire") ? [sql.expire(json, count)] : []),
      ...(has("delete") ? [sql.remove(json)] : []),
    ],
  }
}

function checkSize(units: readonly Commit[][]): void {
  const count = countStatements(units)
  if (count <= KEY_BATCH_MAX_STATEMENTS) return
  throw new Problem(
    "too_large",
    `A batch must take at most ${KEY_BATCH_MAX_STATEMENTS} statements of the database, this one takes ${count}: it writes one key too often, or values that are too large together`,
    { limit: KEY_BATCH_MAX_STATEMENTS },
  )
}

function tooMuch(): Problem {
  return new Problem(
    "too_large",
    `The values to get must have at most ${KEY_LIST_MAX_BYTES} bytes together`,
    { limit: KEY_LIST_MAX_BYTES },
  )
}
