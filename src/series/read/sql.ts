/** The statements that read a series: what chunks there are, and what is in them. */
import type { Statement } from "../../feed/statement.ts"
import type { Range } from "../bounds.ts"
import { LEVELS, type Place } from "../sql.ts"

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
  /** The range that was read: that asked for, or the part of it where the rows at its edge are. */
  low: number
  high: number
}

/** The rows at one end of a range, as the counts of chunks tell: fewer, where they lie over another or beyond it. */
export interface Edge {
  side: "first" | "last"
  rows: number
}

export interface Wish {
  /** Which of the two ranges applies, the series' kind decides. */
  times: Range
  integers: Range
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
        WHERE w.rows < ?7 AND c.id = (SELECT id FROM chunks WHERE series = it.id
          AND level = w.level AND first < w.edge ORDER BY first DESC LIMIT 1)
    ), part AS MATERIALIZED (
      SELECT id, last,
        max(first, coalesce((SELECT max(edge) FROM walk WHERE rows >= ?7), first)) AS first FROM it
    )`,
  first: `walk (level, edge, rows, reach) AS (
      SELECT level, it.first - (1 << (2 * level)), 0, NULL FROM levels CROSS JOIN it
        WHERE level IS NOT NULL
      UNION ALL
      SELECT w.level, c.first, w.rows + c.count, max(coalesce(w.reach, c.last), c.last)
        FROM walk AS w CROSS JOIN it CROSS JOIN chunks AS c
        WHERE w.rows < ?7 AND c.id = (SELECT id FROM chunks WHERE series = it.id
          AND level = w.level AND first > w.edge AND last >= it.first ORDER BY first LIMIT 1)
    ), part AS MATERIALIZED (
      SELECT id, first,
        min(last, coalesce((SELECT min(reach) FROM walk WHERE rows >= ?7), last)) AS last FROM it
    )`,
} as const

const REACHING = `CROSS JOIN levels CROSS JOIN chunks AS c
      WHERE c.series = part.id AND c.level = levels.level
        AND c.first > part.first - (1 << (2 * levels.level)) AND c.first <= part.last
        AND c.last >= part.first`

const META = "c.id, c.revision, c.first, c.last, c.replaces, c.count, octet_length(c.body) AS size"

/** The chunks that reach into a range, in no order: `ChunkMeta`. */
export function plan({ reference, symbol }: Place, wish: Wish): Statement {
  const { times, integers, edge, stats = false, bytes } = wish
  const bounds = [times.first, times.last, integers.first, integers.last]
  const part = edge ? `, ${PARTS[edge.side]}` : ""
  const from = `${edge ? "part" : "it AS part"} ${REACHING}`
  // Lengths are known without reading the bodies.
  const fits = `(SELECT sum(octet_length(c.body)) FROM ${from}) <= ${edge ? "?8" : "?7"}`
  return {
    sql: `WITH RECURSIVE it AS MATERIALIZED (
        SELECT id, CAST(iif(kind = 'integer', ?5, ?3) AS INTEGER) AS first,
          CAST(iif(kind = 'integer', ?6, ?4) AS INTEGER) AS last
        FROM series WHERE reference = ?1 AND symbol = ?2
      ), ${LEVELS.replace(" AS (", " AS MATERIALIZED (")}${part}
      SELECT ${META}, ${stats ? "c.stats" : "NULL"} AS stats,
        ${bytes > 0 ? `iif(${fits}, c.body, NULL)` : "NULL"} AS body,
        part.first AS low, part.last AS high
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

/** The newest chunk of every level. */
export interface Top {
  series: number
  level: number
  first: number
  last: number
  count: number
  /** Those of the series. */
  revision: number
  folds: number
}

/** One seek for each level, where `LEVELS` takes several rows: who asks for the latest rows asks often. */
export function tops({ reference, symbol }: Place): Statement {
  return {
    sql: `WITH RECURSIVE tops (series, level, first, last, count, revision, folds) AS (
        SELECT * FROM (SELECT c.series, c.level, c.first, c.last, c.count, s.revision, s.folds
          FROM series AS s CROSS JOIN chunks AS c
          WHERE s.reference = ?1 AND s.symbol = ?2 AND c.series = s.id
          ORDER BY c.level DESC, c.first DESC LIMIT 1)
        UNION ALL
        SELECT c.series, c.level, c.first, c.last, c.count, t.revision, t.folds
          FROM tops AS t CROSS JOIN chunks AS c
          WHERE c.id = (SELECT id FROM chunks WHERE series = t.series AND level < t.level
            ORDER BY level DESC, first DESC LIMIT 1)
      )
      SELECT * FROM tops`,
    params: [reference, symbol],
  }
}

/** The chunks of one level of a series that reach to a stamp or beyond it, with their bodies. */
export function reaching({ series, level }: Top, first: number): Statement {
  return {
    sql: `SELECT ${META}, NULL AS stats, c.body FROM chunks AS c
      WHERE c.series = CAST(?1 AS INTEGER) AND c.level = CAST(?2 AS INTEGER)
        AND c.first > CAST(?3 AS INTEGER) - (1 << (2 * CAST(?2 AS INTEGER)))
        AND c.last >= CAST(?3 AS INTEGER)`,
    params: [series, level, first],
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
