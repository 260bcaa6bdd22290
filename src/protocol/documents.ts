/** App documents: `{data}` in, `{name, data}` out. */
import * as z from "zod"
import { asOf } from "./documents-history.ts"
import type { Endpoint } from "./endpoint.ts"
import { DOCUMENT_MAX_BYTES } from "./limits.ts"
import { JsonObject, Name as AnyName, PathParams, problems } from "./shared.ts"
import { fill } from "./uri.ts"

const Data = JsonObject.meta({
  type: "object",
  description: "Any JSON object",
  example: { theme: "dark" },
})

const Name = AnyName.meta({ description: "The app's name", example: "todo" })

export const DocumentBody = z.looseObject({ data: Data }).meta({ id: "DocumentBody" })
export const NamedBody = z.looseObject({ name: Name, data: Data }).meta({ id: "NamedDocumentBody" })
export const DocumentPatch = z
  .looseObject({ data: Data.optional() })
  .meta({ id: "DocumentPatch", description: "RFC 7396 merge patch of what GET answers" })
const Document = z.strictObject({ name: Name, data: Data }).partial().meta({ id: "Document" })
const Entry = z.strictObject({ name: Name }).partial().meta({ id: "DocumentEntry" })

const path = "/api/apps/:name"
const params = PathParams({ name: "The app's name" })
const masks = { "X-Fields": "Which members to answer: `name`, `{data}`, `*`, `name,data`" }
const from = {
  From: "Who changes it, a mailbox or a name: told in frames and in the history as `by`, not checked",
}
const json = { types: ["application/json"], maxBytes: DOCUMENT_MAX_BYTES, as: "exact" } as const

export const documentEndpoints = {
  "documents.list": {
    method: "GET",
    path: "/api/apps/",
    verb: "list",
    tag: "documents",
    summary: "List the apps in the order they were created",
    headers: masks,
    replies: { 200: { description: "The names", schema: z.array(Entry) }, ...problems(400) },
    memberOf: (element) => fill(path, { name: (element as { name: string }).name }),
  },
  "documents.create": {
    method: "POST",
    path: "/api/apps/",
    verb: "create",
    tag: "documents",
    summary: "Create an app's document under a name that is free",
    headers: from,
    body: { ...json, schema: NamedBody, example: { name: "todo", data: { theme: "dark" } } },
    replies: {
      201: { description: "Created; Location names it", schema: Document },
      ...problems(400, 409, 413, 415, 422),
    },
  },
  "documents.get": {
    method: "GET",
    path,
    verb: "get",
    tag: "documents",
    summary: "Read an app's document",
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
    tag: "documents",
    summary: "Create or replace an app's document",
    params,
    headers: from,
    body: { ...json, schema: DocumentBody, example: { data: { theme: "dark" } } },
    replies: { 204: { description: "Stored" }, ...problems(400, 409, 412, 413, 415, 422) },
  },
  "documents.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    tag: "documents",
    summary: "Change parts of an app's document (RFC 7396)",
    params,
    headers: from,
    body: {
      ...json,
      types: ["application/json", "application/merge-patch+json"],
      schema: DocumentPatch,
      example: { data: { theme: null } },
    },
    replies: { 204: { description: "Changed" }, ...problems(400, 404, 409, 412, 413, 415, 422) },
  },
  "documents.delete": {
    method: "DELETE",
    path,
    verb: "delete",
    tag: "documents",
    summary: "Delete an app's document; fine when there is none",
    params,
    headers: from,
    replies: { 204: { description: "There is no such document now" }, ...problems(400, 409, 412) },
  },
} as const satisfies Record<string, Endpoint>
