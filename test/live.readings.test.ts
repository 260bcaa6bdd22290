/** What a hub asks of the database when very much has to be read at once. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { AsyncLocalStorage } from "node:async_hooks"
import { env } from "cloudflare:workers"
import { describe, expect, it, vi } from "vitest"
import { Hub } from "../src/index.ts"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const hub = () => hubOf(env as never)
/** Of D1 on the free plan. */
const MOST_QUERIES = 50
const COUNT = 500

/** Counts the queries of each call of the hub to itself, and of all else that it does. */
async function counted() {
  const calls: { queries: number }[] = []
  const rest = { queries: 0 }
  const current = new AsyncLocalStorage<{ queries: number }>()
  const readSome = Hub.prototype.readSome
  const spy = vi.spyOn(Hub.prototype, "readSome").mockImplementation(function (this: Hub, ...some) {
    const call = { queries: 0 }
    calls.push(call)
    return current.run(call, () => readSome.apply(this, some))
  })
  await runInDurableObject(hub(), (instance) => {
    const { env: own } = instance as unknown as { env: { DB: D1Database } }
    const DB = {
      prepare: (text: string) => own.DB.prepare(text),
      batch: (statements: D1PreparedStatement[]) => {
        const { queries } = current.getStore() ?? rest
        ;(current.getStore() ?? rest).queries = queries + statements.length
        return own.DB.batch(statements)
      },
    }
    Object.defineProperty(instance, "env", { value: { ...own, DB } })
  })
  return { calls, rest, restore: () => spy.mockRestore() }
}

describe("a connection that comes back with very many topics, all of them to be told anew", () => {
  it("costs no invocation more than it may ask, and gets every state", async () => {
    const names = Array.from({ length: COUNT }, (_, n) => n.toString(36))
    const uris = names.map((name) => `/keys/${name}`)
    for (let at = 0; at < COUNT; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((name) => send(`PUT /keys?${name}=${name}`)))
    }
    const one = await connect()
    await evictDurableObject(hub())
    const { calls, rest, restore } = await counted()
    const { topics, frames } = await one.ask({ event: "resume", uris, since: "elsewhere.1" })
    const states = await one.hearAll(frames)
    restore()
    expect(topics).toHaveLength(COUNT)
    expect(topics.every(({ reset }: any) => reset)).toBe(true)
    expect(states.map(({ uri, resource }) => [uri, resource])).toEqual(
      names.map((name) => [`/keys/${name}`, { [name]: name }]),
    )
    expect(calls.length).toBeGreaterThan(10)
    expect(Math.max(...calls.map(({ queries }) => queries))).toBeLessThanOrEqual(MOST_QUERIES)
    expect(rest.queries).toBeLessThanOrEqual(MOST_QUERIES)
  })
})
