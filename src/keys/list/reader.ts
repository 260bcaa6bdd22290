/** Lists of keys: those whose names match, a page at a time. */
import type { Database } from "../../feed/database.ts"
import type { Statement } from "../../feed/statement.ts"
import { KEY_LIST_MAX_BYTES, KEY_LIST_SCAN_ROWS, LIST_MAX_ITEMS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { EdgeCopies } from "../edge.ts"
import { KeyReader } from "../reader.ts"
import { head, type Row } from "../sql.ts"
import { kindOf } from "../value.ts"
import type { NamePattern } from "./pattern.ts"
import { Scan } from "./scan.ts"
import * as sql from "./sql.ts"

export interface Wish {
  pattern: NamePattern
  limit: number
  /** The name after which to begin. */
  after: string
  /** Names alone. */
  isKeysOnly: boolean
  /** Whether to count those on all pages too. */
  isCounted: boolean
}

export interface Page {
  /** JSON texts: the keys with their values, or their names. */
  entries: string[]
  /** What they were read at; they may be newer. */
  revision: number
  /** The name after which the next page begins; null when this is the last. */
  next: string | null
  /** How many there are on all pages, if that was asked. */
  total: number | null
}

export interface KeyListOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Ends what has expired. */
  sweep: () => Promise<unknown>
}

export class KeyLists {
  readonly #db: Database
  readonly #values: KeyReader
  readonly #options: KeyListOptions

  constructor(db: Database, edge: EdgeCopies, options: KeyListOptions) {
    this.#db = db
    this.#values = new KeyReader(db, edge)
    this.#options = options
  }

  /**
   * A page, as of the last commit. It may hold fewer keys than wanted and still not be the last: when the values are
   * large, or when few of very many match. Throws Problem: too_large when more would have to be counted than one
   * request may look at, overloaded.
   */
  async page(wish: Wish): Promise<Page> {
    const begun = await this.#begin(wish)
    const { rows, next } = await fill(wish, begun)
    const entries = wish.isKeysOnly
      ? rows.map(({ name }) => JSON.stringify(name))
      : await this.#values.entries(rows)
    const total = wish.isCounted ? await this.#total(wish, begun) : null
    return { entries, revision: begun.revision, next, total }
  }

  /**
   * The names of all live keys that match. Each that there was at the revision answered is among them, or has been
   * deleted since. Throws Problem: too_large when more would have to be looked at than one request may, overloaded.
   */
  async names(pattern: NamePattern): Promise<{ names: string[]; revision: number }> {
    const { scan, matching, revision } = await this.#begin({
      pattern,
      after: "",
      limit: LIST_MAX_ITEMS - 1,
      isCounted: false,
    })
    const names = matching.map(({ name }) => name)
    while (!scan.isOver) {
      if (scan.isLong) throw tooMany("looked at")
      names.push(...(await scan.next()).map(({ name }) => name))
    }
    return { names, revision }
  }

  /** The first keys, after what has expired is gone: of that the revision must tell, or a 304 would hide it. */
  async #begin(wish: Beginning): Promise<Begun> {
    const begun = await this.#look(wish)
    if (!begun.isDue) return begun
    await this.#options.sweep()
    return this.#look(wish)
  }

  /** All at one moment. */
  async #look({ pattern, after, limit, isCounted }: Beginning): Promise<Begun> {
    const now = this.#options.now()
    const scan = new Scan(this.#db, pattern, after, limit, now)
    const [at, due, found = [], counts] = await this.#db.batch<Row & Told>([
      head,
      sql.due(now),
      scan.statement,
      isCounted && pattern.isExact ? sql.count(pattern, KEY_LIST_SCAN_ROWS + 1, now) : NOTHING,
    ])
    return {
      revision: at?.[0]?.revision ?? 0,
      isDue: due?.[0]?.due === 1,
      total: counts?.[0]?.total ?? null,
      scan,
      matching: scan.take(found),
    }
  }

  async #total({ pattern }: Wish, { total }: Begun): Promise<number> {
    if (total === null) return (await this.names(pattern)).names.length
    if (total > KEY_LIST_SCAN_ROWS) throw tooMany("counted")
    return total
  }
}

type Beginning = Pick<Wish, "pattern" | "after" | "limit" | "isCounted">

interface Told {
  due: number
  total: number
}

interface Begun {
  revision: number
  /** Something has expired that is still stored. */
  isDue: boolean
  /** Where the index alone can tell it. */
  total: number | null
  scan: Scan
  /** The first that match. */
  matching: Row[]
}

const NOTHING: Statement = { sql: "SELECT 1 WHERE false", params: [] }

/** The rows of a page, and the name after which the next begins. */
async function fill(
  { limit, isKeysOnly }: Wish,
  { scan, matching }: Begun,
): Promise<{ rows: Row[]; next: string | null }> {
  const rows: Row[] = []
  let bytes = 0
  for (let some = matching; ; some = await scan.next()) {
    for (const row of some) {
      bytes += isKeysOnly || kindOf(row) === "bytes" ? row.name.length : row.size
      const isFull = rows.length === limit || (rows.length > 0 && bytes > KEY_LIST_MAX_BYTES)
      if (isFull) return { rows, next: rows.at(-1)?.name ?? null }
      rows.push(row)
    }
    if (scan.isOver) return { rows, next: null }
    if (scan.isLong) return { rows, next: scan.after }
  }
}

function tooMany(done: string): Problem {
  return new Problem(
    "too_large",
    `More keys would have to be ${done} than a request may, ${KEY_LIST_SCAN_ROWS} at most: let "match" begin with more that is no wildcard; a list of any length is read page by page`,
    { limit: KEY_LIST_SCAN_ROWS },
  )
}
