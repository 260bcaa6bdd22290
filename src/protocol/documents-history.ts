/** What apps' documents were: their changes, what lies between two moments, and the way back. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { CHANGE_BODY_MAX_BYTES, HISTORY_MAX_ENTRIES } from "./limits.ts"
import { JsonObject, PathParams, problems, Revision } from "./shared.ts"

const POINT = [
  "A revision (`42`), or a time: RFC 3339, a date (its beginning), epoch, or `now-1h30m`; as far back as the journal",
  `reaches. What a change larger than ${CHANGE_BODY_MAX_BYTES} bytes made of it is a 410 once it has changed again`,
].join(" ")

/** A point in time as a query has it. */
export const Point = z
  .string()
  .min(1)
  .meta({ description: POINT, examples: ["42", "now-1h"] })

/** What GET takes beside; also of the document itself. */
export const asOf = z.object({ as_of: Point.optional() })

const params = PathParams({ name: "The app's name" })
const Resource = JsonObject.meta({ type: "object", description: "What GET answers" })

const Entry = z
  .looseObject({
    revision: Revision,
    at: z.string().meta({ description: "When, in UTC" }),
    event: z.enum(["create", "state", "patch", "delete"]),
    by: z.string().optional().meta({ description: "Who, where the writer said so with `From`" }),
    resource: Resource.nullable()
      .optional()
      .meta({ description: "After `create` and `state`; null when it was too large to be kept" }),
    patch: Resource.nullable()
      .optional()
      .meta({ description: "RFC 7396 merge patch; null when it was too large to be kept" }),
  })
  .meta({ id: "DocumentChange" })

const Operation = z
  .strictObject({
    op: z.enum(["add", "remove", "replace"]),
    path: z.string(),
    value: z.unknown().optional(),
  })
  .meta({ id: "JsonPatchOperation", description: "RFC 6902" })

const Restored = z.strictObject({ name: z.string(), data: JsonObject }).meta({ id: "Restored" })

export const documentHistoryEndpoints = {
  "documents.history": {
    method: "GET",
    path: "/api/apps/:name/history",
    verb: "list",
    partOf: "/api/apps/:name",
    tag: "documents",
    summary: "Who changed an app's document when, newest first",
    description:
      "As far back as the journal reaches, also across a delete; `Link` names the next page.",
    params,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(HISTORY_MAX_ENTRIES).optional(),
      cursor: z
        .string()
        .regex(/^\d{1,15}$/, "must come from the `Link` of the page before")
        .optional()
        .meta({ description: "From the `Link` of the page before" }),
    }),
    replies: {
      200: { description: "The changes", schema: z.array(Entry) },
      ...problems(400, 404),
    },
  },
  "documents.diff": {
    method: "GET",
    path: "/api/apps/:name/diff",
    verb: "get",
    partOf: "/api/apps/:name",
    tag: "documents",
    summary: "What lies between two moments of an app's document, as a JSON Patch (RFC 6902)",
    description:
      "Applied to what GET answered at `from` it gives what it answered at `to`. The order of members is nothing to a JSON Patch.",
    params,
    query: z.object({
      from: Point,
      to: Point.optional().meta({ description: "As `from`; now when absent" }),
    }),
    replies: {
      200: {
        description: "The operations",
        schema: z.array(Operation),
        type: "application/json-patch+json",
      },
      ...problems(400, 404, 410),
    },
  },
  "documents.restore": {
    method: "POST",
    path: "/api/apps/:name/restore",
    verb: "replace",
    batch: true,
    tag: "documents",
    summary: "Make an app's document what it was, also after it was deleted",
    description: "A write like any other: it has a revision of its own, and can be undone.",
    params,
    headers: {
      From: "Who changes it: told in frames and in the history as `by`, not checked",
    },
    body: {
      types: ["application/json"],
      maxBytes: 10_000,
      as: "json",
      schema: z
        .strictObject({ as_of: z.union([Point, z.int().min(0)], "must be a revision or a time") })
        .meta({ id: "RestoreBody" }),
      example: { as_of: "now-1h" },
    },
    replies: {
      200: { description: "The document as it is now", schema: Restored },
      ...problems(400, 404, 409, 410, 412, 413, 415, 422),
    },
  },
} as const satisfies Record<string, Endpoint>
