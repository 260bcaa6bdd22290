/** D1 for one request: reads, batches, and the count of what they cost. */
import { GuardFailed, Problem, Stopped } from "../protocol/problem.ts"
import { migrate } from "./migrate.ts"
import { failedGuard, stoppedUnit, type Statement } from "./statement.ts"

/** What a request cost so far. */
export interface Cost {
  queries: number
  rowsRead: number
  rowsWritten: number
}

export class Database {
  readonly #d1: D1Database
  readonly cost: Cost = { queries: 0, rowsRead: 0, rowsWritten: 0 }

  constructor(d1: D1Database) {
    this.#d1 = d1
  }

  /** The rows of one read. */
  async all<Row>(statement: Statement): Promise<Row[]> {
    const [rows] = await this.batch<Row>([statement])
    return rows ?? []
  }

  /** The first row of one read. */
  async first<Row>(statement: Statement): Promise<Row | null> {
    return (await this.all<Row>(statement))[0] ?? null
  }

  /**
   * Runs the statements as one transaction and answers the rows of each. Stores use it to read several things at
   * one moment; only the feed writes with it.
   * Throws GuardFailed when a guard stopped it, Stopped when a `STOP` did, Problem `overloaded` when D1 asks to be left alone.
   */
  async batch<Row>(statements: Statement[]): Promise<Row[][]> {
    try {
      await migrate(this.#d1)
      const prepared = statements.map(({ sql, params }) => this.#d1.prepare(sql).bind(...params))
      const results = await this.#d1.batch<Row>(prepared)
      this.cost.queries += statements.length
      for (const { meta } of results) {
        this.cost.rowsRead += meta.rows_read
        this.cost.rowsWritten += meta.rows_written
      }
      return results.map((result) => result.results)
    } catch (error) {
      throw translate(error)
    }
  }
}

// Texts from D1's page "Debug D1"; what is not among them is a fault of ours and stays one.
const OVERLOADED =
  /overloaded|Network connection lost|caused object to be reset|reset because its code was updated|transient issue|limit and was reset|free tier daily/i

function translate(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error)
  const guard = failedGuard(message)
  if (guard !== null) return new GuardFailed(guard)
  const unit = stoppedUnit(message)
  if (unit !== null) return new Stopped(unit)
  if (!OVERLOADED.test(message)) return error
  console.error({ event: "d1_overloaded", message })
  return new Problem(
    "overloaded",
    "The database did not answer, try again",
    {},
    { "Retry-After": "1" },
  )
}
