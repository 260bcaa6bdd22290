/** How a GET wants its answer: at once, once there is something new, or as events. */
import * as z from "zod"
import { wantsEvents } from "../lib/event-stream.ts"
import { parsePosition } from "../protocol/change.ts"
import type { Endpoint } from "../protocol/endpoint.ts"
import { WAIT_MAX_SECONDS } from "../protocol/live-limits.ts"
import { Throttle } from "../protocol/throttle.ts"
import { check } from "./check.ts"

/** What a caller says it knows already; without an epoch, of the present one. */
type Known = { epoch: string | null; revision: number }

/** What events are wanted of. */
export interface Watch {
  uri: string
  since: string | null
  /** How often changes are told at most, `250ms` for example; absent: at once. */
  throttle?: string | undefined
}

export type Mouth =
  | { kind: "answer" }
  | ({ kind: "events" } & Watch)
  | { kind: "wait"; uri: string; seconds: number; known: Known | null }

/** EventSource sets no headers at first, so what stands in for it says where to begin in the query. */
const EVENT_IDS = ["last_event_id", "lastEventId"]

export const WAIT = {
  name: "wait",
  in: "query",
  description:
    "Wait at most so many seconds until there is something newer than `since` (a revision, or `<epoch>.<revision>` as `Last-Event-ID` in the answer says it) or than `If-None-Match`; 304 when there is not. Where what is waited for is that something is about to expire, the header `X-Expiring` names it",
  schema: { type: "integer", minimum: 0, maximum: WAIT_MAX_SECONDS },
}

export const THROTTLE = {
  name: "throttle",
  in: "query",
  description:
    "Of an event stream (`Accept: text/event-stream`): tell changes at most so often, `250ms` or `2s` for example, together what became of each URI in that time",
  schema: { type: "string" },
}

const Throttled = z.looseObject({ throttle: Throttle.optional() })

const Wait = z.looseObject({
  wait: z.coerce.number().int().min(0).max(WAIT_MAX_SECONDS),
  since: z
    .string()
    .refine((text) => knownOf(text) !== null, "must be a revision, or <epoch>.<revision>")
    .optional(),
})

/**
 * Reads what a request says of it, and takes that out of `query`: a position in `since` is no concern of the line,
 * but a bare revision is where the line has a `since` of its own.
 * Throws Problem invalid_request.
 */
export function readMouth(
  { verb, query: schema }: Endpoint,
  headers: Headers,
  url: URL,
  query: Record<string, string>,
): Mouth {
  const isResource = verb === "get" || verb === "list"
  const isStream = wantsEvents(headers.get("Accept"))
  if (!isResource || (!isStream && query["wait"] === undefined)) return { kind: "answer" }
  const hasSince = schema !== undefined && "shape" in schema && "since" in (schema.shape as object)
  const { since } = query
  const isPosition = since !== undefined && parsePosition(since) !== null
  if (isPosition) delete query["since"]
  const uri = topicOf(url, !isStream || isPosition || !hasSince)
  if (!isStream) {
    const wait = check(Wait, { ...query, ...(since === undefined ? {} : { since }) }, "query")
    return { kind: "wait", uri, seconds: wait.wait, known: knownOf(wait.since ?? "") }
  }
  const asked = [headers.get("Last-Event-ID"), ...EVENT_IDS.map((name) => query[name])]
  const begin = isPosition || !hasSince ? since : undefined
  const { throttle } = query
  check(Throttled, throttle === undefined ? {} : { throttle }, "query")
  delete query["throttle"]
  return { kind: "events", uri, since: [...asked, begin].find(Boolean) ?? null, throttle }
}

/** The URI without what is about the way it is answered. */
function topicOf({ pathname, searchParams }: URL, withoutSince: boolean): string {
  const rest = new URLSearchParams(searchParams)
  for (const name of ["token", "wait", "throttle", ...EVENT_IDS]) rest.delete(name)
  if (withoutSince) rest.delete("since")
  return rest.size === 0 ? pathname : `${pathname}?${rest}`
}

function knownOf(text: string): Known | null {
  return (
    parsePosition(text) ??
    (/^\d{1,15}$/.test(text) ? { epoch: null, revision: Number(text) } : null)
  )
}
