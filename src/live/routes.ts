/** The doors of the live part: a WebSocket goes to a hub, and the journal to whoever asks. */
import type { Feed } from "../feed/feed.ts"
import { wantsEvents } from "../lib/event-stream.ts"
import { formatPosition } from "../protocol/change.ts"
import type { changeEndpoints } from "../protocol/changes.ts"
import { closeReason, spreadMilliseconds } from "../protocol/close.ts"
import type { Handlers } from "../protocol/endpoint.ts"
import { changeText, refusedText } from "../protocol/frames.ts"
import { OVERLOAD_SPREAD_MILLISECONDS } from "../protocol/live-limits.ts"
import type { liveEndpoints } from "../protocol/live.ts"
import { Problem } from "../protocol/problem.ts"
import { beginning, eventsAfter, pageAfter, pageWithin, type Page } from "./streams/changes.ts"
import { hubFor, hubOf, type HubEnv } from "./hubs.ts"
import type { Listen } from "./streams/listen.ts"
import { comeBack } from "./streams/sse.ts"

interface LiveServices {
  env: HubEnv
  request: Request
  newId: () => string
  /** What the caller may do; "none" is nothing. */
  scope: string
}

export const liveHandlers: Handlers<typeof liveEndpoints, LiveServices> = {
  "live.connect": async (_call, { env, request, newId, scope }) => {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new Problem(
        "upgrade_required",
        "Open this URI as a WebSocket",
        {},
        { Upgrade: "websocket", Connection: "Upgrade" },
      )
    }
    if (scope === "none") {
      const detail = "Open the socket with a token: Authorization: Bearer, or ?token="
      return { response: refusal(new Problem("unauthorized", detail)) }
    }
    try {
      return { response: await hubOf(env, hubFor(env, newId())).fetch(request) }
    } catch (error) {
      console.error({ event: "hub_unreachable", message: String(error) })
      const detail = "The hub cannot take this socket now, try again in a moment"
      const later = spreadMilliseconds(OVERLOAD_SPREAD_MILLISECONDS, Math.random)
      const problem = new Problem("overloaded", detail, { retry_after_ms: later })
      return { response: refusal(problem, later) }
    }
  },
}

interface ChangeServices {
  feed: Feed
  request: Request
  listen?: Listen
  random: () => number
}

export const changeHandlers: Handlers<typeof changeEndpoints, ChangeServices> = {
  "changes.list": async ({ query, headers, url }, { feed, request, listen, random }) => {
    const { uri: pattern, limit, wait, since = null, format, throttle } = query
    const accept = headers.get("Accept") ?? ""
    if (listen && wantsEvents(accept)) {
      const last = headers.get("Last-Event-ID") || since
      const from = await beginning(last, feed, (bounds) => bounds.last)
      const response = eventsAfter(from, pattern, feed, { listen, request, random, throttle })
      return { response: await response.catch((error: unknown) => comeBack(error, random)) }
    }
    const from = await beginning(since, feed, ({ first }) => first - 1)
    const selection = { pattern, limit }
    const page =
      wait > 0 && listen
        ? await pageWithin(wait, from, selection, feed, { listen, request })
        : await pageAfter(from, selection, feed)
    const position = formatPosition(page.position)
    const isLines = format === "ndjson" || (!format && /\bapplication\/x-ndjson\b/.test(accept))
    return {
      pieces: encoded(isLines ? linesOf(page, position) : jsonOf(page, position)),
      headers: {
        "Content-Type": isLines ? "application/x-ndjson" : "application/json",
        Vary: "Accept",
        "Last-Event-ID": position,
        ...(page.more ? { Link: `<${nextUri(url, position)}>; rel="next"` } : {}),
      },
    }
  },
}

function* encoded(texts: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  for (const text of texts) yield encoder.encode(text)
}

function* jsonOf({ changes, more, reset }: Page, position: string): Generator<string> {
  yield '{"changes":['
  for (const [at, change] of changes.entries()) yield (at > 0 ? "," : "") + changeText(change)
  yield `],${JSON.stringify({ position, more, ...(reset ? { reset } : {}) }).slice(1)}`
}

function* linesOf({ changes, reset }: Page, position: string): Generator<string> {
  if (reset) yield `${JSON.stringify({ event: "reset", position })}\n`
  for (const change of changes) yield `${changeText(change)}\n`
}

function nextUri({ pathname, searchParams }: URL, position: string): string {
  const next = new URLSearchParams(searchParams)
  next.delete("token")
  next.set("since", position)
  return `${pathname}?${next}`
}

/** A socket that says why and closes. Pages are told nothing of an upgrade that fails with a status. */
function refusal(problem: Problem, retryMilliseconds?: number): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.send(refusedText(null, JSON.stringify(problem)))
  server.close(problem.closeCode, closeReason(problem.message, retryMilliseconds))
  return new Response(null, { status: 101, webSocket: client })
}
