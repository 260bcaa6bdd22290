/** The door of Socket.IO: every request of a session goes to the hub that holds it. */
import type { Handlers } from "../../protocol/endpoint.ts"
import { Problem } from "../../protocol/problem.ts"
import type { socketIoEndpoints } from "../../protocol/socketio.ts"
import { hubFor, hubOf, type HubEnv } from "../hubs.ts"
import { SESSION_HEADER } from "./engine.ts"

interface SocketIoServices {
  env: HubEnv
  request: Request
  newId: () => string
}

export const socketIoHandlers: Handlers<typeof socketIoEndpoints, SocketIoServices> = {
  "socketio.receive": async ({ query }, services) => {
    const { headers } = services.request
    if (query.transport === "websocket" && headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new Problem("invalid_request", "Open this URI as a WebSocket, or ask for polling")
    }
    return { response: await pass(services, null) }
  },
  "socketio.send": async ({ body }, services) => ({ response: await pass(services, body) }),
}

async function pass(
  { env, request, newId }: SocketIoServices,
  body: string | null,
): Promise<Response> {
  const { url, method, headers } = request
  const passed = new Request(url, { method, headers, body })
  // Two, because whoever knows the name of a session can speak for it. It names the hub, too.
  const sid = new URL(url).searchParams.get("sid") ?? newId() + newId()
  passed.headers.set(SESSION_HEADER, sid)
  try {
    const response = await hubOf(env, hubFor(env, sid)).fetch(passed)
    if (response.webSocket) return response
    // Read here, so that a client that reads slowly keeps no hub awake.
    return new Response(await response.text(), response)
  } catch (error) {
    console.error({ event: "hub_unreachable", message: String(error) })
    const detail = "The hub cannot take this request now, try again in a moment"
    throw new Problem("overloaded", detail, {}, { "Retry-After": "2" })
  }
}
