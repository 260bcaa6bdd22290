/** SQL as data, so that stores can make statements where there is no database. Pure. */
import type { Problem } from "../protocol/problem.ts"

export type Param = string | number | null

/** SQL with its parameters: `?1` numbered, or `?` in order; never mixed in one statement. */
export interface Statement {
  sql: string
  params: Param[]
}

/** A statement that fails its batch unless its condition holds. */
export interface Guard extends Statement {
  /** What its failing means whatever is stored. */
  means?: () => Problem | Promise<Problem>
  /** True where that is all there is to say: nobody is asked to explain. */
  isPlain?: true
}

/** The condition's parameters are `?` in order. One that is neither true nor false, as NULL makes it, does not hold. */
export function guard(condition: string, params: Param[] = [], means?: Guard["means"]): Guard {
  return {
    sql: `SELECT ${FAIL} WHERE (${condition}) IS NOT TRUE`,
    params,
    ...(means ? { means } : {}),
  }
}

const FAIL = "json('guard')"

/** The guard, made to fail with a text that names it: SQLite shows a path that it cannot read. */
export function numbered({ sql, params }: Statement, number: number): Statement {
  return { sql: sql.replace(FAIL, `json_extract('{}', 'guard ${number}')`), params }
}

/** As a value in a statement: stops the batch, and who committed it hears `Stopped`. */
export const STOP = "json_extract('{}', 'stop')"

/** The statement, its stops made to name the unit it belongs to. */
export function stopping({ sql, params }: Statement, unit: number): Statement {
  return { sql: sql.replaceAll(STOP, STOP.replace("stop", `stop ${unit}`)), params }
}

/** The unit whose `STOP` was reached, from the database's message; null when none was. */
export function stoppedUnit(message: string): number | null {
  const found = /JSON path[^']*'stop (\d+)'/.exec(message)
  return found ? Number(found[1]) : null
}

/** The number of the guard that failed, from the database's message; null when it names none. */
export function failedGuard(message: string): number | null {
  const found = /JSON path[^']*'guard (\d+)'/.exec(message)
  return found ? Number(found[1]) : null
}
