/** A database that was put back while Workers KV was not: copies become what the index says again. */
import { env } from "cloudflare:workers"
import { beforeEach, describe, expect, it, vi } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { kvWith, world } from "./keys.world.ts"

const TABLES = ["keys", "changes", "meta", "listeners"]

async function run(...texts: string[]): Promise<void> {
  await env.DB.batch(texts.map((text) => env.DB.prepare(text)))
}

const save = () =>
  run(
    ...TABLES.flatMap((name) => [
      `DROP TABLE IF EXISTS saved_${name}`,
      `CREATE TABLE saved_${name} AS SELECT * FROM ${name}`,
    ]),
  )

/** As Time Travel does it: the database alone. */
const restore = () =>
  run(
    ...TABLES.flatMap((name) => [
      `DELETE FROM ${name}`,
      `INSERT INTO ${name} SELECT * FROM saved_${name}`,
    ]),
  )

const edge = async (name: string) => {
  const { status, json } = await send(`GET /keys/${name}`)
  return status === 200 ? json[name] : undefined
}
const strong = async (name: string) => {
  const { status, json } = await send(`GET /keys/${name}?consistency=strong`)
  return status === 200 ? json[name] : undefined
}

beforeEach(async () => {
  await send("DELETE /keys")
})

describe("copies of keys, after the database was put back", () => {
  it("are what the index says, as soon as a subscriber's hub sees it", async () => {
    await send("PUT /keys?stays=1")
    await send("PUT /keys?goes-back=1")
    await send("PUT /keys?comes-back=1")
    const one = await connect()
    await one.ask("subscribe /keys/goes-back")
    await one.hear()
    await save()
    // Workers KV takes one write a second for each key.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 })
    await send("PUT /keys?goes-back=2")
    await send("PUT /keys?never-was=2")
    await send("DELETE /keys/comes-back")
    expect(await one.hear()).toMatchObject({ event: "patch" })
    vi.setSystemTime(Date.now() + 5_000)
    await restore()
    expect([await edge("goes-back"), await strong("goes-back")]).toEqual(["2", "1"])
    await env.HUB.getByName("hub-0").poke([])
    expect(await one.hear()).toMatchObject({
      event: "state",
      reset: true,
      resource: { "goes-back": "1" },
    })
    await vi.waitFor(async () => {
      expect(await edge("goes-back")).toBe("1")
      expect(await edge("never-was")).toBeUndefined()
      expect(await edge("comes-back")).toBe("1")
      expect(await edge("stays")).toBe("1")
    })
    vi.useRealTimers()
  })

  it("are looked at once in each epoch, and again where Workers KV failed", async () => {
    const asked: string[] = []
    let fails = false
    const kv = kvWith({
      list: async (...options) => {
        asked.push("list")
        if (fails) throw new Error("Workers KV is away")
        return env.KV.list(...(options as [KVNamespaceListOptions]))
      },
    })
    const { services, ask } = world({ kv })
    await ask("PUT /keys?looked=1")
    await services().keys.checkRestored()
    asked.length = 0
    await services().keys.checkRestored()
    expect(asked).toEqual([])
    await save()
    await run("UPDATE meta SET value = 'another' WHERE name = 'epoch'")
    await env.KV.put("lost", "future", { metadata: { revision: 999_999, expiresAt: null } })
    fails = true
    await expect(services().keys.checkRestored()).rejects.toMatchObject({ code: "overloaded" })
    fails = false
    expect(await edge("lost")).toBe("future")
    await services().keys.checkRestored()
    expect(await edge("lost")).toBeUndefined()
    expect(await edge("looked")).toBe("1")
  })

  it("are repaired in as many runs as it takes", async () => {
    const names = Array.from({ length: 450 }, (_, at) => `many-${at}`)
    await Promise.all(
      names.map((name) =>
        env.KV.put(name, "x", { metadata: { revision: 999_999, expiresAt: null } }),
      ),
    )
    await run("UPDATE meta SET value = 'a third' WHERE name = 'epoch'")
    const { keys } = world().services()
    const left = async () => (await env.KV.list({ prefix: "many-" })).keys.length
    await keys.checkRestored()
    expect(await left()).toBe(50)
    await keys.checkRestored()
    expect(await left()).toBe(0)
  })
})
