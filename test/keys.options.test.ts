/** What a write of a key may ask for: its expiry in every form, and what was there before. */
import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"
import { journalOf, world } from "./keys.world.ts"

describe("expiry in every form", () => {
  it.each([
    ["PUT /keys?form=1&expire_in=5m", undefined],
    ["PUT /keys?form=1&expire_at={at}", undefined],
    ["PUT /keys?form=1&expire_at={iso}", undefined],
    ["PUT /keys/form?expire_in=300", { value: 1 }],
    ["PUT /keys/form?expire_at={iso}", { value: 1 }],
    ["POST /keys/ ", { name: "form", value: "1", expire_in: "5m" }],
    ["POST /keys/ ", { name: "form", value: "1", expire_at: "{iso}" }],
    ["PATCH /keys/form ", { expire_in: "5m" }],
    ["PATCH /keys/form ", { expire_at: "{iso}" }],
    ["POST /keys/form/inc?expire_in=5m", undefined],
  ])("%s %j is gone to the millisecond", async (request, body) => {
    for (const consistency of ["edge", "strong"] as const) {
      const { ask, clock, services } = world({ consistency })
      clock.now = Math.ceil(clock.now / 1_000) * 1_000
      const at = clock.now + 300_000
      const filled = (text: string) =>
        text
          .replace("{iso}", encodeURIComponent(new Date(at).toISOString()))
          .replace("{at}", String(at / 1_000))
      await ask("DELETE /keys/form")
      if (request.startsWith("PATCH")) await ask("PUT /keys?form=1&expire_in=5")
      const given = body && JSON.parse(decodeURIComponent(filled(JSON.stringify(body))))
      expect((await ask(filled(request).trim(), given)).status).toBeLessThan(300)
      expect((await journalOf("/keys/form")).at(-1)?.extra).toBe(`{"expires_at":${at}}`)
      clock.now = at - 1
      for (const uri of ["/keys/form", "/keys/form/value", "/keys/form?meta=1"]) {
        const got = await ask(`GET ${uri}`)
        expect([uri, got.status]).toEqual([uri, 200])
        expect(got.headers.get("X-Expires-At")).toBe(new Date(at).toISOString())
        expect((await ask(`HEAD ${uri}`)).status).toBe(200)
      }
      expect((await ask("GET /keys?filter=form")).text).not.toBe("[]")
      clock.now = at
      for (const uri of ["/keys/form", "/keys/form/value", "/keys/form?meta=1"]) {
        expect([uri, (await ask(`GET ${uri}`)).status]).toEqual([uri, 404])
        expect((await ask(`HEAD ${uri}`)).status).toBe(404)
      }
      expect((await ask("GET /keys?filter=form")).text).toBe("[]")
      await services().sweep()
      const last = (await journalOf("/keys/form")).at(-1)
      expect(last).toMatchObject({ event: "delete", extra: '{"reason":"expired"}', at })
    }
  })

  it("keep_ttl keeps what there is, and only that", async () => {
    const { ask, clock } = world()
    const at = clock.now + 10_000
    await ask("PUT /keys?kept=1&expire_in=10")
    await ask("PUT /keys?kept=2&keep_ttl=1")
    await ask("PUT /keys/kept?keep_ttl=true", { n: 3 })
    expect((await ask("GET /keys/kept?meta=1")).text).toContain(`"ttl":10,"expires_at":${at}`)
    expect((await journalOf("/keys/kept")).map(({ extra }) => extra)).toEqual(
      Array(3).fill(`{"expires_at":${at}}`),
    )
    clock.now = at
    expect((await ask("GET /keys/kept")).status).toBe(404)
    await ask("PUT /keys?kept=4&keep_ttl=1")
    clock.now += 1e9
    expect((await ask("GET /keys/kept")).text).toBe('{"kept":"4"}')
    await ask("PUT /keys?kept=5&expire_in=10")
    await ask("PUT /keys?kept=6&keep_ttl=0")
    expect((await ask("GET /keys/kept?meta=1")).text).toContain('"ttl":null,"expires_at":null')
  })

  it.each([
    ["expire_in=5&expire_at=2050-01-01", "query.expire_in"],
    ["expire_in=5&keep_ttl=1", "query.keep_ttl"],
    ["expire_at=2050-01-01&keep_ttl=1", "query.expire_at"],
    ["expire_at=2001-01-01", "query.expire_at"],
    ["expire_at=2050-02-30", "query.expire_at"],
    ["expire_at=2050-01-01T00:00", "query.expire_at"],
    ["expire_at=", "query.expire_at"],
    ["expire_in=5x", "query.expire_in"],
    ["keep_ttl=maybe", "query.keep_ttl"],
    ["return=everything", "query.return"],
  ])("refuses %s, in both forms of PUT", async (query, place) => {
    const errors = { [place]: expect.any(String) }
    for (const request of [`PUT /keys?odd=1&${query}`, `PUT /keys/odd?${query}`]) {
      const answer = await send(request, request.includes("/odd") ? "1" : undefined)
      expect([request, answer.json]).toMatchObject([request, { status: 400, errors }])
    }
    expect((await send("GET /keys/odd")).status).toBe(404)
  })

  it.each([
    [{ expire_in: 5, expire_at: null }, "expire_in"],
    [{ expire_at: "soon" }, "expire_at"],
    [{ expire_at: 5 }, "expire_at"],
    [{ expire_in: "5" }, "expire_in"],
    [{ expire_in: true }, "expire_in"],
  ])("refuses %j in a PATCH", async (body, place) => {
    await send("PUT /keys?odd2=1")
    const answer = await send("PATCH /keys/odd2", body)
    expect(answer.json).toMatchObject({ status: 400, errors: { [place]: expect.any(String) } })
  })

  it.each([
    ["PUT /keys/slip?expires_in=5", "expires_in"],
    ["PUT /keys/slip?ttl=5", "ttl"],
    ["PATCH /keys/slip?expire_in=5", "expire_in"],
    ["DELETE /keys/slip?retrun=previous", "retrun"],
    ["POST /keys/slip/inc?amount=5", "amount"],
    ["POST /keys/slip/dec?return=previous", "return"],
  ])("refuses %s, which it does not know", async (request, parameter) => {
    const { revision } = await send("PUT /keys?slip=1")
    const { json } = await send(request, request.startsWith("P") ? {} : undefined)
    const errors = { query: expect.stringContaining(`"${parameter}"`) }
    expect(json).toMatchObject({ status: 400, code: "invalid_request", errors })
    expect(await send("GET /keys/slip")).toMatchObject({ revision, json: { slip: "1" } })
  })

  it("removes it by expire_at: null too", async () => {
    const { ask } = world()
    await ask("PUT /keys?freed=1&expire_in=10")
    expect((await ask("PATCH /keys/freed", { expire_at: null })).status).toBe(204)
    expect((await ask("GET /keys/freed?meta=1")).text).toContain('"expires_at":null')
  })
})

describe("keys with the names of options", () => {
  it.each([
    "expire_at",
    "keep_ttl",
    "return",
    "meta",
    "value",
    "inc",
    "warn",
    "type",
    "base64",
    "on_expire",
  ])("%s", async (name) => {
    expect((await send(`PUT /keys?${name}=x`)).text).toBe("success")
    expect((await send(`GET /keys/${name}`)).json).toEqual({ [name]: "x" })
    expect((await send(`PATCH /keys/${name}`, { [name]: "y" })).status).toBe(204)
    expect((await send(`GET /keys/${name}/value`)).text).toBe("y")
  })
})

describe("meta=1", () => {
  it("tells of a key without its value", async () => {
    const { ask, give, clock } = world()
    const { revision } = await ask("PUT /keys?about=héllo&expire_in=90")
    clock.now += 500
    for (const consistency of ["edge", "strong"] as const) {
      const reader = world({ consistency })
      reader.clock.now = clock.now
      expect(JSON.parse((await reader.ask("GET /keys/about?meta=1")).text)).toEqual({
        name: "about",
        type: "text/plain",
        size: 6,
        revision,
        ttl: 90,
        expires_at: clock.now + 89_500,
        warn: null,
        on_expire: null,
      })
    }
    await give("PUT /keys/about", Uint8Array.of(1, 2, 3), { "Content-Type": "image/png" })
    const meta = await ask("GET /keys/about?meta=1")
    expect(JSON.parse(meta.text)).toMatchObject({ type: "image/png", size: 3, ttl: null })
    expect(meta).toMatchObject({ queries: 1 })
    expect(meta.headers.get("X-Consistency")).toBe("strong")
    expect((await ask("GET /keys/nobody?meta=1")).status).toBe(404)
    expect((await ask("GET /keys/about?meta=2")).status).toBe(400)
  })

  it("is told anew while a time to live goes down, whoever has the revision", async () => {
    const { ask, clock } = world()
    const { revision } = await ask("PUT /keys?aging=1&expire_in=90")
    const known = { "If-None-Match": `"${revision}"` }
    clock.now += 40_000
    expect((await ask("GET /keys/aging?meta=1", undefined, known)).text).toContain('"ttl":50')
    expect((await ask("GET /keys/aging", undefined, known)).status).toBe(304)
  })
})

describe("return=previous", () => {
  it("answers what was there, or null, from every write", async () => {
    expect((await send("PUT /keys?before=1&return=previous")).text).toBe("null")
    expect((await send("PUT /keys?before=2&return=previous")).text).toBe('{"before":"1"}')
    const json = { "Content-Type": "application/json" }
    expect((await send("PUT /keys/before?return=previous", "[3]", json)).text).toBe(
      '{"before":"2"}',
    )
    const patched = await send("PATCH /keys/before?return=previous", { value: "4" })
    expect([patched.status, patched.text]).toEqual([200, '{"before":[3]}'])
    expect((await send("DELETE /keys/before?return=previous")).text).toBe('{"before":"4"}')
    expect((await send("DELETE /keys/before?return=previous")).text).toBe("null")
    expect((await send("PATCH /keys/before?return=previous", { value: "5" })).status).toBe(404)
    await send("PUT /keys/before", "bytes", { "Content-Type": "a/b" })
    expect((await send("PUT /keys?before=6&return=previous")).json).toEqual({
      before: { type: "a/b", size: 5 },
    })
  })

  it("of a key that has expired is null", async () => {
    const { ask, clock } = world()
    await ask("PUT /keys?past=1&expire_in=5")
    clock.now += 5_000
    expect((await ask("PUT /keys?past=2&return=previous")).text).toBe("null")
  })

  it("is right although the journal has forgotten, and Workers KV alone remembers", async () => {
    const { ask, services } = world()
    await ask("PUT /keys?dim=1")
    await ask("PUT /keys?newest=1")
    await services().feed.trim(0, 0)
    expect((await ask("PUT /keys?dim=2&return=previous")).text).toBe('{"dim":"1"}')
  })

  it("hands each value of thirty writers at once to exactly one of the others", async () => {
    await send("PUT /keys?baton=start")
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => send(`PUT /keys?baton=${at}&return=previous`)),
    )
    const taken = answers.map(({ json }) => json.baton)
    const last = (await send("GET /keys/baton")).json.baton
    const all = ["start", ...Array.from({ length: 30 }, (_, at) => String(at))]
    expect([...taken, last].toSorted()).toEqual(all.toSorted())
  })
})
