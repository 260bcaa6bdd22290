/** The statements of the series. */
import { guard, type Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"
import { SERIES_MAX_COLUMNS } from "../protocol/limits.ts"
import type { Range } from "./bounds.ts"
import type { IndexKind, Unit } from "./frame.ts"
import { BOOLEAN, FLOAT, INEXACT, INTEGER, STRING } from "./kinds.ts"
import type { Span } from "./ranges.ts"
import { FIRST, LAST } from "./stored.ts"

/** Which series. */
export interface Place {
  reference: string
  symbol: string
}

export interface SeriesRow {
  symbol: string
  revision: number
  kind: IndexKind | null
  unit: Unit
  /** JSON text of [[name, mask], …]. */
  columns: string
  first: number | null
  last: number | null
  exact: number
  /** Microseconds that rows are kept; null: for ever. */
  keep: number | null
}

export interface ChunkRow {
  id: number
  revision: number
  first: number
  last: number
  replaces: number
  body: string | null
}

/** What a write says of the series; `kind` is null when the write has no rows. */
export interface Written {
  kind: IndexKind | null
  unit: Unit
  /** JSON text of [[name, mask], …]. */
  columns: string
  span: Span | null
}

/** The tail of a series, `t`, as JSON; more parts than one write may have. */
export const TAIL = "'[' || substr(t.parts, 1, length(t.parts) - 1) || ']'"
export const TAIL_PARTS_MAX = 1_000_000

const ROW = `symbol, revision, kind, unit, columns, first, last, exact,
  (SELECT keep FROM retentions AS r WHERE r.reference = series.reference) AS keep`

/** The stored revision, NULL when there is no such series; parameters: reference, symbol. */
export const CURRENT = "SELECT revision FROM series WHERE reference = ? AND symbol = ?"

export const head: Statement = { sql: `SELECT coalesce(${REVISION}, 0) AS revision`, params: [] }

export function references(limit: number): Statement {
  return {
    sql: "SELECT DISTINCT reference FROM series ORDER BY reference LIMIT ?1",
    params: [limit],
  }
}

export function list(reference: string, limit: number): Statement {
  return {
    sql: `SELECT ${ROW} FROM series WHERE reference = ?1 ORDER BY symbol LIMIT ?2`,
    params: [reference, limit],
  }
}

export function get({ reference, symbol }: Place): Statement {
  return {
    sql: `SELECT ${ROW} FROM series WHERE reference = ?1 AND symbol = ?2`,
    params: [reference, symbol],
  }
}

/**
 * The levels (see `levelOf`) that the chunks of series `it` may have. Within a level, the chunks that reach into a
 * range begin less than 4^level before it.
 */
const LEVELS = "json_each(it.levels) AS levels"

/**
 * The chunks that reach into a range, in no order: sorting would carry their bodies through a temporary table.
 * Those of the tail have ids below 0. Which of the two ranges it is, the series' kind decides, so that the series
 * and its chunks can be read at one moment.
 */
export function chunks({ reference, symbol }: Place, times: Range, integers: Range): Statement {
  return {
    sql: `WITH it AS NOT MATERIALIZED (
        SELECT id, levels, CAST(iif(kind = 'integer', ?5, ?3) AS INTEGER) AS first,
          CAST(iif(kind = 'integer', ?6, ?4) AS INTEGER) AS last
        FROM series WHERE reference = ?1 AND symbol = ?2
      )
      SELECT c.id, c.revision, c.first, c.last, c.replaces, c.body
      FROM it CROSS JOIN ${LEVELS} CROSS JOIN chunks AS c
      WHERE c.series = it.id AND c.level = levels.value
        AND c.first > it.first - (1 << (2 * levels.value)) AND c.first <= it.last
        AND c.last >= it.first
      UNION ALL
      SELECT part.key - ${TAIL_PARTS_MAX}, write.value ->> 0, part.value ->> 1, part.value ->> 2,
        part.value ->> 3, part.value ->> 6
      FROM it CROSS JOIN tails AS t CROSS JOIN json_each(${TAIL}) AS write
        CROSS JOIN json_each(write.value, '$[1]') AS part
      WHERE t.series = it.id AND part.value ->> 1 <= it.last AND part.value ->> 2 >= it.first`,
    params: [reference, symbol, times.first, times.last, integers.first, integers.last],
  }
}

export function exists({ reference, symbol }: Place): Condition {
  return {
    sql: "EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol = ?)",
    params: [reference, symbol],
  }
}

export function not({ sql, params }: Condition): Condition {
  return { sql: `NOT (${sql})`, params }
}

export function both(one: Condition, other: Condition): Condition {
  return { sql: `(${one.sql}) AND (${other.sql})`, params: [...one.params, ...other.params] }
}

/** True when the reference has a series, one beside `except` if that is given. */
export function hasSeries(reference: string, except?: string): Condition {
  return except === undefined
    ? { sql: "EXISTS (SELECT 1 FROM series WHERE reference = ?)", params: [reference] }
    : {
        sql: "EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol <> ?)",
        params: [reference, except],
      }
}

/**
 * The columns of a series and of a write side by side; `?` is those of the write. Grouped, not joined: a join of
 * two lists looks at every pair, and there may be thousands.
 */
const BESIDE = `SELECT name, min(place) AS place, coalesce(max(old), 0) AS old,
    coalesce(max(old), 0) | coalesce(max(new), 0) AS mask
  FROM (
    SELECT value ->> 0 AS name, value ->> 1 AS old, NULL AS new, key AS place
      FROM json_each(series.columns)
    UNION ALL
    SELECT value ->> 0, NULL, value ->> 1, ${SERIES_MAX_COLUMNS} + key FROM json_each(COLUMNS)
  )
  GROUP BY name`

/** `kindOf`, except that what is neither integers nor doubles need not be told apart. */
const kindOf = (mask: string) => `CASE
  WHEN ${mask} IN (0, ${BOOLEAN}, ${STRING}) THEN ${mask}
  WHEN ${mask} & ~${INTEGER | INEXACT} = 0 THEN ${INTEGER}
  WHEN ${mask} & ~${INTEGER | FLOAT} = 0 THEN ${FLOAT}
  ELSE -1 END`

/**
 * True when a patch says all that a write changes: stamps and values that are there already are written as before.
 * Rows of a series without columns are not seen until there is one. `unit` is the one that the patch is written in.
 */
export function isPatch({ reference, symbol }: Place, { columns }: Written, unit: Unit): Condition {
  return {
    sql: `EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol = ? AND unit = ?
      AND (columns <> '[]' OR first IS NULL)
      AND NOT EXISTS (SELECT 1 FROM (${BESIDE.replace("COLUMNS", "?")})
        WHERE old > 0 AND ${kindOf("old")} <> ${kindOf("mask")}))`,
    params: [reference, symbol, unit, columns],
  }
}

/** Fails when what is stored has another kind of index. */
export function sameKind({ reference, symbol }: Place, kind: IndexKind | null): Statement {
  return guard(
    "NOT EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol = ? AND kind <> ?)",
    [reference, symbol, kind],
  )
}

/** Fails when the series would have more columns than it may. */
export function fewColumns({ reference, symbol }: Place, { columns }: Written): Statement {
  return guard(
    `NOT EXISTS (SELECT 1 FROM series WHERE reference = ? AND symbol = ?
      AND (SELECT count(*) FROM (${BESIDE.replace("COLUMNS", "?")})) > ${SERIES_MAX_COLUMNS})`,
    [reference, symbol, columns],
  )
}

/** Makes the series, or takes in what a write says of it. */
export function upsert({ reference, symbol }: Place, written: Written): Statement {
  const { kind, unit, columns, span } = written
  return {
    sql: `INSERT INTO series (reference, symbol, revision, kind, unit, columns, first, last, exact)
      VALUES (?1, ?2, ${REVISION}, ?3, ?4, ?5, ?6, ?7, ${FIRST | LAST})
      ON CONFLICT (reference, symbol) DO UPDATE SET
        revision = excluded.revision,
        kind = coalesce(kind, excluded.kind),
        unit = max(unit, excluded.unit),
        columns = (SELECT json_group_array(json_array(name, mask)) FROM (
          SELECT name, mask FROM (${BESIDE.replace("COLUMNS", "?5")}) ORDER BY place)),
        first = coalesce(min(first, excluded.first), first, excluded.first),
        last = coalesce(max(last, excluded.last), last, excluded.last),
        exact = exact | iif(excluded.first <= first, ${FIRST}, 0) | iif(excluded.last >= last, ${LAST}, 0)`,
    params: [reference, symbol, kind, unit, columns, span?.[0] ?? null, span?.[1] ?? null],
  }
}

/** Takes ranges (JSON text of [[first, last], …]) from how far the series reaches, as far as that is known then. */
export function shrink({ reference, symbol }: Place, spans: string): Statement {
  return {
    sql: `UPDATE series SET
        first = iif(whole, NULL, first),
        last = iif(whole, NULL, last),
        exact = iif(whole, ${FIRST | LAST}, exact & ~(head | tail))
      FROM (SELECT s.id AS series,
          max(span.value ->> 0 <= s.first AND span.value ->> 1 >= s.last) AS whole,
          max(iif(span.value ->> 0 <= s.first AND span.value ->> 1 >= s.first, ${FIRST}, 0)) AS head,
          max(iif(span.value ->> 0 <= s.last AND span.value ->> 1 >= s.last, ${LAST}, 0)) AS tail
        FROM series AS s CROSS JOIN json_each(?3) AS span
        WHERE s.reference = ?1 AND s.symbol = ?2 GROUP BY s.id) AS hit
      WHERE series.id = hit.series AND (whole OR head OR tail)`,
    params: [reference, symbol, spans],
  }
}

/** Drops the chunks that lie within ranges (JSON text of [[first, last], …]) whose content is replaced. */
export function dropWithin({ reference, symbol }: Place, spans: string): Statement {
  return {
    sql: `WITH it AS NOT MATERIALIZED (
        SELECT id, levels FROM series WHERE reference = ?1 AND symbol = ?2
      )
      DELETE FROM chunks WHERE id IN (
        SELECT c.id FROM it CROSS JOIN json_each(?3) AS span CROSS JOIN ${LEVELS}
        CROSS JOIN chunks AS c
        WHERE c.series = it.id AND c.level = levels.value AND c.first >= span.value ->> 0
          AND c.first <= span.value ->> 1 AND c.last <= span.value ->> 1)`,
    params: [reference, symbol, spans],
  }
}

/**
 * Adds chunks: JSON text of [[level, first, last, replaces, count, stats, body], …], unless `tail` took them.
 */
export function append({ reference, symbol }: Place, parts: string): Statement {
  return {
    sql: `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT s.id, s.revision, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
        value ->> 5, value ->> 6
      FROM series AS s CROSS JOIN json_each(?3) WHERE s.reference = ?1 AND s.symbol = ?2
        AND NOT EXISTS (SELECT 1 FROM tails WHERE series = s.id AND revision = s.revision)
      ORDER BY key`,
    params: [reference, symbol, parts],
  }
}

/** Drops the series; its log first. */
export function remove({ reference, symbol }: Place): Statement[] {
  const params = [reference, symbol]
  const logOf = (table: string) => ({
    sql: `DELETE FROM ${table}
        WHERE series = (SELECT id FROM series WHERE reference = ?1 AND symbol = ?2)`,
    params,
  })
  return [
    logOf("chunks"),
    logOf("tails"),
    { sql: "DELETE FROM series WHERE reference = ?1 AND symbol = ?2", params },
  ]
}
