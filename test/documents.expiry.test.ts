/** Documents that expire: gone from the very millisecond on, with the event that keys have. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf, world } from "./keys.world.ts"

const told = async (name: string) =>
  (await journalOf(`/api/apps/${name}`)).map(({ event, extra }) => [
    event,
    JSON.parse(extra ?? "{}"),
  ])
const body = (data: object) => ({ data })
const GONE = ["delete", { reason: "expired" }]

describe("a document that expires", () => {
  it("is there until the millisecond before, and then to nobody and nowhere", async () => {
    const { ask, clock } = world()
    const put = await ask("PUT /api/apps/e-gone?expire_in=60", body({ n: 1 }))
    const at = clock.now + 60_000
    expect(put.headers.get("X-Expires-At")).toBe(new Date(at).toISOString())
    expect(await told("e-gone")).toEqual([["create", { expires_at: at }]])
    const list = await ask("GET /api/apps/")
    clock.now = at - 1
    const got = await ask("GET /api/apps/e-gone")
    expect([got.status, got.headers.get("X-Expires-At")]).toEqual([200, new Date(at).toISOString()])
    expect((await ask("GET /api/apps/")).text).toContain("e-gone")
    clock.now = at
    expect((await ask("GET /api/apps/e-gone")).status).toBe(404)
    const seen = { "If-None-Match": `"${put.revision}"` }
    expect((await ask("GET /api/apps/e-gone", undefined, seen)).status).toBe(404)
    expect((await ask("PATCH /api/apps/e-gone", body({ n: 2 }))).status).toBe(404)
    // The list changed, so its revision did: a copy of it must not pass for the newest.
    const known = { "If-None-Match": `"${list.revision}"` }
    const after = await ask("GET /api/apps/", undefined, known)
    expect(after.status).toBe(200)
    expect(after.text).not.toContain("e-gone")
    expect((await told("e-gone")).at(-1)).toEqual(GONE)
  })

  it("is deleted by the sweep with the event of keys, in the order of expiry, and once", async () => {
    const { ask, clock, services, poked } = world()
    await services().sweep()
    await ask("PUT /api/apps/e%2Fö?expire_in=20", body({}))
    await ask("PUT /keys?e-key=1&expire_in=15")
    await ask("PUT /api/apps/e-first?expire_in=10", body({}))
    await ask("PUT /api/apps/e-later?expire_in=1h30m", body({}))
    const start = clock.now
    clock.now += 20_000
    poked.length = 0
    expect(await services().sweep()).toBe(start + 5_400_000)
    expect(poked.map(({ uri, event, extra }) => [uri, event, extra])).toEqual([
      ["/api/apps/e-first", "delete", '{"reason":"expired"}'],
      ["/api/apps/e%2F%C3%B6", "delete", '{"reason":"expired"}'],
      ["/keys/e-key", "delete", '{"reason":"expired"}'],
    ])
    await services().sweep()
    expect(poked).toHaveLength(3)
    const rows = await env.DB.prepare(
      "SELECT name FROM documents WHERE expires_at IS NOT NULL",
    ).all()
    expect(rows.results).toEqual([{ name: "e-later" }])
  })

  it("counts as gone for whoever writes before the sweep, with its event first", async () => {
    const { ask, clock } = world()
    const cases: [string, object | undefined, Record<string, string>, number, unknown[]][] = [
      ["PUT /api/apps/$", body({ n: 2 }), {}, 204, [GONE, ["create", {}]]],
      ["PUT /api/apps/$", body({ n: 2 }), { "If-None-Match": "*" }, 204, [GONE, ["create", {}]]],
      ["PUT /api/apps/$", body({ n: 2 }), { "If-Match": "*" }, 412, []],
      ["PATCH /api/apps/$", body({ n: 2 }), {}, 404, []],
      ["PATCH /api/apps/$", body({ n: 2 }), { "If-Match": "*" }, 412, []],
      ["DELETE /api/apps/$", undefined, {}, 204, [GONE]],
      ["DELETE /api/apps/$", undefined, { "If-Match": "*" }, 412, []],
    ]
    for (const [at, [request, sent, headers, status, events]] of cases.entries()) {
      const name = `e-before-${at}`
      await ask(`PUT /api/apps/${name}?expire_in=1`, body({ n: 1 }))
      const before = (await told(name)).length
      clock.now += 1_000
      const answer = await ask(request.replace("$", name), sent, headers)
      expect(answer.status, request).toBe(status)
      expect((await told(name)).slice(before), request).toEqual(events)
    }
    const name = "e-post"
    await ask(`PUT /api/apps/${name}?expire_in=1`, body({}))
    clock.now += 1_000
    const made = await ask("POST /api/apps/?expire_in=5m", { name, ...body({ again: 1 }) })
    expect(made.status).toBe(201)
    const expires_at = clock.now + 300_000
    expect((await told(name)).slice(1)).toEqual([GONE, ["create", { expires_at }]])
  })

  it("never expires after a PUT without expire_in, which says so to who follows", async () => {
    const { ask, clock } = world()
    await ask("PUT /api/apps/e-kept?expire_in=60", body({ n: 1 }))
    await ask("PUT /api/apps/e-kept", body({ n: 2 }))
    await ask("PUT /api/apps/e-kept", body({ n: 3 }))
    expect((await told("e-kept")).slice(1)).toEqual([
      ["state", { expires_at: null }],
      ["state", {}],
    ])
    clock.now += 60_000
    const got = await ask("GET /api/apps/e-kept")
    expect([got.status, got.headers.get("X-Expires-At")]).toEqual([200, null])
  })

  it("is kept as it was by PATCH, later or never when that says so", async () => {
    const { ask, clock } = world()
    const start = clock.now
    await ask("PUT /api/apps/e-patch?expire_in=60", body({ n: 1 }))
    await ask("PATCH /api/apps/e-patch", body({ n: 2 }))
    clock.now += 59_999
    await ask("PATCH /api/apps/e-patch?expire_in=90s", body({ n: 3 }))
    expect((await told("e-patch")).slice(1)).toEqual([
      ["patch", {}],
      ["patch", { expires_at: start + 59_999 + 90_000 }],
    ])
    clock.now += 89_999
    expect((await ask("PATCH /api/apps/e-patch?expire_in=none", {})).status).toBe(204)
    expect((await told("e-patch")).at(-1)).toEqual(["patch", { expires_at: null }])
    clock.now += 1e9
    expect((await ask("GET /api/apps/e-patch")).text).toContain('"n":3')
  })

  it.each([
    "",
    "0",
    "-5",
    "1.5",
    "abc",
    "1e3",
    "5 m",
    "5y",
    "0s",
    "1000000001",
    "99999999999999999w",
  ])("refuses expire_in=%s and writes nothing", async (text) => {
    for (const request of ["PUT /api/apps/e-bad", "PATCH /api/apps/e-bad", "POST /api/apps/"]) {
      const answer = await send(`${request}?expire_in=${text}`, { name: "e-bad", data: {} })
      expect(answer).toMatchObject({ status: 400, json: { code: "invalid_request" } })
      expect(answer.json.errors["query.expire_in"]).toMatch(/seconds \(60\), a duration/)
    }
    expect(await journalOf("/api/apps/e-bad")).toEqual([])
  })

  it("costs as many rows as before without an expiry, one more with one", async () => {
    const rows = async (request: string) =>
      Number((await send(request, body({}))).headers.get("X-Rows-Written"))
    expect(await rows("PUT /api/apps/e-rows")).toBe(3)
    expect(await rows("PUT /api/apps/e-rows")).toBe(3)
    expect(await rows("PUT /api/apps/e-rows2?expire_in=60")).toBe(4)
    expect(await rows("PUT /api/apps/e-rows?expire_in=60")).toBe(4)
    expect(await rows("PUT /api/apps/e-rows2?expire_in=60")).toBeLessThanOrEqual(4)
  })

  it("is found by its index: sweeps and lists read no other documents for it", async () => {
    const { services } = world()
    const { results } = await env.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT uri FROM documents WHERE expires_at <= ?1 ORDER BY expires_at, uri",
    )
      .bind(1)
      .all<{ detail: string }>()
    expect(results.map(({ detail }) => detail).join()).toMatch(/documents_by_expiry/)
    const costOfSweep = async () => {
      const { sweep, db } = services()
      await sweep()
      return db.cost
    }
    await costOfSweep()
    const few = await costOfSweep()
    for (let at = 0; at < 20; at++) await send(`PUT /api/apps/e-many-${at}`, body({}))
    await send("PUT /api/apps/e-many?expire_in=1d", body({}))
    expect(await costOfSweep()).toEqual(few)
    // Seven of them for the keys that warn, however many there are.
    expect(few.rowsRead).toBeLessThanOrEqual(21)
    expect(few.rowsWritten).toBe(0)
  })

  it("expires in a batch too, where what expired before it is gone", async () => {
    const { ask, clock } = world()
    await ask("PUT /api/apps/e-batch?expire_in=1", body({ n: 1 }))
    clock.now += 1_000
    const operations = [
      { method: "PUT", uri: "/api/apps/e-batch2?expire_in=5m", body: body({}) },
      { method: "PUT", uri: "/api/apps/e-batch", body: body({ n: 2 }), if_none_match: "*" },
      { method: "DELETE", uri: "/api/apps/e-batch-none" },
    ]
    const { status, text } = await ask("POST /api/batch", { operations })
    expect([status, text]).toEqual([200, text])
    const { results } = JSON.parse(text)
    const stored = await journalOf("/api/apps/e-batch")
    expect(stored.map(({ event }) => event)).toEqual(["create", "delete", "create"])
    expect(results[1].revision).toBe(stored.at(-1)!.revision)
    expect(results[0].headers).toEqual({
      "x-expires-at": new Date(clock.now + 300_000).toISOString(),
    })
    expect(results[2].revision).toBeUndefined()
  })

  it("tells its subscribers by itself, on time", async () => {
    const [item, list] = [await connect(), await connect()]
    await list.ask("subscribe /api/apps/")
    await list.hear()
    await item.ask("subscribe /api/apps/e-live")
    await send("PUT /api/apps/e-live?expire_in=300ms", body({ n: 1 }))
    expect(await item.hear()).toMatchObject({ event: "state", expires_at: expect.any(Number) })
    const gone = { event: "delete", uri: "/api/apps/e-live", reason: "expired" }
    expect(await item.hear()).toMatchObject(gone)
    await vi.waitFor(() => expect(list.heard).toContainEqual(expect.objectContaining(gone)))
    expect((await send("GET /api/apps/e-live")).status).toBe(404)
  })

  it("is, whatever is done and whenever, what a model of it says; so is the journal", async () => {
    const names = ["e-m0", "e-m1"]
    const name = fc.constantFrom(...names)
    const expire = fc.constantFrom("", "none", "1", "1s", "2", "2500ms")
    const condition = fc.constantFrom("", "", "", "If-Match", "If-None-Match")
    const write = { name, expire, condition }
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant("PUT"), ...write }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("PATCH", "DELETE"), ...write }) },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant("wait"),
          milliseconds: fc.constantFrom(1, 999, 1_000, 1_500),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("sweep", "list") }) },
    )
    const lifetimes: Record<string, number> = { "1": 1e3, "2": 2e3, "1s": 1e3, "2500ms": 2_500 }
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25, size: "max" }),
        async (steps) => {
          const { ask, clock, services } = world()
          const own = (of: string) => `${of}-${run}`
          run++
          const model = new Map<string, { n: number; at: number }>()
          const alive = (of: string) => (model.get(of)?.at ?? 0) > clock.now
          for (const [n, one] of (steps as any[]).entries()) {
            if (one.do === "wait") clock.now += one.milliseconds
            else if (one.do === "sweep") await services().sweep()
            else if (one.do !== "list") {
              const uri = `/api/apps/${own(one.name)}${one.expire && one.do !== "DELETE" ? `?expire_in=${one.expire}` : ""}`
              const headers = one.condition ? { [one.condition]: "*" } : {}
              const sent = one.do === "DELETE" ? undefined : body({ n })
              const { status } = await ask(`${one.do} ${uri}`, sent, headers)
              const is = alive(one.name)
              const unmet =
                (one.condition === "If-Match" && !is) || (one.condition === "If-None-Match" && is)
              expect(status).toBe(unmet ? 412 : one.do === "PATCH" && !is ? 404 : 204)
              if (status !== 204) continue
              if (one.do === "PUT") {
                const { event } = (await journalOf(`/api/apps/${own(one.name)}`)).at(-1)!
                expect(event).toBe(is ? "state" : "create")
              }
              const set = clock.now + (lifetimes[one.expire] ?? Infinity)
              const kept = one.do === "PATCH" && one.expire === ""
              if (one.do === "DELETE") model.delete(one.name)
              else model.set(one.name, { n, at: kept ? model.get(one.name)!.at : set })
            }
            // A list ends what has expired, so it must not come before every look.
            const listed = one.do === "list" ? (await ask("GET /api/apps/")).text : null
            for (const of of names) {
              const got = await ask(`GET /api/apps/${own(of)}`)
              expect(got.status).toBe(alive(of) ? 200 : 404)
              if (listed) expect(listed.includes(`"${own(of)}"`)).toBe(alive(of))
              if (alive(of)) expect(JSON.parse(got.text).data).toEqual({ n: model.get(of)!.n })
            }
          }
          await services().sweep()
          for (const of of names) {
            let there = false
            for (const { event } of await journalOf(`/api/apps/${own(of)}`)) {
              expect(event === "create").toBe(!there)
              there = event !== "delete"
            }
            expect(there).toBe(alive(of))
          }
        },
      ),
      { numRuns: 15 },
    )
  }, 20_000)
})
