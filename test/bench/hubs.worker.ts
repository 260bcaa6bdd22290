/**
 * Tidemark in several processes: one has the Worker and the database, and each of the others a hub with its sockets, so
 * that every hub has a thread of its own, as it has when it is deployed.
 */
import worker from "../../src/index.ts"
import type { Env } from "../../src/env.ts"
import { hubOf } from "../../src/live/hubs.ts"
import { Hub as WatchedHub } from "./hub.ts"

type Parted = Env & {
  /** The hub of this process, which knows no other; the Worker's process has none, and a binding for each by its name. */
  NAME?: string
}

/** With a namespace of hubs in which each is where it is. */
function joined(env: Parted): Env {
  const hubs = env as unknown as Record<string, Env["HUB"] | undefined>
  const getByName = (wanted: string) => {
    const name = env.NAME ?? wanted
    const hub = hubs[name]
    if (!hub) throw new Error(`There is no ${name}`)
    return hub.getByName(name)
  }
  return { ...env, HUB: { getByName } as unknown as Env["HUB"] }
}

export class Hub extends WatchedHub {
  readonly #name: string

  constructor(ctx: DurableObjectState, env: Parted) {
    super(ctx, joined(env))
    this.#name = env.NAME ?? ""
  }

  // Who calls from another process gives an object's id, which does not tell its name.
  protected override get name(): string {
    return this.#name
  }
}

export default {
  async fetch(request, env, ctx) {
    const own = joined(env)
    if (new URL(request.url).pathname !== "/bench/turns") return worker.fetch(request, own, ctx)
    const hub = hubOf(own) as unknown as { turns(): Promise<number[]> }
    return Response.json(await hub.turns())
  },
} satisfies ExportedHandler<Parted>
