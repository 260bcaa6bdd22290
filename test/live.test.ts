/** Conversations: what is said to a socket, and what comes back. */
import { describe, expect, it } from "vitest"
import { FRAME_MAX_BYTES } from "../src/protocol/live-limits.ts"
import { connect, type Talker } from "./conversation.ts"
import { send } from "./helpers.ts"
import { writeUntold } from "./live.world.ts"

describe("a subscriber", () => {
  it("gets the reply, the state with its revision, and every later change", async () => {
    const { revision } = await send("PUT /api/apps/first", { data: { n: 1 } })
    const one = await connect()
    const reply = await one.ask("subscribe /api/apps/first")
    expect(reply).toMatchObject({ ok: true, uri: "/api/apps/first", revision })
    expect(reply.epoch).toMatch(/^[0-9a-f]{16}$/)
    const uri = "/api/apps/first"
    const resource = (data: object) => ({ name: "first", data })
    expect(await one.hear()).toEqual({
      event: "state",
      uri,
      revision,
      resource: resource({ n: 1 }),
    })
    const patched = (await send(`PATCH ${uri}`, { data: { n: 2 } })).revision
    expect(await one.hear()).toEqual({
      event: "patch",
      uri,
      revision: patched,
      patch: { data: { n: 2 } },
    })
    const replaced = (await send(`PUT ${uri}`, { data: { m: 3 } })).revision
    expect(await one.hear()).toEqual({
      event: "state",
      uri,
      revision: replaced,
      resource: resource({ m: 3 }),
    })
    const deleted = (await send(`DELETE ${uri}`)).revision
    expect(await one.hear()).toEqual({ event: "delete", uri, revision: deleted })
  })

  it("of a list gets its members, and what joins, changes and leaves it", async () => {
    await send("PUT /api/apps/member", { data: {} })
    const one = await connect()
    const reply = await one.ask("subscribe /api/apps/")
    const state = await one.hear()
    expect(state).toMatchObject({ event: "state", uri: "/api/apps/", revision: reply.revision })
    expect(state.members).toEqual(state.resource.map(({ name }: any) => `/api/apps/${name}`))
    expect(state.resource).toEqual((await send("GET /api/apps")).json)

    await send("PUT /api/apps/joins", { data: { n: 1 } })
    const uri = "/api/apps/joins"
    const entry = { name: "joins" }
    expect(await one.hear()).toMatchObject({
      event: "create",
      uri: "/api/apps/",
      member: uri,
      entry,
      resource: {
        name: "joins",
        data: { n: 1 },
      },
    })
    await send(`PATCH ${uri}`, { data: { n: 2 } })
    expect(await one.hear()).toMatchObject({
      event: "patch",
      uri,
      entry,
      patch: { data: { n: 2 } },
    })
    await send(`PUT ${uri}`, { data: {} })
    expect(await one.hear()).toMatchObject({ event: "state", uri, entry })
    await send(`DELETE ${uri}`)
    expect(await one.hear()).toMatchObject({ event: "delete", uri })
  })

  it("of something that does not exist is told so, and gets its state when it comes to be", async () => {
    const one = await connect()
    const reply = await one.ask("subscribe /api/apps/later")
    expect(reply).toMatchObject({ ok: true, uri: "/api/apps/later", absent: true })
    expect(await one.rest()).toEqual([])
    const { revision } = await send("PUT /api/apps/later", { data: { n: 1 } })
    expect(await one.hear()).toEqual({
      event: "state",
      uri: "/api/apps/later",
      revision,
      resource: {
        name: "later",
        data: { n: 1 },
      },
    })
  })

  it("of something that is gone is not told what was before, also where the hub has not come so far", async () => {
    const uri = "/api/apps/buried"
    await send(`PUT ${uri}`, { data: {} })
    const [one, two] = [await connect(), await connect()]
    await one.ask(`subscribe ${uri}`)
    await writeUntold(`PATCH ${uri}`, { data: { n: 1 } })
    await writeUntold(`DELETE ${uri}`)
    expect(await two.ask(`subscribe ${uri}`)).toMatchObject({ absent: true })
    await send(`PUT ${uri}`, { data: { n: 2 } })
    const events = async (talker: Talker) => (await talker.rest()).map(({ event }) => event)
    expect(await events(one)).toEqual(["state", "patch", "delete", "state"])
    expect(await events(two)).toEqual(["state"])
  })

  it("of an item and its list gets each change once", async () => {
    const one = await connect()
    const { member } = await one.ask({ event: "create", uri: "/todo/", attributes: {} })
    await one.ask(`subscribe ${member}`)
    await one.ask("subscribe /todo/")
    await one.ask("subscribe /api/apps/both")
    await one.ask("subscribe /api/apps/")
    await one.rest()
    await send(`PATCH ${member}`, { text: "once" })
    await send("PUT /api/apps/both", { data: {} })
    await send("PATCH /api/apps/both", { data: { n: 1 } })
    await send("DELETE /api/apps/both")
    await send(`DELETE ${member}`)
    const told = (await one.hearAll(5)).map((frame) => [frame.event, frame.member ?? frame.uri])
    expect(told).toEqual([
      ["patch", member],
      ["create", "/api/apps/both"],
      ["patch", "/api/apps/both"],
      ["delete", "/api/apps/both"],
      ["delete", member],
    ])
  })

  it("that subscribes twice gets the state again, and each change once", async () => {
    await send("PUT /api/apps/twice", { data: {} })
    const one = await connect()
    await one.ask("subscribe /api/apps/twice")
    await one.ask("subscribe /api/apps/twice")
    expect(await one.hearAll(2)).toMatchObject([{ event: "state" }, { event: "state" }])
    await send("PATCH /api/apps/twice", { data: { n: 1 } })
    expect((await one.rest()).map(({ event }) => event)).toEqual(["patch"])
  })

  it("that unsubscribes gets nothing more, and may do so without being subscribed", async () => {
    await send("PUT /api/apps/left", { data: {} })
    const one = await connect()
    await one.ask("subscribe /api/apps/left")
    await one.hear()
    expect(await one.ask("unsubscribe /api/apps/left")).toMatchObject({ ok: true })
    await send("PATCH /api/apps/left", { data: { n: 1 } })
    expect(await one.rest()).toEqual([])
    for (const uri of ["/api/apps/left", "/nowhere/at/all"]) {
      expect(await one.ask(`unsubscribe ${uri}`)).toMatchObject({ ok: true })
    }
  })

  it("may write a URI in any of its ways: it is the same room", async () => {
    await send("PUT /api/apps/ro%20om", { data: {} })
    const uri = "/api/apps/ro%20om"
    for (const way of ["api/apps/ro%20om", "//api///apps/ro%20om/", "/api/apps/%72o%20%6Fm"]) {
      const one = await connect()
      expect(await one.ask({ event: "subscribe", uri: way })).toMatchObject({ ok: true, uri })
      expect(await one.hear()).toMatchObject({ event: "state", uri })
      await send(`PATCH ${uri}`, { data: { n: 1 } })
      expect(await one.hear()).toMatchObject({ event: "patch", uri })
      expect(await one.ask({ event: "patch", uri: way, patch: { data: {} } })).toMatchObject({
        ok: true,
        uri,
      })
      expect(await one.hear()).toMatchObject({ event: "patch", uri })
      await one.ask({ event: "unsubscribe", uri: way })
      await send(`PATCH ${uri}`, { data: { n: 2 } })
      expect(await one.rest()).toEqual([])
    }
    for (const way of ["todo", "todo/", "/todo", "/todo//"]) {
      const one = await connect()
      expect(await one.ask({ event: "subscribe", uri: way })).toMatchObject({ uri: "/todo/" })
    }
  })

  it("of a view is told of every change of what it shows, and of nothing else", async () => {
    await send("PUT /api/apps/seen", { data: { n: 1 } })
    const one = await connect()
    const uri = "/api/apps/seen?a=1&b=2"
    expect(await one.ask("subscribe /api/apps/seen?b=2&a=1")).toMatchObject({ ok: true, uri })
    expect(await one.hear()).toMatchObject({ event: "state", uri, resource: { data: { n: 1 } } })
    await send("PUT /api/apps/unseen", { data: {} })
    const { revision } = await send("PATCH /api/apps/seen", { data: { n: 2 } })
    expect(await one.hear()).toMatchObject({
      event: "state",
      uri,
      revision,
      resource: { data: { n: 2 } },
    })
    await send("DELETE /api/apps/seen")
    expect(await one.hear()).toMatchObject({ event: "delete", uri })
    await one.ask("subscribe /api/apps/?view=1")
    await one.hear()
    await send("PUT /api/apps/seen", { data: {} })
    const both = await one.hearAll(2)
    expect(both.map((frame) => frame.uri).sort()).toEqual(["/api/apps/?view=1", uri])
    expect(both.map(({ event }) => event).sort()).toEqual(["create", "state"])
  })

  it("gets the state where a change is too large to be told, and no change twice", async () => {
    const text = "x".repeat(70_000)
    const [item, list] = [await connect(), await connect()]
    await item.ask("subscribe /api/apps/large")
    await list.ask("subscribe /api/apps/")
    await list.hear()
    await send("PUT /api/apps/large", { data: { text } })
    expect(await item.hear()).toMatchObject({ event: "state", resource: { data: { text } } })
    expect(await list.hear()).toMatchObject({ event: "create", member: "/api/apps/large" })
    const { revision } = await send("PATCH /api/apps/large", { data: { more: text } })
    expect(await item.hear()).toMatchObject({
      event: "state",
      revision,
      resource: {
        data: {
          text,
          more: text,
        },
      },
    })
    expect(await list.hear()).toMatchObject({ event: "state", entry: { name: "large" } })
    await send("PATCH /api/apps/large", { data: { small: 1 } })
    expect((await item.rest()).map(({ event }) => event)).toEqual(["patch"])
  })

  it("of a key gets its values, its expiry and its end", async () => {
    const [item, list] = [await connect(), await connect()]
    expect(await item.ask("subscribe /keys/tide")).toMatchObject({ absent: true })
    await list.ask("subscribe /keys")
    expect(await list.hear()).toMatchObject({ event: "state", uri: "/keys/", order: "name" })
    await send("PUT /keys?tide=high&expire_in=100")
    const expires_at = expect.any(Number)
    const uri = "/keys/tide"
    expect(await item.hear()).toMatchObject({
      event: "state",
      uri,
      resource: { tide: "high" },
      expires_at,
    })
    expect(await list.hear()).toMatchObject({
      event: "create",
      uri: "/keys/",
      member: uri,
      resource: { tide: "high" },
      expires_at,
    })
    const { revision } = await item.ask({ event: "patch", uri, patch: { value: "low" } })
    for (const one of [item, list]) {
      expect(await one.hear()).toMatchObject({
        event: "patch",
        uri,
        revision,
        patch: { tide: "low" },
        expires_at,
      })
    }
    await item.ask(`delete ${uri}`)
    for (const one of [item, list]) expect(await one.hear()).toMatchObject({ event: "delete", uri })
    const attributes = { name: "ebb", value: "1" }
    const created = await list.ask({ event: "create", uri: "/keys/", attributes })
    expect(created).toMatchObject({ member: "/keys/ebb", resource: { ebb: "1" } })
    expect(await list.hear()).toMatchObject({ event: "create", member: "/keys/ebb" })
  })

  it("of a series gets its frame, then the ranges that go and the rows that come", async () => {
    const uri = "/api/store/live/a"
    const [item, list] = [await connect(), await connect()]
    const [references, view] = [await connect(), await connect()]
    expect(await item.ask(`subscribe ${uri}`)).toMatchObject({ absent: true })
    await list.ask("subscribe /api/store/live/")
    await references.ask("subscribe /api/store/")
    for (const one of [list, references]) expect(await one.hear()).toMatchObject({ resource: [] })
    await view.ask(`subscribe ${uri}?orient=split&start=2015-01-02`)

    const first = await send(`PUT ${uri}`, { v: { "2015-01-01": 1, "2015-01-02": 2 } })
    expect(await item.hear()).toMatchObject({
      event: "state",
      uri,
      revision: first.revision,
      resource: {
        v: {
          "2015-01-01T00:00:00.000": 1,
          "2015-01-02T00:00:00.000": 2,
        },
      },
    })
    expect(await references.hear()).toMatchObject({
      event: "create",
      member: "/api/store/live/",
      entry: { reference: "live" },
    })
    expect(await list.hear()).toMatchObject({
      event: "create",
      uri: "/api/store/live/",
      member: uri,
      view: true,
      resource: { symbol: "a", count: 2 },
    })
    expect(await view.hear()).toMatchObject({ event: "state", resource: { data: [[2]] } })

    const rows = { columns: ["v"], index: ["2015-01-03"], data: [[3]] }
    const removed = [["2015-01-02", "2015-01-02"]]
    const { revision } = await list.ask({ event: "patch", uri, patch: { removed, rows } })
    expect(await item.hear()).toMatchObject({
      event: "patch",
      uri,
      revision,
      patch: {
        removed: [expect.any(Array)],
        rows: { data: [[3]] },
      },
    })
    expect(await view.hear()).toMatchObject({ revision, patch: { rows: { data: [[3]] } } })
    await send(`DELETE ${uri}`)
    expect(await item.hear()).toMatchObject({ event: "delete", uri })
    expect(await references.hear()).toMatchObject({ event: "delete", uri: "/api/store/live/" })
    expect(await view.hear()).toMatchObject({ event: "delete", view: true })
  })

  it("gets numbers as they are stored", async () => {
    const data = '{"big":9007199254740993,"exact":1.0}'
    await send("PUT /api/apps/exact", `{"data":${data}}`, { "Content-Type": "application/json" })
    const one = await connect()
    await one.ask("subscribe /api/apps/exact")
    await one.hear()
    expect(one.texts.at(-1)).toContain(`"data":${data}`)
    one.say(
      `{"id":7,"event":"patch","uri":"/api/apps/exact","patch":{"data":{"big":9223372036854775807}}}`,
    )
    await one.reply(7)
    expect((await send("GET /api/apps/exact")).text).toContain('"big":9223372036854775807')
  })
})

describe("a command", () => {
  it("creates, patches and deletes, and its reply says the revision", async () => {
    const one = await connect()
    const attributes = { text: "write" }
    const created = await one.ask({ event: "create", uri: "/todo/", attributes })
    expect(created).toMatchObject({ ok: true, uri: "/todo/", resource: { text: "write" } })
    const uri = created.member
    expect(await send(`GET ${uri}`)).toMatchObject({
      revision: created.revision,
      json: created.resource,
    })
    const patched = await one.ask({ event: "patch", uri, patch: { completed: true } })
    expect(patched).toMatchObject({ ok: true, uri })
    expect(await send(`GET ${uri}`)).toMatchObject({
      revision: patched.revision,
      json: { completed: true },
    })
    const deleted = await one.ask(`delete ${uri}`)
    expect(deleted.revision).toBeGreaterThan(patched.revision)
    expect((await send(`GET ${uri}`)).status).toBe(404)
    // Of what it was not subscribed to it hears nothing.
    expect(await one.rest()).toEqual([])
  })

  it("reaches other sockets and the sender alike", async () => {
    const [writer, reader] = [await connect(), await connect()]
    for (const one of [writer, reader]) {
      await one.ask("subscribe /todo/")
      await one.hear()
    }
    const { member, revision } = await writer.ask({ event: "create", uri: "/todo/" })
    for (const one of [writer, reader]) {
      expect(await one.hear()).toMatchObject({ event: "create", member, revision })
    }
  })

  it("that fails says why, and leaves the socket as it was", async () => {
    const one = await connect()
    const refused = async (command: object | string, code: string, status: number) => {
      const { ok, problem } = await one.ask(command as string)
      expect([ok, problem.code, problem.status]).toEqual([false, code, status])
      expect(problem.detail).toEqual(expect.any(String))
    }
    await refused("subscribe /nowhere/at/all", "unknown_uri", 404)
    await refused("subscribe /sum", "method_not_allowed", 405)
    await refused("subscribe /live", "upgrade_required", 426)
    await refused("subscribe /api/apps/%FF", "invalid_request", 400)
    // It would be told the state, and nothing ever after.
    await send("PUT /keys?raw=1")
    for (const uri of ["/keys/raw/value", "/metrics", "/api/openapi.json"]) {
      await refused(`subscribe ${uri}`, "unknown_uri", 404)
    }
    await refused({ event: "create", uri: "/nowhere" }, "unknown_uri", 404)
    await refused({ event: "create", uri: "/todo/7" }, "method_not_allowed", 405)
    await refused({ event: "patch", uri: "/todo/" }, "method_not_allowed", 405)
    await refused("delete /todo/nobody", "not_found", 404)
    await refused({ event: "patch", uri: "/todo/nobody", patch: { text: "" } }, "not_found", 404)
    await refused(
      { event: "create", uri: "/todo/", attributes: { text: 5 } },
      "invalid_request",
      400,
    )
    await refused({ event: "create", uri: "/todo/", attributes: null }, "invalid_request", 400)
    await send("PUT /api/apps/taken", { data: {} })
    const attributes = { name: "taken", data: {} }
    await refused({ event: "create", uri: "/api/apps/", attributes }, "conflict", 409)
    expect(await one.ask("subscribe /todo/")).toMatchObject({ ok: true })
  })

  it("that is no command gets a reply all the same, with its id where it has one", async () => {
    const one = await connect()
    const bad = async (frame: string | ArrayBuffer, id: unknown, detail: RegExp) => {
      one.say(frame)
      const { ok, problem } = await one.reply(id)
      expect([ok, (problem as any).code]).toEqual([false, "bad_frame"])
      expect((problem as any).detail).toMatch(detail)
    }
    await bad("not json", null, /must be JSON/)
    await bad("[]", null, /is wrong/)
    await bad("null", null, /is wrong/)
    await bad('{"id":901,"event":"sing","uri":"/todo/"}', 901, /"event" is wrong/)
    await bad('{"id":"a","event":"subscribe"}', "a", /"uri" is wrong/)
    await bad('{"id":903,"event":"subscribe","uri":7}', 903, /"uri" is wrong/)
    await bad('{"id":{},"event":"delete","uri":"/todo/7"}', null, /"id" is wrong/)
    await bad(new ArrayBuffer(8), null, /binary/)
    const huge = JSON.stringify({
      event: "patch",
      uri: "/todo/7",
      patch: "x".repeat(FRAME_MAX_BYTES),
    })
    await bad(huge, null, /at most 1000000 bytes/)
    const deep = "[".repeat(200) + "]".repeat(200)
    await bad(`{"event":"patch","uri":"/todo/7","patch":${deep}}`, null, /nest at most 100/)
    expect(await one.ask("subscribe /todo/")).toMatchObject({ ok: true })
  })

  it("runs after the one before it", async () => {
    const one = await connect()
    const { member } = await one.ask({ event: "create", uri: "/todo/" })
    const texts = Array.from({ length: 20 }, (_, at) => String(at))
    const replies = await Promise.all(
      texts.map((text) => one.ask({ event: "patch", uri: member, patch: { text } })),
    )
    const revisions = replies.map(({ revision }) => revision)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
    expect((await send(`GET ${member}`)).json.text).toBe("19")
  })

  it("to subscribe is refused when the socket is full, and nothing else is lost", async () => {
    const one = await connect()
    const uri = (at: number) => `/api/apps/${"long".repeat(100)}${at}`
    let full: any
    let count = 0
    for (; !full; count++) {
      const reply = await one.ask(`subscribe ${uri(count)}`)
      if (!reply.ok) full = reply.problem
    }
    expect(full).toMatchObject({ code: "too_many_subscriptions", status: 429 })
    expect(count).toBeGreaterThan(30)
    await send(`PUT ${uri(0)}`, { data: {} })
    expect(await one.hear()).toMatchObject({ event: "state", uri: uri(0) })
    expect(await one.ask(`subscribe ${uri(0)}`)).toMatchObject({ ok: true })
    await one.ask(`unsubscribe ${uri(1)}`)
    expect(await one.ask(`subscribe ${uri(count)}`)).toMatchObject({ ok: true })
  })
})
