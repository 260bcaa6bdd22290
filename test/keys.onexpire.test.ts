/** What keys do when they expire: a patch of a document or a point of a series, once, in one commit with the end. */
import { env } from "cloudflare:workers"
import { runDurableObjectAlarm } from "cloudflare:test"
import { afterEach, describe, expect, it, vi } from "vitest"
import { createServices } from "../src/app.ts"
import { hubOf } from "../src/live/hubs.ts"
import { DOCUMENT_MAX_BYTES, ON_EXPIRE_MAX_BYTES } from "../src/protocol/limits.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf, world } from "./keys.world.ts"

const action = (name: string, data: object = { online: false }) => ({
  uri: `/api/apps/${name}`,
  patch: { data },
})
const asQuery = (value: object) => encodeURIComponent(JSON.stringify(value))

/** The changes since a revision: URI, event, and of a delete why. */
async function toldAfter(revision: number) {
  return (await journalOf())
    .filter((change) => change.revision > revision)
    .map(({ revision: at, uri, event, extra }) => [
      at - revision,
      uri,
      event,
      ...(extra ? [JSON.parse(extra)] : []),
    ])
}

const DONE = { reason: "expired", on_expire: "done" }

describe("a key with something to do when it expires", () => {
  it("patches a document in the commit of its end, and not a moment before", async () => {
    const { ask, clock, sweep } = world()
    await ask("PUT /api/apps/a-pump", { data: { online: true, rpm: 12, at: { x: 1 } } })
    const body = { name: "a-1", value: "1", expire_in: 60, on_expire: action("a-pump") }
    const { revision, status } = await ask("POST /keys/", body)
    expect(status).toBe(201)
    clock.now += 59_999
    expect(await sweep()).toBe(clock.now + 1)
    expect(await toldAfter(revision)).toEqual([])
    clock.now += 1
    expect(await sweep()).toBeNull()
    expect(await toldAfter(revision)).toEqual([
      [1, "/keys/a-1", "delete", DONE],
      [2, "/api/apps/a-pump", "patch"],
    ])
    expect(JSON.parse((await ask("GET /api/apps/a-pump")).text).data).toEqual({
      online: false,
      rpm: 12,
      at: { x: 1 },
    })
    await sweep()
    expect(await toldAfter(revision)).toHaveLength(2)
  })

  it("makes the document that is not there, of what the patch makes of nothing", async () => {
    const { ask, clock, sweep } = world()
    const on_expire = action("a-new", { big: 1, gone: null, deep: { gone: null, list: [null] } })
    await ask(`PUT /keys/a-2?expire_in=5&on_expire=${asQuery(on_expire)}`, {})
    clock.now += 5_000
    await sweep()
    expect(JSON.parse((await ask("GET /api/apps/a-new")).text).data).toEqual({
      big: 1,
      deep: { list: [null] },
    })
  })

  it("keeps the digits of numbers that a double cannot hold", async () => {
    const { ask, clock, sweep } = world()
    const on_expire = '{"uri":"/api/apps/a-digits","patch":{"data":{"n":12345678901234567890}}}'
    await ask(`PUT /keys?a-3=1&expire_in=5&on_expire=${encodeURIComponent(on_expire)}`)
    clock.now += 5_000
    await sweep()
    expect((await ask("GET /api/apps/a-digits")).text).toContain("12345678901234567890")
  })

  it.each([
    ["times", '{"2020-01-01T00:00:00.000":{"online":true}}'],
    ["zoned", '{"2020-01-01T00:00:00.000Z":{"online":true}}'],
    ["nothing", null],
  ])("puts a point at the moment of expiry into a series of %s", async (symbol, rows) => {
    const { ask, clock, sweep } = world()
    const uri = `/api/store/status/${symbol}`
    if (rows) {
      const saved = await ask(`PUT ${uri}?orient=index`, JSON.parse(rows) as object)
      expect(saved.status).toBe(200)
    }
    const at = clock.now + 1_500
    const on_expire = { uri, row: { online: false, time: "t" } }
    const query = `expire_at=${at / 1_000}&on_expire=${asQuery(on_expire)}`
    const { revision, status } = await ask(`PUT /keys/s-${symbol}?${query}`, {})
    expect(status).toBe(204)
    clock.now += 10_000
    await sweep()
    expect((await toldAfter(revision))[0]).toEqual([1, `/keys/s-${symbol}`, "delete", DONE])
    const frame = JSON.parse((await ask(`GET ${uri}?orient=index`)).text) as Record<string, object>
    const [stamp = "", point] = Object.entries(frame).at(-1) ?? []
    const isZoned = /Z$|\+/.test(stamp)
    expect(Date.parse(isZoned ? stamp : `${stamp}Z`)).toBe(at)
    expect(point).toEqual({ online: false, time: "t" })
  })

  it("does it once, however many sweep at the same moment", async () => {
    const { ask, clock, sweep } = world()
    await ask("PUT /api/apps/a-once", { data: {} })
    await ask(`PUT /keys/a-4?expire_in=5&on_expire=${asQuery(action("a-once"))}`, {})
    const { revision } = await ask(
      `PUT /keys/a-5?expire_in=5&on_expire=${asQuery({ uri: "/api/store/once/s", row: { n: 1 } })}`,
      {},
    )
    clock.now += 5_000
    await Promise.all([sweep(), sweep(), sweep(), sweep()])
    const told = await toldAfter(revision)
    expect(told.filter(([, , event]) => event === "delete")).toHaveLength(2)
    expect(told.filter(([, uri]) => uri === "/api/apps/a-once")).toHaveLength(1)
    expect(told.filter(([, uri]) => uri === "/api/store/once/s")).toHaveLength(1)
  })

  it("ends all the same when it cannot be done, and says so", async () => {
    const { ask, clock, sweep } = world()
    const full = { data: { x: "x".repeat(DOCUMENT_MAX_BYTES - 100) } }
    expect((await ask("PUT /api/apps/a-full", full)).status).toBe(204)
    const on_expire = action("a-full", { y: "y".repeat(200) })
    await ask(`PUT /keys/a-6?expire_in=5&on_expire=${asQuery(on_expire)}`, {})
    const query = `expire_in=6&on_expire=${asQuery(action("a-behind"))}`
    const { revision } = await ask(`PUT /keys/a-7?${query}`, {})
    clock.now += 6_000
    expect(await sweep()).toBeNull()
    const problem = { code: "too_large", detail: expect.stringContaining("at most") }
    expect(await toldAfter(revision)).toEqual([
      [1, "/keys/a-6", "delete", { reason: "expired", on_expire: "failed", problem }],
      [2, "/keys/a-7", "delete", DONE],
      [3, "/api/apps/a-behind", "create"],
    ])
  })

  it("stays due, and is done later, when the database does not answer", async () => {
    const { ask, clock, sweep } = world()
    const query = `expire_in=5&on_expire=${asQuery(action("a-late"))}`
    const { revision } = await ask(`PUT /keys/a-8?${query}`, {})
    clock.now += 5_000
    let batches = 0
    const failing = new Proxy(env.DB, {
      get(db, name) {
        const own = Reflect.get(db, name)
        if (name !== "batch") return typeof own === "function" ? own.bind(db) : own
        return (statements: D1PreparedStatement[]) =>
          batches++ === 3 ? Promise.reject(new Error("D1 DB is overloaded")) : db.batch(statements)
      },
    })
    const around = { ...env, DB: failing } as never
    const services = createServices(
      { env: around, now: () => clock.now, newId: () => "x", poke: () => {} },
      new Request("https://tidemark.test/"),
    )
    await expect(services.sweep()).rejects.toMatchObject({ code: "overloaded" })
    expect(await toldAfter(revision)).toEqual([])
    await sweep()
    expect(await toldAfter(revision)).toHaveLength(2)
  })

  it.each([
    ["PUT /keys?NAME=2", "create"],
    ["PUT /keys/NAME", "create"],
    ["POST /keys/NAME/inc", "create"],
    ["DELETE /keys/NAME", null],
    ["DELETE /keys", null],
    ["DELETE /keys?match=*&max_affected=9", null],
    ["POST /keys/batch", "create"],
    ["GET /keys/", null],
  ])("does it before %s touches the key that nobody swept", async (request, event) => {
    const { ask, clock } = world()
    const name = `b-${request.replace(/\W/g, "")}`
    const query = `expire_in=5&on_expire=${asQuery(action(name))}`
    const { revision } = await ask(`PUT /keys/${name}?${query}`, {})
    clock.now += 5_000
    const operations = [{ op: "set", name, value: "1", if_none_match: "*" }]
    const sent = { "PUT /keys/NAME": { n: 1 }, "POST /keys/batch": { operations } }[request]
    expect((await ask(request.replace("NAME", name), sent)).status).toBeLessThan(300)
    const uri = `/keys/${name}`
    expect(await toldAfter(revision)).toEqual([
      [1, uri, "delete", DONE],
      [2, `/api/apps/${name}`, "create"],
      ...(event ? [[3, uri, event]] : []),
    ])
    await ask("DELETE /keys")
  })

  it("does nothing when it is deleted, or set without", async () => {
    const { ask, clock, sweep } = world()
    const query = `expire_in=5&on_expire=${asQuery(action("a-never"))}`
    const cancel: [string, object?][] = [
      ["DELETE /keys/NAME"],
      ["PUT /keys/NAME?expire_in=5", {}],
      ["PUT /keys?NAME=1&expire_in=5"],
      ["PATCH /keys/NAME", { on_expire: null }],
      ["DELETE /keys"],
    ]
    for (const [at, [request, body]] of cancel.entries()) {
      await ask(`PUT /keys/c-${at}?${query}`, {})
      const done = await ask(request.replace("NAME", `c-${at}`), body)
      expect(done.status, request).toBeLessThan(300)
      clock.now += 5_000
      await sweep()
    }
    expect((await ask("GET /api/apps/a-never")).status).toBe(404)
  })

  it("still does it after keep_ttl, inc, and a PATCH of its value or expiry", async () => {
    const { ask, clock, sweep } = world()
    const keep: [string, object?][] = [
      ["PUT /keys/NAME?keep_ttl=1", { n: 2 }],
      ["PUT /keys?NAME=7&keep_ttl=1"],
      ["POST /keys/NAME/inc"],
      ["PATCH /keys/NAME", { value: "8" }],
      ["PATCH /keys/NAME", { expire_in: 3 }],
    ]
    for (const [at, [request, body]] of keep.entries()) {
      const name = `d-${at}`
      await ask(`PUT /keys?${name}=1&expire_in=5&on_expire=${asQuery(action(name))}`)
      const done = await ask(request.replace("NAME", name), body)
      expect(done.status, request).toBeLessThan(300)
      clock.now += 5_000
      await sweep()
      expect((await ask(`GET /api/apps/${name}`)).status, request).toBe(200)
    }
    // Of a key that counting made, and made anew by none that came later.
    const query = `expire_in=5&on_expire=${asQuery(action("d-counted"))}`
    await ask(`POST /keys/d-counted/inc?${query}`)
    await ask(`POST /keys/d-counted/dec?expire_in=90&on_expire=${asQuery(action("d-other"))}`)
    clock.now += 5_000
    await sweep()
    expect((await ask("GET /api/apps/d-counted")).status).toBe(200)
    expect((await ask("GET /api/apps/d-other")).status).toBe(404)
    await ask("PUT /keys?d-patched=1&expire_in=5")
    await ask("PATCH /keys/d-patched", { on_expire: action("d-patched") })
    clock.now += 5_000
    await sweep()
    expect((await ask("GET /api/apps/d-patched")).status).toBe(200)
  })

  it("does all of it, some at a time, when many expire at once", async () => {
    const { ask, clock, sweep } = world()
    const names = Array.from({ length: 12 }, (_, at) => `m-${at}`)
    for (const name of names) {
      await ask(`PUT /keys?${name}=1&expire_in=5&on_expire=${asQuery(action(name))}`)
    }
    clock.now += 5_000
    let sweeps = 1
    // What is left is due already, so that the alarm rings at once.
    while ((await sweep()) !== null) expect(sweeps++).toBeLessThan(12)
    expect(sweeps).toBeGreaterThan(1)
    for (const name of names) {
      expect((await journalOf(`/api/apps/${name}`)).map(({ event }) => event)).toEqual(["create"])
      expect((await ask(`GET /keys/${name}`)).status).toBe(404)
    }
  })

  it.each([
    ["an array", []],
    ["no URI", { patch: { data: {} } }],
    ["a key", { uri: "/keys/a", patch: { data: {} } }],
    ["a list", { uri: "/api/apps/", patch: { data: {} } }],
    ["a part", { uri: "/api/apps/a/data/x", patch: { data: {} } }],
    ["a query", { uri: "/api/apps/a?expire_in=5", patch: { data: {} } }],
    ["another host", { uri: "//example.com/api/apps/a", patch: { data: {} } }],
    ["dots", { uri: "/api/apps/..", patch: { data: {} } }],
    ["a broken escape", { uri: "/api/apps/%zz", patch: { data: {} } }],
    ["a row for a document", { uri: "/api/apps/a", row: { n: 1 } }],
    ["a patch for a series", { uri: "/api/store/a/b", patch: { data: {} } }],
    ["a patch without data", { uri: "/api/apps/a", patch: { online: false } }],
    ["an empty row", { uri: "/api/store/a/b", row: {} }],
    ["more", { uri: "/api/store/a/b", row: { n: 1 }, patch: { data: {} } }],
  ])("is refused with %s, at every door", async (_what, on_expire) => {
    const { ask } = world()
    const before = (await journalOf()).length
    await ask("PUT /keys?r-there=1&expire_in=50")
    const answers = [
      await ask(`PUT /keys?r-1=1&expire_in=5&on_expire=${asQuery(on_expire)}`),
      await ask(`PUT /keys/r-1?expire_in=5&on_expire=${asQuery(on_expire)}`, {}),
      await ask("PATCH /keys/r-there", { on_expire }),
      await ask("POST /keys/", { name: "r-1", value: "1", expire_in: 5, on_expire }),
      await ask(`POST /keys/r-1/inc?expire_in=5&on_expire=${asQuery(on_expire)}`),
    ]
    for (const { status, text } of answers) {
      // That it is no object, the schema says first.
      expect([422, Array.isArray(on_expire) ? 400 : 422]).toContain(status)
      expect(JSON.stringify(JSON.parse(text).errors)).toContain("on_expire")
    }
    expect(await journalOf()).toHaveLength(before + 1)
  })

  it("is refused where it is too large, no JSON, or without an expiry", async () => {
    const { ask } = world()
    const large = asQuery(action("a", { x: "x".repeat(ON_EXPIRE_MAX_BYTES) }))
    expect((await ask(`PUT /keys?r-2=1&expire_in=5&on_expire=${large}`)).status).toBe(413)
    expect((await ask("PUT /keys?r-2=1&expire_in=5&on_expire={")).status).toBe(422)
    expect((await ask(`PUT /keys?r-2=1&on_expire=${asQuery(action("a"))}`)).status).toBe(400)
    expect((await ask("GET /keys/r-2")).status).toBe(404)
  })
})

describe("the clock of the hubs", () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it("does it without anybody asking, and tells who follows the key and the document", async () => {
    const [key, document] = [await connect(), await connect()]
    await send("PUT /api/apps/h-pump", { data: { online: true } })
    expect(await key.ask("subscribe /keys/h-1")).toMatchObject({ ok: true })
    expect(await document.ask("subscribe /api/apps/h-pump")).toMatchObject({ ok: true })
    expect(await document.hear()).toMatchObject({ event: "state" })
    const start = Date.now()
    const query = `expire_in=60&on_expire=${asQuery(action("h-pump"))}`
    expect((await send(`PUT /keys?h-1=1&${query}`)).status).toBe(200)
    expect(await key.hear()).toMatchObject({ event: "state", resource: { "h-1": "1" } })
    vi.useFakeTimers({ toFake: ["Date"], now: start + 75_000 })
    expect(await runDurableObjectAlarm(hubOf(env))).toBe(true)
    const [gone, patched] = [await key.hear(), await document.hear()]
    expect(gone).toMatchObject({ event: "delete", uri: "/keys/h-1", ...DONE })
    expect(patched).toMatchObject({ event: "patch", patch: { data: { online: false } } })
    expect(patched.revision).toBe(gone.revision + 1)
    // Nothing is left to do: it looks once for what those who follow may not have been told, and then nothing wakes it.
    vi.setSystemTime(start + 2 * 3_600_000)
    expect(await runDurableObjectAlarm(hubOf(env))).toBe(true)
    expect(await runDurableObjectAlarm(hubOf(env))).toBe(false)
  })
})
