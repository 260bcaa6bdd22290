/** The statements of a write that say where its chunks go. */
import type { Statement } from "../feed/statement.ts"
import { SERIES_TAIL_MAX_CHARACTERS } from "../protocol/limits.ts"
import type { Place } from "./sql.ts"

/** Notes the levels (JSON list) of chunks to come; mostly they are known, and nothing is written. */
export function levels({ reference, symbol }: Place, list: string): Statement {
  return {
    sql: `UPDATE series SET levels = (SELECT json_group_array(value) FROM (
        SELECT value FROM json_each(series.levels) UNION SELECT value FROM json_each(?3)))
      WHERE reference = ?1 AND symbol = ?2 AND EXISTS (SELECT 1 FROM json_each(?3)
        WHERE value NOT IN (SELECT value FROM json_each(series.levels)))`,
    params: [reference, symbol, list],
  }
}

/**
 * Puts a write's chunks at the end of the tail if there is room; null: they are too large for it. Answers the debt,
 * which grows by the number of chunks that are not full.
 */
export function tail({ reference, symbol }: Place, parts: string | null, debt: number): Statement {
  const room = `length(parts) + length(excluded.parts) <= ${SERIES_TAIL_MAX_CHARACTERS}`
  return {
    sql: `INSERT INTO tails (series, revision, debt, parts)
      SELECT id, iif(?3 IS NULL, 0, revision), ?4, coalesce('[' || revision || ',' || ?3 || '],', '')
      FROM series WHERE reference = ?1 AND symbol = ?2
      ON CONFLICT (series) DO UPDATE SET
        revision = iif(excluded.parts <> '' AND ${room}, excluded.revision, revision),
        debt = debt + excluded.debt,
        parts = iif(${room}, parts || excluded.parts, parts)
      RETURNING debt`,
    params: [reference, symbol, parts, debt],
  }
}
