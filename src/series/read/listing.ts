/** The statements that read the lists. */
import { REVISION } from "../../feed/sql.ts"
import type { Statement } from "../../feed/statement.ts"
import { RETENTION } from "../retention-sql.ts"
import type { SeriesRow } from "../sql.ts"
import type { ChunkMeta } from "./sql.ts"

/** A part of a list. */
export interface Part {
  prefix: string
  /** The name after which it begins. */
  after: string
  limit: number
}

/** `tail` is the end of its log; null where those before it in the list are large enough already. */
export type ListedRow = SeriesRow & { id: number; tail: string | null }
export type ListedChunk = ChunkMeta & { series: number }
/** `id` null: no chunk of a level reaches there. `low` null: where the last row is, the chunks do not tell. */
export type ListedTop =
  | (ListedChunk & { low: number })
  | { series: number; id: null; low: number | null }

/** The references that have series, each found by one seek. */
export function references({ prefix, after, limit }: Part): Statement {
  const wanted = "substr(reference, 1, length(?1)) = ?1"
  return {
    sql: `WITH RECURSIVE names (reference) AS (
        SELECT min(reference) FROM series WHERE reference > ?2 AND reference >= ?1
        UNION ALL
        SELECT (SELECT min(reference) FROM series WHERE reference > names.reference) FROM names
          WHERE ${wanted}
        LIMIT ?3
      ) SELECT reference FROM names WHERE ${wanted}`,
    params: [prefix, after, limit],
  }
}

/** Where the journal is, and how long the rows of a reference are kept. */
export function head(reference: string): Statement {
  return {
    sql: `SELECT coalesce(${REVISION}, 0) AS revision,
      (SELECT text FROM retentions WHERE reference = ?1) AS retention`,
    params: [reference],
  }
}

const ROW = `id, symbol, revision, kind, unit, zone, index_name, columns, first, last, exact,
    ${RETENTION} AS retention`

// No name has a character after this one.
const PAGE = `FROM series WHERE reference = ?1 AND symbol > ?3 AND symbol >= ?2
    AND symbol < ?2 || char(1114111) ORDER BY symbol LIMIT ?4`

/** Some series of a reference, by symbol, and so many bytes of their tails. */
export function series(
  reference: string,
  { prefix, after, limit }: Part,
  bytes: number,
): Statement {
  const size = "sum(octet_length(tail)) OVER (ORDER BY symbol ROWS UNBOUNDED PRECEDING)"
  return {
    sql: `SELECT ${ROW}, iif(${size} <= ?5, tail, NULL) AS tail ${PAGE}`,
    params: [reference, prefix, after, limit, bytes],
  }
}

const META = `c.id, c.revision, c.first, c.last, c.replaces, c.count,
  octet_length(c.body) AS size, NULL AS stats, NULL AS body`

/** All their chunks, series by series, but not more than so many. */
export function chunks(reference: string, part: Part, most: number): Statement {
  const { prefix, after, limit } = part
  return {
    sql: `WITH page AS MATERIALIZED (SELECT id ${PAGE})
      SELECT c.series, ${META} FROM page CROSS JOIN chunks AS c WHERE c.series = page.id LIMIT ?5`,
    params: [reference, prefix, after, limit, most],
  }
}

const top = (of: string) => `c.id = (SELECT id FROM chunks WHERE series = ${of}
          ORDER BY level DESC, first DESC LIMIT 1)`

/**
 * Those of their chunks that reach to where the last row must be, if no later one took it away: the beginning of the
 * newest chunk with rows that is the last of its level.
 */
export function newest(reference: string, { prefix, after, limit }: Part): Statement {
  return {
    sql: `WITH RECURSIVE page AS MATERIALIZED (SELECT id ${PAGE}),
      tops (series, level, first) AS (
        SELECT c.series, c.level, iif(c.count > 0, c.first, NULL)
          FROM page CROSS JOIN chunks AS c WHERE ${top("page.id")}
        UNION ALL
        SELECT c.series, c.level, iif(c.count > 0, c.first, NULL)
          FROM tops AS t CROSS JOIN chunks AS c
          WHERE ${top("t.series AND level < t.level")}
      ), edge AS MATERIALIZED (
        SELECT series, max(first) AS first FROM tops GROUP BY series
      )
      SELECT edge.series, ${META}, edge.first AS low
      FROM edge CROSS JOIN tops AS t LEFT JOIN chunks AS c
        ON c.series = edge.series AND c.level = t.level
          AND c.first > edge.first - (1 << (2 * t.level)) AND c.last >= edge.first
      WHERE t.series = edge.series`,
    params: [reference, prefix, after, limit],
  }
}
