/** Reads of keys: one at the edge, or one or many as they were committed last. */
import type { Database } from "../feed/database.ts"
import { chunksOf, type EdgeCopies } from "./edge.ts"
import { toJson, valueOf, type Entry } from "./entry.ts"
import { expired } from "../feed/expiry.ts"
import * as sql from "./sql.ts"
import { kindOf, type Value } from "./value.ts"

/** A list of names travels as one parameter, which D1 bounds at 2,000,000 bytes. */
const NAMES_AT_ONCE = 500

export class KeyReader {
  readonly #db: Database
  readonly #edge: EdgeCopies

  constructor(db: Database, edge: EdgeCopies) {
    this.#db = db
    this.#edge = edge
  }

  /** A live key as it was committed last, or null. Workers KV is asked only for what D1 has forgotten. */
  async last(name: string, now: number): Promise<Entry | null> {
    const row = await this.#db.first<sql.FullRow>(sql.get(name))
    if (!row || expired(row.expiresAt, now)) return null
    const { revision, expiresAt } = row
    const value = valueOf(row)
    if (value) return { ...value, revision, expiresAt }
    const entry = (await this.#edge.entries([name])).get(name)
    return entry ? { ...entry, revision, expiresAt } : null
  }

  /**
   * The rows with their values, as JSON text. The values are those of the revisions in the rows, although they are
   * read later: a change never changes. Only large or very old values may be newer than that.
   */
  async entries(rows: sql.Row[]): Promise<string[]> {
    const bodies = await this.#bodies(rows)
    const bare = rows.filter((row) => !bodies.has(row.revision) && kindOf(row) !== "bytes")
    const values = await this.#values(bare.map(({ name }) => name))
    return rows.flatMap((row) => {
      const body = bodies.get(row.revision)
      if (body !== undefined) return [body]
      const value = kindOf(row) === "bytes" ? { ...row, text: null } : values.get(row.name)
      // Nothing: it was deleted since the index was read.
      return value ? [toJson(row.name, value)] : []
    })
  }

  async #bodies(rows: sql.Row[]): Promise<Map<number, string>> {
    if (rows.length === 0) return new Map()
    const revisions = rows.map(({ revision }) => revision)
    const found = await this.#db.all<sql.Body>(sql.bodies(revisions))
    return new Map(found.map(({ revision, body }) => [revision, body]))
  }

  async #values(names: string[]): Promise<Map<string, Value>> {
    const values = new Map<string, Value>()
    for (const some of chunksOf(names, NAMES_AT_ONCE)) {
      const found = await this.#db.all<Value & { name: string }>(sql.values(some))
      for (const value of found) values.set(value.name, value)
    }
    const rest = names.filter((name) => !values.has(name))
    return new Map([...values, ...(await this.#edge.entries(rest))])
  }
}
