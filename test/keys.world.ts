/** For tests of keys: the service with a clock of the test's own and, if it wants, a Workers KV that misbehaves. */
import { env } from "cloudflare:workers"
import { createServices, handle, type Surroundings } from "../src/app.ts"
import type { Change } from "../src/protocol/change.ts"

export interface Options {
  kv?: KVNamespace
  consistency?: "edge" | "strong"
}

/** `ask` is `send` in this world; `clock.now` is epoch milliseconds and stands still; `poked` is what hubs hear. */
export function world({ kv = env.KV, consistency = "edge" }: Options = {}) {
  const clock = { now: Date.now() }
  const poked: Change[] = []
  const surroundings: Surroundings = {
    env: { DB: env.DB, KV: kv, HUB: env.HUB, TURNS: env.TURNS, ASSETS: env.ASSETS },
    now: () => clock.now,
    newId: () => crypto.randomUUID(),
    poke: (changes) => poked.push(...changes),
    consistency,
  }

  /** Sends a body of any type. */
  async function give(request: string, body?: BodyInit, headers: Record<string, string> = {}) {
    const [method = "GET", uri = "/"] = request.split(/ (.*)/s)
    const url = new URL(uri, "https://tidemark.test")
    const sent = body === undefined ? {} : { body }
    return await handle(new Request(url, { method, ...sent, headers }), surroundings)
  }

  async function ask(request: string, body?: object, headers: Record<string, string> = {}) {
    const type = body ? { "Content-Type": "application/json" } : {}
    const response = await give(request, body && JSON.stringify(body), {
      ...(type as Record<string, string>),
      ...headers,
    })
    return {
      status: response.status,
      text: await response.text(),
      revision: Number(response.headers.get("ETag")?.replaceAll('"', "")),
      queries: Number(/"(\d+) queries/.exec(response.headers.get("Server-Timing") ?? "")?.[1]),
      headers: response.headers,
    }
  }

  const services = () => createServices(surroundings, new Request("https://tidemark.test/"))
  return { clock, poked, ask, give, services, sweep: () => services().sweep() }
}

/** The real Workers KV, but for some methods. */
export function kvWith(methods: Record<string, (...args: unknown[]) => Promise<unknown>>) {
  return new Proxy(env.KV, {
    get(kv, name) {
      const own = methods[String(name)] ?? Reflect.get(kv, name)
      return typeof own === "function" ? own.bind(kv) : own
    },
  }) as KVNamespace
}

/** The changes of a URI, or all, oldest first. */
export async function journalOf(uri?: string): Promise<Change[]> {
  const { results } = await env.DB.prepare(
    "SELECT * FROM changes WHERE ?1 IS NULL OR uri = ?1 ORDER BY revision",
  )
    .bind(uri ?? null)
    .all<Change>()
  return results
}
