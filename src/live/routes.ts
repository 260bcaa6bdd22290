/** The door of the live part: a WebSocket goes to a hub. */
import type { Handlers } from "../protocol/endpoint.ts"
import { refusedText } from "../protocol/frames.ts"
import type { liveEndpoints } from "../protocol/live.ts"
import { Problem } from "../protocol/problem.ts"
import { hubOf, type HubEnv } from "./hubs.ts"

interface LiveServices {
  env: HubEnv
  request: Request
  /** What the caller may do; "none" is nothing. */
  scope: string
}

export const liveHandlers: Handlers<typeof liveEndpoints, LiveServices> = {
  "live.connect": async (_call, { env, request, scope }) => {
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
      return { response: await hubOf(env).fetch(request) }
    } catch (error) {
      console.error({ event: "hub_unreachable", message: String(error) })
      const detail = "The hub cannot take this socket now, try again in a moment"
      return { response: refusal(new Problem("overloaded", detail)) }
    }
  },
}

/** A socket that says why and closes. Pages are told nothing of an upgrade that fails with a status. */
function refusal(problem: Problem): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.send(refusedText(null, JSON.stringify(problem)))
  server.close(problem.closeCode, problem.message)
  return new Response(null, { status: 101, webSocket: client })
}
