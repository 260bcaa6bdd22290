/** The statements of compactions. */
import { guard, type Statement } from "../feed/statement.ts"
import { SERIES_DEBT_WORTHWHILE } from "../protocol/limits.ts"
import type { IndexKind } from "./frame.ts"
import type { Place } from "./sql.ts"

export interface LogRow {
  series: number
  kind: IndexKind | null
  columns: string
  debt: number
  tail: string
}

export interface MetaRow {
  id: number
  revision: number
  first: number
  last: number
  replaces: number
  count: number
  bytes: number
}

/** What a compaction has to know of a series, its tail included. */
export function log({ reference, symbol }: Place): Statement {
  return {
    sql: `SELECT id AS series, kind, columns, debt, tail FROM series
      WHERE reference = ?1 AND symbol = ?2`,
    params: [reference, symbol],
  }
}

/** Its chunks, unopened. */
export function metas({ reference, symbol }: Place): Statement {
  return {
    sql: `SELECT id, revision, first, last, replaces, count, coalesce(octet_length(body), 0) AS bytes
      FROM chunks WHERE series = (SELECT id FROM series WHERE reference = ?1 AND symbol = ?2)
      ORDER BY revision, id`,
    params: [reference, symbol],
  }
}

/** Chunks by id, a JSON list, opened. */
export function bodies(ids: string): Statement {
  return {
    sql: `SELECT id, revision, first, last, replaces, body FROM chunks
      WHERE id IN (SELECT value FROM json_each(?1))`,
    params: [ids],
  }
}

/** Fails unless these chunks are there as they were read; ids alone are given out again. */
export function unchanged(series: number, entries: Omit<MetaRow, "replaces">[]): Statement {
  const list = entries.map(({ id, revision, first, last }) => [id, revision, first, last])
  return guard(
    `(SELECT count(*) FROM json_each(?) AS was CROSS JOIN chunks AS c
      WHERE c.id = was.value ->> 0 AND c.series = ? AND c.revision = was.value ->> 1
        AND c.first = was.value ->> 2 AND c.last = was.value ->> 3) = ?`,
    [JSON.stringify(list), series, list.length],
  )
}

/** Fails unless the tail still begins so. */
export function tailBegins(series: number, tail: string): Statement {
  return guard("EXISTS (SELECT 1 FROM series WHERE id = ? AND substr(tail, 1, length(?)) = ?)", [
    series,
    tail,
    tail,
  ])
}

/** Drops chunks by id, a JSON list. */
export function drop(ids: string): Statement {
  return { sql: "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?1))", params: [ids] }
}

/** Adds chunks, `parts` as `append` takes them, at a revision that is past already. */
export function state(series: number, revision: number, parts: string): Statement {
  return {
    sql: `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT ?1, ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        value ->> 6
      FROM json_each(?3) ORDER BY key`,
    params: [series, revision, parts],
  }
}

/** Makes chunks of parts of a tail: JSON text of [[part as it stands there, stats], …]. */
export function spill(series: number, parts: string): Statement {
  const part = [0, 1, 2, 3, 4, 5].map((place) => `value ->> '$[0][${place}]'`)
  return {
    sql: `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT ?1, ${part.join()}, value ->> 1, value ->> '$[0][6]' FROM json_each(?2) ORDER BY key`,
    params: [series, parts],
  }
}

/** Takes from the debt what was paid, and leaves of the tail as it was read only what is kept. */
export function settle(series: number, debt: number, tail: string, kept: string): Statement {
  return {
    sql: `UPDATE series SET debt = max(0, debt - ?2), tail = ?4 || substr(tail, length(?3) + 1)
      WHERE id = ?1`,
    params: [series, debt, tail, kept],
  }
}

/** The series that a scheduled compaction is for, the most indebted first. */
export function indebted(limit: number): Statement {
  return {
    sql: `SELECT reference, symbol FROM series
      WHERE debt >= ${SERIES_DEBT_WORTHWHILE} ORDER BY debt DESC LIMIT ?1`,
    params: [limit],
  }
}
