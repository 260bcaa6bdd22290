/** What a series knows of itself and what a write says of it become one, inside the statement that writes. */
import { SERIES_MAX_COLUMNS } from "../protocol/limits.ts"
import { BOOLEAN, FLOAT, INEXACT, INTEGER, STRING } from "./kinds.ts"
import { FIRST, LAST } from "./stored.ts"
import { TAILED } from "./tail-sql.ts"

/**
 * The columns of a series and of a write side by side. Grouped, not joined: a join of two lists looks at every pair,
 * and there may be thousands.
 * @param columns SQL of those of the write, JSON text of [[name, mask], …]
 */
export function beside(columns: string): string {
  return `SELECT name, min(place) AS place, coalesce(max(old), 0) AS old,
    coalesce(max(old), 0) | coalesce(max(new), 0) AS mask
  FROM (
    SELECT value ->> 0 AS name, value ->> 1 AS old, NULL AS new, key AS place
      FROM json_each(series.columns)
    UNION ALL
    SELECT value ->> 0, NULL, value ->> 1, ${SERIES_MAX_COLUMNS} + key FROM json_each(${columns})
  )
  GROUP BY name`
}

/** `kindOf`, except that what is neither integers nor doubles need not be told apart. */
export const kindOf = (mask: string) => `CASE
  WHEN ${mask} IN (0, ${BOOLEAN}, ${STRING}) THEN ${mask}
  WHEN ${mask} & ~${INTEGER | INEXACT} = 0 THEN ${INTEGER}
  WHEN ${mask} & ~${INTEGER | FLOAT} = 0 THEN ${FLOAT}
  ELSE -1 END`

/** What an upsert sets where there is a series: beside what it knows, what the write says. */
export const JOINED = `kind = coalesce(kind, excluded.kind),
  unit = max(unit, excluded.unit),
  zone = coalesce(excluded.zone, zone),
  index_name = coalesce(excluded.index_name, index_name),
  columns = (SELECT json_group_array(json_array(name, mask)) FROM (
    SELECT name, mask FROM (${beside("excluded.columns")}) ORDER BY place)),
  first = coalesce(min(first, excluded.first), first, excluded.first),
  last = coalesce(max(last, excluded.last), last, excluded.last),
  exact = exact | iif(excluded.first <= first, ${FIRST}, 0) | iif(excluded.last >= last, ${LAST}, 0),
  debt = debt + excluded.debt, ${TAILED}`
