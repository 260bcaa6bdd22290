/** Keys by their own URI: values of any type, and counters. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { consistencyHeaders, freshness, promise } from "./keys-consistency.ts"
import {
  Key,
  keyPath as path,
  keyParams as params,
  noBatch as batch,
  OnExpireText,
  Previous,
  When,
} from "./keys-shared.ts"
import { KEY_BODY_MAX_BYTES } from "./limits.ts"
import { problems } from "./shared.ts"

/** Strict: whoever misspells `by` must not count by another number, which nobody could take back. */
const Step = When.omit({ keep_ttl: true })
  .extend({
    on_expire: OnExpireText.optional(),
    by: z.string().default("1").meta({
      description: "A decimal, counted exactly; its digits and those of the sum fit 64 bits",
      example: "0.25",
    }),
  })
  .strict()

const counter = {
  method: "POST",
  verb: "call",
  batch,
  tag: "keys",
  description:
    "A key that is not there counts from 0, and `expire_in` or `expire_at` say how long it lives then, `warn` when that is told, `on_expire` what is done; one that is there keeps its own. A value that is no number is refused. What is acknowledged is counted, once; while Workers KV fails, the copies at the edge are behind.",
  params,
  query: Step,
  replies: {
    200: { description: "The key with its new value", schema: Key },
    ...problems(400, 409, 412, 422, 503),
  },
} as const

export const keyValueEndpoints = {
  "keys.set": {
    method: "PUT",
    path,
    verb: "replace",
    batch,
    tag: "keys",
    summary: "Create a key or replace its value: text, JSON or any bytes, up to 25 MiB",
    description:
      "The body is the value, `Content-Type` its type. JSON is kept as its value, other types byte for byte. Text in UTF-8 and JSON of up to a million bytes stand in GET's answer; everything else is described there.",
    params,
    // Strict: whoever misspells `expire_in` must not keep for ever what was to go.
    query: When.extend({
      on_expire: OnExpireText.optional(),
      return: Previous.optional(),
    }).strict(),
    body: {
      schema: z.unknown().meta({ description: "The value" }),
      types: "any",
      maxBytes: KEY_BODY_MAX_BYTES,
      as: "stream",
      example: { theme: "dark" },
    },
    replies: {
      200: { description: "What was there before, where it was asked for", schema: Key.nullable() },
      204: { description: "Stored" },
      ...problems(400, 409, 412, 413, 415, 422, 503),
    },
  },
  "keys.value": {
    method: "GET",
    path: `${path}/value`,
    verb: "call",
    tag: "keys",
    summary: "Read a key's value as it is, with its content type",
    description: promise,
    params,
    headers: consistencyHeaders,
    query: freshness,
    replies: { 200: { description: "The value", type: "*/*" }, ...problems(400, 404, 503) },
  },
  "keys.inc": { ...counter, path: `${path}/inc`, summary: "Count a key up" },
  "keys.dec": { ...counter, path: `${path}/dec`, summary: "Count a key down" },
} as const satisfies Record<string, Endpoint>
