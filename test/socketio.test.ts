/** Socket.IO over WebSocket: what the clients of Flask-SocketAPI knew, and what they could not rely on. */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { call, open } from "./packets.ts"

const hub = () => hubOf(env as never)

describe("a client of Socket.IO", () => {
  it("is told the facts of the session, and connects with a name of its own", async () => {
    const one = await open()
    const opened = await one.packet()
    expect(opened[0]).toBe("0")
    const { sid, upgrades, pingInterval, pingTimeout } = JSON.parse(opened.slice(1))
    expect(upgrades).toEqual([])
    // What a timer of JavaScript can wait, and what proxies do.
    expect(pingInterval + pingTimeout).toBeLessThan(100_000)
    one.say("40")
    const connected = await one.packet()
    expect(connected).toMatch(/^40\{"sid":"[^"]+"\}$/)
    expect(JSON.parse(connected.slice(2)).sid).not.toBe(sid)
  })

  it("gets the original's events and payloads, with the revision, each before its ack", async () => {
    const one = await call()
    const subscribed = await one.ask("subscribe", "/todo/")
    expect(subscribed.events).toEqual([
      ["state", { uri: "/todo/", revision: subscribed.ack.revision, resource: [], members: [] }],
    ])
    expect(subscribed.ack).toMatchObject({ ok: true, uri: "/todo/", epoch: expect.any(String) })
    const { ack, events } = await one.ask("create", { uri: "/todo/", attributes: { text: "a" } })
    const { member, revision } = ack
    const todo = { id: member.split("/")[2], text: "a", completed: false }
    expect(ack).toEqual({ ok: true, uri: "/todo/", revision, member, resource: todo })
    expect(events).toEqual([["create", { uri: "/todo/", revision, member, resource: todo }]])
    const patch = { completed: true }
    const patched = await one.ask("patch", { uri: member, patch })
    expect(patched.ack).toEqual({ ok: true, uri: member, revision: patched.ack.revision })
    expect(patched.events).toEqual([
      ["patch", { uri: member, revision: patched.ack.revision, patch }],
    ])
    const deleted = await one.ask("delete", { uri: member })
    expect(deleted.events).toEqual([["delete", { uri: member, revision: deleted.ack.revision }]])
  })

  it("is told nothing of its own writes where it did not subscribe, but by the ack", async () => {
    const one = await call()
    const { ack, events } = await one.ask("create", { uri: "/todo/", attributes: {} })
    expect([ack.ok, events]).toEqual([true, []])
    one.emit("delete", { uri: ack.member })
    expect(await one.rest()).toEqual([])
    expect((await send(`GET ${ack.member}`)).status).toBe(404)
  })

  it("creates and patches with nothing given, as the original did", async () => {
    const one = await call()
    const { ack } = await one.ask("create", { uri: "/todo/" })
    expect(ack).toMatchObject({ ok: true, resource: { text: "", completed: false } })
    expect((await one.ask("patch", { uri: ack.member })).ack.ok).toBe(true)
    await send(`DELETE ${ack.member}`)
  })

  it("sends and gets numbers as they were written", async () => {
    const one = await call()
    await one.ask("subscribe", "/api/apps/exact")
    one.say(
      '420["create",{"uri":"/api/apps/","attributes":{"name":"exact","data":{"n":9007199254740993}}}]',
    )
    expect(await one.packet()).toContain('"n":9007199254740993')
    expect(await one.packet()).toMatch(/^430\[\{"ok":true/)
    one.say('42["patch",{"uri":"/api/apps/exact","patch":{"data":{"n":1.0}}}]')
    expect(await one.packet()).toContain('"patch":{"data":{"n":1.0}}')
  })

  it("resumes from a position, and gets exactly what it missed", async () => {
    await send("PUT /api/apps/missed", { data: { n: 1 } })
    const one = await call()
    const { ack } = await one.ask("subscribe", "/api/apps/missed")
    one.socket.close(1000)
    await send("PATCH /api/apps/missed", { data: { n: 2 } })
    const two = await call()
    const since = `${ack.epoch}.${ack.position}`
    const again = await two.ask("subscribe", { uri: "/api/apps/missed", since })
    expect(again.ack).toMatchObject({ ok: true, resumed: true })
    expect(again.events).toMatchObject([["patch", { patch: { data: { n: 2 } } }]])
  })

  it("resumes all that it followed at once", async () => {
    const uris = ["/api/apps/all-1", "/api/apps/all-2"]
    for (const uri of uris) await send(`PUT ${uri}`, { data: { n: 1 } })
    const one = await call()
    const acks = []
    for (const uri of uris) acks.push((await one.ask("subscribe", uri)).ack)
    one.socket.close(1000)
    for (const uri of uris) await send(`PATCH ${uri}`, { data: { n: 2 } })
    const two = await call()
    const since = `${acks[1].epoch}.${acks[1].position}`
    const { ack, events } = await two.ask("resume", { since, uris })
    expect(ack.ok).toBe(true)
    const told = events.map(([name, { uri, patch }]) => [name, uri, patch.data.n])
    expect(told).toEqual(uris.map((uri) => ["patch", uri, 2]))
    expect((await two.ask("resume", since)).ack).toMatchObject({ ok: false })
  })

  it("and one of the other socket are told the same, with the same revisions", async () => {
    const [one, other] = [await call(), await connect()]
    await one.ask("subscribe", "/api/apps/")
    await other.ask("subscribe /api/apps/")
    await other.hear()
    await send("PUT /api/apps/same", { data: { n: 1 } })
    await send("PATCH /api/apps/same", { data: { n: 2 } })
    await send("DELETE /api/apps/same")
    for (const { event, ...payload } of await other.hearAll(3)) {
      expect(await one.hear()).toEqual([event, payload])
    }
  })

  it("lives through the sleep of the hub with its subscriptions, its ways of writing and its rights", async () => {
    await send("PUT /api/apps/slept", { data: { n: 1 } })
    const one = await call()
    await one.ask("subscribe", "api/apps/slept")
    await evictDurableObject(hub())
    await send("PATCH /api/apps/slept", { data: { n: 2 } })
    expect(await one.hear()).toMatchObject(["patch", { uri: "api/apps/slept" }])
    await evictDurableObject(hub())
    const { ack, events } = await one.ask("patch", {
      uri: "api/apps/slept",
      patch: { data: { n: 3 } },
    })
    expect(ack).toMatchObject({ ok: true, uri: "api/apps/slept" })
    expect(events).toMatchObject([["patch", { uri: "api/apps/slept", revision: ack.revision }]])
    const waiting = await open()
    await waiting.packet()
    await evictDurableObject(hub())
    waiting.say("40")
    expect(await waiting.packet()).toMatch(/^40/)
  })
})

describe("a URI without its first slash", () => {
  it("is told so in events and acks, because ids are cut out of it", async () => {
    const one = await call()
    expect((await one.ask("subscribe", "todo/")).events).toMatchObject([
      ["state", { uri: "todo/" }],
    ])
    const { ack, events } = await one.ask("create", { uri: "todo/", attributes: {} })
    expect(events).toMatchObject([["create", { uri: "todo/" }]])
    expect(ack.uri).toBe("todo/")
    const uri = ack.member.slice(1)
    await one.ask("patch", { uri, patch: { text: "b" } })
    const patched = await one.ask("patch", { uri: ack.member, patch: { text: "c" } })
    expect(patched.events).toMatchObject([["patch", { uri, patch: { text: "c" } }]])
    expect(patched.ack.uri).toBe(ack.member)
    await send(`DELETE ${ack.member}`)
    expect(await one.hear()).toMatchObject(["delete", { uri }])
  })

  it("is a matter of each subscription: another of the same socket is told with it", async () => {
    const one = await call()
    await one.ask("subscribe", "todo/")
    await one.ask("subscribe", "/api/apps/")
    await send("PUT /api/apps/slashed", { data: {} })
    expect(await one.hear()).toMatchObject(["create", { uri: "/api/apps/" }])
    const { ack } = await one.ask("create", { uri: "/todo/" })
    await one.ask("subscribe", ack.member)
    const { events } = await one.ask("patch", { uri: ack.member, patch: { text: "x" } })
    expect(events).toMatchObject([["patch", { uri: ack.member }]])
    await one.ask("subscribe", "/todo/")
    const created = await one.ask("create", { uri: "/todo/" })
    expect(created.events).toMatchObject([["create", { uri: "/todo/" }]])
  })
})

describe("what the original lost or mixed up", () => {
  it("an update between the state and the room: none is missed, none is told twice", async () => {
    const uri = "/api/apps/before"
    await send(`PUT ${uri}`, { data: { n: 0 } })
    const one = await call()
    const writes = Array.from({ length: 12 }, (_, n) => send(`PATCH ${uri}`, { data: { n } }))
    const { events } = await one.ask("subscribe", uri)
    const written = (await Promise.all(writes)).map(({ revision = 0 }) => revision)
    const heard = [...events, ...(await one.rest())].map(([, payload]) => payload)
    const [state, ...patches] = heard
    const later = written.filter((revision) => revision > state.revision).toSorted((a, b) => a - b)
    expect(patches.map(({ revision }) => revision)).toEqual(later)
    const { data } = (await send(`GET ${uri}`)).json
    expect((heard.at(-1).patch ?? heard.at(-1).resource).data).toEqual(data)
  })

  it("both rooms: whoever follows an item and its list is told once", async () => {
    const one = await call()
    const { ack } = await one.ask("create", { uri: "/todo/" })
    await one.ask("subscribe", "/todo/")
    await one.ask("subscribe", ack.member)
    expect((await one.ask("patch", { uri: ack.member, patch: {} })).events).toHaveLength(1)
    expect((await one.ask("delete", { uri: ack.member })).events).toHaveLength(1)
  })

  it("a second subscription: the state again, and each change once", async () => {
    const one = await call()
    await one.ask("subscribe", "/todo/")
    expect((await one.ask("subscribe", "todo/")).events).toMatchObject([["state", {}]])
    expect((await one.ask("create", { uri: "/todo/" })).events).toHaveLength(1)
  })

  it("rooms of raw URIs: all ways of writing one are one", async () => {
    const [one, other] = [await call(), await call()]
    await one.ask("subscribe", "/todo/")
    await other.ask("subscribe", "//todo")
    const { ack, events } = await one.ask("create", { uri: "todo/" })
    expect(events).toMatchObject([["create", { member: ack.member }]])
    expect(await other.hear()).toMatchObject(["create", { member: ack.member }])
    const patched = await other.ask("patch", { uri: ack.member.slice(1), patch: { text: "t" } })
    expect(patched.events).toHaveLength(1)
    expect(await one.hear()).toMatchObject(["patch", { uri: ack.member }])
    await other.ask("unsubscribe", "todo/")
    expect((await other.ask("create", { uri: "/todo/" })).events).toEqual([])
  })

  it("rooms of session ids: nobody hears what another is told", async () => {
    const victim = await open()
    const sid = JSON.parse((await victim.packet()).slice(1)).sid
    victim.say("40")
    const own = JSON.parse((await victim.packet()).slice(2)).sid
    const spy = await call()
    for (const room of [sid, own, `/${sid}`]) {
      expect((await spy.ask("subscribe", room)).ack).toMatchObject({ ok: false })
    }
    await victim.ask("subscribe", "/todo/")
    await victim.ask("delete", { uri: "/todo/none" })
    expect(await spy.rest()).toEqual([])
  })

  it("acks that said nothing: they say what happened", async () => {
    const one = await call()
    expect((await one.ask("delete", { uri: "/todo/none" })).ack).toMatchObject({
      ok: false,
      problem: { code: "not_found", status: 404 },
    })
    expect((await one.ask("no such event", 1)).ack).toMatchObject({ ok: false })
  })

  it("a room that is joined although nothing is read there: it is refused", async () => {
    const { ack, events } = await (await call()).ask("subscribe", "/no/such/uri")
    expect(ack).toMatchObject({ ok: false, problem: { code: "unknown_uri" } })
    expect(events).toMatchObject([["api_error", { error: "InvalidRequestError" }]])
  })
})

describe("an error", () => {
  it("is told by an event, acknowledged or not, under the original's names", async () => {
    const one = await call()
    const none = "no registered resource"
    const cases: [event: string, payload: unknown, told: [string, string, unknown]][] = [
      ["create", {}, ["api_error", "InvalidRequestError", "missing URI"]],
      ["patch", [], ["api_error", "InvalidRequestError", "missing URI"]],
      ["delete", "abc", ["api_error", "InvalidRequestError", "missing URI"]],
      ["create", { uri: "/x/" }, ["api_error", "InvalidRequestError", `${none} creator for /x/'`]],
      ["patch", { uri: "y" }, ["api_error", "InvalidRequestError", `${none} patcher for y'`]],
      [
        "delete",
        { uri: "/todo/" },
        ["api_error", "InvalidRequestError", `${none} deleter for /todo/'`],
      ],
      ["patch", { uri: "/todo/x" }, ["api_error", "NotFoundError", expect.any(String)]],
      [
        "create",
        { uri: "/todo/", attributes: 5 },
        ["api_error", "InvalidRequestError", expect.any(String)],
      ],
      ["create", 5, ["server_error", "TypeError", null]],
      ["create", { uri: 5 }, ["server_error", "TypeError", null]],
      ["delete", null, ["server_error", "TypeError", null]],
      ["patch", "a uri", ["server_error", "TypeError", null]],
      ["subscribe", 7, ["server_error", "TypeError", null]],
      ["subscribe", ["/todo/"], ["server_error", "TypeError", null]],
      ["subscribe", {}, ["server_error", "TypeError", null]],
    ]
    for (const [event, payload, [name, error, message]] of cases) {
      const wanted = [name, { error, message, problem: expect.any(Object) }]
      one.emit(event, payload)
      expect(await one.hear()).toEqual(wanted)
      const { ack, events } = await one.ask(event, payload)
      expect(events).toEqual([wanted])
      expect(ack).toEqual({ ok: false, problem: (events[0] as any)[1].problem })
    }
    for (const args of [[], ["/todo/", "/todo/"]]) {
      one.emit("subscribe", ...args)
      expect(await one.hear()).toMatchObject(["server_error", { error: "TypeError" }])
    }
  })

  it("goes to who asked, and to nobody else", async () => {
    const [one, other] = [await call(), await call()]
    for (const each of [one, other]) await each.ask("subscribe", "/todo/")
    await one.ask("patch", { uri: "/todo/none", patch: {} })
    expect(await other.rest()).toEqual([])
  })

  it("is never made by leaving, nor by events that nobody knows", async () => {
    const one = await call()
    for (const room of ["/nowhere", "", 5, null, {}]) one.emit("unsubscribe", room)
    one.emit("dance", { uri: "/todo/" })
    one.emit("connect")
    one.emit(5)
    expect(await one.rest()).toEqual([])
  })
})
