/** Lists of documents: filtered, sorted, a page at a time. */
import type { Database } from "../../feed/database.ts"
import type { Statement } from "../../feed/statement.ts"
import { DOCUMENT_LIST_MAX_TESTS, DOCUMENT_LIST_SCAN_ROWS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { due, head } from "../sql.ts"
import type { DocumentStoreOptions } from "../store.ts"
import { formatCursor, type Place } from "./cursor.ts"
import * as sql from "./sql.ts"
import type { Row, Wish } from "./sql.ts"
import { KINDS } from "./value.ts"
import { countTests } from "./where.ts"

export interface Page {
  rows: Row[]
  /** What they were read at. */
  revision: number
  /** The cursor of the page after; null when this is the last. */
  next: string | null
  /** How many there are on all pages, if that was asked. */
  total: number | null
}

export class DocumentLists {
  readonly #db: Database
  readonly #options: DocumentStoreOptions
  readonly #scanRows: number

  /** @param scanRows documents that one request may look at */
  constructor(db: Database, options: DocumentStoreOptions, scanRows = DOCUMENT_LIST_SCAN_ROWS) {
    this.#db = db
    this.#options = options
    this.#scanRows = scanRows
  }

  /**
   * A page. It may hold fewer documents than wanted and still not be the last: when their data is large, or when few
   * of very many match. Throws Problem too_large when more would have to be sorted or counted than one request may
   * look at.
   * @param isCounted whether to count those on all pages too
   */
  async page(wish: Wish, isCounted: boolean): Promise<Page> {
    const most = this.#mostOf(wish)
    if (!sql.isScattered(wish)) return (await this.#page(wish, { isCounted, most })).page
    const gathered = { ...wish, isGathered: true }
    if (isCounted) return (await this.#page(gathered, { isCounted, most })).page
    // Gathering them costs by how many there are, and walking by how many others are between them. Nobody knows which
    // is less, so both are given a little, and then more.
    for (let few = Math.max(wish.limit, FEW); ; few *= 4) {
      const counted = await this.#db.first<Counted>(sql.count({ ...wish, where: null }, few + 1))
      const isFew = counted !== null && counted.scanned <= Math.min(few, most)
      if (isFew) return (await this.#page(gathered, { isCounted, most })).page
      const look = 3 * few
      if (look >= most) return (await this.#page(wish, { isCounted, most })).page
      const { page, isCut } = await this.#page(wish, { isCounted, most: look, isTrial: true })
      if (!isCut) return page
    }
  }

  /** `isCut`: it was a trial, and there may be more for this page behind what was looked at. */
  async #page(
    wish: Wish,
    { isCounted, most, isTrial = false }: Bounds,
  ): Promise<{ page: Page; isCut: boolean }> {
    const rowsRead = this.#db.cost.rowsRead
    const asked: Asked = { isCounted, isBounded: false, measure: "even", most }
    let found = await this.#read(wish, asked)
    if (found.isDue) {
      // Of a document that is gone the revision must tell, or a 304 would hide it.
      await this.#options.sweep()
      found = await this.#read(wish, asked)
    }
    if (found.isHeldBack) {
      asked.measure = "filled"
      found = await this.#read(wish, asked)
    }
    // Whether some were not looked at is asked only where it can be, for asking costs as much again.
    let { page } = found
    if (this.#db.cost.rowsRead - rowsRead < most) return { page, isCut: false }
    if (!sql.walkedBy(wish)) await this.#checkSorted(wish)
    else if (page.next === null && (wish.where || sql.isScattered(wish))) {
      if (isTrial) return { page, isCut: true }
      page = (await this.#read(wish, { ...asked, isBounded: true })).page
    }
    return { page, isCut: false }
  }

  /** Documents to look at: fewer where each is tested often. */
  #mostOf({ where }: Wish): number {
    const tests = where ? countTests(where) : 1
    return Math.min(this.#scanRows, Math.floor(DOCUMENT_LIST_MAX_TESTS / tests))
  }

  /** All at one moment. */
  async #read(wish: Wish, { isCounted, isBounded, measure, most }: Asked): Promise<Found> {
    const { limit, sort } = wish
    const [at, found = [], counts = [], ends = [], expired] = await this.#db.batch<
      Row & Counted & { due: number }
    >([
      head,
      sql.page(wish, most, measure),
      isCounted ? sql.count(wish, most + 1) : NOTHING,
      isBounded ? sql.boundary(wish, most) : NOTHING,
      due(this.#options.now()),
    ])
    const [counted] = counts
    if (counted && counted.scanned > most) throw tooMany("counted", most)
    const cut = found.findIndex(({ data }) => data === null)
    const rows = found.slice(0, Math.min(cut < 0 ? limit : cut, limit))
    const last = rows.length < found.length ? rows.at(-1) : ends[0]
    const next = last ? formatCursor(placeOf(wish, last), sort) : null
    const page = { rows, revision: at?.[0]?.revision ?? 0, next, total: counted?.total ?? null }
    const isHeldBack = measure === "even" && cut >= 0 && cut < limit
    return { page, isHeldBack, isDue: expired?.[0]?.due === 1 }
  }

  async #checkSorted(wish: Wish): Promise<void> {
    const all = { ...wish, where: null }
    const most = this.#mostOf(wish)
    const found = await this.#db.first<Counted>(sql.count(all, most + 1))
    if (found && found.scanned > most) throw tooMany("sorted", most)
  }
}

interface Bounds {
  isCounted: boolean
  /** Documents to look at. */
  most: number
  /** Whether nothing need be known of those behind them. */
  isTrial?: boolean
}

interface Asked extends Bounds {
  /** Whether to look up to where at most was looked. */
  isBounded: boolean
  measure: sql.Measure
}

interface Found {
  page: Page
  /** Some of the data was larger than its share. */
  isHeldBack: boolean
  /** Something has expired that is still stored. */
  isDue: boolean
}

interface Counted {
  scanned: number
  total: number
}

/** Documents that are always few. Much fewer would be many trials, each five queries. */
const FEW = 50

const NOTHING: Statement = { sql: "SELECT 1 WHERE false", params: [] }

function placeOf(wish: Wish, row: Row): Place {
  const column = sql.walkedBy(wish)
  const rank = KINDS.indexOf(column === "name" ? "text" : "number")
  if (column) return [[rank, JSON.stringify(row[column])]]
  return wish.sort.map((_, at) => [row[`r${at}`] ?? 0, row[`v${at}`] ?? "null"] as const)
}

function tooMany(done: string, limit: number): Problem {
  return new Problem(
    "too_large",
    `More than ${limit} documents would have to be ${done}: narrow them by "prefix"; in order of name or created a list of any length is read page by page`,
    { limit },
  )
}
