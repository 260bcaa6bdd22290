/** The statements that tell others of a write to one series. */
import type { Condition } from "../feed/sql.ts"
import type { Statement } from "../feed/statement.ts"
import type { Unit } from "./frame.ts"
import { beside, kindOf } from "./joined-sql.ts"
import { BODY_WITH_FLOOR, floorSql, KEEP, reached } from "./retention-sql.ts"
import type { Place, Written } from "./sql.ts"

/** A patch as others are told of it. */
export interface Told {
  /** Epoch milliseconds. */
  at: number
  uri: string
  body: string
  /** In which its stamps are written. */
  unit: Unit
}

/**
 * True when a patch says all that a write changes: stamps and values that are there already are written as before.
 * Rows of a series without columns are not seen until there is one. `unit` is the one that the patch is written in.
 */
export function isPatch({ reference, symbol }: Place, { columns }: Written, unit: Unit): Condition {
  return {
    sql: `EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol = ? AND unit = ?
      AND (columns <> '[]' OR first IS NULL)
      AND NOT EXISTS (SELECT 1 FROM (${beside("?")})
        WHERE old > 0 AND ${kindOf("old")} <> ${kindOf("mask")}))`,
    params: [reference, symbol, unit, columns],
  }
}

/** A change with a patch, if that says all that a write changes (see `isPatch`); at most one. */
export function patched(place: Place, written: Written, told: Told): Statement {
  const { sql: holds, params } = isPatch(place, written, told.unit)
  const { kind, span } = written
  const [first = null, last = null] = span ?? []
  return {
    sql: `SELECT at, uri, 'patch', ${BODY_WITH_FLOOR}, NULL FROM (
        SELECT p.at AS at, p.uri AS uri, p.body AS body, p.first AS first, series.first AS held,
          ${floorSql(KEEP, reached("p.last"), "p.at * 1000")} AS floor,
          series.unit AS unit, coalesce(series.kind, p.kind) AS kind
        FROM (SELECT CAST(? AS INTEGER) AS at, ? AS uri, ? AS body, CAST(? AS INTEGER) AS first,
            CAST(? AS INTEGER) AS last, ? AS kind) AS p
        CROSS JOIN series WHERE series.reference = ? AND series.symbol = ?
      ) WHERE ${holds}`,
    params: [
      told.at,
      told.uri,
      told.body,
      first,
      last,
      kind,
      place.reference,
      place.symbol,
      ...params,
    ],
  }
}
