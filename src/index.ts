/** The Worker: requests, the schedule, and the hub. */
import { handle, createServices, type Surroundings } from "./app.ts"
import type { Env } from "./env.ts"
import { LiveHub } from "./live/hub.ts"
import { hubOf } from "./live/hubs.ts"
import { CHANGES_KEEP_MILLISECONDS, CHANGES_KEEP_ROWS } from "./protocol/limits.ts"

function surroundings(env: Env, ctx: ExecutionContext): Surroundings {
  return {
    env,
    now: () => Date.now(),
    newId: () => crypto.randomUUID().replaceAll("-", "").slice(0, 12),
    poke: (changes) => ctx.waitUntil(hubOf(env).poke(changes)),
  }
}

export default {
  fetch: (request, env, ctx) => handle(request, surroundings(env, ctx)),

  /** Hourly: the journal is trimmed, and the hub looks after itself in case a poke was lost. */
  async scheduled(_event, env, ctx) {
    const { feed } = createServices(surroundings(env, ctx), new Request("https://tidemark/"))
    const hours = Number(env.JOURNAL_KEEP_HOURS)
    const rows = Number(env.JOURNAL_KEEP_CHANGES)
    await feed.trim(
      hours > 0 ? hours * 3_600_000 : CHANGES_KEEP_MILLISECONDS,
      rows || CHANGES_KEEP_ROWS,
    )
    await hubOf(env).poke([])
  },
} satisfies ExportedHandler<Env>

export class Hub extends LiveHub<Env> {}
