/** Time series: pandas frames by reference and symbol. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { BODY_MAX_BYTES } from "./limits.ts"
import { Name, PathParams, problems, Revision } from "./shared.ts"
import { fill } from "./uri.ts"

export const ORIENTS = ["columns", "index", "split", "records", "values", "table"] as const
export type Orient = (typeof ORIENTS)[number]

export const DATE_FORMATS = ["iso", "epoch"] as const
export type DateFormat = (typeof DATE_FORMATS)[number]

// Empty counts as not given, as it did for the original.
const orient = z.enum([...ORIENTS, ""]).optional()
const OrientQuery = z.object({
  orient: orient.meta({
    enum: ORIENTS,
    description: "The form of the JSON, as pandas names them; columns when absent",
    example: "split",
  }),
  json_format: orient.meta({ enum: ORIENTS, description: "The same, as Flask-BigTempo called it" }),
  jsonformat: orient.meta({ enum: ORIENTS, description: "The same, in its first version" }),
})

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
    first: Stamp.optional(),
    last: Stamp.optional(),
  })
  .meta({ id: "SeriesEntry", description: "`first` and `last` only where they are known exactly" })
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

const path = "/api/store/:reference/:symbol"
const params = PathParams({ reference: "What the series is of", symbol: "The series' name" })
const example = { price: { "2015-01-01": 101.25, "2015-01-02": 101.5 } }
// Read raw, because no JSON parser but our own keeps 64-bit integers and doubles apart.
const text = { types: "any", maxBytes: BODY_MAX_BYTES, as: "text" } as const

const save = {
  path,
  tag: "series",
  description:
    "What lies between the first and the last stamp of the frame is replaced by its rows, in one commit. New columns are added; where a row lacks a column it is null.",
  params,
  query: OrientQuery,
  body: { ...text, schema: Frame, example },
  replies: { 200: { description: "Saved", schema: Status }, ...problems(400, 412, 413, 422) },
} as const

export const seriesEndpoints = {
  "series.references": {
    method: "GET",
    path: "/api/store/",
    verb: "list",
    tag: "series",
    summary: "List the references that have series, by name",
    replies: { 200: { description: "The references", schema: z.array(Reference) } },
    memberOf: (element) => fill("/api/store/:reference/", element as { reference: string }),
    order: "name",
  },
  "series.list": {
    method: "GET",
    path: "/api/store/:reference/",
    verb: "list",
    tag: "series",
    summary: "List the series of a reference, by symbol",
    params: PathParams({ reference: "What the series are of" }),
    replies: { 200: { description: "The series", schema: z.array(SeriesEntry) }, ...problems(400) },
    entryOf: ({ reference }) => ({ reference }),
  },
  "series.retain": {
    method: "PATCH",
    path: "/api/store/:reference/",
    verb: "call",
    tag: "series",
    summary: "Say how long the rows of a reference are kept",
    description:
      "Older rows are no longer answered from then on, and are deleted within the hour. The age is counted from now, or from the newest row of a series if that is earlier. Series with an index of integers are kept whole. GET of the list tells it in the header Retention.",
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
      ...problems(400, 413, 415),
    },
  },
  "series.create": {
    method: "POST",
    path: "/api/store/:reference/",
    verb: "create",
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
    query: OrientQuery.extend({
      date_format: z
        .enum([...DATE_FORMATS, ""])
        .optional()
        .meta({ enum: DATE_FORMATS, description: "iso when absent; epoch is milliseconds" }),
      start: z.string().optional().meta({
        description:
          "The first stamp wanted: RFC 3339, a date, an epoch number, `now-1h30m`; or an integer",
        example: "2015-01-01",
      }),
      end: z
        .string()
        .optional()
        .meta({ description: "The last stamp wanted; a date means the whole day" }),
    }),
    replies: {
      200: { description: "The frame", schema: Frame },
      ...problems(400, 404, 500),
    },
  },
  "series.put": {
    ...save,
    method: "PUT",
    verb: "replace",
    summary: "Save a frame over the range that it covers",
  },
  "series.post": {
    ...save,
    method: "POST",
    verb: "call",
    summary: "The same as PUT, for clients of Flask-BigTempo",
  },
  "series.patch": {
    method: "PATCH",
    path,
    verb: "patch",
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
    tag: "series",
    summary: "Delete a series; fine when there is none",
    params,
    replies: {
      200: { description: "There is no such series now", schema: Status },
      ...problems(400, 412),
    },
  },
} as const satisfies Record<string, Endpoint>
