/** The WebSocket as a line of the table. What it speaks is in frames.ts. */
import type { Endpoint } from "./endpoint.ts"
import { problems } from "./shared.ts"

export const liveEndpoints = {
  "live.connect": {
    method: "GET",
    path: "/live",
    verb: "call",
    tag: "live",
    // Refused by the handler: a page never sees how an upgrade failed, so it must succeed to say so.
    open: true,
    summary: "Open a WebSocket: subscribe to any URI, and create, patch and delete",
    replies: { 101: { description: "The socket is open" }, ...problems(426) },
  },
} as const satisfies Record<string, Endpoint>
