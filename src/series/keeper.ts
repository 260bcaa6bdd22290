/** The retention of references: set here, held to by every read, carried out on schedule. */
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import * as sql from "./keeper-sql.ts"
import { readRetention } from "./retention.ts"
import { uriOf } from "./write.ts"

export class Keeper {
  readonly #db: Database
  readonly #committer: Committer
  readonly #now: () => number

  /** @param now the clock, epoch milliseconds */
  constructor(db: Database, committer: Committer, now: () => number) {
    this.#db = db
    this.#committer = committer
    this.#now = now
  }

  /** How long the rows of a reference are kept, as it was said; null: for ever. */
  async retentionOf(reference: string): Promise<string | null> {
    return (await this.#db.first<{ text: string }>(sql.retention(reference)))?.text ?? null
  }

  /**
   * Sets it; null: for ever. From then on no older row is answered, so it is a change of every series of the
   * reference. What was cleaned already does not come back. Answers the revision, 0 where there is no series yet.
   * Throws Problem invalid_request.
   */
  async retain(reference: string, text: string | null): Promise<number> {
    const keep = text === null ? null : readRetention(text)
    const rows = await this.#db.all<{ symbol: string }>(sql.symbols(reference))
    const pairs = JSON.stringify(rows.map(({ symbol }) => [symbol, uriOf({ reference, symbol })]))
    const changes = await this.#committer.commit({
      drafts: [{ each: sql.changes(reference, pairs, this.#now()) }],
      writes: [sql.retain(reference, keep, text), sql.renumber(reference, pairs, rows.length)],
    })
    return changes.at(-1)?.revision ?? 0
  }

  /** Drops the chunks that hold nothing but rows too old. Nobody sees a difference, so nothing is recorded. */
  async clean(): Promise<void> {
    await this.#committer.commit({ drafts: [], writes: [sql.clean(this.#now())] })
  }
}
