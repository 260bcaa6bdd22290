/** What writes of series take and answer: modes, forms of the body, counts, bad lines. */
import * as z from "zod"
import type { BodyRule, Endpoint } from "./endpoint.ts"
import { IMPORT_MAX_BYTES, IMPORT_MAX_SERIES } from "./limits.ts"
import { problems, Revision } from "./shared.ts"

export const WRITE_MODES = ["update", "upsert", "append", "replace"] as const
export type WriteMode = (typeof WRITE_MODES)[number]

export const PRECISIONS = ["auto", "s", "ms", "us", "ns"] as const

// Empty counts as not given, as it does for the orients.
const mode = z.enum([...WRITE_MODES, ""]).optional()
const count = z.int().optional()

/** What every write of rows takes. */
const common = {
  on_duplicate: z
    .enum(["last", "error", ""])
    .optional()
    .meta({
      enum: ["last", "error"],
      description:
        "Several rows with one stamp: the last wins, or 422 names the stamp. Bodies of many megabytes must be sorted for the latter",
    }),
  partial: z
    .enum(["true", "false", ""])
    .optional()
    .meta({
      enum: ["true", "false"],
      description: "Keep the good lines when some are bad; else one bad line refuses all of them",
    }),
  counts: z
    .enum(["exact", ""])
    .optional()
    .meta({
      enum: ["exact"],
      description:
        "Open more of what is stored to count. `inserted`, `replaced` and `removed` are left out where they are not known",
    }),
}

/** Query of PUT and POST, beside the orient. */
export const writeQuery = {
  mode: mode.meta({
    enum: WRITE_MODES,
    description:
      "`update`, the default: the rows take the place of everything from the first of them to the last. `upsert`: of the stored rows only those with the same stamps are replaced. `append`: 409 unless all come after the last stored one. `replace`: of everything",
  }),
  ...common,
  format: z
    .enum(["json", "csv", "ndjson", ""])
    .optional()
    .meta({
      enum: ["json", "csv", "ndjson"],
      description: "Of the body; when absent, its Content-Type says it",
    }),
  index: z.string().optional().meta({
    description:
      "Of CSV and NDJSON: the index's column; when absent the first called index, date, time, timestamp or datetime, else the first",
  }),
  quotes: z
    .enum(["text", "ignored", ""])
    .optional()
    .meta({
      enum: ["text", "ignored"],
      description: "Of CSV: a field in quotes is text, or is read as if it had none",
    }),
}

const BadLine = z
  .strictObject({
    line: z.int().meta({ description: "Counted from 1" }),
    reason: z.string(),
    text: z.string().meta({ description: "The beginning of the line" }),
  })
  .meta({ id: "BadLine" })

const Stamp = z.union([z.string(), z.number()])

/** What a write answers. */
export const Written = z
  .strictObject({
    status: z.literal(true),
    revision: Revision.optional(),
    rows: count.meta({ description: "Rows that were sent, and good" }),
    inserted: count.meta({ description: "Stamps that were not there" }),
    replaced: count.meta({ description: "Stamps that were there, and have other values now" }),
    removed: count.meta({ description: "Rows that were there, and are not any more" }),
    range: z.tuple([Stamp, Stamp]).optional().meta({ description: "First and last stamp sent" }),
    series: count.meta({ description: "Series that were written" }),
    rows_written: count.meta({
      description: "Rows of the database that it cost, indices included",
    }),
    bad_lines: z.array(BadLine).optional().meta({ description: "The first 1,000 of them" }),
    bad_total: count,
  })
  .meta({ id: "SeriesWritten" })

/** A body read as a stream; the schema is that of its JSON form. */
export function streamOf(schema: z.ZodType, example: unknown) {
  return {
    types: "any",
    maxBytes: IMPORT_MAX_BYTES,
    as: "stream",
    schema,
    example,
    others: {
      "text/csv": "date,price\n2015-01-01,101.25\n2015-01-02,101.5\n",
      "application/x-ndjson":
        '{"date":"2015-01-01","price":101.25}\n{"date":"2015-01-02","price":101.5}\n',
    },
  } as const satisfies BodyRule
}

const LINES = "weather,city=Brasília temperature=27.5,wind=3i 1420070400000000000\n"

export const seriesWriteEndpoints = {
  "series.ingest": {
    method: "POST",
    path: "/api/store/",
    verb: "call",
    batch: true,
    tag: "series",
    summary: "Write many series with InfluxDB's line protocol",
    description: `The measurement is the reference, the tags sorted by key are the symbol (\`host=a,region=eu\`, or \`_\` without tags), fields are columns. One commit for all of it, of at most ${IMPORT_MAX_SERIES} series. The body may be zipped (\`Content-Encoding: gzip\`). Lines with one series and stamp are one point: their fields are united, and where several have a field, the last counts; unless \`on_duplicate\` is said, with which the last line counts as a whole, or none is taken. Bodies of many megabytes must be sorted for it. A point that is stored already is replaced as a whole, so send all its fields.`,
    query: z.object({
      precision: z
        .enum([...PRECISIONS, ""])
        .optional()
        .meta({
          enum: PRECISIONS,
          description: "The unit of the timestamps; auto, the default, guesses it line by line",
        }),
      mode: mode.meta({ enum: WRITE_MODES, description: "As for one series; upsert when absent" }),
      ...common,
    }),
    body: {
      types: "any",
      maxBytes: IMPORT_MAX_BYTES,
      as: "stream",
      schema: z.string().meta({ id: "LineProtocol" }),
      example: LINES,
      others: { "text/plain": LINES },
    },
    replies: {
      200: { description: "Written", schema: Written },
      ...problems(400, 409, 413, 415, 422, 500),
    },
  },
} as const satisfies Record<string, Endpoint>
