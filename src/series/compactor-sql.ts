/** The statements of compactions. */
import { guard, type Param, type Statement } from "../feed/statement.ts"
import { SERIES_DEBT_WORTHWHILE } from "../protocol/limits.ts"
import type { IndexKind } from "./frame.ts"
import type { Place } from "./sql.ts"

export interface LogRow {
  series: number
  kind: IndexKind | null
  columns: string
  debt: number
  parts: string
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
    sql: `SELECT s.id AS series, s.kind, s.columns, coalesce(t.debt, 0) AS debt,
        coalesce(t.parts, '') AS parts
      FROM series AS s LEFT JOIN tails AS t ON t.series = s.id
      WHERE s.reference = ?1 AND s.symbol = ?2`,
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
export function tailBegins(series: number, parts: string): Statement {
  return guard(
    "EXISTS (SELECT 1 FROM tails WHERE series = ? AND substr(parts, 1, length(?)) = ?)",
    [series, parts, parts],
  )
}

/** Drops chunks by id, a JSON list. */
export function drop(ids: string): Statement {
  return { sql: "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?1))", params: [ids] }
}

const COLUMNS = "series, revision, level, first, last, replaces, count, stats, body"
const PART = [0, 1, 2, 3, 4, 5, 6].map((place) => `part.value ->> ${place}`).join()

/** Makes rows of the parts of the tail, but for some: JSON list of their texts `write/part`, counted from 0. */
export function spill(series: number, parts: string, but: string): Statement {
  return {
    sql: `INSERT INTO chunks (${COLUMNS}) SELECT ?1, write.value ->> 0, ${PART}
      FROM json_each('[' || substr(?2, 1, length(?2) - 1) || ']') AS write
        CROSS JOIN json_each(write.value, '$[1]') AS part
      WHERE (write.key || '/' || part.key) NOT IN (SELECT value FROM json_each(?3))
      ORDER BY write.key, part.key`,
    params: [series, parts, but],
  }
}

/** Adds chunks, `parts` as `append` takes them, at a revision that is past already. */
export function state(series: number, revision: number, parts: string): Statement {
  return {
    sql: `INSERT INTO chunks (${COLUMNS}) SELECT ?1, ?2, ${PART} FROM json_each(?3) AS part
      ORDER BY part.key`,
    params: [series, revision, parts],
  }
}

/** Takes the beginning from the tail, and from the debt what was paid. */
export function settle(series: number, parts: string, debt: number): Statement {
  return {
    sql: `UPDATE tails SET parts = substr(parts, length(?2) + 1), debt = max(0, debt - ?3)
      WHERE series = ?1`,
    params: [series, parts, debt],
  }
}

/** The series that a scheduled compaction is for, the most indebted first. */
export function indebted(limit: number): Statement {
  return {
    sql: `SELECT s.reference, s.symbol FROM tails AS t JOIN series AS s ON s.id = t.series
      WHERE t.debt >= ${SERIES_DEBT_WORTHWHILE} ORDER BY t.debt DESC LIMIT ?1`,
    params: [limit] satisfies Param[],
  }
}
