/** Keys with values and expiry: `PUT /keys?name=value` in, `{name: value}` out. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { consistencyHeaders, freshness, promise } from "./keys-consistency.ts"
import {
  Duration,
  Flag,
  GivenValue,
  Key,
  KeyName,
  keyParams as params,
  keyPath as path,
  Moment,
  noBatch as batch,
  OnExpire,
  Previous,
  Seconds,
  Warn,
  When,
} from "./keys-shared.ts"
import {
  KEY_LIST_DESCRIPTION,
  KeyListQuery,
  KEYS_DELETE_DESCRIPTION,
  KeysDeleted,
  KeysDeleteQuery,
} from "./keys-list.ts"
import { BODY_MAX_BYTES, EXPIRE_MAX_SECONDS } from "./limits.ts"
import { JsonObject, problems, Revision } from "./shared.ts"
import { fill } from "./uri.ts"

export const KeyBody = z
  .strictObject({
    name: KeyName,
    ...GivenValue,
    expire_in: z.union([Seconds, Duration]).optional(),
    expire_at: Moment.optional(),
    warn: Warn.optional(),
    on_expire: OnExpire.optional(),
  })
  .meta({ id: "KeyBody" })

/** Its members are read one by one in the store's routes: which are allowed depends on the key. */
export const KeyPatch = JsonObject.meta({
  id: "KeyPatch",
  description:
    "The new value, as `value` (text or JSON) or under the key's own name, or bytes in `base64`; and when it expires. Or `inc` alone, which counts as `POST /keys/{id}/inc` does",
  properties: {
    value: {},
    base64: { type: "string" },
    type: { type: "string" },
    inc: { anyOf: [{ type: "number" }, { type: "string" }] },
    expire_in: {
      description:
        "Whole seconds from now, or a duration such as `5m`; null: never; absent: as before",
      anyOf: [
        { type: "integer", minimum: 1, maximum: EXPIRE_MAX_SECONDS },
        { type: "string" },
        { type: "null" },
      ],
    },
    expire_at: {
      description: "RFC 3339 with its zone, or epoch seconds; null: never; absent: as before",
      anyOf: [{ type: "string" }, { type: "number" }, { type: "null" }],
    },
    warn: {
      description:
        "How long before it expires an `expiring` event is sent, in seconds or as a duration; null: none; absent: as before",
      anyOf: [{ type: "number" }, { type: "string" }, { type: "null" }],
    },
    on_expire: {
      description: "What to do when it expires by itself; null: nothing; absent: as before",
      anyOf: [{ type: "object" }, { type: "null" }],
    },
  },
  additionalProperties: true,
  example: { value: "light", expire_in: 60 },
})

/** What `meta=1` answers. */
const Meta = z
  .object({
    name: z.string(),
    type: z.string().meta({ description: "Media type of the value" }),
    size: z.int().meta({ description: "Of the value, in bytes" }),
    revision: Revision,
    ttl: z.int().nullable().meta({ description: "Whole seconds until it is gone; null: never" }),
    expires_at: z.int().nullable().meta({ description: "When, in epoch milliseconds" }),
    warn: z.number().nullable().meta({
      description: "How many seconds before that it is told; null: not at all",
    }),
    on_expire: OnExpire.nullable(),
  })
  .meta({ id: "KeyMeta" })

/** Strict: an expiry in the query of a PATCH would be passed over. */
const previous = z.strictObject({ return: Previous.optional() })
const known = {
  description: "What was there before, where it was asked for",
  schema: Key.nullable(),
}
const json = { types: ["application/json"], maxBytes: BODY_MAX_BYTES, as: "tree" } as const

export const keyEndpoints = {
  "keys.list": {
    method: "GET",
    path: "/keys/",
    verb: "list",
    tag: "keys",
    summary: "List the keys with their values, in order of name",
    description: KEY_LIST_DESCRIPTION,
    query: KeyListQuery,
    replies: {
      200: {
        description: "The keys, or their names",
        schema: z.union([z.array(Key), z.array(z.string())]),
      },
      ...problems(400, 413, 503),
    },
    memberOf: (element) => fill(path, { id: Object.keys(element as object)[0] ?? "" }),
    order: "name",
  },
  "keys.put": {
    method: "PUT",
    path: "/keys/",
    verb: "replace",
    batch,
    tag: "keys",
    summary: "Create a key or replace its value",
    description:
      "The first parameter not called `expire_in` is the key and its value; behind it `expire_at`, `keep_ttl=1`, `warn`, `on_expire` and `return=previous` mean what they mean at `/keys/{id}`. Without an expiry it never expires.",
    query: z
      .object({ expire_in: When.shape.expire_in })
      .catchall(z.string())
      .meta({ description: "The key and its value", example: { theme: "dark" } }),
    replies: {
      200: {
        description: "`success`, or what was there before where it was asked for",
        type: "text/plain",
        schema: z.string(),
        json: Key.nullable(),
      },
      ...problems(400, 409, 412, 413, 422, 503),
    },
  },
  "keys.clear": {
    method: "DELETE",
    // Without the slash of lists: see the handler.
    path: "/keys",
    verb: "delete",
    batch,
    tag: "keys",
    summary: "Delete all keys, or those that match",
    description: KEYS_DELETE_DESCRIPTION,
    query: KeysDeleteQuery,
    replies: {
      200: {
        description: "There are no such keys now",
        type: "text/plain",
        schema: z.string(),
        json: KeysDeleted,
      },
      ...problems(400, 409, 412, 413, 503),
    },
  },
  "keys.create": {
    method: "POST",
    path: "/keys/",
    verb: "create",
    batch,
    tag: "keys",
    summary: "Create a key under a name that is free",
    body: { ...json, schema: KeyBody, example: { name: "theme", value: "dark", expire_in: 60 } },
    replies: {
      201: { description: "Created; Location names it", schema: Key },
      ...problems(400, 409, 412, 413, 415, 422, 503),
    },
  },
  "keys.get": {
    method: "GET",
    path,
    verb: "get",
    tag: "keys",
    summary: "Read a key, at the edge",
    description: `\`X-Expires-At\` tells when it will be gone, where it will. ${promise}`,
    params,
    headers: consistencyHeaders,
    query: freshness.extend({
      meta: Flag.optional().meta({
        description: "Tell of the key instead of its value; always strong",
        example: "1",
      }),
    }),
    replies: {
      200: { description: "The key", schema: z.union([Key, Meta]) },
      ...problems(400, 404, 503),
    },
  },
  "keys.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    batch,
    tag: "keys",
    summary: "Change a key's value, or when it expires",
    params,
    query: previous,
    body: {
      ...json,
      types: ["application/json", "application/merge-patch+json"],
      schema: KeyPatch,
      example: { value: "light", expire_in: 60 },
    },
    replies: {
      200: known,
      204: { description: "Changed" },
      ...problems(400, 404, 409, 412, 413, 415, 422, 503),
    },
  },
  "keys.delete": {
    method: "DELETE",
    path,
    verb: "delete",
    batch,
    tag: "keys",
    summary: "Delete a key; fine when there is none",
    params,
    query: previous,
    replies: {
      200: {
        description: "There is no such key now; what was there before where it was asked for",
        type: "text/plain",
        schema: z.string(),
        json: Key.nullable(),
      },
      ...problems(400, 409, 412, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
