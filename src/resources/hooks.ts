/** What a resource says to those who begin or cease to follow it. */
import type { Endpoint } from "../protocol/endpoint.ts"
import { isToldBy } from "./find.ts"
import { toolsFor, type ResourceServices } from "./mounted.ts"
import type { Params, Resources } from "./resources.ts"
import { write } from "./write.ts"

export type Subscription = "subscribe" | "unsubscribe"

/** What is followed, and the parameters of its path as they were sent. */
export interface Followed {
  endpoint: Pick<Endpoint, "path" | "params">
  params: Record<string, string>
  topic: string
}

/** Runs the hooks of a path in the order they were defined; what they write is one commit. A throw refuses. */
export function hookOf({ definitions }: Resources) {
  const isTold = isToldBy(definitions)
  return async (
    event: Subscription,
    { endpoint, params, topic }: Followed,
    services: ResourceServices,
  ): Promise<void> => {
    const definition = definitions.find(({ path }) => path === endpoint.path)
    const hooks = event === "subscribe" ? definition?.subscribers : definition?.unsubscribers
    if (!hooks) return
    const converted = (endpoint.params?.parse(params) ?? {}) as Params
    const [uri = topic] = topic.split("?")
    await write({ uri, body: undefined }, services, isTold, async (unit) => {
      const tools = toolsFor({ uri, conditions: {} }, services, unit)
      for (const hook of hooks) await hook(converted, tools)
      return {}
    })
  }
}
