/** Many keys at once: what a batch of them takes and answers. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import {
  Duration,
  GivenValue,
  KeyName,
  Moment,
  noBatch,
  OnExpire,
  Seconds,
  Warn,
} from "./keys-shared.ts"
import { BODY_MAX_BYTES, KEY_BATCH_MAX_OPERATIONS } from "./limits.ts"
import { problems } from "./shared.ts"

const Tag = z.union([
  z.literal("*"),
  z.int().min(0),
  z.string().regex(/^(?:W\/)?"\d{1,15}"$/, "must be a revision, an ETag or `*`"),
])

const conditions = {
  if_match: Tag.optional().meta({
    description: "Only if the key has this revision; `*`: only if there is one",
  }),
  if_none_match: Tag.optional().meta({
    description: "Only if the key has not this revision; `*`: only if there is none",
  }),
}

const name = KeyName

const when = {
  expire_in: z
    .union([Seconds, Duration, z.null()])
    .optional()
    .meta({ description: "Null: it never expires" }),
  expire_at: z.union([Moment, z.null()]).optional(),
  warn: z.union([Warn, z.null()]).optional(),
  on_expire: z.union([OnExpire, z.null()]).optional(),
}

const KeyOperation = z
  .discriminatedUnion("op", [
    z.strictObject({
      op: z.literal("set"),
      name,
      ...GivenValue,
      ...when,
      ...conditions,
    }),
    z.strictObject({ op: z.literal("get"), name, ...conditions }),
    z.strictObject({ op: z.literal("delete"), name, ...conditions }),
    z.strictObject({
      op: z.literal("expire"),
      name,
      ...when,
      ...conditions,
    }),
  ])
  .meta({ id: "KeyOperation" })

export const KeyBatchBody = z
  .strictObject({ operations: z.array(KeyOperation).min(1).max(KEY_BATCH_MAX_OPERATIONS) })
  .meta({ id: "KeyBatchBody" })

const KeyResult = z
  .strictObject({
    op: z.enum(["set", "get", "delete", "expire"]),
    name: z.string(),
    found: z.boolean().meta({ description: "Whether there was such a key before the operation" }),
    revision: z.int().optional().meta({
      description: "What the operation wrote, or of what it got; absent where it changed nothing",
    }),
    value: z.unknown().optional().meta({
      description: "What was got, as `GET /keys/{id}` shows it: text, JSON, or what bytes are",
    }),
    expires_at: z.int().optional().meta({
      description:
        "When what was got, set or given an expiry will be gone, in epoch milliseconds; absent: never",
    }),
  })
  .meta({ id: "KeyResult" })

export const keyBatchEndpoints = {
  "keys.batch": {
    method: "POST",
    path: "/keys/batch",
    verb: "call",
    batch: noBatch,
    tag: "keys",
    summary: "Get, set, delete and expire many keys, all or nothing",
    description:
      "The operations take effect as if they were sent one after the other, in one transaction and with one run of revisions; nobody sees a part of them. " +
      "A condition sees what the operations before it did. When one does not hold nothing is written: the answer is a 412 with the index of the operation as `operation`. " +
      "What is not there is no error: `found` tells. A 503 that says that the write is recorded is ended by sending the batch again.",
    body: {
      types: ["application/json"],
      maxBytes: BODY_MAX_BYTES,
      as: "tree",
      schema: KeyBatchBody,
      example: {
        operations: [
          { op: "set", name: "session:1", value: "ann", expire_in: "30m", if_none_match: "*" },
          { op: "get", name: "theme" },
          { op: "expire", name: "session:2", expire_in: 60 },
          { op: "delete", name: "session:3" },
        ],
      },
    },
    replies: {
      200: {
        description: "All of it is done",
        schema: z
          .strictObject({
            revision: z.int().optional().meta({ description: "The last of the batch's revisions" }),
            results: z.array(KeyResult),
          })
          .meta({ id: "KeyBatchReply" }),
      },
      ...problems(400, 409, 412, 413, 415, 422, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
