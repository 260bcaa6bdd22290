/** Sub-documents: what is at a JSON Pointer in an app's data. They share the document's revision. */
import * as z from "zod"
import { asOf } from "./documents-history.ts"
import { from, jsonPatch } from "./documents.ts"
import type { Endpoint } from "./endpoint.ts"
import { DOCUMENT_BODY_MAX_BYTES } from "./limits.ts"
import { URI_MAX_CHARACTERS } from "./live-limits.ts"
import { PathParams, problems } from "./shared.ts"

const path = "/api/apps/:name/data/:pointer*"

const Pointer = z
  .string()
  .max(URI_MAX_CHARACTERS)
  .regex(/^([^~]|~[01])*$/, "must be a JSON Pointer, in which ~ is written ~0 and / is written ~1")
  .meta({ description: "A JSON Pointer into `data`, without its first slash", example: "theme" })

const params = PathParams({ name: "The app's name" }).extend({ pointer: Pointer })
const Any = z.unknown().meta({ id: "Json", description: "Any JSON value" })
const body = { types: ["application/json"], maxBytes: DOCUMENT_BODY_MAX_BYTES, as: "tree" } as const
const writes = problems(400, 404, 409, 412, 413, 415, 422, 503)

export const partEndpoints = {
  "parts.get": {
    method: "GET",
    path,
    verb: "get",
    tag: "documents",
    summary: "Read a part of an app's document",
    params,
    query: asOf,
    replies: { 200: { description: "The part", schema: Any }, ...problems(400, 404, 410) },
    partOf: "/api/apps/:name",
  },
  "parts.put": {
    method: "PUT",
    path,
    verb: "replace",
    batch: true,
    tag: "documents",
    summary: "Put a part of an app's document; what it is in must be there",
    description:
      "In an array a place is replaced; `-`, and the place behind the last, append. A revision in a condition is the document's; `*` asks whether there is such a part: `If-None-Match: *` adds and never replaces.",
    params,
    headers: from,
    body: { ...body, schema: Any, example: "dark" },
    replies: { 204: { description: "Stored" }, ...writes },
  },
  "parts.patch": {
    method: "PATCH",
    path,
    verb: "patch",
    batch: true,
    tag: "documents",
    summary: "Change a part of an app's document (RFC 7396 and 6902)",
    description:
      "Pointers of a JSON Patch begin at the part. Problems are those of the document's.",
    params,
    headers: from,
    body: {
      ...body,
      types: ["application/json", "application/merge-patch+json", "application/json-patch+json"],
      schema: Any,
      example: { size: 12 },
      forms: {
        "application/json-patch+json": {
          schema: jsonPatch.schema,
          example: [{ op: "inc", path: "", value: 1 }],
        },
      },
    },
    replies: { 204: { description: "Changed" }, ...writes },
  },
  "parts.delete": {
    method: "DELETE",
    path,
    verb: "delete",
    batch: true,
    tag: "documents",
    summary: "Delete a part of an app's document; fine when there is none",
    params,
    headers: from,
    replies: { 204: { description: "There is no such part now" }, ...writes },
  },
} as const satisfies Record<string, Endpoint>
