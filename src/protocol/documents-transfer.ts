/** All apps' documents as JSON lines, out and in. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { IMPORT_MAX_BYTES, IMPORT_MAX_DOCUMENTS, NAME_MAX_BYTES } from "./limits.ts"
import { BadLine, problems, Revision } from "./shared.ts"

const LINES = '{"name":"todo","data":{"theme":"dark"}}\n{"name":"notes","data":{}}\n'
const count = z.int()

const Imported = z
  .strictObject({
    revision: Revision.optional(),
    documents: count.meta({ description: "Documents that were written" }),
    created: count,
    replaced: count,
    skipped: count,
    bad_lines: z.array(BadLine).optional().meta({ description: "The first 1,000 of them" }),
    bad_total: count.optional(),
  })
  .meta({ id: "DocumentsImported" })

export const documentTransferEndpoints = {
  "documents.export": {
    method: "GET",
    path: "/api/export/apps",
    verb: "call",
    tag: "documents",
    summary: "All apps' documents as JSON lines, in the order they were created",
    description:
      'Streamed. Each document is as it was when its page was read; the ETag is the revision at the beginning. When there are more than one request may read, the last line is `{"next":"…"}`, and `cursor` takes what it says; imports pass over that line.',
    query: z.object({
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .meta({ description: "Documents; all when absent" }),
      cursor: z
        .string()
        .regex(/^\d{1,15}$/, "must come from the last line of the export before")
        .optional()
        .meta({ description: "From the last line of the export before" }),
    }),
    replies: {
      200: {
        description: 'Lines of `{"name":…,"data":{…}}`, with `expires_at` where they expire',
        type: "application/x-ndjson",
        schema: z.string(),
      },
      ...problems(400),
    },
  },
  "documents.import": {
    method: "POST",
    path: "/api/import/apps",
    verb: "replace",
    batch: "An import has more statements than a batch has room for",
    tag: "documents",
    summary: "Write many apps' documents from JSON lines",
    description: `Takes what the export gives. One commit for all of it, of at most ${IMPORT_MAX_DOCUMENTS} documents, with one change for each; the body may be zipped (\`Content-Encoding: gzip\`). Names have at most ${NAME_MAX_BYTES} bytes.`,
    query: z.object({
      on_conflict: z
        .enum(["replace", "skip", "error", ""])
        .optional()
        .meta({
          enum: ["replace", "skip", "error"],
          description:
            "A document of that name is there: `replace` it, the default; `skip` the line; or refuse all with 409 (`error`)",
        }),
      partial: z
        .enum(["true", "false", ""])
        .optional()
        .meta({
          enum: ["true", "false"],
          description: "Keep the good lines when some are bad; else one bad line refuses all",
        }),
    }),
    headers: {
      From: "Who changes it: told in frames and in the history as `by`, not checked",
    },
    body: {
      types: "any",
      maxBytes: IMPORT_MAX_BYTES,
      as: "stream",
      schema: z.string().meta({ id: "DocumentLines" }),
      example: LINES,
      others: { "application/x-ndjson": LINES },
    },
    replies: {
      200: { description: "Written", schema: Imported },
      ...problems(400, 409, 413, 415, 422),
    },
  },
} as const satisfies Record<string, Endpoint>
