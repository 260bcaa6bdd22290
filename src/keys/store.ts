/** Keys: an index in D1, which decides, and copies of the values in Workers KV, which are read at the edge. */
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Database } from "../feed/database.ts"
import { sweep } from "../feed/expiry.ts"
import { guard, type Param, type Statement } from "../feed/statement.ts"
import type { Commit, Feed } from "../feed/feed.ts"
import type { Condition } from "../feed/sql.ts"
import type { Change } from "../protocol/change.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import * as drafts from "./drafts.ts"
import type { EdgeCopies } from "./edge.ts"
import { nameOf, place, uriOf, type Entry } from "./entry.ts"
import { KeyReader } from "./reader.ts"
import { settle } from "./settle.ts"
import * as sql from "./sql.ts"

export interface KeyStoreOptions {
  /** Epoch milliseconds. */
  now: () => number
  /**
   * "edge" reads a key from Workers KV alone, where elsewhere than where it was written it may be a minute old;
   * "strong" reads what was committed last.
   */
  consistency: "edge" | "strong"
}

export interface SetOptions {
  /** Null: never expires. */
  ttlSeconds?: number | null
  /** Refuse to replace. */
  onlyNew?: boolean
  conditions?: Conditions
}

const LIST_URI = "/keys/"

/**
 * A write is one commit of index and change first, then it goes to Workers KV, then it is acknowledged; `settle`
 * tells why that ends well. All methods throw Problem overloaded when D1 or Workers KV do not answer.
 */
export class KeyStore {
  readonly #db: Database
  readonly #feed: Feed
  readonly #edge: EdgeCopies
  readonly #reader: KeyReader
  readonly #options: KeyStoreOptions

  constructor(db: Database, feed: Feed, edge: EdgeCopies, options: KeyStoreOptions) {
    this.#db = db
    this.#feed = feed
    this.#edge = edge
    this.#reader = new KeyReader(db, edge)
    this.#options = options
  }

  /** A live key, or null. */
  get(name: string): Promise<Entry | null> {
    const now = this.#options.now()
    const { consistency } = this.#options
    return consistency === "edge" ? this.#edge.get(name, now) : this.#reader.last(name, now)
  }

  /**
   * Creates a key or replaces its value and expiry; answers the revision.
   * Throws Problem: too_large, unprocessable, precondition_failed, conflict when `onlyNew` and there is one.
   */
  async set(name: string, value: string, options: SetOptions = {}): Promise<number> {
    const { ttlSeconds = null, onlyNew = false, conditions = {} } = options
    const now = this.#options.now()
    const uri = uriOf(name)
    const expiresAt = ttlSeconds === null ? null : now + ttlSeconds * 1000
    const { body, stored } = place(name, value)
    const created = drafts.created(name, uri, now, body, expiresAt)
    const patched = drafts.patched(name, now, drafts.given(body), expiresAt)
    const changes = await this.#commit(name, now, conditions, {
      guards: onlyNew ? [guardOf(sql.absent(name, now))] : [],
      drafts: onlyNew ? created : [...created, patched],
      writes: [sql.put(name, uri, expiresAt, stored)],
      explain: async () => (onlyNew ? taken(name) : null),
    })
    const revision = lastOf(changes)
    await this.#edge.put(name, { value, revision, expiresAt }, now)
    await this.#settle([[name, revision]])
    return revision
  }

  /**
   * Changes a live key; answers the revision.
   * @param value undefined: as before
   * @param ttlSeconds undefined: as before; null: never expires
   * Throws Problem: not_found, too_large, unprocessable, precondition_failed.
   */
  async patch(
    name: string,
    value: string | undefined,
    ttlSeconds: number | null | undefined,
    conditions: Conditions = {},
  ): Promise<number> {
    const now = this.#options.now()
    const expiry = ttlSeconds == null ? ttlSeconds : now + ttlSeconds * 1000
    const placed = value === undefined ? null : place(name, value)
    const body = placed ? drafts.given(placed.body) : await this.#keptBody(name, now)
    const changes = await this.#commit(name, now, conditions, {
      guards: [guardOf(sql.live(name, now))],
      drafts: [drafts.patched(name, now, body, expiry)],
      writes: [sql.patch(name, placed?.stored ?? null, expiry)],
      explain: async () => notFound(name),
    })
    await this.#settle([[name, 0]])
    return lastOf(changes)
  }

  /** Deletes, also when there is nothing to delete; answers the revision, 0 when nothing changed. */
  async remove(name: string, conditions: Conditions = {}): Promise<number> {
    const now = this.#options.now()
    const changes = await this.#commit(name, now, conditions, {
      drafts: drafts.deleted(name, uriOf(name), now),
      writes: [sql.remove(name)],
    })
    // Also when there was none: an earlier try may have ended between the commit and Workers KV.
    await this.#edge.write([[name, null]], now)
    await this.#settle([[name, 0]])
    return lastOf(changes)
  }

  /** Deletes all keys; answers the revision, 0 when nothing changed. The conditions are on the list's revision. */
  async clear(conditions: Conditions = {}): Promise<number> {
    const now = this.#options.now()
    const changes = await this.#feed.commit({
      guards: conditionGuards(conditions, sql.HEAD, [], LIST_URI),
      drafts: drafts.cleared(now),
      writes: [sql.clear],
      explain: async () => {
        const { revision } = await this.#feed.position()
        return explainConditions(LIST_URI, conditions, revision)
      },
    })
    const gone = new Set(changes.map(({ uri }) => nameOf(uri)))
    await this.#edge.write(
      [...gone].map((name) => [name, null]),
      now,
    )
    await this.#settle([...gone].map((name) => [name, 0]))
    // What an earlier try left behind is in no index any more, and only Workers KV can name it.
    for await (const page of this.#edge.pages()) {
      await this.#settle(page.filter(([name]) => !gone.has(name)))
    }
    return lastOf(changes)
  }

  /**
   * Deletes what has expired and records it; answers when the next key expires, in epoch milliseconds, or null.
   * Workers KV drops its copies by itself, and nobody is shown them until then.
   */
  sweep(): Promise<number | null> {
    return sweep(this.#db, this.#feed, [sql.TABLE], this.#options.now())
  }

  /** Commits under the conditions. */
  #commit(name: string, now: number, conditions: Conditions, commit: Commit): Promise<Change[]> {
    const params: Param[] = [name, now]
    return this.#feed.commit({
      ...commit,
      guards: [
        ...conditionGuards(conditions, sql.CURRENT, params, uriOf(name)),
        ...(commit.guards ?? []),
      ],
      explain: async () => {
        const current = await this.#reader.last(name, now)
        // Whoever is refused may be sending again what is recorded already: then this finishes it.
        const copy = await this.#edge.get(name, now)
        await this.#settle([[name, copy?.revision ?? 0]])
        const unmet = explainConditions(uriOf(name), conditions, current?.revision)
        return unmet ?? (await commit.explain?.()) ?? null
      },
    })
  }

  async #keptBody(name: string, now: number): Promise<Condition> {
    const last = await this.#reader.last(name, now)
    return drafts.kept(last?.revision ?? 0, last && place(name, last.value).body)
  }

  #settle(revisions: [name: string, revision: number][]): Promise<void> {
    return settle(this.#db, this.#edge, this.#options.now(), new Map(revisions))
  }
}

/** The problem of a key that is not there. */
export function notFound(name: string): Problem {
  return new Problem("not_found", `There is no key "${name}"`)
}

function taken(name: string): Problem {
  const errors = { name: "is taken" }
  return new Problem("conflict", `There is a key "${name}" already`, { errors })
}

function guardOf({ sql: condition, params }: Condition): Statement {
  return guard(condition, params)
}

function lastOf(changes: Change[]): number {
  return changes.at(-1)?.revision ?? 0
}
