/** Where the hubs are. */
import type { Change } from "../protocol/change.ts"

/** What the Worker asks of a hub, beside passing it sockets. */
export interface HubCalls extends Rpc.DurableObjectBranded {
  /** There are changes. Those given ride along; losing this call loses nothing. */
  poke(changes: Change[]): Promise<void>
}

export interface HubEnv {
  HUB: DurableObjectNamespace<HubCalls>
}

/** The hub that holds the sockets. */
export function hubOf(env: HubEnv): DurableObjectStub<HubCalls> {
  return env.HUB.getByName("hub-0")
}
