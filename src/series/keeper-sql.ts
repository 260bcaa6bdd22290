/** The statements of retention. */
import type { Statement } from "../feed/statement.ts"
import { REVISION } from "../feed/sql.ts"
import { LIST_MAX_ITEMS } from "../protocol/limits.ts"

export function retention(reference: string): Statement {
  return { sql: "SELECT text FROM retentions WHERE reference = ?1", params: [reference] }
}

export function symbols(reference: string): Statement {
  return {
    sql: "SELECT symbol FROM series WHERE reference = ?1 ORDER BY symbol LIMIT ?2",
    params: [reference, LIST_MAX_ITEMS],
  }
}

/** A change of each series that is still there; `pairs` is JSON text of [[symbol, uri], …]. */
export function changes(reference: string, pairs: string, now: number): Statement {
  return {
    sql: `SELECT CAST(?3 AS INTEGER), pair.value ->> 1, 'patch', NULL, NULL
      FROM json_each(?2) AS pair JOIN series AS s
        ON s.reference = ?1 AND s.symbol = pair.value ->> 0
      ORDER BY pair.key`,
    params: [reference, pairs, now],
  }
}

/** Sets the retention in microseconds, or takes it away. */
export function retain(reference: string, keep: number | null, text: string | null): Statement {
  return keep === null
    ? { sql: "DELETE FROM retentions WHERE reference = ?1", params: [reference] }
    : {
        sql: `INSERT INTO retentions (reference, keep, text) VALUES (?1, ?2, ?3)
          ON CONFLICT (reference) DO UPDATE SET keep = excluded.keep, text = excluded.text`,
        params: [reference, keep, text],
      }
}

/** Gives every series the revision of the change that was just recorded of it. */
export function renumber(reference: string, pairs: string, count: number): Statement {
  return {
    sql: `UPDATE series SET revision = hit.revision
      FROM (SELECT pair.value ->> 0 AS symbol, c.revision
        FROM changes AS c JOIN json_each(?2) AS pair ON pair.value ->> 1 = c.uri
        WHERE c.revision > ${REVISION} - ?3) AS hit
      WHERE series.reference = ?1 AND series.symbol = hit.symbol`,
    params: [reference, pairs, count],
  }
}

/**
 * Drops the chunks that end before what is kept (see `floorOf`), except where one that stays reaches among them: it
 * may lie under them, and would show again what they took away.
 * @param now epoch milliseconds
 */
export function clean(now: number): Statement {
  return {
    sql: `WITH kept AS MATERIALIZED (
        SELECT s.id AS series, min(CAST(?1 AS INTEGER) * 1000, s.last) - r.keep AS floor
        FROM retentions AS r JOIN series AS s ON s.reference = r.reference
        WHERE s.kind <> 'integer' AND s.last IS NOT NULL
      ), cuts AS MATERIALIZED (
        SELECT series, min(floor, coalesce((SELECT min(c.first) FROM chunks AS c
          WHERE c.series = kept.series AND c.last >= kept.floor), floor)) AS cut
        FROM kept
      )
      DELETE FROM chunks WHERE id IN (
        SELECT c.id FROM cuts JOIN chunks AS c ON c.series = cuts.series WHERE c.last < cuts.cut)`,
    params: [now],
  }
}
