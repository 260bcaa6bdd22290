/**
 * The statements of a write to one series or to many. What they share is `list`: JSON text of one `Item` per series,
 * in an order which is also that of their changes, the last ones of the commit.
 */
import type { Condition } from "../../feed/sql.ts"
import { REVISION } from "../../feed/sql.ts"
import type { Param, Statement } from "../../feed/statement.ts"
import type { ChangeEvent } from "../../protocol/change.ts"
import { SERIES_MAX_COLUMNS } from "../../protocol/limits.ts"
import type { IndexKind, Unit } from "../frame.ts"
import { beside, JOINED, kindOf } from "../joined-sql.ts"
import { BODY_WITH_FLOOR, floorSql, KEEP, reached } from "../retention-sql.ts"
import { ROW } from "../sql.ts"
import { FIRST, LAST } from "../stored.ts"
import { addition, isUntailed } from "../tail-sql.ts"

/** What a statement knows of a series that is written. */
export interface Item {
  reference: string
  symbol: string
  uri: string
  list: string
  kind: IndexKind | null
  unit: Unit
  zone: string | null
  indexName: string | null
  columns: unknown
  first: number | null
  last: number | null
  /** How many of its parts are not full. */
  debt: number
  /** The patch that tells of the write, if the series has stamps of this unit. */
  ms?: string | null
  us?: string | null
  /** What it adds to the tail (see `tailOf`); then it has one part, which is also among those to append. */
  tail?: string
  /** The revision at which the series was found to have no row from `first` on. */
  free?: number
}

const of = (name: keyof Item) => `l.value ->> '${name}'`
const SAME = `series.reference = ${of("reference")} AND series.symbol = ${of("symbol")}`
const STORED = `json_each(?1) AS l CROSS JOIN series ON ${SAME}`
const WANTED = `json_each(?) AS l CROSS JOIN series ON ${SAME}`
const COLUMNS_BESIDE = beside(of("columns"))

/** No stored series has another kind of index than the rows for it. */
export function sameKinds(list: string): Condition {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM ${WANTED} WHERE series.kind <> ${of("kind")})`,
    params: [list],
  }
}

/** No series would have more columns than it may. */
export function fewColumns(list: string): Condition {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM ${WANTED}
      WHERE (SELECT count(*) FROM (${COLUMNS_BESIDE})) > ${SERIES_MAX_COLUMNS})`,
    params: [list],
  }
}

/** No series has a row at the first stamp of the rows for it or later. */
export function allAfter(list: string): Condition {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM ${WANTED}
      WHERE series.last >= ${of("first")} AND series.revision IS NOT ${of("free")})`,
    params: [list],
  }
}

/** All that was staged is there. */
export function staged(number: bigint, count: number): Condition {
  return {
    sql: `(SELECT count(*) FROM chunks WHERE ${STAGED}) = ?`,
    params: [...range(number), count],
  }
}

/** Nobody else uses the numbers of a stage. */
export function unused(number: bigint): [sql: string, params: Param[]] {
  return [`NOT EXISTS (SELECT 1 FROM chunks WHERE ${STAGED})`, range(number)]
}

// Numbers beyond 2^53 travel as text.
const STAGED = "series > CAST(? AS INTEGER) AND series <= CAST(? AS INTEGER)"
const range = (number: bigint) => [String(number - 0x10000n), String(number)]

/** Puts parts where no series has them: JSON texts of [[key, level, first, last, replaces, count, stats, body], …]. */
export function stage(number: bigint, texts: readonly string[]): Statement {
  const lists = texts.map((_, at) => `SELECT ${at} AS text, key, value FROM json_each(?${at + 2})`)
  return {
    sql: `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT CAST(?1 AS INTEGER) - (value ->> 0), 0, value ->> 1, value ->> 2, value ->> 3,
        value ->> 4, value ->> 5, value ->> 6, value ->> 7
      FROM (${lists.join(" UNION ALL ")}) ORDER BY text, key`,
    params: [String(number), ...texts],
  }
}

export function unstage(number: bigint): Statement {
  return { sql: `DELETE FROM chunks WHERE ${STAGED}`, params: range(number) }
}

/** Takes away what was staged under numbers between this one and zero. */
export function sweep(number: bigint): Statement {
  return {
    sql: "DELETE FROM chunks WHERE series < 0 AND series > CAST(?1 AS INTEGER)",
    params: [String(number)],
  }
}

/**
 * How far the series reach before the write, and what there is to be folded, by key.
 * @param withTail read their tails too
 */
export function ends(list: string, withTail: boolean): Statement {
  return {
    sql: `SELECT l.key AS key, series.first AS first, series.last AS last, series.kind AS kind,
        series.debt AS debt, ${withTail ? "series.tail" : "''"} AS tail
      FROM ${STORED}`,
    params: [list],
  }
}

/** Changes of lists: references that have no series yet. */
export function newLists(list: string, at: number): Statement {
  return {
    sql: `SELECT ?2, ${of("list")}, 'create', NULL, NULL FROM json_each(?1) AS l
      WHERE NOT EXISTS (SELECT 1 FROM series WHERE reference = ${of("reference")})
      GROUP BY ${of("reference")} ORDER BY l.key`,
    params: [list, at],
  }
}

/** One change for each series; its body is the patch where that says all that changes (see `isPatch`). */
export function changes(list: string, at: number, event: ChangeEvent): Statement {
  return {
    sql: `SELECT ?2, uri, event, ${BODY_WITH_FLOOR}, NULL FROM (
        SELECT l.key AS key, ${of("uri")} AS uri, iif(series.id IS NULL, 'create', ?3) AS event,
          iif(series.id IS NOT NULL AND (series.columns <> '[]' OR series.first IS NULL)
            AND NOT EXISTS (SELECT 1 FROM (${COLUMNS_BESIDE})
              WHERE old > 0 AND ${kindOf("old")} <> ${kindOf("mask")}),
            l.value ->> series.unit, NULL) AS body,
          ${floorSql(KEEP, reached(of("last")), "?2 * 1000")} AS floor, series.first AS held,
          ${of("first")} AS first, series.unit AS unit, coalesce(series.kind, ${of("kind")}) AS kind
        FROM json_each(?1) AS l LEFT JOIN series ON ${SAME}
      ) ORDER BY key`,
    params: [list, at, event],
  }
}

const ANEW = `kind = excluded.kind, unit = excluded.unit, zone = excluded.zone,
  index_name = excluded.index_name, columns = excluded.columns,
  first = excluded.first, last = excluded.last, exact = excluded.exact,
  debt = excluded.debt, tail = excluded.tail`

/**
 * Makes the series, or has them take in what the write says of them: beside what they know, or in its place. Each
 * gets the revision of its own change.
 */
export function upsert(list: string, anew: boolean): Statement {
  const revision = `${REVISION} - (json_array_length(?1) - 1 - l.key)`
  return {
    sql: `INSERT INTO series
        (reference, symbol, revision, kind, unit, zone, index_name, columns, first, last, exact, debt,
          tail)
      SELECT ${of("reference")}, ${of("symbol")}, ${revision}, ${of("kind")}, ${of("unit")},
        ${of("zone")}, ${of("indexName")}, ${of("columns")}, ${of("first")}, ${of("last")}, ${FIRST | LAST}, ${of("debt")},
        coalesce(${addition(revision, of("tail"))}, '')
      FROM json_each(?1) AS l WHERE true ORDER BY l.key
      ON CONFLICT (reference, symbol) DO UPDATE SET revision = excluded.revision,
        ${anew ? ANEW : JOINED}`,
    params: [list],
  }
}

/** Drops the chunks that lie between the first and the last stamp of the rows for their series. */
export function dropWithin(list: string): Statement {
  return {
    sql: `WITH RECURSIVE levels (series, first, last, level) AS (
        SELECT series.id, ${of("first")}, ${of("last")},
          (SELECT min(level) FROM chunks WHERE chunks.series = series.id)
        FROM ${STORED} WHERE ${of("first")} IS NOT NULL
        UNION ALL
        SELECT series, first, last, (SELECT min(c.level) FROM chunks AS c
          WHERE c.series = levels.series AND c.level > levels.level)
        FROM levels WHERE level IS NOT NULL
      )
      DELETE FROM chunks WHERE id IN (
        SELECT c.id FROM levels CROSS JOIN chunks AS c
        WHERE c.series = levels.series AND c.level = levels.level AND c.first >= levels.first
          AND c.first <= levels.last AND c.last <= levels.last)`,
    params: [list],
  }
}

/** Drops all chunks of the series. */
export function dropAll(list: string): Statement {
  return {
    sql: `DELETE FROM chunks WHERE series IN (SELECT series.id FROM ${STORED})`,
    params: [list],
  }
}

const WRITTEN = `written AS MATERIALIZED (
  SELECT l.key AS key, series.id AS id, series.revision AS revision FROM ${STORED})`

/** Hands what was staged over to the series. */
export function adopt(list: string, number: bigint): Statement {
  return {
    sql: `WITH ${WRITTEN}
      UPDATE chunks SET series = w.id, revision = w.revision
      FROM written AS w WHERE chunks.series = CAST(?2 AS INTEGER) - w.key`,
    params: [list, String(number)],
  }
}

/** Adds parts, in the form that `stage` takes, but for those that a tail has taken in. */
export function append(list: string, parts: string): Statement {
  return {
    sql: `WITH written AS MATERIALIZED (
        SELECT l.key AS key, series.id AS id, series.revision AS revision FROM ${STORED}
        WHERE ${isUntailed(of("tail"))})
      INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
      SELECT w.id, w.revision, p.value ->> 1, p.value ->> 2, p.value ->> 3, p.value ->> 4,
        p.value ->> 5, p.value ->> 6, p.value ->> 7
      FROM json_each(?2) AS p CROSS JOIN written AS w ON w.key = p.value ->> 0 ORDER BY p.key`,
    params: [list, parts],
  }
}

/**
 * Takes away a range before what was staged. Of one revision the higher id counts more, so these must have lower ids
 * than all others: JSON text of [[key, level, first, last], …].
 */
export function gapsBefore(list: string, gaps: string): Statement {
  return {
    sql: `WITH ${WRITTEN}
      INSERT INTO chunks (id, series, revision, level, first, last, replaces, count, stats, body)
      SELECT coalesce((SELECT min(id) FROM chunks), 0) - 1 - g.key, w.id, w.revision,
        g.value ->> 1, g.value ->> 2, g.value ->> 3, 1, 0, NULL, NULL
      FROM json_each(?2) AS g CROSS JOIN written AS w ON w.key = g.value ->> 0 ORDER BY g.key`,
    params: [list, gaps],
  }
}

/** The series of the list that are stored. */
export function stored(list: string): Statement {
  const columns = ROW.split(", ").map((name) => `series.${name}`)
  return {
    sql: `SELECT l.key AS key, ${columns.join()}, NULL AS retention FROM ${STORED}`,
    params: [list],
  }
}
