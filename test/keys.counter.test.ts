/** Counting keys up and down. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { afterEach, describe, expect, it, vi } from "vitest"
import { send } from "./helpers.ts"
import { journalOf, kvWith, world } from "./keys.world.ts"

const valueOf = ({ json }: { json: Record<string, string> }) => Object.values(json)[0]
const inc = async (name: string, by: string) =>
  valueOf(await send(`POST /keys/${name}/inc?by=${by}`))

describe("POST /keys/{id}/inc and dec", () => {
  afterEach(() => vi.unstubAllGlobals())

  it("count a key that is not there from 0, and answer the new value", async () => {
    const first = await send("POST /keys/hits/inc")
    expect([first.status, first.text]).toEqual([200, '{"hits":"1"}'])
    expect((await send("POST /keys/hits/inc?by=41")).text).toBe('{"hits":"42"}')
    const down = await send("POST /keys/hits/dec?by=50")
    expect(down.text).toBe('{"hits":"-8"}')
    for (const consistency of ["edge", "strong"] as const) {
      const got = await world({ consistency }).ask("GET /keys/hits")
      expect([got.text, got.revision]).toEqual(['{"hits":"-8"}', down.revision])
    }
    expect((await send("GET /keys?filter=hits")).json).toEqual([{ hits: "-8" }])
    expect((await send("GET /keys/hits?meta=1")).json).toMatchObject({ size: 2, ttl: null })
    const changes = await journalOf("/keys/hits")
    expect(changes.map(({ event, body }) => [event, body])).toEqual([
      ["create", '{"hits":"1"}'],
      ["patch", '{"hits":"42"}'],
      ["patch", '{"hits":"-8"}'],
    ])
  })

  it("lose none of 200 at once, and tell each its own number", async () => {
    // Workers KV as it is tested here takes any number of writes at once; the pauses are of no use.
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => send("POST /keys/crowd/inc")),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(200))
    const told = answers.map((answer) => Number(valueOf(answer))).sort((a, b) => a - b)
    expect(told).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    for (const consistency of ["edge", "strong"] as const) {
      expect((await world({ consistency }).ask("GET /keys/crowd")).text).toBe('{"crowd":"200"}')
    }
  })

  it("know no noise of doubles", async () => {
    expect(await inc("exact", "0.1")).toBe("0.1")
    expect(await inc("exact", "0.2")).toBe("0.3")
    expect(await inc("exact", "-1.05")).toBe("-0.75")
    expect(await inc("exact", "0.750")).toBe("0")
    await send("PUT /keys?exact=9007199254740993")
    expect(await inc("exact", "1")).toBe("9007199254740994")
    await send("PUT /keys?exact=10.50")
    expect(await inc("exact", "0.5")).toBe("11")
    expect((await send("POST /keys/exact/inc?by=0.000000000000000001")).status).toBe(422)
  })

  it("add like integers of any size, as far as 64 bits reach", async () => {
    const decimal = fc
      .tuple(fc.bigInt(-(2n ** 63n) + 1n, 2n ** 63n - 1n), fc.nat(18), fc.nat(62))
      .map(([digits, scale, shift]) => textOf(digits >> BigInt(shift), scale))
    await fc.assert(
      fc.asyncProperty(decimal, decimal, async (value, by) => {
        await send(`PUT /keys?sum=${value}`)
        const scale = Math.max(placesOf(value), placesOf(by))
        const sum = digitsOf(value, scale) + digitsOf(by, scale)
        const parts = [digitsOf(value, scale), digitsOf(by, scale), sum]
        const fits = parts.every((one) => one < 2n ** 63n && one >= -(2n ** 63n))
        const answer = await send(`POST /keys/sum/inc?by=${by}`)
        if (fits)
          expect([value, by, answer.json]).toEqual([value, by, { sum: short(textOf(sum, scale)) }])
        else expect([value, by, answer.status]).toEqual([value, by, 422])
      }),
      { numRuns: 150 },
    )
  })

  it("leave the value alone when the sum would leave 64 bits", async () => {
    await send("PUT /keys?edge=9223372036854775806")
    expect(await inc("edge", "1")).toBe("9223372036854775807")
    const over = await send("POST /keys/edge/inc")
    expect(over.json).toMatchObject({ status: 422, errors: { by: expect.any(String) } })
    expect(await inc("edge", "0")).toBe("9223372036854775807")
    expect((await send("POST /keys/edge/inc?by=0.5")).status).toBe(422)
    await send("PUT /keys?edge=-9223372036854775807")
    expect(await inc("edge", "-1")).toBe("-9223372036854775808")
  })

  it("keep the type: a number in JSON stays one", async () => {
    await send("PUT /keys/json", "5", { "Content-Type": "application/json" })
    expect((await send("POST /keys/json/inc?by=0.5")).text).toBe('{"json":5.5}')
    expect((await send("GET /keys/json")).text).toBe('{"json":5.5}')
    const value = await send("GET /keys/json/value")
    expect([value.text, value.headers.get("Content-Type")]).toEqual(["5.5", "application/json"])
  })

  it.each(["red", "", "1e3", " 1", "+1", "01", "0x1f", "9223372036854775808", "NaN", "1,5"])(
    "refuse the value %j, which is no number",
    async (value) => {
      await send(`PUT /keys?word=${encodeURIComponent(value)}`)
      const answer = await send("POST /keys/word/inc")
      expect(answer.json).toMatchObject({ status: 422, code: "unprocessable" })
      expect((await send("GET /keys/word")).json).toEqual({ word: value })
    },
  )

  it("refuse what is no text and no number in JSON", async () => {
    for (const [body, type] of [
      ["{}", "application/json"],
      ['"5"', "application/json"],
      ["5", "a/b"],
    ]) {
      await send("PUT /keys/other", body, { "Content-Type": type! })
      expect((await send("POST /keys/other/inc")).status).toBe(422)
    }
  })

  it.each(["", "x", "1e3", "--1", "9223372036854775808", "0.1234567890123456789", "1 "])(
    "refuse to count by %j",
    async (by) => {
      const answer = await send(`POST /keys/none/inc?by=${encodeURIComponent(by)}`)
      expect(answer.json).toMatchObject({ status: 400, errors: { "query.by": expect.any(String) } })
      expect((await send("GET /keys/none")).status).toBe(404)
    },
  )

  it("keep the expiry; only a key that they create is given one", async () => {
    const { ask, clock } = world()
    const at = clock.now + 10_000
    for (let count = 1; count <= 3; count++) {
      const answer = await ask("POST /keys/window/inc?expire_in=10s")
      expect(answer.text).toBe(`{"window":"${count}"}`)
      clock.now += 3_000
    }
    expect((await journalOf("/keys/window")).map(({ extra }) => extra)).toEqual(
      Array(3).fill(`{"expires_at":${at}}`),
    )
    clock.now = at
    expect((await ask("GET /keys/window")).status).toBe(404)
    // A new window begins, and the end of the old one is told.
    expect((await ask("POST /keys/window/inc")).text).toBe('{"window":"1"}')
    clock.now += 1e9
    expect((await ask("GET /keys/window")).text).toBe('{"window":"1"}')
    const events = (await journalOf("/keys/window")).map(({ event }) => event)
    expect(events).toEqual(["create", "patch", "patch", "delete", "create"])
    expect((await ask("POST /keys/window/inc?expire_in=0")).status).toBe(400)
  })

  it("count under conditions", async () => {
    const { revision } = await send("PUT /keys?guarded=1")
    const match = { "If-Match": `"${revision}"` }
    expect((await send("POST /keys/guarded/inc", undefined, match)).status).toBe(200)
    const refused = await send("POST /keys/guarded/inc", undefined, match)
    expect(refused.json).toMatchObject({ status: 412, current: { guarded: "2" } })
    expect((await send("POST /keys/absent/inc", undefined, { "If-Match": "*" })).status).toBe(412)
  })

  it("count what the journal has forgotten", async () => {
    const { ask, services } = world()
    await ask("PUT /keys?old=41")
    await ask("PUT /keys?newer=1")
    await services().feed.trim(0, 0)
    expect((await ask("POST /keys/old/inc")).text).toBe('{"old":"42"}')
  })

  it("are right in lists, whatever Workers KV has, also when the journal has forgotten them", async () => {
    const { ask, services } = world()
    await ask("PUT /keys?listed=1")
    const late = world({ kv: kvWith({ put: async () => {} }) })
    expect((await late.ask("POST /keys/listed/inc")).text).toBe('{"listed":"2"}')
    await ask("PUT /keys?listed-later=1")
    await services().feed.trim(-1_000, 0)
    expect((await ask("GET /keys/?match=listed")).text).toBe('[{"listed":"2"}]')
  })

  it("count once and say so while Workers KV fails, because whoever sends it again counts again", async () => {
    vi.stubGlobal("setTimeout", (call: () => void) => queueMicrotask(call))
    for (const method of ["error", "warn"] as const) vi.spyOn(console, method).mockReturnValue()
    await send("PUT /keys?lasting=1")
    let isDown = true
    const failing = kvWith({
      put: async (...args: unknown[]) => {
        if (isDown) throw new Error("KV PUT failed: 500")
        return (env.KV.put as Function)(...args)
      },
    })
    const { ask } = world({ kv: failing })
    expect(await ask("POST /keys/lasting/inc")).toMatchObject({
      status: 200,
      text: '{"lasting":"2"}',
    })
    expect((await ask("PATCH /keys/lasting", { inc: 1 })).status).toBe(204)
    expect((await send("GET /keys/lasting?consistency=strong")).json).toEqual({ lasting: "3" })
    expect(await env.KV.get("lasting")).toBe("1")
    isDown = false
    expect((await ask("POST /keys/lasting/inc")).text).toBe('{"lasting":"4"}')
    await vi.waitFor(async () => expect(await env.KV.get("lasting")).toBe("4"))
    // What can be sent again without harm is not acknowledged.
    isDown = true
    expect((await ask("PUT /keys?plainly=1")).status).toBe(503)
    vi.restoreAllMocks()
  })

  it("write two rows", async () => {
    await send("POST /keys/cheap/inc")
    expect((await send("POST /keys/cheap/inc")).headers.get("X-Rows-Written")).toBe("2")
  })

  it.each(["__proto__", 'a"b\\c', "a/b", "\0", "é😀"])("count a key called %j", async (name) => {
    const uri = `/keys/${encodeURIComponent(name)}`
    await send(`POST ${uri}/inc`)
    expect((await send(`POST ${uri}/inc`)).text).toBe(`{${JSON.stringify(name)}:"2"}`)
    expect((await world({ consistency: "strong" }).ask(`GET ${uri}`)).text).toBe(
      `{${JSON.stringify(name)}:"2"}`,
    )
  })
})

function textOf(digits: bigint, scale: number): string {
  const sign = digits < 0n ? "-" : ""
  const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0")
  const at = padded.length - scale
  return sign + padded.slice(0, at) + (scale > 0 ? `.${padded.slice(at)}` : "")
}

function placesOf(text: string): number {
  return text.split(".")[1]?.length ?? 0
}

function digitsOf(text: string, scale: number): bigint {
  return BigInt(text.replace(".", "") + "0".repeat(scale - placesOf(text)))
}

function short(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text
}
