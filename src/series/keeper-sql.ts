/** The statements of retention. */
import { guard, type Statement } from "../feed/statement.ts"
import { REVISION } from "../feed/sql.ts"
import {
  RETENTION_CLEAN_CHUNKS,
  RETENTION_CLEAN_SERIES,
  RETENTION_TOLD_SERIES,
} from "../protocol/limits.ts"
import type { IndexKind, Unit } from "./frame.ts"
import { floorSql } from "./retention-sql.ts"
import { FIRST } from "./stored.ts"

/** JSON text of [[symbol, uri], …]. */
export interface Page {
  text: string
  count: number
}

/** A series whose floor moved with the clock since it was changed last. */
export interface AgingRow {
  reference: string
  symbol: string
  revision: number
  kind: IndexKind
  unit: Unit
  floor: number
}

/** The symbols of a reference, and one more than so many where there are. */
export function symbols(reference: string, most: number): Statement {
  return {
    sql: "SELECT symbol FROM series WHERE reference = ?1 ORDER BY symbol LIMIT ?2 + 1",
    params: [reference, most],
  }
}

/** Fails unless the reference has exactly these series. */
export function areAll(reference: string, pages: readonly Page[], count: number): Statement {
  const found = `(SELECT count(*) FROM json_each(?) AS pair CROSS JOIN series AS s
    ON s.reference = ? AND s.symbol = pair.value ->> 0)`
  return guard(
    `(SELECT count(*) FROM series WHERE reference = ?) = ?
      AND ${["0", ...pages.map(() => found)].join(" + ")} = ?`,
    [reference, count, ...pages.flatMap(({ text }) => [text, reference]), count],
  )
}

/** A change of each series; what it does to them, only reading them tells. */
export function changes({ text }: Page, now: number): Statement {
  return {
    sql: `SELECT CAST(?2 AS INTEGER), pair.value ->> 1, 'patch', NULL, NULL
      FROM json_each(?1) AS pair ORDER BY pair.key`,
    params: [text, now],
  }
}

/** Gives the series of a page the revisions of their changes, which are the last `count`, this page from `start`. */
export function renumber(
  reference: string,
  { text }: Page,
  count: number,
  start: number,
): Statement {
  return {
    sql: `UPDATE series SET revision = ${REVISION} - ?3 + 1 + ?4 + hit.key
      FROM (SELECT s.id AS id, pair.key AS key FROM json_each(?2) AS pair
        CROSS JOIN series AS s ON s.reference = ?1 AND s.symbol = pair.value ->> 0) AS hit
      WHERE series.id = hit.id`,
    params: [reference, text, count, start],
  }
}

/** Sets the retention, `keep` in microseconds. It stays as null too, for it says when it was changed. */
export function retain(reference: string, keep: number | null, text: string | null): Statement {
  return {
    sql: `INSERT INTO retentions (reference, keep, text, revision)
      VALUES (?1, ?2, ?3, coalesce(${REVISION}, 0))
      ON CONFLICT (reference) DO UPDATE SET keep = excluded.keep, text = excluded.text,
        revision = excluded.revision`,
    params: [reference, keep, text],
  }
}

const KEPT = "retentions AS r CROSS JOIN series AS s ON s.reference = r.reference"
const FLOOR = floorSql("r.keep", "s.last", "?1")
/** Where a series stands in the queue: a place that all move on from, hour by hour, by the golden part of its length. */
const TURN = "(s.id % 65536 + (?1 / 3600000000) % 65536) * 40503 % 65536"

/** Where the first of the parts in the tail of `s` begins; they may lie under chunks. */
const TAIL_FIRST = `(SELECT min(part.value ->> 2)
    FROM json_each('[' || rtrim(s.tail, ',') || ']') AS part)`

/**
 * The series whose rows the clock took away since their last change, those that wait longest first. Where the journal
 * has forgotten that change: those that have rows in the future. @param now epoch microseconds
 */
export function aging(now: number): Statement {
  return {
    sql: `SELECT s.reference, s.symbol, s.revision, s.kind, s.unit, ${FLOOR} AS floor
      FROM ${KEPT} LEFT JOIN changes AS c ON c.revision = s.revision
      WHERE r.keep IS NOT NULL AND s.kind <> 'integer' AND s.first < ${FLOOR}
        AND s.last > coalesce(c.at * 1000, ?1)
      ORDER BY s.revision LIMIT ${RETENTION_TOLD_SERIES}`,
    params: [now],
  }
}

/** A change of each that nobody changed meanwhile: JSON text of [[reference, symbol, uri, revision, body], …]. */
export function told(list: string, now: number): Statement {
  return {
    sql: `SELECT CAST(?2 AS INTEGER), l.value ->> 2, 'patch', l.value ->> 4, NULL
      FROM json_each(?1) AS l CROSS JOIN series AS s
        ON s.reference = l.value ->> 0 AND s.symbol = l.value ->> 1
      WHERE s.revision = l.value ->> 3 ORDER BY l.key`,
    params: [list, now],
  }
}

/** Gives the series the revision of the change that was just recorded of it; `count` is that of the list. */
export function retold(list: string, count: number): Statement {
  return {
    sql: `WITH news AS MATERIALIZED (
        SELECT uri, max(revision) AS revision FROM changes
        WHERE revision > ${REVISION} - ?2 GROUP BY uri
      )
      UPDATE series SET revision = hit.revision
      FROM (SELECT s.id AS id, news.revision AS revision
        FROM json_each(?1) AS l CROSS JOIN news ON news.uri = l.value ->> 2
        CROSS JOIN series AS s ON s.reference = l.value ->> 0 AND s.symbol = l.value ->> 1
        WHERE s.revision = l.value ->> 3) AS hit
      WHERE series.id = hit.id`,
    params: [list, count],
  }
}

/**
 * Deletes the chunks that end before the floor, and says anew where their series begin. A chunk that stays may lie
 * under others, and would show again what they took away: what it reaches into stays too. Nearly every series has rows
 * before its floor in a chunk that goes on after it, so those with the oldest would always be the same: each has its turn.
 * @param now epoch microseconds
 */
export function clean(now: number): Statement[] {
  const overdue = `overdue AS MATERIALIZED (
      SELECT s.id AS id, ${FLOOR} AS floor, ${TAIL_FIRST} AS tail FROM ${KEPT}
      WHERE r.keep IS NOT NULL AND s.kind <> 'integer' AND s.first < ${FLOOR}
      ORDER BY ${TURN}, s.id LIMIT ${RETENTION_CLEAN_SERIES}
    )`
  return [
    {
      sql: `WITH ${overdue}, cuts AS MATERIALIZED (
          SELECT id, min(floor, coalesce(tail, floor), coalesce((SELECT min(c.first) FROM chunks AS c
            WHERE c.series = overdue.id AND c.last >= overdue.floor), floor)) AS cut
          FROM overdue
        )
        DELETE FROM chunks WHERE id IN (
          SELECT c.id FROM cuts CROSS JOIN chunks AS c
          WHERE c.series = cuts.id AND c.last < cuts.cut
          ORDER BY c.revision, c.id LIMIT ${RETENTION_CLEAN_CHUNKS})`,
      params: [now],
    },
    {
      sql: `WITH ${overdue}
        UPDATE series SET first = min(hit.first, coalesce(hit.tail, hit.first)), exact = exact & ~${FIRST}
        FROM (SELECT overdue.id AS id,
            (SELECT min(c.first) FROM chunks AS c WHERE c.series = overdue.id) AS first,
            overdue.tail AS tail
          FROM overdue) AS hit
        WHERE series.id = hit.id AND min(hit.first, coalesce(hit.tail, hit.first)) > series.first`,
      params: [now],
    },
  ]
}
