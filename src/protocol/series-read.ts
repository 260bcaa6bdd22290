/** What a read of a series, or of a list of them, may ask for. */
import * as z from "zod"
import { LIST_MAX_ITEMS, SERIES_THIN_MAX_ROWS } from "./limits.ts"
import { DATE_FORMATS, FORMATS, ORDERS, ORIENTS } from "./orients.ts"
import { AGGREGATIONS, BUCKET_SIDES, DOWNSAMPLES } from "./resample.ts"

// Empty counts as not given, as it did for the original.
const orient = z.enum([...ORIENTS, ""]).optional()
export const OrientQuery = z.object({
  orient: orient.meta({
    enum: ORIENTS,
    description: "The form of the JSON, as pandas names them; columns when absent",
    example: "split",
  }),
  json_format: orient.meta({ enum: ORIENTS, description: "The same, as Flask-BigTempo called it" }),
  jsonformat: orient.meta({ enum: ORIENTS, description: "The same, in its first version" }),
})

const count = (most = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(1).max(most).optional()
const side = z.enum([...BUCKET_SIDES, ""]).optional()

const START =
  "The first stamp wanted: RFC 3339, a date, an epoch number, `now-1h30m`; or an integer"
const END = "The last stamp wanted; a date means the whole day"
const bound = z.string().min(1).optional()

/** What to delete. Strict, and nothing may be empty: what was mistyped must not delete all. */
export const RangeQuery = z.strictObject({
  start: bound.meta({ description: START, example: "2015-01-01" }),
  end: bound.meta({ description: END }),
})

/** Of one series. Empty counts as not given. */
const readFields = {
  format: z
    .enum([...FORMATS, ""])
    .optional()
    .meta({
      enum: FORMATS,
      description:
        "csv and ndjson stand in for the orient; when absent, the header `Accept` decides (text/csv, application/x-ndjson)",
    }),
  start: z.string().optional().meta({ description: START, example: "2015-01-01" }),
  end: z.string().optional().meta({ description: END }),
  columns: z
    .string()
    .optional()
    .meta({ description: "Some of the columns, in this order", example: "price,volume" }),
  order: z
    .enum([...ORDERS, ""])
    .optional()
    .meta({ enum: ORDERS, description: "desc: the last stamp first" }),
  limit: count().meta({ description: "Only the first so many rows, in that order" }),
  latest: count().meta({ description: "Only the last so many rows", example: 1 }),
  every: z.string().optional().meta({
    description:
      "One row for each stretch of time: 15m, 1h, 1d, 1w, 1mo, 1y. Stretches of several units are counted from Monday 2000-01-03, months and years from year 0",
    example: "1h",
  }),
  tz: z.string().optional().meta({
    description: "Whose days and months `every` cuts; UTC when absent. Only for times with a zone",
    example: "Europe/Oslo",
  }),
  closed: side.meta({
    enum: BUCKET_SIDES,
    description: "Which end of a stretch belongs to it; left when absent",
  }),
  label: side.meta({
    enum: BUCKET_SIDES,
    description: "Which end of a stretch is its stamp; left when absent",
  }),
  agg: z
    .string()
    .optional()
    .meta({
      description: `What becomes of the values of a stretch: ${AGGREGATIONS.join(", ")}; or some of the columns, each with its own: price:ohlc,volume:sum. mean when absent`,
      example: "mean",
    }),
  fill: z.string().optional().meta({
    description:
      "What stands where a stretch has no value: none (which leaves stretches without rows out), null, previous, linear or a number. previous and linear look beyond start and end too",
    example: "previous",
  }),
  max_points: z.coerce
    .number()
    .int()
    .min(2)
    .optional()
    .meta({
      description: `At most so many of the rows, with all their columns, that look like all. It chooses among ${SERIES_THIN_MAX_ROWS} rows at most`,
      example: 800,
    }),
  downsample: z
    .enum([...DOWNSAMPLES, ""])
    .optional()
    .meta({ enum: DOWNSAMPLES, description: "How `max_points` chooses; lttb when absent" }),
  on: z.string().optional().meta({
    description: "The column that `max_points` looks at; the first with numbers when absent",
    example: "price",
  }),
  since: z.coerce.number().int().min(0).optional().meta({
    description:
      "Only the rows that changed after this revision, and perhaps some that did not. Take away the ranges in the header `X-Removed`, both ends inclusive, then put the rows over what you have",
    example: 42,
  }),
}

/** Of a list. */
export const ListQuery = z.object({
  prefix: z.string().optional().meta({ description: "The beginning of the name", example: "br" }),
  limit: count(LIST_MAX_ITEMS).meta({
    description: `Elements of one answer; ${LIST_MAX_ITEMS} when absent`,
    example: 100,
  }),
  cursor: z.string().optional().meta({ description: "From the `Link` of the page before" }),
})

export const ReadQuery = OrientQuery.extend({
  date_format: z
    .enum([...DATE_FORMATS, ""])
    .optional()
    .meta({ enum: DATE_FORMATS, description: "iso when absent; epoch is milliseconds" }),
  ...readFields,
})
export type ReadQuery = z.output<typeof ReadQuery>
