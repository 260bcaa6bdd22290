/** Values of any kind in JSON bodies, which is what sockets can send. */
import { describe, expect, it } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf, world } from "./keys.world.ts"
import { open, until } from "./live.world.ts"
import { call } from "./packets.ts"

const json = { "Content-Type": "application/json" }
const far = '{"id":9007199254740993,"b":[1.0,null],"1":{"c":"ö"},"0":{}}'
/** What a socket says, digits and all. */
const say = (id: number, members: string) => `{"id":${id},${members}}`

describe("a value in a JSON body", () => {
  it.each<[string, string, string, string]>([
    ["text", '"value":"dark"', '"dark"', "text/plain"],
    ["text of a type", '"value":"<p>","type":"text/html"', '"<p>"', "text/html"],
    ["JSON, as it was written", `"value":${far}`, far, "application/json"],
    ["a number", '"value":0.10', "0.10", "application/json"],
    [
      "JSON of another type",
      '"value":"a","type":"application/ld+json"',
      '"a"',
      "application/ld+json",
    ],
    [
      "bytes",
      '"base64":"AP+A"',
      '{"type":"application/octet-stream","size":3,"url":"/keys/NAME/value"}',
      "application/octet-stream",
    ],
    [
      "bytes of a type",
      '"base64":"AP+A","type":"image/png"',
      '{"type":"image/png","size":3,"url":"/keys/NAME/value"}',
      "image/png",
    ],
    ["text in base64", '"base64":"w7Y=","type":"text/plain"', '"ö"', "text/plain"],
  ])("may be %s", async (_kind, members, shown, type) => {
    const doors: ((name: string) => Promise<{ status: number }>)[] = [
      (name) => send("POST /keys/", `{"name":"${name}",${members}}`, json),
      async (name) => {
        await send(`PUT /keys?${name}=1`)
        return send(`PATCH /keys/${name}`, `{${members}}`, json)
      },
      (name) =>
        send("POST /keys/batch", `{"operations":[{"op":"set","name":"${name}",${members}}]}`, json),
      async (name) => {
        const one = await connect()
        one.say(
          say(1, `"event":"create","uri":"/keys/","attributes":{"name":"${name}",${members}}`),
        )
        const reply = await one.reply(1)
        return { status: reply.ok ? 201 : reply.problem.status }
      },
    ]
    for (const [at, door] of doors.entries()) {
      const name = `given-${at}`
      expect((await door(name)).status).toBeLessThan(300)
      for (const query of ["", "?consistency=strong"]) {
        const got = await send(`GET /keys/${name}${query}`)
        expect(got.text).toBe(`{"${name}":${shown.replace("NAME", name)}}`)
      }
      expect((await send(`GET /keys/${name}?meta=1`)).json.type).toBe(type)
      await send(`DELETE /keys/${name}`)
    }
  })

  it("may be JSON null, but for PATCH, where null means to delete", async () => {
    expect((await send("POST /keys/", '{"name":"nil","value":null}', json)).text).toBe(
      '{"nil":null}',
    )
    expect((await send("PATCH /keys/nil", { value: null })).status).toBe(400)
    expect((await send("PATCH /keys/nil", { nil: null })).status).toBe(400)
    expect((await send("PATCH /keys/nil", { nil: [null] })).status).toBe(204)
    expect((await send("GET /keys/nil")).text).toBe('{"nil":[null]}')
  })

  it("takes the place of all there was, in every copy", async () => {
    const live = open()
    const copies = [live.subscribe("/keys/swap"), live.subscribe("/keys/?match=swap")]
    for (const each of copies) await each.ready
    const { ask } = world()
    const set = (value: unknown) => ({ operations: [{ op: "set", name: "swap", value }] })
    const writes: [string, object][] = [
      ["POST /keys/", { name: "swap", value: { a: 1, b: { c: 1 } } }],
      ["PATCH /keys/swap", { value: { b: { d: 2 } } }],
      ["POST /keys/batch", set({ e: null })],
      ["POST /keys/batch", { operations: [{ op: "expire", name: "swap", expire_in: 60 }] }],
      ["PATCH /keys/swap", { base64: "AA==" }],
      ["POST /keys/batch", set("text")],
      ["PATCH /keys/swap", { swap: 7 }],
      ["PATCH /keys/swap", { inc: 0.5 }],
    ]
    for (const [request, body] of writes) {
      const { status, revision } = await send(request, body)
      expect(status, request).toBeLessThan(300)
      const { json: now } = await send("GET /keys/swap?consistency=strong")
      await until(copies[0]!, () => copies[0]!.revision === revision)
      await until(copies[1]!, () => copies[1]!.revision === revision)
      expect(copies.map(({ value }) => value)).toEqual([now, [now]])
    }
    expect((await ask("GET /keys/swap")).text).toBe('{"swap":7.5}')
    live.close()
  })
})

describe("inc in a PATCH", () => {
  it("counts as POST …/inc does, also over sockets, and loses none", async () => {
    const [one, two] = [await connect(), await call()]
    const counts = Array.from({ length: 20 }, (_, at) => [
      send("PATCH /keys/count", at % 2 ? { inc: 1 } : '{"inc":"0.10"}', json),
      one.ask({ event: "patch", uri: "/keys/count", patch: { inc: 1 } }),
      one.ask({ event: "create", uri: "/keys/count/inc?by=0.5", attributes: {} }),
    ])
    await Promise.all(counts.flat())
    const { ack } = await two.ask("patch", { uri: "keys/count", patch: { inc: -1 } })
    expect(ack).toMatchObject({ ok: true, revision: expect.any(Number) })
    expect((await send("GET /keys/count?consistency=strong")).text).toBe('{"count":"40"}')
    const made = await one.ask({ event: "create", uri: "/keys/count/dec", attributes: {} })
    expect(made).toMatchObject({ ok: true, resource: { count: "39" } })
    expect(await journalOf("/keys/count")).toHaveLength(62)
  })

  it("goes alone, and says what it cannot count", async () => {
    await send("PUT /keys?word=tide")
    expect((await send("PATCH /keys/word", { inc: 1 })).status).toBe(422)
    expect((await send("PATCH /keys/word", { inc: 1, expire_in: 60 })).status).toBe(400)
    expect((await send("PATCH /keys/word", { inc: [1] })).status).toBe(400)
    expect((await send("PATCH /keys/word?return=previous", { inc: 1 })).status).toBe(400)
    const known = { ...json, "If-Match": '"1"' }
    expect((await send("PATCH /keys/word", { inc: 1 }, known)).status).toBe(412)
    expect((await send("GET /keys/word")).json).toEqual({ word: "tide" })
  })
})
