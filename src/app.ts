/** The only place that knows every endpoint: the table and its handlers. */
import { scopeOf } from "./auth/token.ts"
import { computeHandlers } from "./compute/routes.ts"
import { historyHandlers } from "./documents/history/routes.ts"
import { transferHandlers } from "./documents/transfer/routes.ts"
import { documentHandlers } from "./documents/routes.ts"
import { partHandlers } from "./documents/parts.ts"
import { batchHandlers } from "./http/batch.ts"
import { allowOrigin } from "./http/cors.ts"
import { mount, type Mounted } from "./http/mount.ts"
import { openapiOf } from "./http/openapi.ts"
import { addCost } from "./http/cost.ts"
import { keyBatchHandlers } from "./keys/batch/routes.ts"
import { keyHandlers } from "./keys/routes.ts"
import { changeHandlers, liveHandlers } from "./live/routes.ts"
import { socketIoHandlers } from "./live/socketio/routes.ts"
import { metricHandlers } from "./metrics/routes.ts"
import { api } from "./protocol/api.ts"
import type { Endpoint, Handlers } from "./protocol/endpoint.ts"
import type { metaEndpoints } from "./protocol/meta.ts"
import { linesOf } from "./resources/mounted.ts"
import { todos } from "./resources/todo.ts"
import { seriesHandlers } from "./series/routes.ts"
import { touches, views } from "./views.ts"
import { servicesFor, type Services, type Surroundings } from "./services.ts"

export type { Services, Surroundings }

const metaHandlers: Handlers<typeof metaEndpoints, unknown> = {
  "meta.openapi": () => ({ body: openapi() }),
  "meta.schema": () => ({ body: openapi() }),
}

const handlers: Handlers<typeof api, Services> = {
  ...documentHandlers,
  ...historyHandlers,
  ...transferHandlers,
  ...partHandlers,
  ...keyHandlers,
  ...keyBatchHandlers,
  ...seriesHandlers,
  ...batchHandlers,
  ...computeHandlers,
  ...liveHandlers,
  ...changeHandlers,
  ...socketIoHandlers,
  ...metricHandlers,
  ...metaHandlers,
}

/** The built-in stores, then the resources that users define: one kind of line for both. */
const lines: Mounted<Services>[] = [
  ...(Object.keys(api) as (keyof typeof api)[]).map((name) => ({
    endpoint: {
      id: name,
      ...api[name],
      ...(touches[name] ? { isTouched: touches[name] } : {}),
      ...(views[name] ? { view: views[name] } : {}),
    },
    handler: handlers[name] as Mounted<Services>["handler"],
  })),
  ...linesOf(todos),
]

/** Every line of the table. */
export const endpoints: readonly Endpoint[] = lines.map((line) => line.endpoint)

const dispatch = mount(lines)

/** What code that serves no request of its own, such as the schedule's, works with. */
export function createServices(surroundings: Surroundings, request: Request): Services {
  return servicesFor(surroundings, request, dispatch)
}

/** Answers a request; never throws. */
export async function handle(request: Request, surroundings: Surroundings): Promise<Response> {
  const scope = surroundings.scope ?? (await scopeOf(request, surroundings.env))
  const services = createServices({ ...surroundings, scope }, request)
  const response = await dispatch(request, services)
  return allowOrigin(addCost(response, services.db.cost))
}

let document: Record<string, unknown> | undefined

function openapi(): Record<string, unknown> {
  return (document ??= openapiOf(endpoints))
}
