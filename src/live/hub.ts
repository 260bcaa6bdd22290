/** The Durable Object that holds the sockets. */
import { DurableObject } from "cloudflare:workers"
import type { Change } from "../protocol/change.ts"

export class LiveHub<Env> extends DurableObject<Env> {
  async poke(_changes: Change[]): Promise<void> {}
}
