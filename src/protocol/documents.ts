/** App documents: `{data}` in, `{name, data}` out. */
import * as z from "zod"
import { asOf } from "./documents-history.ts"
import type { Endpoint } from "./endpoint.ts"
import { DOCUMENT_LIST_DESCRIPTION, DocumentEntry, DocumentListQuery } from "./documents-list.ts"
import {
  DOCUMENT_BODY_MAX_BYTES,
  DOCUMENT_MAX_BYTES,
  JSON_MAX_DEPTH,
  NAME_MAX_BYTES,
} from "./limits.ts"
import { JsonObject, Name as AnyName, PathParams, problems } from "./shared.ts"
import { JsonPatch } from "./jsonpatch.ts"
import { fill } from "./uri.ts"

const Data = JsonObject.meta({
  type: "object",
  description: [
    "Any JSON object, kept to the digit and in its order. It may have",
    `${DOCUMENT_MAX_BYTES.toLocaleString("en")} bytes without white space and, as the body, nest ${JSON_MAX_DEPTH} levels`,
    "deep; no member's name may be given twice or hold U+0000",
  ].join(" "),
  example: { theme: "dark" },
})

const APP_NAME = `The app's name, up to ${NAME_MAX_BYTES} bytes of UTF-8`

const Name = AnyName.meta({ description: APP_NAME, example: "todo" })

export const DocumentBody = z.looseObject({ data: Data }).meta({ id: "DocumentBody" })
export const NamedBody = z.looseObject({ name: Name, data: Data }).meta({ id: "NamedDocumentBody" })
export const DocumentPatch = z
  .strictObject({ name: z.unknown().optional(), data: Data.optional() })
  .meta({ id: "DocumentPatch", description: "RFC 7396 merge patch of what GET answers" })
const Document = z.strictObject({ name: Name, data: Data }).partial().meta({ id: "Document" })

/** Which lifetimes there are the handlers say, because they know the time. */
function ExpireIn(description: string) {
  return z.strictObject({ expire_in: z.string().optional().meta({ description, example: "5m" }) })
}

const path = "/api/apps/:name"
const params = PathParams({ name: APP_NAME })
const masks = { "X-Fields": "Which members to answer: `name`, `{data}`, `*`, `name,data`" }
export const from = {
  From: "Who changes it, a mailbox or a name: told in frames and in the history as `by`, not checked",
}
const whole = ExpireIn(
  "Seconds, or a duration such as `5m` or `1h30m`, until the document is gone; `none` or absent: never",
)
const changed = ExpireIn(
  "When the document is gone, from now on; `none`: never; absent: as before. With a merge patch only",
)
const json = { types: ["application/json"], maxBytes: DOCUMENT_BODY_MAX_BYTES, as: "tree" } as const

export const jsonPatch = {
  schema: JsonPatch,
  example: [
    { op: "test", path: "/data/theme", value: "dark" },
    { op: "inc", path: "/data/visits", value: 1 },
  ],
}

const CHANGE = [
  "`application/merge-patch+json`, which plain JSON is too, or `application/json-patch+json`: all operations or none.",
  "A failed `test`, and a path that is not there, is a 409 with `index` and `pointer`; what would leave no document",
  "(`data` no object, another `name`, `inc` of what is no number) is a 422 with the same.",
].join(" ")

export const documentEndpoints = {
  "documents.list": {
    method: "GET",
    path: "/api/apps/",
    verb: "list",
    tag: "documents",
    summary: "List the apps: filtered, sorted, a page at a time",
    description: DOCUMENT_LIST_DESCRIPTION,
    query: DocumentListQuery,
    headers: masks,
    replies: {
      200: { description: "The documents", schema: z.array(DocumentEntry) },
      ...problems(400, 413, 503),
    },
    memberOf: (element) => fill(path, { name: (element as { name: string }).name }),
  },
  "documents.create": {
    method: "POST",
    path: "/api/apps/",
    verb: "create",
    batch: true,
    tag: "documents",
    summary: "Create an app's document under a name that is free",
    headers: from,
    query: whole,
    body: { ...json, schema: NamedBody, example: { name: "todo", data: { theme: "dark" } } },
    replies: {
      201: { description: "Created; Location names it", schema: Document },
      ...problems(400, 409, 412, 413, 415, 422),
    },
  },
  "documents.get": {
    method: "GET",
    path,
    verb: "get",
    tag: "documents",
    summary: "Read an app's document",
    description: "`X-Expires-At` tells when it will be gone, where it will.",
    params,
    query: asOf,
    headers: masks,
    replies: {
      200: { description: "The document", schema: Document },
      ...problems(400, 404, 410),
    },
    entryOf: ({ name }) => ({ name }),
  },
  "documents.put": {
    method: "PUT",
    path,
    verb: "replace",
    batch: true,
    tag: "documents",
    summary: "Create or replace an app's document",
    params,
    headers: from,
    query: whole,
    body: { ...json, schema: DocumentBody, example: { data: { theme: "dark" } } },
    replies: { 204: { description: "Stored" }, ...problems(400, 409, 412, 413, 415, 422) },
  },
  "documents.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    batch: true,
    tag: "documents",
    summary: "Change parts of an app's document (RFC 7396 and 6902)",
    description: CHANGE,
    params,
    headers: from,
    query: changed,
    body: {
      ...json,
      types: ["application/json", "application/merge-patch+json", "application/json-patch+json"],
      schema: DocumentPatch,
      example: { data: { theme: null } },
      forms: { "application/json-patch+json": jsonPatch },
    },
    replies: {
      204: { description: "Changed" },
      ...problems(400, 404, 409, 412, 413, 415, 422, 503),
    },
  },
  "documents.delete": {
    method: "DELETE",
    path,
    verb: "delete",
    batch: true,
    tag: "documents",
    summary: "Delete an app's document; fine when there is none",
    params,
    headers: from,
    replies: { 204: { description: "There is no such document now" }, ...problems(400, 409, 412) },
  },
} as const satisfies Record<string, Endpoint>
