/** The door of the live part: a WebSocket goes to a hub. */
import type { Handlers } from "../protocol/endpoint.ts"
import type { liveEndpoints } from "../protocol/live.ts"
import { Problem } from "../protocol/problem.ts"
import { hubOf, type HubEnv } from "./hubs.ts"

export const liveHandlers: Handlers<typeof liveEndpoints, { env: HubEnv; request: Request }> = {
  "live.connect": async (_call, { env, request }) => {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new Problem(
        "upgrade_required",
        "Open this URI as a WebSocket",
        {},
        { Upgrade: "websocket", Connection: "Upgrade" },
      )
    }
    return { response: await hubOf(env).fetch(request) }
  },
}
