/** Values of any type and size under a key's own URI. */
import { env } from "cloudflare:workers"
import { afterEach, describe, expect, it, vi } from "vitest"
import { send } from "./helpers.ts"
import { journalOf, kvWith, world } from "./keys.world.ts"

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0xff, 0xfe)
const MB = 1_000_000
const HOUR = 3_600_000

/** Bytes that no compression and no chance makes alike. */
function bytesOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const digest = async (bytes: BufferSource) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()

/** The bytes in pieces, without a length announced. */
function streamed(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, (at += 65_536)))
    },
  })
}

const blobsInKv = async () =>
  (await env.KV.list({ prefix: "blob:" })).keys.map(({ name }) => name).toSorted()
const blobsNoted = async () => {
  const { results } = await env.DB.prepare("SELECT name FROM key_blobs ORDER BY name").all()
  return results.map(({ name }) => name)
}

describe("PUT /keys/{id} with a body", () => {
  it("keeps text, which old clients read as they always did", async () => {
    const put = await send("PUT /keys/greeting", "héllo\n", { "Content-Type": "text/plain" })
    expect([put.status, put.text]).toEqual([204, ""])
    const got = await send("GET /keys/greeting")
    expect([got.text, got.revision]).toEqual(['{"greeting":"héllo\\n"}', put.revision])
    const value = await send("GET /keys/greeting/value")
    expect([value.text, value.revision]).toEqual(["héllo\n", put.revision])
    expect(value.headers.get("Content-Type")).toBe("text/plain; charset=utf-8")
    // fetch labels a string, curl -d a form; both are text.
    for (const type of ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded"]) {
      await send("PUT /keys/greeting", "a=b", { "Content-Type": type })
      expect((await send("GET /keys/greeting")).text).toBe('{"greeting":"a=b"}')
    }
  })

  it("keeps JSON with its numbers, and tells it as itself", async () => {
    const json = '{ "big": 12345678901234567890,\n "one": 1.0, "none": null }'
    const put = await send("PUT /keys/config", json, { "Content-Type": "application/json" })
    expect(put.status).toBe(204)
    const compact = '{"big":12345678901234567890,"one":1.0,"none":null}'
    expect((await send("GET /keys/config")).text).toBe(`{"config":${compact}}`)
    expect((await send("GET /keys?filter=config")).text).toBe(`[{"config":${compact}}]`)
    const value = await send("GET /keys/config/value")
    expect([value.text, value.headers.get("Content-Type")]).toEqual([compact, "application/json"])
    for (const scalar of ["null", "5", '"text"', "false", "[]"]) {
      await send("PUT /keys/config", scalar, { "Content-Type": "application/vnd.x+json" })
      expect((await send("GET /keys/config")).text).toBe(`{"config":${scalar}}`)
    }
  })

  it("keeps bytes with their type, and tells of them what they are and where", async () => {
    const { give, ask } = world()
    const put = await give("PUT /keys/logo%2Fsmall", PNG, { "Content-Type": "image/png" })
    expect(put.status).toBe(204)
    const told = '{"logo/small":{"type":"image/png","size":7,"url":"/keys/logo%2Fsmall/value"}}'
    for (const consistency of ["edge", "strong"] as const) {
      const reader = world({ consistency })
      expect((await reader.ask("GET /keys/logo%2Fsmall")).text).toBe(told)
      const value = await reader.give("GET /keys/logo%2Fsmall/value")
      expect(await value.bytes()).toEqual(PNG)
      expect(value.headers.get("Content-Type")).toBe("image/png")
      expect(value.headers.get("ETag")).toBe(put.headers.get("ETag"))
      // Somebody's page must not act as one of ours.
      expect(value.headers.get("Content-Security-Policy")).toBe("sandbox")
    }
    expect((await ask("GET /keys?filter=logo")).text).toBe(`[${told}]`)
    expect((await journalOf("/keys/logo%2Fsmall")).at(-1)).toMatchObject({ body: told })
    const head = await give("HEAD /keys/logo%2Fsmall/value")
    expect([head.status, head.headers.get("Content-Type")]).toEqual([200, "image/png"])
    const known = { "If-None-Match": put.headers.get("ETag")! }
    expect((await give("GET /keys/logo%2Fsmall/value", undefined, known)).status).toBe(304)
    await give("PUT /keys/empty", "", { "Content-Type": "image/png" })
    expect((await give("GET /keys/empty/value")).headers.get("Content-Type")).toBe("image/png")
    expect((await ask("GET /keys/nobody/value")).status).toBe(404)
  })

  it("lets a key change its kind", async () => {
    const { give, ask } = world()
    await give("PUT /keys/kind", PNG, { "Content-Type": "image/png" })
    await ask("PATCH /keys/kind", { value: "text" })
    expect((await ask("GET /keys/kind/value")).headers.get("Content-Type")).toMatch(/text\/plain/)
    await ask("PUT /keys/kind", { a: 1 })
    await ask("PATCH /keys/kind", { expire_in: 50 })
    expect((await ask("GET /keys/kind")).text).toBe('{"kind":{"a":1}}')
    await ask("PUT /keys?kind=old")
    expect((await ask("GET /keys/kind")).text).toBe('{"kind":"old"}')
    // A merge patch would mix an object with the one before it, so only text is told by one.
    const events = (await journalOf("/keys/kind")).map(({ event }) => event)
    expect(events).toEqual(["create", "patch", "state", "state", "patch"])
  })

  it.each([
    ["{", "application/json", 400, "invalid_json"],
    ["[".repeat(200), "application/json", 422, "unprocessable"],
    [Uint8Array.of(0xff), "text/plain", 400, "invalid_request"],
    ["x", "nonsense", 415, "unsupported_type"],
    ["x", `a/${"b".repeat(200)}`, 415, "unsupported_type"],
  ])("refuses %j as %s with %d", async (body, type, status, code) => {
    const { give } = world()
    const answer = await give("PUT /keys/refused", body, { "Content-Type": type })
    expect(await answer.json()).toMatchObject({ status, code })
    expect((await give("GET /keys/refused")).status).toBe(404)
  })

  it("refuses what is zipped, which nobody would unzip", async () => {
    const zipped = await send("PUT /keys/refused", "x", { "Content-Encoding": "gzip" })
    expect(zipped.json).toMatchObject({ status: 415, code: "unsupported_type" })
  })

  it("takes conditions and options", async () => {
    const once = { "If-None-Match": "*", "Content-Type": "text/plain" }
    const { revision } = await send("PUT /keys/cond", "1", once)
    expect((await send("PUT /keys/cond", "2", once)).json).toMatchObject({
      status: 412,
      current: { cond: "1" },
    })
    const text = { "Content-Type": "text/plain" }
    const match = { ...text, "If-Match": `"${revision}"` }
    expect((await send("PUT /keys/cond?expire_in=5m", "2", match)).status).toBe(204)
    expect((await send("PUT /keys/cond", "3", match)).status).toBe(412)
    expect((await send("PUT /keys/new", "3", { ...text, "If-Match": "*" })).status).toBe(412)
    for (const query of ["expire_in=x", "expire_at=x", "keep_ttl=x", "return=x"]) {
      const answer = await send(`PUT /keys/cond?${query}`, "4", text)
      const place = `query.${query.split("=")[0]}`
      expect(answer.json).toMatchObject({ status: 400, errors: { [place]: expect.any(String) } })
    }
    expect((await send("GET /keys/cond")).json).toEqual({ cond: "2" })
  })
})

describe("large values", () => {
  afterEach(() => vi.restoreAllMocks())

  it.each([MB, MB + 1, 5 * MB])("of %d bytes come back as they went in", async (size) => {
    const bytes = bytesOf(size)
    for (const body of [bytes, streamed(bytes)]) {
      const put = await world().give("PUT /keys/big", body, { "Content-Type": "video/x" })
      expect(put.status).toBe(204)
      for (const consistency of ["edge", "strong"] as const) {
        const { ask, give } = world({ consistency })
        expect(JSON.parse((await ask("GET /keys/big")).text)).toEqual({
          big: { type: "video/x", size, url: "/keys/big/value" },
        })
        const value = await give("GET /keys/big/value")
        expect(await digest(await value.arrayBuffer())).toBe(await digest(bytes))
        expect((await give("HEAD /keys/big/value")).status).toBe(200)
      }
    }
  })

  it("end at 25 MiB, announced or not", async () => {
    const { give } = world()
    const bytes = bytesOf(26_214_401)
    const whole = await give("PUT /keys/limit", bytes.subarray(1), {})
    expect(whole.status).toBe(204)
    for (const body of [bytes, streamed(bytes)]) {
      const answer = await give("PUT /keys/over", body, {})
      expect(await answer.json()).toMatchObject({ status: 413, limit: 26_214_400 })
    }
    expect((await give("GET /keys/over")).status).toBe(404)
    const value = await give("GET /keys/limit/value")
    expect((await value.arrayBuffer()).byteLength).toBe(26_214_400)
    await give("DELETE /keys/limit")
  })

  it("of text and JSON are told like bytes", async () => {
    const json = JSON.stringify(["x".repeat(MB)])
    await send("PUT /keys/long", json, { "Content-Type": "application/json" })
    const size = json.length
    const told = { long: { type: "application/json", size, url: "/keys/long/value" } }
    expect((await send("GET /keys/long")).json).toEqual(told)
    expect((await send("GET /keys?filter=long")).json).toEqual([told])
    await send("PATCH /keys/long", { expire_in: 50 })
    expect((await send("GET /keys/long")).json).toEqual(told)
    const answer = await world().give("GET /keys/long/value")
    expect(await answer.text()).toBe(json)
  })

  it("are swept when no key names them any more, an hour after they were made", async () => {
    const { give, ask, clock, services } = world()
    clock.now += 3 * HOUR
    await services().blobs.sweep()
    await ask("DELETE /keys")
    clock.now += 3 * HOUR
    await services().blobs.sweep()
    expect(await blobsInKv()).toEqual([])
    for (const name of ["kept", "replaced", "deleted", "expired"]) {
      const query = name === "expired" ? "?expire_in=5" : ""
      await give(`PUT /keys/${name}${query}`, bytesOf(MB + 1), {})
    }
    // Refused after the upload: nobody names this one.
    await give("PUT /keys/kept", bytesOf(MB + 1), { "If-None-Match": "*" })
    await ask("PUT /keys?replaced=1")
    await ask("DELETE /keys/deleted")
    clock.now += 5_000
    await services().sweep()
    await services().blobs.sweep()
    expect(await blobsInKv()).toHaveLength(5)
    clock.now += HOUR
    await services().blobs.sweep()
    const left = await blobsInKv()
    expect(left).toHaveLength(1)
    expect(await blobsNoted()).toEqual(left)
    expect((await ask("GET /keys/kept/value")).status).toBe(200)
  })

  it("are swept in the end although Workers KV failed to delete them", async () => {
    vi.stubGlobal("setTimeout", (call: () => void) => queueMicrotask(call))
    vi.spyOn(console, "error").mockImplementation(() => {})
    const { give, ask, clock } = world()
    await give("PUT /keys/stuck", bytesOf(MB + 1), {})
    await ask("DELETE /keys/stuck")
    const dead = async () => {
      throw new Error("KV DELETE failed: 500")
    }
    const broken = world({ kv: kvWith({ delete: dead }) })
    broken.clock.now = clock.now + 2 * HOUR
    await expect(broken.services().blobs.sweep()).rejects.toThrow()
    vi.unstubAllGlobals()
    const before = (await blobsInKv()).length
    clock.now += 2 * HOUR
    await world().services().blobs.sweep()
    expect(await blobsInKv()).toHaveLength(before - 1)
  })

  it("cannot be named once they are doomed", async () => {
    const { give, clock, services } = world()
    const slow = kvWith({
      put: async (...args: unknown[]) => {
        await (env.KV.put as Function)(...args)
        if (!String(args[0]).startsWith("blob:")) return
        clock.now += 2 * HOUR
        await services().blobs.sweep()
      },
    })
    const late = world({ kv: slow })
    late.clock.now = clock.now
    const answer = await late.give("PUT /keys/late", bytesOf(MB + 1), {})
    expect(answer.status).toBe(409)
    expect((await give("GET /keys/late")).status).toBe(404)
  })

  it("are read anew when the one an edge still points to is gone", async () => {
    const { give, ask, clock, services } = world()
    await give("PUT /keys/stale", bytesOf(MB + 1), {})
    const old = await env.KV.getWithMetadata("stale")
    await give("PUT /keys/stale", "new", { "Content-Type": "text/plain" })
    clock.now += 2 * HOUR
    await services().blobs.sweep()
    await env.KV.put("stale", old.value!, { metadata: old.metadata })
    expect((await ask("GET /keys/stale/value")).text).toBe("new")
  })

  it("that Workers KV does not take leave the key as it was", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    await send("PUT /keys?firm=1")
    const dead = kvWith({
      put: async () => {
        throw new Error("KV PUT failed: 500")
      },
    })
    const answer = await world({ kv: dead }).give("PUT /keys/firm", bytesOf(MB + 1), {})
    expect(await answer.json()).toMatchObject({ status: 503, code: "overloaded" })
    expect((await send("GET /keys/firm")).json).toEqual({ firm: "1" })
  })
})

describe("what a set costs", () => {
  it.each([
    ["PUT /keys?price=1", undefined],
    ["PUT /keys?price=2&expire_in=100", undefined],
    ["PUT /keys/price?expire_at=2050-01-01", "bytes"],
    ["PUT /keys/price", "x".repeat(500_000)],
  ])("%s: one write to Workers KV, at most three rows", async (request, body) => {
    let puts = 0
    const counting = kvWith({
      put: async (...args: unknown[]) => {
        puts++
        return (env.KV.put as Function)(...args)
      },
    })
    const answer = await world({ kv: counting }).give(request, body, { "Content-Type": "a/b" })
    expect(answer.ok).toBe(true)
    expect(puts).toBe(1)
    expect(Number(answer.headers.get("X-Rows-Written"))).toBeLessThanOrEqual(3)
  })

  it.each([
    ["PUT /keys/dear", 3],
    ["PUT /keys/dear?expire_in=100", 4],
  ])(
    "%s with more than a row holds: two writes, and a row more to find the value by",
    async (request, rows) => {
      const keys: unknown[] = []
      const counting = kvWith({
        put: async (...args: unknown[]) => {
          keys.push(args[0])
          return (env.KV.put as Function)(...args)
        },
      })
      const answer = await world({ kv: counting }).give(request, bytesOf(MB + 1), {})
      expect(answer.status).toBe(204)
      expect(keys).toEqual([expect.stringMatching(/^blob:/), "dear"])
      expect(answer.headers.get("X-Rows-Written")).toBe(String(rows))
      await send("DELETE /keys/dear")
    },
  )
})
