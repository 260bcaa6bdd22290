/** Keys with values and expiry: `PUT /keys?name=value` in, `{name: value}` out. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import {
  KEY_LIST_DESCRIPTION,
  KeyListQuery,
  KEYS_DELETE_DESCRIPTION,
  KeysDeleted,
  KeysDeleteQuery,
} from "./keys-list.ts"
import { BODY_MAX_BYTES, EXPIRE_MAX_SECONDS } from "./limits.ts"
import { JsonObject, Name, problems } from "./shared.ts"
import { fill } from "./uri.ts"

export const KeyName = Name.meta({ description: "The key", example: "theme" })

const Value = z.string().meta({ description: "The value", example: "dark" })

export const Seconds = z
  .int()
  .min(1)
  .max(EXPIRE_MAX_SECONDS)
  .meta({ description: "Whole seconds until the key is gone", example: 60 })

/** `{name: value}`. Never copied by zod, because a copy loses a key called `__proto__`. */
const Key = JsonObject.meta({
  id: "Key",
  description: "The key and its value",
  additionalProperties: { type: "string" },
  example: { theme: "dark" },
})

export const KeyBody = z
  .strictObject({ name: KeyName, value: Value, expire_in: Seconds.optional() })
  .meta({ id: "KeyBody" })

/** Its members are read one by one in the store's routes: which are allowed depends on the key. */
export const KeyPatch = JsonObject.meta({
  id: "KeyPatch",
  description: "The new value, as `value` or under the key's own name, and when it expires",
  properties: {
    value: { type: "string" },
    expire_in: {
      description: "Whole seconds from now; null: never; absent: as before",
      anyOf: [{ type: "integer", minimum: 1, maximum: EXPIRE_MAX_SECONDS }, { type: "null" }],
    },
  },
  additionalProperties: { type: "string" },
  example: { value: "light", expire_in: 60 },
})

const path = "/keys/:id"
const batch = "Keys cannot: Workers KV, which holds their values, has no part in a transaction"
const params = z.object({ id: KeyName })
const json = { types: ["application/json"], maxBytes: BODY_MAX_BYTES, as: "json" } as const

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
      "The first parameter not called `expire_in` is the key and its value. Without `expire_in` it never expires.",
    query: z
      .object({
        expire_in: z.string().optional().meta({
          type: "integer",
          minimum: 1,
          maximum: EXPIRE_MAX_SECONDS,
          description: "Whole seconds until the key is gone",
          example: 60,
        }),
      })
      .catchall(z.string())
      .meta({ description: "The key and its value", example: { theme: "dark" } }),
    replies: {
      200: { description: "`success`", type: "text/plain", schema: z.string() },
      ...problems(400, 409, 412, 413, 503),
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
        others: { "application/json": KeysDeleted },
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
    params,
    replies: { 200: { description: "The key", schema: Key }, ...problems(400, 404, 503) },
  },
  "keys.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    batch,
    tag: "keys",
    summary: "Change a key's value, or when it expires",
    params,
    body: {
      ...json,
      types: ["application/json", "application/merge-patch+json"],
      schema: KeyPatch,
      example: { value: "light", expire_in: 60 },
    },
    replies: {
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
    replies: {
      200: { description: "There is no such key now", type: "text/plain", schema: z.string() },
      ...problems(400, 409, 412, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
