/** A walk along the index, some keys at a time, looking for those that match. */
import type { Database } from "../../feed/database.ts"
import { KEY_LIST_MAX_STEPS, KEY_LIST_SCAN_ROWS, LIST_MAX_ITEMS } from "../../protocol/limits.ts"
import type { Row } from "../sql.ts"
import type { NamePattern } from "./pattern.ts"
import * as sql from "./sql.ts"

/** Each read takes so many times what the one before it took: those who want few need not read many. */
const GROWTH = 4
const LEAST_AT_ONCE = 256

export class Scan {
  readonly #db: Database
  readonly #pattern: NamePattern
  readonly #now: number
  #after: string
  #size: number
  #scanned = 0
  #steps = 0
  #isOver = false

  /**
   * @param after the name after which to begin
   * @param wanted keys that whoever scans would be content with
   */
  constructor(db: Database, pattern: NamePattern, after: string, wanted: number, now: number) {
    this.#db = db
    this.#pattern = pattern
    this.#now = now
    this.#after = after
    // One more tells whether there is more.
    this.#size = pattern.isExact ? wanted + 1 : clamped(wanted)
  }

  /** Every key that matches has been answered. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** One request has looked at enough; who goes on, begins after `after`. */
  get isLong(): boolean {
    return this.#scanned >= KEY_LIST_SCAN_ROWS || this.#steps >= KEY_LIST_MAX_STEPS
  }

  /** The last name looked at. */
  get after(): string {
    return this.#after
  }

  /** What reads the next keys; its rows are for `take`. */
  get statement() {
    return sql.page(this.#pattern, this.#after, this.#size, this.#now)
  }

  /** Those that match among the rows that the statement read. */
  take(rows: readonly Row[]): Row[] {
    const { isExact, cost, matches } = this.#pattern
    const matching: Row[] = []
    this.#isOver = rows.length < this.#size
    this.#size = clamped(this.#size * GROWTH)
    for (const row of rows) {
      if (this.#steps >= KEY_LIST_MAX_STEPS) {
        this.#isOver = false
        break
      }
      this.#scanned++
      this.#after = row.name
      this.#steps += isExact ? 0 : cost * row.name.length
      if (isExact || matches(row.name)) matching.push(row)
    }
    return matching
  }

  /** The next that match; there may be none although it is not over. */
  async next(): Promise<Row[]> {
    return this.take(await this.#db.all<Row>(this.statement))
  }
}

function clamped(rows: number): number {
  return Math.min(Math.max(rows, LEAST_AT_ONCE), LIST_MAX_ITEMS)
}
