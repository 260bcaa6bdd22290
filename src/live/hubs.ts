/** Where the hubs are, and how the Worker talks to them. */
import type { Change } from "../protocol/change.ts"
import { POKE_MAX_BYTES } from "../protocol/limits.ts"

/** What the Worker asks of a hub, beside passing it sockets. */
export interface HubCalls extends Rpc.DurableObjectBranded {
  /** There are changes. Those given ride along; losing this call loses nothing. */
  poke(changes: Change[]): Promise<void>
  stats(): Promise<HubStats>
}

/** What a hub holds. */
export interface HubStats {
  sockets: number
  /** Topics, counted once for each socket. */
  subscriptions: number
}

export interface HubEnv {
  HUB: DurableObjectNamespace<HubCalls>
}

/** The hub that holds the sockets. */
export function hubOf(env: HubEnv): DurableObjectStub<HubCalls> {
  return env.HUB.getByName("hub-0")
}

/** Tells the hub of a commit. Never rejects: who is not told now finds it in the journal. */
export async function pokeHub(env: HubEnv, changes: Change[]): Promise<void> {
  let bytes = 0
  // The last one always: by its revision the hub sees that there are more.
  const sent = changes.filter(
    ({ body }, at) => (bytes += body?.length ?? 0) <= POKE_MAX_BYTES || at === changes.length - 1,
  )
  try {
    await hubOf(env).poke(sent)
  } catch (error) {
    console.warn({ event: "poke_lost", message: String(error) })
  }
}
