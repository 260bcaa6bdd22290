/** JSON documents in collections. A collection is a list URI, a document a URI below it. */
import type { Database } from "../feed/database.ts"
import { guard, type Statement } from "../feed/statement.ts"
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Commit, Committer } from "../feed/feed.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { DOCUMENT_MAX_BYTES, LIST_MAX_ITEMS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { listOf } from "../protocol/uri.ts"
import { byteLength } from "../lib/bytes.ts"
import * as sql from "./sql.ts"

/** A document as stored; `data` is JSON text, so that nothing in it changes on the way. */
export interface Document {
  name: string
  revision: number
  data: string
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

  constructor(db: Database, committer: Committer, shape: Shape) {
    this.#db = db
    this.#committer = committer
    this.#shape = shape
  }

  async get(uri: string): Promise<Document | null> {
    return this.#db.first<Document>(sql.get(...place(uri)))
  }

  /** Every document of a collection in the order of creation, with the revision they were read at. */
  async list(collection: string): Promise<{ documents: Document[]; revision: number }> {
    const [head, documents] = await this.#db.batch<Document>([
      sql.head,
      sql.all(collection, LIST_MAX_ITEMS),
    ])
    return { documents: documents ?? [], revision: head?.[0]?.revision ?? 0 }
  }

  /** The names in a collection in the order of creation, with the revision they were read at. */
  async names(collection: string): Promise<{ names: string[]; revision: number }> {
    const [head, rows] = await this.#db.batch<Document>([
      sql.head,
      sql.names(collection, LIST_MAX_ITEMS),
    ])
    return { names: (rows ?? []).map((row) => row.name), revision: head?.[0]?.revision ?? 0 }
  }

  /** Creates or replaces; answers the revision. Throws Problem: too_large, precondition_failed. */
  put(uri: string, data: string, conditions: Conditions = {}): Promise<number> {
    const [collection, name] = place(uri)
    checkSize(data)
    const body = this.#shape.resource(name, data)
    return this.#write(uri, conditions, {
      drafts: [
        { uri, event: "create", body, when: sql.absent(collection, name) },
        { uri, event: "state", body, when: sql.exists(collection, name) },
      ],
      writes: [sql.put(collection, name, data)],
    })
  }

  /** Creates; answers the revision. Throws Problem: too_large, conflict when the name is taken. */
  create(uri: string, data: string): Promise<number> {
    const [collection, name] = place(uri)
    checkSize(data)
    const absent = sql.absent(collection, name)
    return this.#write(
      uri,
      {},
      {
        guards: [guard(absent.sql, absent.params)],
        drafts: [{ uri, event: "create", body: this.#shape.resource(name, data) }],
        writes: [sql.put(collection, name, data)],
        explain: async () =>
          new Problem("conflict", `There is a document "${name}" already`, {
            errors: { name: "is taken" },
          }),
      },
    )
  }

  /**
   * Applies an RFC 7396 merge patch (JSON text) to the data; answers the revision.
   * Throws Problem: not_found, too_large, precondition_failed.
   */
  patch(uri: string, mergePatch: string, conditions: Conditions = {}): Promise<number> {
    const [collection, name] = place(uri)
    const fits = sql.patchedFits(collection, name, mergePatch, DOCUMENT_MAX_BYTES)
    return this.#write(uri, conditions, {
      guards: [this.#exists(uri), guard(fits.sql, fits.params)],
      drafts: [{ uri, event: "patch", body: this.#shape.patch(mergePatch) }],
      writes: [sql.patch(collection, name, mergePatch)],
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

  #exists(uri: string): Statement {
    const condition = sql.exists(...place(uri))
    return guard(condition.sql, condition.params)
  }

  /** Commits under the conditions; answers the revision, 0 when nothing changed. */
  async #write(uri: string, conditions: Conditions, commit: Commit): Promise<number> {
    const changes = await this.#committer.commit({
      ...commit,
      guards: [...conditionGuards(conditions, sql.CURRENT, place(uri)), ...(commit.guards ?? [])],
      explain: async () => {
        const current = (await this.get(uri))?.revision
        const unmet = explainConditions(uri, conditions, current)
        return unmet ?? (await commit.explain?.()) ?? null
      },
    })
    return changes.at(-1)?.revision ?? 0
  }
}

function place(uri: string): [collection: string, name: string] {
  const collection = listOf(uri) ?? "/"
  return [collection, decodeURIComponent(uri.slice(collection.length))]
}

function checkSize(data: string): void {
  const bytes = byteLength(data)
  if (bytes > DOCUMENT_MAX_BYTES) throw tooLarge(bytes)
}

function tooLarge(bytes: number | string): Problem {
  return new Problem(
    "too_large",
    `A document must be at most ${DOCUMENT_MAX_BYTES} bytes, this one would have ${bytes}`,
    { limit: DOCUMENT_MAX_BYTES },
  )
}

function notFound(name: string): Problem {
  return new Problem("not_found", `There is no document "${name}"`)
}
