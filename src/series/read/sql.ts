/** The statements that read a series: what chunks there are, and what is in them. */
import type { Statement } from "../../feed/statement.ts"
import type { Range } from "../bounds.ts"
import { floorSql, KEEP, RETENTION } from "../retention-sql.ts"
import { LEVELS, ROW, type Place, type SeriesRow } from "../sql.ts"

/** What is known of a chunk before it is opened. */
export interface ChunkMeta {
  id: number
  revision: number
  first: number
  last: number
  replaces: number
  count: number
  /** Null also where they were not wanted. */
  stats: string | null
  /** Bytes of its body; null where it has none. */
  size: number | null
  /** Only where it was wanted, and all of them were few enough. */
  body: string | null
}

/** The same; where rows at an edge were wanted, with the part of the range that they are in. */
export type PlannedChunk = ChunkMeta & { low: number; high: number }

/** The rows at one end of a range, as the counts of chunks tell: fewer, where they lie over another or beyond it. */
export interface Edge {
  side: "first" | "last"
  rows: number
}

/** What is read of a series beside its chunks: `tail` is the end of its log. */
export type TailedRow = SeriesRow & { tail: string }

export function series({ reference, symbol }: Place): Statement {
  return {
    sql: `SELECT ${ROW}, ${RETENTION} AS retention, tail FROM series WHERE reference = ?1 AND symbol = ?2`,
    params: [reference, symbol],
  }
}

export interface Wish {
  /** Which of the two ranges applies, the series' kind decides. */
  times: Range
  integers: Range
  /** Epoch microseconds: what is too old by then is left out. */
  now: number
  edge?: Edge | undefined
  stats?: boolean | undefined
  /** Bodies come along when all of them are no larger than this. */
  bytes: number
}

/**
 * The part of a range that has enough rows at one of its ends. Every level is walked from there, chunk by chunk; how
 * far the first of them comes that has enough, all are looked at.
 */
const PARTS = {
  last: `walk (level, edge, rows) AS (
      SELECT level, it.last + 1, 0 FROM levels CROSS JOIN it WHERE level IS NOT NULL
      UNION ALL
      SELECT w.level, c.first, w.rows + c.count FROM walk AS w CROSS JOIN it CROSS JOIN chunks AS c
        WHERE w.rows < ?8 AND c.id = (SELECT id FROM chunks WHERE series = it.id
          AND level = w.level AND first < w.edge ORDER BY first DESC LIMIT 1)
    ), part AS MATERIALIZED (
      SELECT id, last,
        max(first, coalesce((SELECT max(edge) FROM walk WHERE rows >= ?8), first)) AS first FROM it
    )`,
  first: `walk (level, edge, rows, reach) AS (
      SELECT level, it.first - (1 << (2 * level)), 0, NULL FROM levels CROSS JOIN it
        WHERE level IS NOT NULL
      UNION ALL
      SELECT w.level, c.first, w.rows + c.count, max(coalesce(w.reach, c.last), c.last)
        FROM walk AS w CROSS JOIN it CROSS JOIN chunks AS c
        WHERE w.rows < ?8 AND c.id = (SELECT id FROM chunks WHERE series = it.id
          AND level = w.level AND first > w.edge AND last >= it.first ORDER BY first LIMIT 1)
    ), part AS MATERIALIZED (
      SELECT id, first,
        min(last, coalesce((SELECT min(reach) FROM walk WHERE rows >= ?8), last)) AS last FROM it
    )`,
} as const

const REACHING = `CROSS JOIN levels CROSS JOIN chunks AS c
      WHERE c.series = part.id AND c.level = levels.level
        AND c.first > part.first - (1 << (2 * levels.level)) AND c.first <= part.last
        AND c.last >= part.first`

const META = "c.id, c.revision, c.first, c.last, c.replaces, c.count, octet_length(c.body) AS size"

/** Larger ones are not worth having in vain; some dozens of these are a page. */
const CROSSING_MAX_BYTES = 64_000

/**
 * The chunks that reach into a range, in no order: `PlannedChunk`. With statistics come the bodies of those that reach
 * beyond it, which have to be opened whatever the statistics say: else they would be a query of their own.
 */
export function plan({ reference, symbol }: Place, wish: Wish): Statement {
  const { times, integers, now, edge, stats = false, bytes } = wish
  const bounds = [times.first, times.last, integers.first, integers.last, now]
  const part = edge ? `, ${PARTS[edge.side]}` : ""
  const from = `${edge ? "part" : "it AS part"} ${REACHING}`
  // Lengths are known without reading the bodies.
  const fits = `(SELECT sum(octet_length(c.body)) FROM ${from}) <= ${edge ? "?9" : "?8"}`
  const crosses = `(c.first < part.first OR c.last > part.last)
        AND octet_length(c.body) <= ${CROSSING_MAX_BYTES}`
  const wanted = bytes > 0 ? fits : stats ? crosses : "FALSE"
  return {
    sql: `WITH RECURSIVE it AS MATERIALIZED (
        SELECT id, CAST(iif(kind = 'integer', ?5,
            max(?3, coalesce(${floorSql(KEEP, "last", "?7")}, ?3))) AS INTEGER) AS first,
          CAST(iif(kind = 'integer', ?6, ?4) AS INTEGER) AS last
        FROM series WHERE reference = ?1 AND symbol = ?2
      ), ${LEVELS.replace(" AS (", " AS MATERIALIZED (")}${part}
      SELECT ${META}, ${stats ? "c.stats" : "NULL"} AS stats, iif(${wanted}, c.body, NULL) AS body
        ${edge ? ", part.first AS low, part.last AS high" : ""}
      FROM ${from}`,
    params: [
      reference,
      symbol,
      ...bounds,
      ...(edge ? [edge.rows] : []),
      ...(bytes > 0 ? [bytes] : []),
    ],
  }
}

/** A chunk, and how far back the guess for its level was. */
export type Newest = ChunkMeta & { low: number | null }

/** Chunks with fewer rows say nothing of how far back so many more are. */
const TELLING_ROWS = 16
/** Rows are hardly ever at perfectly regular steps. */
const SLACK = 1.25

/**
 * The chunks where the last rows of a series must be, if it goes on as its newest chunks are: those of every level
 * say how far back so many rows reach on it, which is `low`; null where they do not tell. One seek for each level,
 * where `LEVELS` takes several, and nothing is kept aside: who asks for the latest rows asks often.
 */
export function newest({ reference, symbol }: Place, rows: number): Statement {
  const guess = `iif(count >= ?3, first, iif(count < ${TELLING_ROWS}, NULL,
    CAST(first - (?3 - count) * ((last - first + 1) * ${SLACK} / count) AS INTEGER)))`
  return {
    sql: `WITH RECURSIVE tops (series, level, edge) AS (
        SELECT * FROM (SELECT series, level, ${guess} FROM chunks
          WHERE series = (SELECT id FROM series WHERE reference = ?1 AND symbol = ?2)
          ORDER BY level DESC, first DESC LIMIT 1)
        UNION ALL
        SELECT c.series, c.level, ${guess.replaceAll(/\b(count|first|last)\b/g, "c.$1")}
          FROM tops AS t CROSS JOIN chunks AS c
          WHERE c.id = (SELECT id FROM chunks WHERE series = t.series AND level < t.level
            ORDER BY level DESC, first DESC LIMIT 1)
      )
      SELECT ${META}, NULL AS stats, c.body, t.edge AS low
      FROM tops AS t LEFT JOIN chunks AS c
        ON c.series = t.series AND c.level = t.level
          AND c.first > t.edge - (1 << (2 * t.level)) AND c.last >= t.edge`,
    params: [reference, symbol, rows],
  }
}

/** Chunks by their ids (JSON text of a list); whether they are still the same, who asks must see. */
export function bodies(ids: string): Statement {
  return {
    sql: `SELECT c.id, c.revision, c.first, c.last, c.replaces, c.count, c.body
      FROM json_each(?1) AS wanted CROSS JOIN chunks AS c WHERE c.id = wanted.value`,
    params: [ids],
  }
}
