/** Keys: an index in D1, which decides, and copies of the values in Workers KV, which are read at the edge. */
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Database } from "../feed/database.ts"
import { guard, type Param, type Statement } from "../feed/statement.ts"
import type { Commit, Feed } from "../feed/feed.ts"
import type { Condition } from "../feed/sql.ts"
import type { Change } from "../protocol/change.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import type { Consistency } from "../protocol/keys-consistency.ts"
import type { Blobs } from "./blobs.ts"
import { stands } from "./blobs-sql.ts"
import { check } from "./check.ts"
import { checkRestored } from "./restored.ts"
import { readContent, type ReadContent } from "./content.ts"
import { countCommit, refusal } from "./counter.ts"
import * as drafts from "./drafts.ts"
import type { EdgeCopies } from "./edge.ts"
import { nameOf, place, uriOf } from "./entry.ts"
import { previousOf } from "./previous.ts"
import { afterExpiry } from "./expirer.ts"
import { KeyReader } from "./reader.ts"
import type { Read, ReadWish } from "./reading.ts"
import { notFound, taken } from "./refused.ts"
import { settle, type Sides } from "./settle.ts"
import * as sql from "./sql.ts"
import { kindOf, type Value } from "./value.ts"
import { ruleOf } from "./unending.ts"
import { ofNew, type PatchOptions, type SetOptions } from "./write.ts"
import type { Ending, WriteOptions, Written } from "./write.ts"

export interface KeyStoreOptions {
  /** Epoch milliseconds. */
  now: () => number
  /**
   * "edge" reads a key from Workers KV alone, where elsewhere than where it was written it may be a minute old;
   * "strong" reads what was committed last.
   */
  consistency: Consistency
  /** Ends keys that have expired and have something to do then: this one, or all. */
  expire: (name: string | null) => Promise<void>
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
  readonly #blobs: Blobs
  readonly #options: KeyStoreOptions

  constructor(
    db: Database,
    feed: Feed,
    { edge, blobs }: { edge: EdgeCopies; blobs: Blobs },
    options: KeyStoreOptions,
  ) {
    this.#db = db
    this.#feed = feed
    this.#edge = edge
    this.#blobs = blobs
    this.#reader = new KeyReader(db, edge)
    this.#options = options
  }

  /**
   * A live key, or null, and how it was read: at the edge, unless somebody wants it strong or the copy there may be of
   * a time before `minRevision`.
   */
  async get(name: string, wish: ReadWish = {}): Promise<Read> {
    const now = this.#options.now()
    const { consistency = "edge", minRevision = 0 } = wish
    if (consistency === "edge" && this.#options.consistency === "edge") {
      const entry = await this.#edge.get(name, now)
      // Where there is none, nothing tells since when.
      if ((entry?.revision ?? 0) >= minRevision) return { entry, consistency }
    }
    return { entry: await this.#reader.last(name, now), consistency: "strong" }
  }

  /** How a live key is, as it was committed last; null where there is none. */
  meta(name: string): Promise<sql.MetaRow | null> {
    return this.#db.first<sql.MetaRow>(sql.meta(name, this.#options.now()))
  }

  /** A live key with its content. Throws Problem overloaded. */
  content(name: string, wish: ReadWish): Promise<ReadContent> {
    return readContent(this.#blobs, (again = wish) => this.get(name, again))
  }

  /** The value of a body, for this key. Throws Problem: too_large, invalid_json, invalid_request, unprocessable. */
  take(name: string, stream: ReadableStream<Uint8Array>, type: string): Promise<Value> {
    return this.#blobs.take(name, stream, type)
  }

  /**
   * Creates a key or replaces its value and expiry.
   * Throws Problem: too_large, unprocessable, precondition_failed, conflict when `onlyNew` and there is one.
   */
  async set(name: string, value: Value, options: SetOptions): Promise<Written> {
    const { expiry, onlyNew = false, conditions = {}, wantsPrevious = false } = options
    const ending = expiry === undefined ? options : ofNew(options)
    const now = this.#options.now()
    const rule = ruleOf(name, now, ending)
    const uri = uriOf(name)
    const { body, stored } = this.#place(name, value)
    const previous = await this.#previous(wantsPrevious, name, now)
    const created = drafts.created(name, uri, now, body, ending)
    const patched = drafts.patched(name, now, drafts.given(body, kindOf(value)), ending)
    const changes = await this.#commit(name, now, conditions, {
      guards: [
        ...(onlyNew ? [guardOf(sql.absent(name, now))] : []),
        ...rule.guards,
        ...(value.blob === null ? [] : [guardOf(stands(value.blob))]),
      ],
      reads: previous?.reads ?? [],
      drafts: onlyNew ? created : [...created, patched],
      writes: [
        ...(expiry === undefined ? [sql.removeExpired(name, now)] : []),
        sql.put(name, uri, ending, stored),
      ],
      explain: async () =>
        onlyNew ? taken(name) : rule.explain(await this.#reader.last(name, now)),
    })
    const revision = lastOf(changes)
    if (expiry === undefined) await this.#settle([[name, 0]])
    else {
      await this.#edge.put(name, { ...value, revision, expiresAt: expiry })
      await this.#settle([[name, revision]])
    }
    return { revision, previous: previous?.json() }
  }

  /** Changes a live key. Throws Problem: not_found, too_large, unprocessable, precondition_failed. */
  async patch(name: string, options: PatchOptions): Promise<Written> {
    const { value, expiry, conditions = {}, wantsPrevious = false } = options
    const ending = expiry === null ? { ...options, warn: null } : options
    const now = this.#options.now()
    const rule = ruleOf(name, now, ending)
    const placed = value && this.#place(name, value)
    const previous = await this.#previous(wantsPrevious, name, now)
    const told = value
      ? drafts.given(placed?.body ?? null, kindOf(value))
      : await this.#keptBody(name, now)
    const changes = await this.#commit(name, now, conditions, {
      guards: [guardOf(sql.live(name, now)), ...rule.guards],
      reads: previous?.reads ?? [],
      drafts: [drafts.patched(name, now, told, ending)],
      writes: [sql.patch(name, placed?.stored ?? null, ending)],
      explain: async () => {
        const last = await this.#reader.last(name, now)
        return (last && rule.explain(last)) ?? notFound(name)
      },
    })
    await this.#settle([[name, 0]])
    return { revision: lastOf(changes), previous: previous?.json() }
  }

  /**
   * Adds to a key's number, or creates the key with it; its expiry stays. Answers what GET answers then, as JSON text.
   * @param by a decimal as `scaledOf` reads it
   * @param ending of a key that is created by this
   * Throws Problem: unprocessable, precondition_failed.
   */
  async count(
    name: string,
    by: string,
    ending: Ending,
    conditions: Conditions = {},
  ): Promise<{ revision: number; json: string }> {
    const now = this.#options.now()
    const changes = await this.#commit(name, now, conditions, {
      ...countCommit({ name, by, now, ending: ofNew(ending) }),
      explain: async () => {
        const row = await this.#db.first<sql.FullRow>(sql.getLive(name, now))
        return row && refusal(name, row.number !== null)
      },
    })
    // Sent again it would count again, and the index has the number: so nobody has to, whatever Workers KV says.
    await settle(this.#sides, new Map([[name, 0]]), "owe")
    return { revision: lastOf(changes), json: changes.at(-1)?.body ?? "" }
  }

  /** Deletes, also when there is nothing to delete. Throws Problem precondition_failed. */
  async remove(name: string, options: WriteOptions = {}): Promise<Written> {
    const { conditions = {}, wantsPrevious = false } = options
    const now = this.#options.now()
    const previous = await this.#previous(wantsPrevious, name, now)
    const changes = await this.#commit(name, now, conditions, {
      reads: previous?.reads ?? [],
      drafts: drafts.deleted(name, uriOf(name), now),
      writes: [sql.remove(name)],
    })
    // Also when there was none: an earlier try may have ended between the commit and Workers KV.
    await this.#edge.put(name, null)
    await this.#settle([[name, 0]])
    return { revision: lastOf(changes), previous: previous?.json() }
  }

  /** Deletes all keys; answers the revision, 0 when nothing changed. The conditions are on the list's revision. */
  async clear(conditions: Conditions = {}): Promise<number> {
    const now = this.#options.now()
    const commit: Commit = {
      guards: conditionGuards(conditions, sql.HEAD, [], LIST_URI),
      drafts: drafts.cleared(now),
      writes: [sql.clear],
      explain: async () => {
        const { revision } = await this.#feed.position()
        return explainConditions(LIST_URI, conditions, revision)
      },
    }
    const { expire } = this.#options
    const changes = await afterExpiry(
      () => this.#feed.commit(commit),
      () => expire(null),
    )
    const gone = new Set(changes.map(({ uri }) => nameOf(uri)))
    await this.#edge.write([...gone].map((name) => [name, null]))
    await this.#settle([...gone].map((name) => [name, 0]))
    // What an earlier try left behind is in no index any more, and only Workers KV can name it.
    for await (const page of this.#edge.pages()) {
      await this.#settle(page.filter(([name]) => !gone.has(name)))
    }
    return lastOf(changes)
  }

  /** Repairs copies in Workers KV that are not what the index says; see `check`. */
  check(): Promise<void> {
    return check(this.#sides, this.#options.now())
  }

  /** The same after the database was put back; see `checkRestored`. */
  checkRestored(): Promise<void> {
    return checkRestored(this.#sides)
  }

  /** Where a value goes; into the index too when Workers KV has to wait for it. */
  #place(name: string, value: Value): ReturnType<typeof place> {
    const { body, stored } = place(name, value)
    const waits = stored.number === null && !this.#edge.turns.isFree(name, this.#edge.now())
    return { body, stored: waits ? { ...stored, value: value.text } : stored }
  }

  get #sides(): Sides {
    return { db: this.#db, feed: this.#feed, edge: this.#edge }
  }

  /** Commits under the conditions. */
  #commit(name: string, now: number, conditions: Conditions, commit: Commit): Promise<Change[]> {
    const params: Param[] = [name, now]
    const conditional: Commit = {
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
    }
    const { expire } = this.#options
    return afterExpiry(
      () => this.#feed.commit(conditional),
      () => expire(name),
    )
  }

  async #keptBody(name: string, now: number): Promise<ReturnType<typeof drafts.kept>> {
    const last = await this.#reader.last(name, now)
    return drafts.kept(last?.revision ?? 0, last && place(name, last).body)
  }

  async #previous(isWanted: boolean, name: string, now: number) {
    return isWanted ? previousOf(name, now, await this.#reader.last(name, now)) : undefined
  }

  #settle(revisions: [name: string, revision: number][]): Promise<void> {
    return settle(this.#sides, new Map(revisions))
  }
}

function guardOf({ sql: condition, params }: Condition): Statement {
  return guard(condition, params)
}

function lastOf(changes: Change[]): number {
  return changes.at(-1)?.revision ?? 0
}
