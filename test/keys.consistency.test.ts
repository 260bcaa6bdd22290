/** How fresh what is read of keys is, as answers say it; and what reads and writes cost. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { TRIM_MAX_KEPT_BYTES } from "../src/protocol/limits.ts"
import { send } from "./helpers.ts"
import { kvWith, world } from "./keys.world.ts"

const told = ({ headers }: { headers: Headers }) => headers.get("X-Consistency")

/** A Workers KV that shows what it had when this was called, whatever is written since. */
async function frozen(name: string): Promise<KVNamespace> {
  const found = await env.KV.getWithMetadata(name, "text")
  return kvWith({ getWithMetadata: async () => found })
}

describe("a read of a key", () => {
  it("says that it was answered at the edge, and asks D1 for nothing", async () => {
    const { ask } = world()
    await ask("PUT /keys?near=1")
    for (const [request, status] of [
      ["GET /keys/near", 200],
      ["HEAD /keys/near", 200],
      ["GET /keys/near?consistency=edge", 200],
      ["GET /keys/nothing-near", 404],
    ] as const) {
      const got = await ask(request)
      expect([got.status, told(got), got.queries], request).toEqual([status, "edge", 0])
    }
    const { revision } = await ask("GET /keys/near")
    const known = await ask("GET /keys/near", undefined, { "If-None-Match": `"${revision}"` })
    expect([known.status, told(known), known.queries]).toEqual([304, "edge", 0])
  })

  it("is strong where that is wanted, by parameter or header, whatever the edge has", async () => {
    await send("PUT /keys?far=old")
    const kv = await frozen("far")
    const { ask } = world({ kv })
    const { revision } = await send("PATCH /keys/far", { value: "new" })
    expect((await ask("GET /keys/far")).text).toBe('{"far":"old"}')
    for (const got of [
      await ask("GET /keys/far?consistency=strong"),
      await ask("GET /keys/far", undefined, { "X-Consistency": "strong" }),
    ]) {
      expect([got.text, got.revision, told(got), got.queries]).toEqual([
        '{"far":"new"}',
        revision,
        "strong",
        1,
      ])
    }
    await send("DELETE /keys/far")
    const gone = await ask("GET /keys/far?consistency=strong")
    expect([gone.status, told(gone)]).toEqual([404, "strong"])
    expect((await ask("GET /keys/far")).status).toBe(200)
  })

  it("never goes back behind min_revision, and stays at the edge where the copy is of then or later", async () => {
    const first = await send("PUT /keys?seen=1")
    const { ask } = world({ kv: await frozen("seen") })
    const same = await ask(`GET /keys/seen?min_revision=${first.revision}`)
    expect([same.text, told(same), same.queries]).toEqual(['{"seen":"1"}', "edge", 0])
    const second = await send("PATCH /keys/seen", { value: "2" })
    const later = await ask(`GET /keys/seen?min_revision=${second.revision}`)
    expect([later.text, later.revision, told(later)]).toEqual([
      '{"seen":"2"}',
      second.revision,
      "strong",
    ])
    const deleted = await send("DELETE /keys/seen")
    const gone = await ask(`GET /keys/seen?min_revision=${deleted.revision}`)
    expect([gone.status, told(gone)]).toEqual([404, "strong"])
  })

  it("does not take an absence at the edge for one since min_revision", async () => {
    const { ask } = world({ kv: await frozen("fresh") })
    const { revision } = await send("PUT /keys?fresh=1")
    expect((await ask("GET /keys/fresh")).status).toBe(404)
    expect((await ask(`GET /keys/fresh?min_revision=${revision}`)).text).toBe('{"fresh":"1"}')
  })

  it.each(["consistency=eventual", "min_revision=-1", "min_revision=x", "min_revision=1.5"])(
    "refuses ?%s by its name",
    async (query) => {
      const { status, json } = await send(`GET /keys/any?${query}`)
      expect([status, json.code]).toEqual([400, "invalid_request"])
      expect(Object.keys(json.errors)).toEqual([`query.${query.split("=")[0]}`])
    },
  )

  it("of the list is strong, and says so", async () => {
    for (const uri of ["/keys", "/keys/?consistency=strong", "/keys?filter=none"]) {
      expect(told(await send(`GET ${uri}`))).toBe("strong")
    }
  })

  it("that a 412 carries is strong: who merges with it and tries again gets through", async () => {
    await send("PUT /keys?merged=1")
    const { ask } = world({ kv: await frozen("merged") })
    const { revision } = await send("PATCH /keys/merged", { value: "2" })
    const refused = await ask("PATCH /keys/merged", { value: "3" }, { "If-Match": '"1"' })
    expect(refused.status).toBe(412)
    expect(JSON.parse(refused.text)).toMatchObject({
      current: { merged: "2" },
      etag: `"${revision}"`,
    })
  })
})

describe("what a key costs", () => {
  it.each(["", "&expire_in=100"])(
    "a set%s is one write of Workers KV and at most three rows of D1, new or not",
    async (more) => {
      let writes = 0
      const kv = kvWith({
        put: async (...args: unknown[]) => {
          writes++
          return (env.KV.put as Function).apply(env.KV, args)
        },
      })
      const { ask, clock } = world({ kv })
      for (let time = 1; time <= 3; time++) {
        const { headers } = await ask(`PUT /keys?cheap=${time}${more}`)
        const rows = Number(headers.get("X-Rows-Written"))
        expect(rows).toBeGreaterThan(0)
        expect(rows).toBeLessThanOrEqual(3)
        expect(writes).toBe(time)
        clock.now += 1_000
      }
    },
  )
})

describe("what many keys cost at once", () => {
  it.each([
    ["set", { value: "v" }],
    ["expire", { expire_in: 60, warn: 5 }],
    ["delete", {}],
  ])("%s reads and writes rows by the number of keys, not by its square", async (op, more) => {
    const operations = Array.from({ length: 300 }, (_, at) => ({ op, name: `bulk${at}`, ...more }))
    const { ok, headers } = await world().give("POST /keys/batch", JSON.stringify({ operations }), {
      "Content-Type": "application/json",
    })
    expect(ok).toBe(true)
    expect(Number(headers.get("X-Rows-Read"))).toBeLessThan(30 * operations.length)
    expect(Number(headers.get("X-Rows-Written"))).toBeLessThanOrEqual(5 * operations.length)
  })
})

describe("the hourly check", () => {
  it("brings Workers KV what a writer left behind, once it is old enough to tell, and asks for nothing then", async () => {
    const lost = kvWith({ put: async () => {}, delete: async () => {} })
    const { ask, clock, services } = world()
    await ask("PUT /keys?kept=1")
    await ask("PUT /keys?gone=1")
    const broken = world({ kv: lost })
    await broken.ask("PUT /keys?left=1")
    await broken.ask("PUT /keys?kept=2&expire_in=1000")
    await broken.ask("DELETE /keys/gone")
    await services().keys.check()
    expect((await ask("GET /keys/left")).status).toBe(404)
    clock.now += 130_000
    await services().keys.check()
    expect((await ask("GET /keys/left")).text).toBe('{"left":"1"}')
    expect((await ask("GET /keys/kept")).text).toBe('{"kept":"2"}')
    expect((await ask("GET /keys/gone")).status).toBe(404)
    const again = services()
    await again.keys.check()
    expect(again.db.cost).toMatchObject({ queries: 2, rowsWritten: 0 })
  })
})

describe("trimming the journal", () => {
  it("keeps every value that Workers KV is not known to have, however young it is", async () => {
    const values = {
      "trim-json": { a: [1, null] },
      "trim-long": "x".repeat(2_500),
      "trim-zero": "a\0b",
    }
    const calm = world()
    const lost = world({ kv: kvWith({ put: async () => {} }) })
    const set = ({ give }: typeof calm, name: string, value: unknown) =>
      give(`PUT /keys/${name}`, JSON.stringify(value), { "Content-Type": "application/json" })
    for (const name of Object.keys(values)) await set(calm, name, "older")
    calm.clock.now = lost.clock.now += 10_000
    // This one dies between the commit and Workers KV.
    for (const [name, value] of Object.entries(values)) await set(lost, name, value)
    // The journal never forgets its newest change.
    await set(calm, "later", 1)
    const { feed, journalKeepers } = calm.services()
    for (let time = 1; time <= 2; time++) await feed.trim(-1_000, 0, journalKeepers)

    const expected = Object.entries(values).map(([name, value]) => ({ [name]: value }))
    const strong = { "X-Consistency": "strong" }
    expect(JSON.parse((await calm.ask("GET /keys/?match=trim-*")).text)).toEqual(expected)
    for (const one of expected) {
      const { text } = await calm.ask(`GET /keys/${Object.keys(one)[0]}`, undefined, strong)
      expect(JSON.parse(text)).toEqual(one)
    }
    expect((await calm.ask("GET /keys/trim-json")).text).toContain("older")
    calm.clock.now += 130_000
    await calm.services().keys.check()
  })

  it("goes in steps where that are many bytes, and loses nothing in between", async () => {
    const { ask, give, services } = world({ kv: kvWith({ put: async () => {} }) })
    const text = "x".repeat(60_000)
    const count = Math.ceil(TRIM_MAX_KEPT_BYTES / text.length) + 5
    for (let at = 0; at < count; at++) await give(`PUT /keys/step-${at}`, `${text}${at}`)
    await ask("PUT /keys?last=1")
    const { db, feed, journalKeepers } = services()
    await feed.trim(-1_000, 0, journalKeepers)
    const { changes } = (await db.first<{ changes: number }>({
      sql: "SELECT count(*) AS changes FROM changes",
      params: [],
    })) ?? { changes: 0 }
    expect(changes).toBe(1)
    for (const at of [0, 1, count - 7, count - 6, count - 5, count - 1]) {
      const { text: answer } = await ask(`GET /keys/step-${at}?consistency=strong`)
      expect(JSON.parse(answer)).toEqual({ [`step-${at}`]: `${text}${at}` })
    }
  })

  it("lets what is checked go, and has nothing more to keep then", async () => {
    const { ask, clock, services } = world()
    await ask("PUT /keys?checked=v")
    clock.now += 130_000
    await services().keys.check()
    const { db, feed, journalKeepers } = services()
    await feed.trim(-1_000, 0, journalKeepers)
    const row = await db.first({ sql: "SELECT value FROM keys WHERE name = 'checked'", params: [] })
    expect(row).toEqual({ value: null })
    expect((await ask("GET /keys/checked", undefined, { "X-Consistency": "strong" })).text).toBe(
      '{"checked":"v"}',
    )
  })
})
