/** What statements on series know of retention. */
import { STAMP_MAX } from "./frame.ts"

/** Of the reference of `series`: JSON text of [keep, text, revision, when the series changed last], or NULL. */
export const RETENTION = `(SELECT json_array(r.keep, r.text, r.revision,
      (SELECT c.at FROM changes AS c WHERE c.revision = series.revision))
    FROM retentions AS r WHERE r.reference = series.reference)`

/** Microseconds that rows of the reference of `series` are kept; NULL: for ever. */
export const KEEP = "(SELECT r.keep FROM retentions AS r WHERE r.reference = series.reference)"

/** `floorOf` for a series that has had rows up to `last`. @param now SQL of epoch microseconds */
export function floorSql(keep: string, last: string, now: string): string {
  return `(min(CAST(${now} AS INTEGER), ${last}) - ${keep})`
}

/** How far a series reaches after rows up to `last` came. */
export function reached(last: string): string {
  return `max(coalesce(series.last, ${last}), coalesce(${last}, series.last))`
}

/** A time as GET writes it in a series of `unit` and `kind`: between milliseconds, that before. */
function label(stamp: string): string {
  const fraction = `((${stamp} % 1000000 + 1000000) % 1000000)`
  const digits = `iif(unit = 'us', printf('%06d', ${fraction}), printf('%03d', ${fraction} / 1000))`
  const seconds = `strftime('%Y-%m-%dT%H:%M:%S', (${stamp} - ${fraction}) / 1000000, 'unixepoch')`
  return `${seconds} || '.' || ${digits} || iif(kind = 'utc', 'Z', '')`
}

/**
 * The body of a patch with what falls below the floor by it: everything before is among what is removed. NULL where the
 * patch itself has rows below, which must not be shown. Columns: the patch's `body` and the `first` stamp of its rows,
 * the `floor` after it, of the series what it `held` at first till then, its `unit` and `kind`.
 */
export const BODY_WITH_FLOOR = `CASE
    WHEN floor IS NULL OR kind = 'integer' THEN body
    WHEN first < floor THEN NULL
    WHEN held IS NULL OR held >= floor THEN body
    ELSE '{"removed":[["' || ${label(String(-STAMP_MAX))} || '","' || ${label("(floor - 1)")} || '"]'
      || iif(substr(body, 13, 1) = ']', '', ',') || substr(body, 13) END`
