/** The Worker: requests, the schedule, and the hub. */
import { createServices, endpoints, handle, type Surroundings } from "./app.ts"
import { SCOPES, type Scope } from "./auth/scope.ts"
import { scopeOf } from "./auth/token.ts"
import type { Env } from "./env.ts"
import { hookOf } from "./resources/hooks.ts"
import { todos } from "./resources/todo.ts"
import { LiveHub, type HubParts } from "./live/hub.ts"
import { hubOf, lookAfterHubs, pokeHubs } from "./live/hubs.ts"
import { listenAt } from "./live/streams/listen.ts"
import { resolver } from "./live/uris.ts"
import {
  CHANGES_KEEP_MILLISECONDS,
  CHANGES_KEEP_ROWS,
  SCHEDULE_MAX_QUERIES,
} from "./protocol/limits.ts"

function surroundings(
  env: Env,
  ctx: Pick<ExecutionContext, "waitUntil">,
  poke: Surroundings["poke"],
): Surroundings {
  return {
    env,
    now: () => Date.now(),
    newId: () => crypto.randomUUID().replaceAll("-", "").slice(0, 12),
    poke,
    background: (work) => ctx.waitUntil(work),
  }
}

/** What stands around a request to the Worker. */
function around(env: Env, ctx: ExecutionContext): Surroundings {
  const hub = (name: string) => hubOf(env, name)
  const poke: Surroundings["poke"] = (...told) => ctx.waitUntil(pokeHubs(hub, ...told))
  return { ...surroundings(env, ctx, poke), listen: listenAt(env) }
}

export { Turns } from "./resources/turns.ts"

/** The runs of the schedule, as wrangler.toml has them; one that is called otherwise does all. */
const HOUSEKEEPING = "17 * * * *"
const COMPACTION = "47 * * * *"

export default {
  fetch: (request, env, ctx) => handle(request, around(env, ctx)),

  /**
   * Hourly, logs of series are compacted; half an hour later old rows go, copies of keys are checked, the journal is
   * trimmed, values that no key names are removed, the hubs look after themselves if a poke was lost.
   */
  async scheduled({ cron }, env, ctx) {
    if (cron !== HOUSEKEEPING) {
      const services = createServices(around(env, ctx), new Request("https://tidemark/"))
      await services.compactor.compactAll(SCHEDULE_MAX_QUERIES)
    }
    if (cron === COMPACTION) return
    const { feed, keys, appImporter, seriesWriter, blobs, keeper, journalKeepers } = createServices(
      around(env, ctx),
      new Request("https://tidemark/"),
    )
    // First, because the journal still knows then when a series was changed last.
    await keeper.keep()
    const hours = Number(env.JOURNAL_KEEP_HOURS)
    const rows = Number(env.JOURNAL_KEEP_CHANGES)
    // Before the journal forgets what they are repaired with.
    await keys.check().catch(logFailure)
    await keys.checkRestored().catch(logFailure)
    await feed.trim(
      hours > 0 ? hours * 3_600_000 : CHANGES_KEEP_MILLISECONDS,
      rows || CHANGES_KEEP_ROWS,
      journalKeepers,
    )
    await seriesWriter.sweep()
    await appImporter.sweep()
    await lookAfterHubs(env, await feed.listeners())
    // Last, because Workers KV may fail, and nothing else is to wait for it.
    await blobs.sweep()
  },
} satisfies ExportedHandler<Env>

function logFailure(error: unknown): void {
  console.error({ event: "keys_unchecked", message: String(error) })
}

const resolve = resolver(endpoints)

export class Hub extends LiveHub<Env> {
  protected override parts(): HubParts {
    // Its own commits reach it without a call to itself. Subscribers must never be shown a stale copy.
    const near = (name: string) => (name === this.name ? this : hubOf(this.env, name))
    const poke: Surroundings["poke"] = (...told) => this.ctx.waitUntil(pokeHubs(near, ...told))
    const hub: Surroundings = { ...surroundings(this.env, this.ctx, poke), consistency: "strong" }
    const services = (scope: Scope = "write") =>
      createServices({ ...hub, scope }, new Request("https://tidemark/"))
    return {
      resolve,
      dispatch: (request, who) =>
        handle(request, { ...hub, scope: SCOPES.find((scope) => scope === who) ?? "read" }),
      hook: (event, target, who) =>
        hookOf(todos)(event, target, services(SCOPES.find((scope) => scope === who) ?? "read")),
      again: (who, uris) => hubOf(this.env, this.name).readSome(who, uris),
      admit: (request) => scopeOf(request, this.env),
      feed: () => services().feed,
      expire: () => services().sweep(),
      now: hub.now,
      newId: hub.newId,
      namespace: this.env.SOCKETIO_NAMESPACE || "/",
    }
  }
}
