/** JSON documents in collections. A collection is a list URI, a document a URI below it. */
import type { Database } from "../feed/database.ts"
import { guard, type Guard, type Statement } from "../feed/statement.ts"
import { conditionGuards, explainConditions, otherwise } from "../feed/conditions.ts"
import type { Commit, Committer } from "../feed/feed.ts"
import type { Condition } from "../feed/sql.ts"
import { expired, type Expiry } from "../feed/expiry.ts"
import { changesSince } from "../feed/since.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { DOCUMENT_MAX_BYTES, LIST_MAX_ITEMS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { encodeSegment, listOf } from "../protocol/uri.ts"
import { byteLength } from "../lib/bytes.ts"
import { notFound, taken, tooLarge } from "./refused.ts"
import * as sql from "./sql.ts"

/** A document as stored; `data` is JSON text, so that nothing in it changes on the way. */
export interface Document {
  name: string
  revision: number
  /** Epoch milliseconds; null: never. */
  expiresAt: number | null
  data: string
}

/** What a write may say beside the data. */
export interface WriteOptions {
  conditions?: Conditions
  /** Undefined: never for what is stored whole, as before for what is changed. */
  expiry?: Expiry
}

export interface DocumentStoreOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Ends what has expired, at once and whatever else is being collected. */
  sweep: () => Promise<unknown>
}

/** How a collection's documents look from outside. */
export interface Shape {
  /** The resource that GET answers, as JSON text. */
  resource: (name: string, data: string) => string
  /** A merge patch of the data, as one of the resource. */
  patch: (patch: string) => string
}

/** The document is the resource. */
export const plain: Shape = { resource: (_name, data) => data, patch: (patch) => patch }

export class DocumentStore {
  readonly #db: Database
  readonly #committer: Committer
  readonly #shape: Shape
  readonly #options: DocumentStoreOptions

  constructor(db: Database, committer: Committer, shape: Shape, options: DocumentStoreOptions) {
    this.#db = db
    this.#committer = committer
    this.#shape = shape
    this.#options = options
  }

  async get(uri: string): Promise<Document | null> {
    const document = await this.#db.first<Document>(sql.get(...place(uri)))
    return document && expired(document.expiresAt, this.#options.now()) ? null : document
  }

  /** Every document of a collection in the order of creation, with the revision they were read at. */
  async list(collection: string): Promise<{ documents: Document[]; revision: number }> {
    const { rows, revision } = await this.#listed(sql.all(collection, LIST_MAX_ITEMS))
    return { documents: rows, revision }
  }

  /** True while the document is as it was read; null: while there is none. */
  unchanged(uri: string, document: Document | null): Condition {
    return sql.unchanged(...place(uri), document?.revision ?? null)
  }

  /** True while `list` would answer the same documents. */
  listUnchanged(collection: string, documents: readonly Document[]): Condition {
    const newest = documents.reduce((most, { revision }) => Math.max(most, revision), 0)
    return sql.listUnchanged(collection, LIST_MAX_ITEMS, documents.length, newest)
  }

  /** Creates or replaces; answers the revision. Throws Problem: too_large, precondition_failed. */
  put(
    uri: string,
    data: string,
    { conditions = {}, expiry = null }: WriteOptions = {},
  ): Promise<number> {
    const [collection, name] = place(uri)
    checkSize(data)
    const body = this.#shape.resource(name, data)
    const extra = expiry === null ? {} : { expires_at: expiry }
    // Who knows of an expiry is told that there is none any more.
    const cleared = { when: sql.expires(collection, name), extra: { expires_at: null } }
    return this.#write(uri, conditions, {
      drafts: [
        { uri, event: "create", body, extra, when: sql.absent(collection, name) },
        {
          uri,
          event: "state",
          body,
          extra,
          ...(expiry === null ? { extraIf: cleared } : {}),
          when: sql.exists(collection, name),
        },
      ],
      writes: [sql.put(collection, name, data, expiry, uri)],
    })
  }

  /** Creates; answers the revision. Throws Problem: too_large, precondition_failed, conflict when the name is taken. */
  create(
    uri: string,
    data: string,
    { conditions = {}, expiry = null }: WriteOptions = {},
  ): Promise<number> {
    const [collection, name] = place(uri)
    checkSize(data)
    const absent = sql.absent(collection, name)
    return this.#write(uri, conditions, {
      guards: [guard(absent.sql, absent.params, () => taken(name))],
      drafts: [
        {
          uri,
          event: "create",
          body: this.#shape.resource(name, data),
          extra: expiry === null ? {} : { expires_at: expiry },
        },
      ],
      writes: [sql.put(collection, name, data, expiry, uri)],
      explain: async () => taken(name),
    })
  }

  /**
   * Applies an RFC 7396 merge patch (JSON text) to the data; answers the revision.
   * Throws Problem: not_found, too_large, precondition_failed.
   */
  patch(
    uri: string,
    mergePatch: string,
    { conditions = {}, expiry }: WriteOptions = {},
  ): Promise<number> {
    const [collection, name] = place(uri)
    checkSize(mergePatch)
    const fits = sql.patchedFits(collection, name, mergePatch, DOCUMENT_MAX_BYTES)
    return this.#write(uri, conditions, {
      guards: [this.#exists(uri), guard(fits.sql, fits.params, () => tooLarge("more"))],
      drafts: [
        {
          uri,
          event: "patch",
          body: this.#shape.patch(mergePatch),
          extra: expiry === undefined ? {} : { expires_at: expiry },
        },
      ],
      writes: [
        sql.patch(collection, name, mergePatch),
        ...(expiry === undefined ? [] : [sql.expire(collection, name, expiry, uri)]),
      ],
      explain: async () => ((await this.get(uri)) === null ? notFound(name) : tooLarge("more")),
    })
  }

  /** Deletes, also when there is nothing to delete; answers the revision, 0 when nothing changed. */
  remove(uri: string, conditions: Conditions = {}): Promise<number> {
    const [collection, name] = place(uri)
    return this.#write(uri, conditions, {
      drafts: [{ uri, event: "delete", when: sql.exists(collection, name) }],
      writes: [sql.remove(collection, name)],
    })
  }

  /** Deletes what must be there. Throws Problem: not_found, precondition_failed. */
  removeExisting(uri: string, conditions: Conditions = {}): Promise<number> {
    const [collection, name] = place(uri)
    return this.#write(uri, conditions, {
      guards: [this.#exists(uri)],
      drafts: [{ uri, event: "delete" }],
      writes: [sql.remove(collection, name)],
      explain: async () => notFound(name),
    })
  }

  /** The rows of a list. Of a document that is gone the revision must tell, or a 304 would hide it. */
  async #listed(rows: Statement): Promise<{ rows: Document[]; revision: number }> {
    const read = () =>
      this.#db.batch<Document & { due: number }>([sql.due(this.#options.now()), sql.head, rows])
    let found = await read()
    if (found[0]?.[0]?.due) {
      await this.#options.sweep()
      found = await read()
    }
    return { rows: found[2] ?? [], revision: found[1]?.[0]?.revision ?? 0 }
  }

  /**
   * Deletes these documents, all that the collection has; the revision is the commit's. Throws Problem conflict when
   * there are others by then.
   */
  async removeAll(collection: string, documents: readonly Document[]): Promise<void> {
    if (documents.length === 0) return
    // There may be more that were not listed, and nobody would be told of them.
    if (documents.length >= LIST_MAX_ITEMS) {
      const detail = `At most ${LIST_MAX_ITEMS - 1} documents can be removed at once`
      throw new Problem("too_large", detail, { limit: LIST_MAX_ITEMS - 1 })
    }
    const uris = documents.map(({ name }) => collection + encodeSegment(name))
    const { sql: same, params } = this.listUnchanged(collection, documents)
    await this.#committer.commit({
      guards: [guard(same, params)],
      drafts: [{ each: sql.deletedEach(this.#options.now(), JSON.stringify(uris)) }],
      writes: [sql.removeAll(collection)],
    })
  }

  #exists(uri: string): Statement {
    const [collection, name] = place(uri)
    const condition = sql.exists(collection, name)
    return guard(condition.sql, condition.params, () => notFound(name))
  }

  /** Commits under the conditions; answers the revision, 0 when nothing changed. */
  async #write(uri: string, conditions: Conditions, commit: Commit): Promise<number> {
    const changes = await this.#committer.commit({
      ...commit,
      guards: [...this.conditionGuards(uri, conditions), ...(commit.guards ?? [])],
      explain: async () => {
        const unmet = await this.unmet(uri, conditions, await this.get(uri))
        return unmet ?? (await commit.explain?.()) ?? null
      },
    })
    return changes.at(-1)?.revision ?? 0
  }

  /**
   * The guards for conditions that must hold. Also where other writes come before it, a 412 tells all it can.
   * @param called the URI that the conditions are about, where it is a part's
   */
  conditionGuards(uri: string, conditions: Conditions, called = uri): Guard[] {
    const guards = conditionGuards(conditions, sql.CURRENT, place(uri), called)
    return guards.map((guarded) => ({
      ...guarded,
      means: async () => {
        const unmet = await this.unmet(uri, conditions, await this.get(uri), called)
        // What is stored fits: it is what comes before it in the transaction that does not.
        return unmet ?? otherwise(called)
      },
    }))
  }

  /**
   * The problem when the conditions do not hold for what was read, with the changes since the caller's ETag.
   * @param called the URI that the conditions are about, where it is a part's
   */
  async unmet(
    uri: string,
    conditions: Conditions,
    document: Document | null,
    called = uri,
  ): Promise<Problem | null> {
    const problem = explainConditions(called, conditions, document?.revision)
    const changes = problem && (await changesSince(this.#db, uri, conditions))
    if (!problem || !changes) return problem
    return new Problem(problem.code, problem.message, problem.details, {}, { changes })
  }
}

/** Where a URI's document is stored. */
export function place(uri: string): [collection: string, name: string] {
  const collection = listOf(uri) ?? "/"
  return [collection, decodeURIComponent(uri.slice(collection.length))]
}

function checkSize(data: string): void {
  const bytes = byteLength(data)
  if (bytes > DOCUMENT_MAX_BYTES) throw tooLarge(bytes)
}
