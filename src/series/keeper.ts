/** The retention of references: set here; held to by every read; on schedule told, and carried out. */
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import { byteLength } from "../lib/bytes.ts"
import { DATABASE_TEXT_MAX_BYTES, SERIES_RETAIN_MAX } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { EVERYTHING } from "./bounds.ts"
import * as sql from "./keeper-sql.ts"
import { patchText } from "./patch.ts"
import { readRetention } from "./retention.ts"
import { uriOf } from "./write.ts"

/** How often a setting looks again, when series came or went while it was made. */
const TRIES = 3

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

  /**
   * Sets how long the rows of a reference are kept; null: for ever. From then on no older row is answered, so it is a change of every series of the
   * reference. What was cleaned already does not come back. Answers the revision, 0 where there is no series yet.
   * Throws Problem: invalid_request, too_large when the reference has too many series, conflict.
   */
  async retain(reference: string, text: string | null): Promise<number> {
    const keep = text === null ? null : readRetention(text)
    for (let tries = 1; ; tries++) {
      const rows = await this.#db.all<{ symbol: string }>(sql.symbols(reference, SERIES_RETAIN_MAX))
      if (rows.length > SERIES_RETAIN_MAX) throw tooMany(reference)
      const pairs = rows.map(({ symbol }) => [symbol, uriOf({ reference, symbol })] as const)
      const texts = pagesOf(pairs)
      try {
        const changes = await this.#committer.commit({
          guards: [sql.areAll(reference, texts, rows.length)],
          drafts: texts.map((page) => ({ each: sql.changes(page, this.#now()) })),
          writes: [
            ...texts.map((page, at) =>
              sql.renumber(reference, page, rows.length, startOf(texts, at)),
            ),
            sql.retain(reference, keep, text),
          ],
        })
        return changes.at(-1)?.revision ?? 0
      } catch (error) {
        const isLate = error instanceof Problem && error.code === "conflict"
        if (!isLate || tries === TRIES) throw error
      }
    }
  }

  /**
   * Tells who follows series with rows in the future what the clock took away since their last change, then deletes
   * what is hidden: whole chunks. What is too much for one run is left to the next, and every series has its turn.
   */
  async keep(): Promise<void> {
    await this.#tell()
    await this.#committer.commit({ drafts: [], writes: sql.clean(this.#now() * 1_000) })
  }

  async #tell(): Promise<void> {
    const now = this.#now()
    const aging = await this.#db.all<sql.AgingRow>(sql.aging(now * 1_000))
    if (aging.length === 0) return
    const items = aging.map(({ reference, symbol, revision, kind, unit, floor }) => {
      const nothing = { index: new Float64Array(), kind, unit, columns: [] }
      const body = patchText([[EVERYTHING.first, floor - 1]], nothing, kind, unit)
      return [reference, symbol, uriOf({ reference, symbol }), revision, body]
    })
    const list = JSON.stringify(items)
    await this.#committer.commit({
      drafts: [{ each: sql.told(list, now) }],
      writes: [sql.retold(list, items.length)],
    })
  }
}

/** JSON texts of lists that each fit a parameter. */
function pagesOf(pairs: readonly (readonly [symbol: string, uri: string])[]): sql.Page[] {
  const pages: sql.Page[] = []
  let texts: string[] = []
  let bytes = 0
  const close = () => {
    if (texts.length > 0) pages.push({ text: `[${texts.join()}]`, count: texts.length })
    texts = []
    bytes = 0
  }
  for (const pair of pairs) {
    const text = JSON.stringify(pair)
    const size = byteLength(text) + 1
    if (bytes + size > DATABASE_TEXT_MAX_BYTES) close()
    texts.push(text)
    bytes += size
  }
  close()
  return pages
}

/** How many pairs are on the pages before. */
function startOf(pages: readonly sql.Page[], at: number): number {
  return pages.slice(0, at).reduce((sum, { count }) => sum + count, 0)
}

function tooMany(reference: string): Problem {
  return new Problem(
    "too_large",
    `The retention of "${reference}" cannot be changed any more: it has more than ${SERIES_RETAIN_MAX} series`,
    { limit: SERIES_RETAIN_MAX },
  )
}
