/** The journal itself: every change of every resource, in the one order. */
import * as z from "zod"
import { parsePosition } from "./change.ts"
import type { Endpoint } from "./endpoint.ts"
import { CHANGES_PAGE_ROWS } from "./limits.ts"
import { WAIT_MAX_SECONDS } from "./live-limits.ts"
import { parsePattern } from "./pattern.ts"
import { problems, Revision } from "./shared.ts"
import { Throttle } from "./throttle.ts"

/** Its topic tells no more than that the journal has grown: whoever follows it reads on. */
export const JOURNAL = "/api/changes"

const Since = z
  .string()
  .refine(
    (text) => text === "now" || /^\d{1,15}$/.test(text) || parsePosition(text) !== null,
    "must be <epoch>.<revision>, a revision, or now",
  )
  .optional()

export const ChangesQuery = z.object({
  since: Since.meta({
    description:
      "Only what came after: `position` of the answer before, a revision, or `now`. When absent, all that is kept; of an event stream, what comes from now on",
  }),
  uri: z
    .string()
    .transform((text, context) => {
      const pattern = parsePattern(text)
      if (pattern) return pattern
      context.addIssue("must be a path, in which * stands for a part of a segment and ** for many")
      return z.NEVER
    })
    .optional()
    .meta({
      description:
        "Only changes of this URI, or of those that match: `*` within a segment, `**` for any depth",
      type: "string",
      example: "/api/apps/*",
    }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(CHANGES_PAGE_ROWS)
    .default(CHANGES_PAGE_ROWS)
    .meta({
      description: `At most so many changes; ${CHANGES_PAGE_ROWS} when absent`,
    }),
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(WAIT_MAX_SECONDS)
    .default(0)
    .meta({ description: "Wait at most so many seconds until there is a change" }),
  throttle: Throttle.optional().meta({
    description:
      "Of an event stream: look for changes at most so often, `250ms` or `2s` for example",
  }),
  format: z
    .enum(["json", "ndjson"])
    .optional()
    .meta({ description: "When absent, the header `Accept` decides (application/x-ndjson)" }),
})

const Change = z
  .looseObject({
    event: z.enum(["create", "patch", "state", "delete", "expiring"]),
    uri: z.string(),
    revision: Revision,
    at: z.int().meta({ description: "When, in epoch milliseconds" }),
    patch: z.unknown().optional(),
    resource: z.unknown().optional(),
  })
  .meta({
    id: "Change",
    description:
      "What a live frame says of the URI. Without `patch` and `resource` it was too large, unless it is `delete` or `expiring`: GET the URI",
  })

export const changeEndpoints = {
  "changes.list": {
    method: "GET",
    path: JOURNAL,
    verb: "call",
    tag: "live",
    summary: "The changes of every resource, in the one order",
    description:
      "As a page, as JSON lines, or as an event stream (`Accept: text/event-stream`, `Last-Event-ID`). `position`, in the header `Last-Event-ID` too, is where to go on from.",
    query: ChangesQuery,
    replies: {
      200: {
        description:
          "`reset`: what came after `since` is not all known any more; read anew what you hold, then go on from `position`",
        schema: z
          .strictObject({
            changes: z.array(Change),
            position: z.string(),
            more: z.boolean(),
            reset: z.literal(true).optional(),
          })
          .meta({ id: "Changes" }),
      },
      ...problems(400, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
