/** The statements of the series. */
import { guard, type Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"
import { SERIES_MAX_COLUMNS } from "../protocol/limits.ts"
import type { Range } from "./bounds.ts"
import type { IndexKind, Unit } from "./frame.ts"
import { beside, JOINED } from "./joined-sql.ts"
import type { Span } from "./ranges.ts"
import { RETENTION } from "./retention-sql.ts"
import { FIRST, LAST } from "./stored.ts"
import { addition, isUntailed } from "./tail-sql.ts"

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
  /** The zone that a schema named. */
  zone: string | null
  /** What it called the index. */
  index_name: string | null
  /** JSON text of [[name, mask], …]. */
  columns: string
  first: number | null
  last: number | null
  exact: number
  /** JSON text, see `retentionOf`; NULL: nothing was ever said, or it does not matter. */
  retention: string | null
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
  /** The zone that a schema named. */
  zone: string | null
  indexName: string | null
  /** JSON text of [[name, mask], …]. */
  columns: string
  span: Span | null
}

export const ROW = "symbol, revision, kind, unit, zone, index_name, columns, first, last, exact"

/** The stored revision, NULL when there is no such series; parameters: reference, symbol. */
export const CURRENT = "SELECT revision FROM series WHERE reference = ? AND symbol = ?"

export const head: Statement = { sql: `SELECT coalesce(${REVISION}, 0) AS revision`, params: [] }

export function get({ reference, symbol }: Place): Statement {
  return {
    sql: `SELECT ${ROW}, ${RETENTION} AS retention FROM series
      WHERE reference = ?1 AND symbol = ?2`,
    params: [reference, symbol],
  }
}

/**
 * The levels (see `levelOf`) that the chunks of series ?1 ?2 have, each found by one seek. Within a level, the chunks
 * that reach into a range begin less than 4^level before it.
 */
export const LEVELS = `levels (level) AS (
    SELECT min(level) FROM chunks WHERE series = (SELECT id FROM it)
    UNION ALL
    SELECT (SELECT min(c.level) FROM chunks AS c
        WHERE c.series = (SELECT id FROM it) AND c.level > levels.level)
      FROM levels WHERE level IS NOT NULL
  )`

/**
 * The chunks that reach into a range, in no order: sorting would carry their bodies through a temporary table.
 * Which of the two ranges it is, the series' kind decides, so that the series and its chunks can be read at one
 * moment.
 */
export function chunks({ reference, symbol }: Place, times: Range, integers: Range): Statement {
  return {
    sql: `WITH RECURSIVE it AS MATERIALIZED (
        SELECT id, CAST(iif(kind = 'integer', ?5, ?3) AS INTEGER) AS first,
          CAST(iif(kind = 'integer', ?6, ?4) AS INTEGER) AS last
        FROM series WHERE reference = ?1 AND symbol = ?2
      ), ${LEVELS}
      SELECT c.id, c.revision, c.first, c.last, c.replaces, c.body
      FROM it CROSS JOIN levels CROSS JOIN chunks AS c
      WHERE c.series = it.id AND c.level = levels.level
        AND c.first > it.first - (1 << (2 * levels.level)) AND c.first <= it.last
        AND c.last >= it.first`,
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
      AND (SELECT count(*) FROM (${beside("?")})) > ${SERIES_MAX_COLUMNS})`,
    [reference, symbol, columns],
  )
}

/** How many chunks there are to be folded; no row when there is no such series. */
export function debt({ reference, symbol }: Place): Statement {
  return {
    sql: "SELECT debt FROM series WHERE reference = ?1 AND symbol = ?2",
    params: [reference, symbol],
  }
}

/**
 * Makes the series, or takes in what a write says of it: the chunks that it adds to be folded, and what it adds to the
 * tail (see `tailOf`).
 */
export function upsert(
  { reference, symbol }: Place,
  written: Written,
  added: number,
  tail: string | null,
): Statement {
  const { kind, unit, zone, indexName, columns, span } = written
  return {
    sql: `INSERT INTO series (reference, symbol, revision, kind, unit, zone, index_name, columns, first, last, exact,
        debt, tail)
      VALUES (?1, ?2, ${REVISION}, ?3, ?4, ?8, ?11, ?5, ?6, ?7, ${FIRST | LAST}, ?9,
        coalesce(${addition(REVISION, "?10")}, ''))
      ON CONFLICT (reference, symbol) DO UPDATE SET
        revision = excluded.revision, ${JOINED}`,
    params: [
      reference,
      symbol,
      kind,
      unit,
      columns,
      span?.[0] ?? null,
      span?.[1] ?? null,
      zone,
      added,
      tail,
      indexName,
    ],
  }
}

/** Takes ranges (JSON text of [[first, last], …]) from how far the series reaches, as far as that is known then. */
export function shrink({ reference, symbol }: Place, spans: string): Statement {
  return {
    sql: `UPDATE series SET
        first = iif(whole, NULL, first),
        last = iif(whole, NULL, last),
        exact = iif(whole, ${FIRST | LAST}, exact & ~(hit.head | hit.foot))
      FROM (SELECT s.id AS series,
          max(span.value ->> 0 <= s.first AND span.value ->> 1 >= s.last) AS whole,
          max(iif(span.value ->> 0 <= s.first AND span.value ->> 1 >= s.first, ${FIRST}, 0)) AS head,
          max(iif(span.value ->> 0 <= s.last AND span.value ->> 1 >= s.last, ${LAST}, 0)) AS foot
        FROM series AS s CROSS JOIN json_each(?3) AS span
        WHERE s.reference = ?1 AND s.symbol = ?2 GROUP BY s.id) AS hit
      WHERE series.id = hit.series`,
    params: [reference, symbol, spans],
  }
}

/** Drops the chunks that lie within ranges (JSON text of [[first, last], …]) whose content is replaced. */
export function dropWithin({ reference, symbol }: Place, spans: string): Statement {
  return {
    sql: `WITH RECURSIVE it AS MATERIALIZED (
        SELECT id FROM series WHERE reference = ?1 AND symbol = ?2
      ), ${LEVELS}
      DELETE FROM chunks WHERE id IN (
        SELECT c.id FROM it CROSS JOIN json_each(?3) AS span CROSS JOIN levels
        CROSS JOIN chunks AS c
        WHERE c.series = it.id AND c.level = levels.level AND c.first >= span.value ->> 0
          AND c.first <= span.value ->> 1 AND c.last <= span.value ->> 1)`,
    params: [reference, symbol, spans],
  }
}

/**
 * Adds chunks, unless the tail has taken them in: JSON text of [[level, first, last, replaces, count, stats, body], …].
 */
export function append(
  { reference, symbol }: Place,
  parts: string,
  tail: string | null,
): Statement {
  return {
    sql: `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT series.id, series.revision, value ->> 0, value ->> 1, value ->> 2, value ->> 3,
        value ->> 4, value ->> 5, value ->> 6
      FROM series CROSS JOIN json_each(?3)
      WHERE series.reference = ?1 AND series.symbol = ?2
        AND (${isUntailed("?4")})
      ORDER BY key`,
    params: [reference, symbol, parts, tail],
  }
}

/** Drops the series; its chunks first. */
export function remove({ reference, symbol }: Place): Statement[] {
  const params = [reference, symbol]
  return [
    {
      sql: `DELETE FROM chunks
        WHERE series = (SELECT id FROM series WHERE reference = ?1 AND symbol = ?2)`,
      params,
    },
    { sql: "DELETE FROM series WHERE reference = ?1 AND symbol = ?2", params },
  ]
}
