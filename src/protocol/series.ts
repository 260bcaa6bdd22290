/** Time series: pandas frames by reference and symbol. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { BODY_MAX_BYTES } from "./limits.ts"
import { ORIENTS } from "./orients.ts"
import { ListQuery, OrientQuery, RangeQuery, ReadQuery } from "./series-read.ts"
import { seriesWriteEndpoints, streamOf, writeQuery, Written } from "./series-write.ts"
import { JsonObject, Name, PathParams, problems, Revision } from "./shared.ts"
import { fill } from "./uri.ts"

const Stamp = z.union([z.string(), z.number()]).meta({
  description: "As it was saved: an ISO 8601 time, or an integer",
  example: "2015-01-01T00:00:00.000",
})
const Frame = z.unknown().meta({ id: "Frame", description: "A frame in the orient asked for" })

export const SeriesEntry = z
  .strictObject({
    symbol: z.string(),
    revision: Revision,
    columns: z.array(z.strictObject({ name: z.string(), kind: z.string() })),
    count: z.int().min(0).optional().meta({ description: "Its rows; not with `latest`" }),
    first: Stamp.optional(),
    last: Stamp.optional(),
    latest: JsonObject.optional().meta({ description: "Its last row, whose stamp is `last`" }),
  })
  .meta({ id: "SeriesEntry", description: "`first` and `last` only where there are rows" })
export type SeriesEntry = z.infer<typeof SeriesEntry>

const Reference = z.strictObject({ reference: z.string() }).meta({ id: "SeriesReference" })

const Retention = z
  .strictObject({
    retention: z
      .string()
      .nullable()
      .meta({ description: "Such as 30d or 1w12h (w d h m s); null: for ever" }),
  })
  .meta({ id: "SeriesRetention" })

const Status = z
  .strictObject({
    status: z.literal(true),
    revision: Revision.optional(),
    rows: z.int().optional().meta({ description: "Rows that were written" }),
  })
  .meta({ id: "SeriesStatus" })

export const SeriesBody = z
  .strictObject({ symbol: Name, orient: z.enum(ORIENTS).optional(), frame: Frame })
  .meta({ id: "SeriesBody" })

const SeriesPatch = z
  .strictObject({
    removed: z
      .array(z.tuple([Stamp, Stamp]))
      .optional()
      .meta({ description: "Ranges to take away, both ends inclusive" }),
    rows: z
      .strictObject({
        columns: z.array(z.string()),
        index: z.array(Stamp),
        data: z.array(z.array(z.unknown())),
      })
      .optional()
      .meta({ description: "Rows to put over what is there then, in orient split" }),
  })
  .meta({ id: "SeriesPatch" })

const linked = "When there are more than fit one answer, the header `Link` names the next."

const path = "/api/store/:reference/:symbol"
const params = PathParams({ reference: "What the series is of", symbol: "The series' name" })
const example = { price: { "2015-01-01": 101.25, "2015-01-02": 101.5 } }
// Read raw, because no JSON parser but our own keeps 64-bit integers and doubles apart.
const text = { types: "any", maxBytes: BODY_MAX_BYTES, as: "text" } as const

const save = {
  path,
  tag: "series",
  description:
    "What lies between the first and the last stamp of the frame is replaced by its rows, in one commit; `mode` says it otherwise. New columns are added; where a row lacks a column it is null. The body is JSON in one of the orients (up to 16 MB), or CSV or NDJSON, which may be large and zipped (`Content-Encoding: gzip`).",
  params,
  query: OrientQuery.extend(writeQuery).strict(),
  body: streamOf(Frame, example),
  replies: {
    200: { description: "Saved", schema: Written },
    ...problems(400, 409, 412, 413, 415, 422, 500),
  },
} as const

export const seriesEndpoints = {
  ...seriesWriteEndpoints,
  "series.references": {
    method: "GET",
    path: "/api/store/",
    verb: "list",
    tag: "series",
    summary: "List the references that have series, by name",
    description: linked,
    query: ListQuery,
    replies: {
      200: { description: "The references", schema: z.array(Reference) },
      ...problems(400),
    },
    memberOf: (element) => fill("/api/store/:reference/", element as { reference: string }),
    order: "name",
  },
  "series.list": {
    method: "GET",
    path: "/api/store/:reference/",
    verb: "list",
    tag: "series",
    summary: "List the series of a reference, by symbol",
    description: `With how many rows each has, and its first and last stamp. The header \`Retention\` says how long rows are kept, where that is not for ever. ${linked}`,
    params: PathParams({ reference: "What the series are of" }),
    query: ListQuery.extend({
      latest: z
        .enum(["0", "1", ""])
        .optional()
        .meta({ description: "1: the last row of each, and no count", example: "1" }),
    }),
    replies: {
      200: { description: "The series", schema: z.array(SeriesEntry) },
      ...problems(400, 500, 503),
    },
    entryOf: ({ reference }) => ({ reference }),
  },
  "series.retain": {
    method: "PATCH",
    path: "/api/store/:reference/",
    verb: "patch",
    tag: "series",
    summary: "Say how long the rows of a reference are kept",
    description:
      "Rows that are older are not answered any more from then on, whoever asks and however, and are deleted by the hourly schedule; after null those come back that were not deleted yet. The age is counted from now, or from the newest stamp that a series has had if that is earlier: one far in the future takes nothing away that is younger, and a series that ended keeps its end. An index of integers has no age. It is a change of every series of the reference; while a series has rows in the future, its answers are never 304, and who follows it is told hourly what the clock took away. GET tells the setting in the header `Retention`, of the list and of every series.",
    params: PathParams({ reference: "What the series are of" }),
    body: {
      types: ["application/json", "application/merge-patch+json"],
      maxBytes: BODY_MAX_BYTES,
      as: "json",
      schema: Retention,
      example: { retention: "30d" },
    },
    replies: {
      200: { description: "As it is now", schema: Retention },
      ...problems(400, 409, 413, 415),
    },
  },
  "series.create": {
    method: "POST",
    path: "/api/store/:reference/",
    verb: "create",
    batch: true,
    tag: "series",
    summary: "Create a series under a symbol that is free",
    params: PathParams({ reference: "What the series is of" }),
    body: { ...text, schema: SeriesBody, example: { symbol: "brazil", frame: example } },
    replies: {
      201: { description: "Created; Location names it", schema: Status },
      ...problems(400, 409, 412, 413, 422),
    },
  },
  "series.get": {
    method: "GET",
    path,
    verb: "get",
    tag: "series",
    summary: "Read a series, or a range of it",
    params,
    description:
      "Rows are taken from the range; `every` makes buckets of them; of those, `latest` or `limit` leaves some; `max_points` chooses among these; `order` turns them.",
    query: ReadQuery,
    replies: {
      200: {
        description:
          "The frame. `X-Downsampled` says what `max_points` did, `X-Removed` which ranges `since` takes away, `Retention` how long rows are kept",
        schema: Frame,
      },
      ...problems(400, 404, 413, 422, 500, 503),
    },
  },
  "series.put": {
    ...save,
    method: "PUT",
    verb: "replace",
    batch: true,
    summary: "Save a frame over the range that it covers",
    description:
      "In JSON a whole number is an integer however it is written (`1.0`), as it is for the reader of pandas; `orient=table` says itself what its columns are, and in CSV and JSON lines `1.0` is a float.",
  },
  "series.post": {
    ...save,
    method: "POST",
    verb: "call",
    batch: true,
    summary: "The same as PUT, for clients of Flask-BigTempo",
  },
  "series.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    batch: true,
    tag: "series",
    summary: "Take ranges away, then put rows over what is there, one by one",
    params,
    body: {
      ...text,
      schema: SeriesPatch,
      example: {
        removed: [["2015-01-01", "2015-01-02"]],
        rows: { columns: ["price"], index: ["2015-01-03"], data: [[102.5]] },
      },
    },
    replies: {
      200: { description: "Changed", schema: Status },
      ...problems(400, 404, 412, 413, 422),
    },
  },
  "series.delete": {
    method: "DELETE",
    path,
    verb: "delete",
    batch: true,
    tag: "series",
    summary: "Delete a series, or its rows of a range; fine when there is none",
    description: "With `start` or `end` the series stays, without the rows between them.",
    params,
    query: RangeQuery,
    replies: {
      200: { description: "There is no such series now, or no such rows", schema: Status },
      ...problems(400, 412, 422),
    },
  },
} as const satisfies Record<string, Endpoint>
