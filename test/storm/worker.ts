/** Tidemark in bad weather: pokes are lost, doubled and held back, the database takes its time, hubs fall over. */
import worker, { Hub as CalmHub } from "../../src/index.ts"
import { createServices } from "../../src/app.ts"
import type { Env } from "../../src/env.ts"
import type { Change } from "../../src/protocol/change.ts"
import { chance } from "./chance.ts"

/** How the weather is; requests and hubs of one runtime share it. */
let random: ((below: number) => number) | null = null

/** D1 whose answers take up to a few milliseconds more, so that what races has the time to. */
function slow(d1: D1Database): D1Database {
  return new Proxy(d1, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== "function") return member
      if (name !== "batch") return member.bind(target)
      return async (statements: D1PreparedStatement[]) => {
        const results = await target.batch(statements)
        const milliseconds = random === null || random(3) > 0 ? 0 : random(8)
        if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds))
        return results
      }
    },
  })
}

const stormy = (env: Env): Env => ({ ...env, DB: slow(env.DB) })

/** Of ten pokes: lost, doubled, and held back until the next one, which they come after. */
const LOST = 3
const DOUBLED = 5
const HELD = 7

export class Hub extends CalmHub {
  readonly #held: Change[][] = []

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, stormy(env))
  }

  override async poke(changes: Change[]): Promise<void> {
    // Without changes the hub looks by itself: that is what heals, and is not to be lost.
    if (random === null || changes.length === 0) return super.poke(changes)
    const fate = random(10)
    if (fate < LOST) return
    if (fate >= DOUBLED && fate < HELD) {
      this.#held.push(changes)
      return
    }
    const late = this.#held.splice(0)
    const pokes = [changes, ...(fate < DOUBLED ? [changes] : []), ...late]
    await Promise.all(pokes.map((poke) => super.poke(poke)))
  }

  override async ringBy(at: number): Promise<void> {
    if (random === null || random(10) >= LOST) await super.ringBy(at)
  }

  /** Forgets the pokes that are held back. */
  calm(): void {
    this.#held.length = 0
  }

  /** Falls over: what is in fields is gone, and so are the sockets. */
  crash(): void {
    this.ctx.abort("The storm took it")
  }
}

/** Every change ever, also after the journal is trimmed. */
const KEEP = [
  `CREATE TABLE IF NOT EXISTS storm_journal (
     revision INTEGER PRIMARY KEY, uri TEXT NOT NULL, event TEXT NOT NULL, told INTEGER NOT NULL) STRICT`,
  `CREATE TRIGGER IF NOT EXISTS storm_keep AFTER INSERT ON changes BEGIN
     INSERT OR REPLACE INTO storm_journal
     VALUES (NEW.revision, NEW.uri, NEW.event, NEW.event IN ('delete', 'expiring') OR NEW.body IS NOT NULL); END`,
]

/** All that a restore puts back, and what the storm keeps of it. */
async function tablesOf(env: Env): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'
       AND name NOT GLOB '_cf_*' AND name NOT GLOB 'd1_*' AND name NOT GLOB 'storm_saved_*'`,
  ).all<{ name: string }>()
  return results.map(({ name }) => name)
}

async function runAll(env: Env, statements: string[]): Promise<void> {
  await env.DB.batch(statements.map((text) => env.DB.prepare(text)))
}

interface Place {
  epoch: string
  last: number
  listeners: number
}

async function placeOf(env: Env): Promise<Place> {
  const place = await env.DB.prepare(
    `SELECT (SELECT value FROM meta WHERE name = 'epoch') AS epoch,
       (SELECT max(revision) FROM changes) AS last, (SELECT count(*) FROM listeners) AS listeners`,
  ).first<Place>()
  if (!place) throw new Error("The database has no place")
  return place
}

/** What the storm does to a Worker, as requests. */
const CONTROLS: Record<string, (env: Env, query: URLSearchParams) => Promise<unknown>> = {
  /** With a seed the storm begins, without it ends. */
  weather: async (_env, query) => {
    random = query.has("seed") ? chance(Number(query.get("seed"))) : null
  },
  /** Empties the stores; the journal and its revisions go on. Answers the last one. */
  clear: async (env) => {
    const tables = "documents document_pasts keys key_blobs series chunks retentions storm_journal"
    await env.DB.batch(
      [...KEEP, ...tables.split(" ").map((table) => `DELETE FROM ${table}`)].map((text) =>
        env.DB.prepare(text),
      ),
    )
    return env.DB.prepare("SELECT max(revision) AS last FROM changes").first()
  },
  place: (env) => placeOf(env),
  /** What `restore` goes back to. */
  save: async (env) => {
    const tables = await tablesOf(env)
    await runAll(
      env,
      tables.flatMap((name) => [
        `DROP TABLE IF EXISTS storm_saved_${name}`,
        `CREATE TABLE storm_saved_${name} AS SELECT * FROM ${name}`,
      ]),
    )
    return placeOf(env)
  },
  /** As Time Travel does it: the database alone, while the Worker goes on. It takes longer than any poke is late. */
  restore: async (env) => {
    for (const name of ["hub-0", "hub-1"]) {
      await (env.HUB.getByName(name) as unknown as { calm(): Promise<void> }).calm()
    }
    const tables = await tablesOf(env)
    await runAll(
      env,
      tables.flatMap((name) => [
        `DELETE FROM ${name}`,
        `INSERT OR REPLACE INTO ${name} SELECT * FROM storm_saved_${name}`,
      ]),
    )
  },
  journal: async (env) =>
    (await env.DB.prepare("SELECT * FROM storm_journal ORDER BY revision").all()).results,
  trim: async (env, query) => {
    const around = { env, now: Date.now, newId: () => "x", poke: () => {} }
    const { feed, journalKeepers } = createServices(
      around as never,
      new Request("https://tidemark/"),
    )
    await feed.trim(-1_000, Number(query.get("keep")), journalKeepers)
  },
  crash: async (env, query) => {
    const hub = env.HUB.getByName(query.get("name") ?? "") as unknown as { crash(): Promise<void> }
    // It cannot answer any more.
    await hub.crash().catch(() => {})
  },
}

export default {
  async fetch(request, bare, ctx) {
    const env = stormy(bare)
    const { pathname, searchParams } = new URL(request.url)
    const control = CONTROLS[/^\/storm\/(\w+)$/.exec(pathname)?.[1] ?? ""]
    if (control) return Response.json((await control(bare, searchParams)) ?? null)
    if (pathname === "/storm/tick") {
      await worker.scheduled({} as ScheduledController, env, ctx)
      return new Response()
    }
    return worker.fetch(request as Parameters<typeof worker.fetch>[0], env, ctx)
  },
} satisfies ExportedHandler<Env>
