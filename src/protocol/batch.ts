/** Many writes as one: all of them happen, or none. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { BATCH_MAX_OPERATIONS, BODY_MAX_BYTES } from "./limits.ts"
import { problems } from "./shared.ts"

const Tag = z.union([z.string(), z.int().min(0)])

const Operation = z
  .strictObject({
    method: z.enum(["PUT", "POST", "PATCH", "DELETE"]),
    uri: z
      .string()
      .regex(/^\/(?!\/)/, "must begin with one slash")
      .meta({ description: "The path, with its query if there is one", example: "/api/apps/todo" }),
    body: z.unknown().optional().meta({
      description: "What the call alone would take as its body; text where `type` is not JSON",
    }),
    type: z
      .string()
      .optional()
      .meta({ description: "`Content-Type`; application/json when absent" }),
    if_match: Tag.optional().meta({ description: "As the header: an ETag, `*`, or a revision" }),
    if_none_match: Tag.optional().meta({ description: "As the header" }),
  })
  .meta({ id: "BatchOperation" })

export const BatchBody = z
  .strictObject({ operations: z.array(Operation).min(1).max(BATCH_MAX_OPERATIONS) })
  .meta({ id: "BatchBody" })

const Result = z
  .strictObject({
    status: z.int(),
    uri: z.string().meta({ description: "As it was called" }),
    revision: z.int().optional().meta({ description: "Absent where nothing changed" }),
    headers: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: "Further headers of the answer, names in lower case: `location`" }),
    body: z.unknown().optional().meta({ description: "What the call alone would have answered" }),
  })
  .meta({ id: "BatchResult" })

const BatchReply = z
  .strictObject({
    revision: z.int().optional().meta({ description: "The last of the batch's revisions" }),
    results: z.array(Result),
  })
  .meta({ id: "BatchReply" })

export const batchEndpoints = {
  "batch.run": {
    method: "POST",
    path: "/api/batch",
    verb: "call",
    tag: "batch",
    summary: "Write many resources, all or nothing",
    description:
      "The operations take effect as if they were sent one after the other, in one transaction and with one run of revisions. " +
      "A condition sees what the operations before it did; a value that an operation must read first it reads as it was before the batch. " +
      "When one is refused nothing is written: the answer has its status, its index as `operation` and its own `problem`. " +
      "Documents, series and resources defined in code take part; keys do not, because Workers KV has no part in the transaction.",
    headers: {
      From: "Who changes it: told of each document in frames and in its history as `by`, not checked",
    },
    body: {
      types: ["application/json"],
      maxBytes: BODY_MAX_BYTES,
      // Bodies within are handed on as they were written, which a parsed value would not show.
      as: "text",
      schema: BatchBody,
      example: {
        operations: [
          { method: "PUT", uri: "/api/apps/todo", body: { data: { theme: "dark" } } },
          { method: "PATCH", uri: "/api/apps/shop", body: { data: { open: true } }, if_match: 42 },
          { method: "DELETE", uri: "/api/apps/old" },
        ],
      },
    },
    replies: {
      200: { description: "All of it is written", schema: BatchReply },
      ...problems(400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
