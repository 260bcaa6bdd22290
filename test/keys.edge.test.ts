/** Keys over time, and what stands in Workers KV while several write or it does not answer. */
import { env } from "cloudflare:workers"
import { afterEach, describe, expect, it, vi } from "vitest"
import { send } from "./helpers.ts"
import { journalOf, kvWith, world } from "./keys.world.ts"

const EXPIRED = '{"reason":"expired"}'

const dead = async () => {
  throw new Error("KV PUT failed: 500")
}

/** What Workers KV, the index, the list and the last change say of a key must be one thing. */
async function agreed(name: string): Promise<string> {
  const strong = world({ consistency: "strong" })
  const edge = await world().ask(`GET /keys/${name}`)
  const index = await strong.ask(`GET /keys/${name}`)
  expect([edge.status, edge.text, edge.revision]).toEqual([
    index.status,
    index.text,
    index.revision,
  ])
  const list = JSON.parse((await strong.ask("GET /keys")).text) as object[]
  const entries = list.filter((entry) => Object.hasOwn(entry, name)).map((e) => JSON.stringify(e))
  const last = (await journalOf(`/keys/${name}`)).at(-1)
  const there = edge.status === 200
  expect(entries).toEqual(there ? [edge.text] : [])
  expect(last?.event === "delete").toBe(!there)
  if (there && last?.body) expect([last.revision, last.body]).toEqual([edge.revision, edge.text])
  return edge.text
}

describe("expiry", () => {
  it("a key is gone the millisecond it expires: for GET, HEAD, lists, and writers", async () => {
    for (const consistency of ["edge", "strong"] as const) {
      const { ask, clock } = world({ consistency })
      await ask("PUT /keys?soon=1&expire_in=5")
      clock.now += 4_999
      expect((await ask("GET /keys/soon")).text).toBe('{"soon":"1"}')
      expect((await ask("HEAD /keys/soon")).status).toBe(200)
      expect((await ask("GET /keys?filter=soon")).text).toBe('[{"soon":"1"}]')
      expect((await ask("POST /keys/", { name: "soon", value: "2" })).status).toBe(409)
      clock.now += 1
      expect((await ask("GET /keys/soon")).status).toBe(404)
      expect((await ask("HEAD /keys/soon")).status).toBe(404)
      expect((await ask("PATCH /keys/soon", { expire_in: 9 })).status).toBe(404)
      expect((await ask("PUT /keys?soon=3", undefined, { "If-Match": "*" })).status).toBe(412)
      expect((await ask("GET /keys?filter=soon")).text).toBe("[]")
      expect((await ask("POST /keys/", { name: "soon", value: "2" })).status).toBe(201)
      await ask("DELETE /keys/soon")
    }
  })

  it("a write without expire_in removes an earlier expiry, and its frame says so", async () => {
    const { ask, clock } = world()
    const at = clock.now + 5_000
    await ask("PUT /keys?stays=1&expire_in=5")
    await ask("PATCH /keys/stays", { value: "2" })
    await ask("PUT /keys?stays=3")
    await ask("PUT /keys?stays=4")
    expect((await journalOf("/keys/stays")).map(({ event, extra }) => [event, extra])).toEqual([
      ["create", `{"expires_at":${at}}`],
      ["patch", `{"expires_at":${at}}`],
      ["patch", '{"expires_at":null}'],
      ["patch", null],
    ])
    clock.now += 5_000
    expect((await ask("GET /keys/stays")).text).toBe('{"stays":"4"}')
    expect((await ask("GET /keys?filter=stays")).text).toBe('[{"stays":"4"}]')
  })

  it("PATCH keeps, moves or removes it; the change carries the value all the same", async () => {
    const { ask, clock } = world()
    const start = clock.now
    await ask("PUT /keys?moved=1&expire_in=5")
    await ask("PATCH /keys/moved", { expire_in: 50 })
    clock.now += 49_999
    expect((await ask("GET /keys/moved")).text).toBe('{"moved":"1"}')
    await ask("PATCH /keys/moved", { moved: "2", expire_in: 100 })
    await ask("PATCH /keys/moved", { expire_in: null })
    await ask("PATCH /keys/moved", {})
    clock.now += 1e9
    expect(await agreed("moved")).toBe('{"moved":"2"}')
    expect(
      (await journalOf("/keys/moved")).map(({ event, body, extra }) => [event, body, extra]),
    ).toEqual([
      ["create", '{"moved":"1"}', `{"expires_at":${start + 5_000}}`],
      ["patch", '{"moved":"1"}', `{"expires_at":${start + 50_000}}`],
      ["patch", '{"moved":"2"}', `{"expires_at":${start + 149_999}}`],
      ["patch", '{"moved":"2"}', '{"expires_at":null}'],
      ["patch", '{"moved":"2"}', null],
    ])
  })

  it("is an event: a sweep deletes what is due in one commit, and says when the next is", async () => {
    const { ask, clock, poked, sweep } = world()
    await sweep()
    for (const [name, ttl] of [
      ["b", 20],
      ["a", 20],
      ["c", 10],
      ["d", 30],
    ] as const) {
      await ask(`PUT /keys?due-${name}=1&expire_in=${ttl}`)
    }
    await ask("PUT /keys?due-never=1")
    const due = clock.now + 30_000
    poked.length = 0
    expect(await sweep()).toBe(clock.now + 10_000)
    expect(poked).toEqual([])
    clock.now += 20_000
    expect(await sweep()).toBe(due)
    expect(poked.map(({ uri }) => uri)).toEqual(["/keys/due-c", "/keys/due-a", "/keys/due-b"])
    expect(poked[0]).toMatchObject({ event: "delete", body: null, extra: EXPIRED, at: clock.now })
    expect(await sweep()).toBe(due)
    expect(poked).toHaveLength(3)
    clock.now = due
    expect(await sweep()).toBeNull()
    expect((await ask("GET /keys?filter=due")).text).toBe('[{"due-never":"1"}]')
  })

  it("a set or a delete of a key that expired unnoticed tells that first", async () => {
    const { ask, clock } = world()
    await ask("PUT /keys?phoenix=1&expire_in=1")
    clock.now += 1_000
    await ask("PUT /keys?phoenix=2&expire_in=1")
    clock.now += 1_000
    await ask("POST /keys/", { name: "phoenix", value: "3", expire_in: 1 })
    clock.now += 1_000
    await ask("DELETE /keys/phoenix")
    const changes = await journalOf("/keys/phoenix")
    expect(changes.map(({ event, extra }) => (event === "delete" ? extra : event))).toEqual([
      "create",
      EXPIRED,
      "create",
      EXPIRED,
      "create",
      EXPIRED,
    ])
    expect(changes[2]?.revision).toBe(changes[1]!.revision + 1)
  })

  it("changes the list's revision although nobody wrote", async () => {
    const { ask, clock } = world()
    await ask("PUT /keys?listed=1&expire_in=5")
    const { revision } = await ask("GET /keys?filter=listed")
    const known = { "If-None-Match": `"${revision}"` }
    clock.now += 4_999
    expect((await ask("GET /keys?filter=listed", undefined, known)).status).toBe(304)
    clock.now += 1
    expect((await ask("GET /keys?filter=listed", undefined, known)).text).toBe("[]")
  })

  it("a sweep and a writer at the same moment lose nothing, whoever is first", async () => {
    for (let round = 0; round < 10; round++) {
      const { ask, clock, sweep } = world()
      const name = `tug${round}`
      await ask(`PUT /keys?${name}=1&expire_in=1`)
      clock.now += 1_000
      const [put] = await Promise.all([ask(`PUT /keys?${name}=2&expire_in=100`), sweep(), sweep()])
      expect(put.status).toBe(200)
      expect(await agreed(name)).toBe(`{"${name}":"2"}`)
      const events = (await journalOf(`/keys/${name}`)).map(({ event }) => event)
      expect(events).toEqual(["create", "delete", "create"])
    }
  })

  it("in Workers KV is a minute at least, and exact in the metadata", async () => {
    const { ask, clock } = world()
    const { revision } = await ask("PUT /keys?floor=1&expire_in=5")
    const { metadata } = await env.KV.getWithMetadata("floor")
    expect(metadata).toEqual({ revision, expiresAt: clock.now + 5_000 })
    const { keys } = await env.KV.list({ prefix: "floor" })
    expect(keys[0]?.expiration).toBeGreaterThan(clock.now / 1000 + 55)
  })
})

/** The pauses between attempts at Workers KV. */
function withoutPauses() {
  vi.stubGlobal("setTimeout", (call: () => void) => queueMicrotask(call))
}

describe("Workers KV and the index", () => {
  afterEach(() => vi.unstubAllGlobals())

  it("agree after fifty concurrent sets of one key, and there are fifty changes", async () => {
    const writes = Array.from({ length: 50 }, (_, at) => send(`PUT /keys?crowd=${at}`))
    for (const { status } of await Promise.all(writes)) expect(status).toBe(200)
    await agreed("crowd")
    const events = (await journalOf("/keys/crowd")).map(({ event }) => event)
    expect(events).toEqual(["create", ...Array(49).fill("patch")])
  })

  it("agree after sets, patches and deletes of one key at once", async () => {
    const kinds = ["PUT /keys?mixed=", "PATCH /keys/mixed ", "DELETE /keys/mixed "]
    const { ask } = world()
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 18 }, (_, at) => {
          const kind = kinds[(at + round) % 3]!
          return kind.startsWith("PUT")
            ? ask(`${kind}${at}${at % 2 ? "&expire_in=100" : ""}`)
            : ask(kind.trim(), kind.startsWith("PATCH") ? { value: `p${at}` } : undefined)
        }),
      )
      await agreed("mixed")
    }
  })

  it.each([
    ["PUT /keys?late=2", undefined, '{"late":"2"}'],
    ["PATCH /keys/late", { value: "2" }, '{"late":"2"}'],
    ["PATCH /keys/late", { value: "x".repeat(100_000) }, `{"late":"${"x".repeat(100_000)}"}`],
    ["DELETE /keys/late", undefined, expect.stringContaining("not_found")],
  ])("agree although the older write arrived last: %s", async (request, body, result) => {
    const { promise: arrived, resolve: release } = Promise.withResolvers<void>()
    const slow = kvWith({
      put: async (...args: unknown[]) => {
        if (args[1] === "1") await arrived
        return (env.KV.put as Function)(...args)
      },
    })
    await send("PUT /keys?late=0")
    const first = world({ kv: slow }).ask("PUT /keys?late=1")
    while ((await journalOf("/keys/late")).at(-1)?.body !== '{"late":"1"}') await tick()
    await world().ask(request, body)
    release()
    expect((await first).status).toBe(200)
    expect(await agreed("late")).toEqual(result)
  })

  it("agree although Workers KV failed at first", async () => {
    withoutPauses()
    let failures = 3
    const flaky = kvWith({
      put: async (...args: unknown[]) => {
        if (failures-- > 0) throw new Error("KV PUT failed: 429 Too Many Requests")
        return (env.KV.put as Function)(...args)
      },
    })
    const { ask } = world({ kv: flaky })
    expect((await ask("PUT /keys?flaky=1")).status).toBe(200)
    // Where it is owed it is known.
    expect((await ask("GET /keys/flaky")).text).toBe('{"flaky":"1"}')
    await vi.waitFor(async () => expect(await agreed("flaky")).toBe('{"flaky":"1"}'))
  })

  it("agree after the write is sent again that a dead Workers KV left unfinished", async () => {
    withoutPauses()
    vi.spyOn(console, "error").mockImplementation(() => {})
    const broken = world({ kv: kvWith({ put: dead, delete: dead }) })
    const half = await Promise.all([
      broken.ask("PUT /keys?half1=1"),
      broken.ask("POST /keys/", { name: "half2", value: "1" }),
    ])
    for (const { status, text, headers } of half) {
      expect(status).toBe(503)
      expect(JSON.parse(text).detail).toMatch(/recorded.*send it again/)
      expect(headers.get("Retry-After")).toBe("1")
    }
    expect((await send("GET /keys?filter=half")).json).toEqual([{ half1: "1" }, { half2: "1" }])
    expect((await send("PUT /keys?half1=1")).status).toBe(200)
    // Refused, because it is there; finished all the same.
    expect((await send("POST /keys/", { name: "half2", value: "1" })).status).toBe(409)
    expect(await agreed("half1")).toBe('{"half1":"1"}')
    expect(await agreed("half2")).toBe('{"half2":"1"}')
    expect((await broken.ask("DELETE /keys/half1")).status).toBe(503)
    expect((await send("DELETE /keys/half1")).status).toBe(200)
    await agreed("half1")
    expect((await broken.ask("DELETE /keys")).status).toBe(503)
    expect((await send("DELETE /keys")).status).toBe(200)
    await agreed("half2")
    await vi.waitFor(async () => expect((await env.KV.list()).keys).toEqual([]), 5_000)
  })

  it("a strong read never shows a stale copy, however large the value", async () => {
    for (const value of ["new", "n".repeat(100_000)]) {
      await send("PUT /keys?stale=old")
      const stale = kvWith({ put: async () => {} })
      const { ask, services } = world({ kv: stale, consistency: "strong" })
      await ask("PATCH /keys/stale", { value })
      expect((await send("GET /keys/stale")).json).toEqual({ stale: "old" })
      expect(await ask("GET /keys/stale")).toMatchObject({ text: `{"stale":"${value}"}` })
      expect((await ask("GET /keys?filter=stale")).text).toBe(`[{"stale":"${value}"}]`)
      expect(services().env.KV).toBe(stale)
    }
  })

  it("a journal that forgot the change leaves the value where it is read", async () => {
    const { ask, services } = world({ consistency: "strong" })
    for (const name of ["old", "__proto__", "older"]) await ask(`PUT /keys?${name}=1`)
    await ask("POST /keys/", { name: "oldest", value: "v".repeat(70_000) })
    await services().feed.trim(0, 0)
    await ask("PUT /keys?newer=1")
    await services().feed.trim(0, 0)
    expect((await ask("GET /keys/old")).text).toBe('{"old":"1"}')
    const list = JSON.parse((await ask("GET /keys")).text) as object[]
    expect(list.filter((entry) => /old|proto/.test(JSON.stringify(entry)))).toMatchObject([
      JSON.parse('{"__proto__":"1"}'),
      { old: "1" },
      { older: "1" },
      { oldest: "v".repeat(70_000) },
    ])
    await ask("PATCH /keys/old", { expire_in: 50 })
    expect(await agreed("old")).toBe('{"old":"1"}')
    expect((await journalOf("/keys/old")).at(-1)?.body).toBe('{"old":"1"}')
    await ask("PATCH /keys/oldest", { expire_in: 50 })
    expect(await agreed("oldest")).toContain("v".repeat(70_000))
  })

  it("entries of others in the namespace are no keys, and stay", async () => {
    await env.KV.put("foreign", "1")
    expect((await send("GET /keys/foreign")).status).toBe(404)
    await send("DELETE /keys")
    expect(await env.KV.get("foreign")).toBe("1")
  })

  it("a thousand keys are cleared in one commit", async () => {
    const rows = JSON.stringify(Array.from({ length: 1_000 }, (_, at) => `many${at}`))
    await env.DB.prepare(
      `INSERT INTO keys (name, uri, revision, type, size)
        SELECT value, '/keys/' || value, 0, 'text/plain', 1 FROM json_each(?)`,
    )
      .bind(rows)
      .run()
    await env.KV.put("many7", "1", { metadata: { revision: 0, expiresAt: null } })
    const { ask, poked } = world()
    expect((await ask("DELETE /keys")).status).toBe(200)
    expect(poked.length).toBeGreaterThanOrEqual(1_000)
    expect((await ask("GET /keys")).text).toBe("[]")
    expect((await ask("GET /keys/many7")).status).toBe(404)
  })
})

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}
