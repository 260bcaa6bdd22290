/** Server-sent events on any GET URI. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it, vi } from "vitest"
import { handle } from "../src/app.ts"
import { applyPatch } from "../src/client/replica-series.ts"
import { Replica } from "../src/client/replica.ts"
import { hubOf } from "../src/live/hubs.ts"
import { listenAt } from "../src/live/streams/listen.ts"
import { connect } from "./conversation.ts"
import { Events, follow } from "./events.ts"
import { send } from "./helpers.ts"

const hub = () => hubOf(env as never)
const sockets = () => runInDurableObject(hub(), (_, state) => state.getWebSockets().length)

describe("an event stream", () => {
  it("is what a browser, a proxy and a page of another origin take for one", async () => {
    await send("PUT /api/apps/form", { data: { n: 1 } })
    const events = await follow("/api/apps/form")
    const { status, headers } = events.response
    expect(status).toBe(200)
    expect(headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8")
    expect(headers.get("Cache-Control")).toBe("no-cache, no-transform")
    expect(headers.get("X-Accel-Buffering")).toBe("no")
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*")
    await events.hear()
    expect(events.retry).toBeGreaterThanOrEqual(1_000)
    expect(events.retry).toBeLessThanOrEqual(3_000)
    await events.close()
  })

  it("tells the state, then every change, with the revision of every other mouth", async () => {
    const { revision } = await send("PUT /api/apps/sse", { data: { n: 1 } })
    const events = await follow("/api/apps/sse")
    const socket = await connect()
    const { epoch } = await socket.ask("subscribe /api/apps/sse")
    const got = await send("GET /api/apps/sse")
    const state = await events.hear()
    expect(state).toMatchObject({
      event: "state",
      data: { event: "state", uri: "/api/apps/sse", revision, resource: got.json },
    })
    expect(got.revision).toBe(revision)
    await socket.hear()
    const writes = [
      await send("PATCH /api/apps/sse", { data: { n: 2 } }),
      await send("DELETE /api/apps/sse"),
      await send("PUT /api/apps/sse", { data: { n: 3 } }),
    ]
    const told = await events.hearAll(3)
    expect(told.map(({ data }) => data)).toEqual(await socket.hearAll(3))
    expect(told.map(({ event }) => event)).toEqual(["patch", "delete", "state"])
    expect(told.map(({ id }) => id)).toEqual(writes.map(({ revision: at }) => `${epoch}.${at}`))
    await events.close()
  })

  it("stays open where there is nothing yet, and tells when it comes to be", async () => {
    const events = await follow("/api/apps/not-yet")
    const id = await events.settle()
    expect(id).toMatch(/^[0-9a-f]+\.\d+$/)
    await send("PUT /api/apps/not-yet", { data: {} })
    expect(await events.hear()).toMatchObject({
      event: "state",
      data: { uri: "/api/apps/not-yet" },
    })
    await events.close()
    await send("DELETE /api/apps/not-yet")
    const back = await follow("/api/apps/not-yet", id)
    expect((await back.hearAll(2)).map(({ event }) => event)).toEqual(["state", "delete"])
    await back.close()
  })

  it("goes on from the last id with exactly what was missed, wherever the id stands", async () => {
    await send("PUT /api/apps/back", { data: { n: 0 } })
    const events = await follow("/api/apps/back")
    const { id } = (await events.hear())!
    await events.close()
    await send("PATCH /api/apps/back", { data: { n: 1 } })
    await send("PUT /api/apps/elsewhere", { data: {} })
    await send("PATCH /api/apps/back", { data: { n: 2 } })
    const ways = [
      await follow("/api/apps/back", id),
      await follow(`/api/apps/back?last_event_id=${id}`),
      await follow(`/api/apps/back?since=${id}`),
    ]
    for (const back of ways) {
      const missed = await back.hearAll(2)
      expect(missed.map(({ data }) => data)).toMatchObject([
        { event: "patch", uri: "/api/apps/back", patch: { data: { n: 1 } } },
        { event: "patch", uri: "/api/apps/back", patch: { data: { n: 2 } } },
      ])
      expect(missed[0]!.data.reset).toBeUndefined()
      await back.close()
    }
    // The header is what the browser adds when it comes back; the query is from the first time.
    const again = await follow(`/api/apps/back?since=${id}`, ways[0]!.id)
    await send("PATCH /api/apps/back", { data: { n: 3 } })
    expect((await again.hear())!.data.patch).toEqual({ data: { n: 3 } })
    await again.close()
  })

  it("resets whoever comes back from a place that the journal does not know", async () => {
    await send("PUT /api/apps/reset", { data: { n: 1 } })
    for (const id of ["0123.1", "nonsense"]) {
      const events = await follow("/api/apps/reset", id)
      const state = await events.hear()
      expect(state).toMatchObject({
        event: "state",
        data: { reset: true, resource: { data: { n: 1 } } },
      })
      expect(state?.id).toMatch(new RegExp(`^${state?.data.epoch}\\.\\d+$`))
      await events.close()
    }
    await send("DELETE /api/apps/reset")
    const gone = await follow("/api/apps/reset", "0123.1")
    expect(await gone.hear()).toMatchObject({ event: "delete", data: { reset: true } })
    await gone.close()
  })

  it("tells lists, keys, views and resources that users define", async () => {
    await send("PUT /api/apps/of-list", { data: {} })
    const list = await follow("/api/apps/")
    const todo = await follow("/todo/")
    const key = await follow("/keys/of-events")
    const view = await follow("/api/store/events/view?latest=1&token=none")
    expect((await list.hear())?.data.members).toContain("/api/apps/of-list")
    expect((await todo.hear())?.event).toBe("state")
    await Promise.all([key.settle(), view.settle()])
    await send("PUT /api/apps/of-list-2", { data: {} })
    expect(await list.hear()).toMatchObject({
      event: "create",
      data: { member: "/api/apps/of-list-2" },
    })
    await send("POST /todo/", { text: "swim" })
    expect(await todo.hear()).toMatchObject({
      event: "create",
      data: { resource: { text: "swim" } },
    })
    await send("PUT /keys?of-events=1")
    expect(await key.hear()).toMatchObject({
      event: "state",
      data: { resource: { "of-events": "1" } },
    })
    const frame = { columns: ["a"], index: ["2026-01-01", "2026-01-02"], data: [[1], [2]] }
    await send("PUT /api/store/events/view?orient=split", frame)
    const state = await view.hear()
    expect(state?.data.uri).toBe("/api/store/events/view?latest=1")
    expect(state?.data.resource).toEqual((await send("GET /api/store/events/view?latest=1")).json)
    await Promise.all([list, todo, key, view].map((each) => each.close()))
  })

  it("keeps a copy that is what GET answers, over hibernation, a lost hub and a lost connection", async () => {
    const uri = "/api/store/events/copy"
    const write = (n: number) => {
      const index = [`2026-01-0${(n % 9) + 1}`, "2026-02-01"]
      const frame = { columns: ["a"], index, data: [[n + 0.5], [n + 0.25]] }
      return send(`PUT ${uri}?orient=split&mode=upsert`, frame)
    }
    await write(0)
    const replica = new Replica(uri, { "/api/store/": applyPatch as never })
    replica.begin({ id: 1, ok: true, uri })
    let last: string | undefined
    for (const end of ["cancel", "hibernate", "close", "cancel", "close"] as const) {
      const events = await follow(uri, last)
      const take = async () => {
        const { data, id, event } = (await events.hear())!
        expect(event).toBe(last === undefined ? "state" : "patch")
        expect(replica.take(data)).toBe("changed")
        last = id
      }
      // The state at first; then what was written while nobody listened.
      await take()
      await write(1)
      await take()
      if (end !== "cancel") await evictDurableObject(hub(), { webSockets: end })
      if (end === "close") expect(await events.hear()).toBeNull()
      else {
        await write(2)
        await take()
      }
      expect(replica.value).toEqual((await send(`GET ${uri}`)).json)
      await events.close()
      await write(3)
    }
  })

  it("frees the socket at the hub when the client goes", async () => {
    const before = await sockets()
    const events = await follow("/api/apps/form")
    await events.hear()
    expect(await sockets()).toBe(before + 1)
    await events.close()
    await vi.waitFor(async () => expect(await sockets()).toBe(before))
  })

  it("refuses in the words of GET, and streams only where somebody can listen", async () => {
    expect((await follow("/nowhere")).response.status).toBe(404)
    expect((await follow("/api/store/events/view?limit=many")).response.status).toBe(400)
    const plain = await send("GET /api/apps/form", undefined, { Accept: "application/json" })
    expect(plain.json.name).toBe("form")
    const locked = { ...env, WRITE_TOKEN: "w", READ_TOKEN: "r" }
    const around = { env: locked, now: Date.now, newId: () => "x", poke: () => {} }
    const headers = { Accept: "text/event-stream" }
    const request = new Request("https://tidemark.test/api/apps/form", { headers })
    expect((await handle(request, around as never)).status).toBe(401)
  })

  it("invites to come back when the hub is away: a page that saw an error never would", async () => {
    const away = { getByName: () => ({ fetch: () => Promise.reject(new Error("away")) }) }
    const headers = { Accept: "text/event-stream" }
    const request = new Request("https://tidemark.test/api/apps/form", { headers })
    const listen = listenAt({ HUB: away } as never)
    const around = { env, now: Date.now, newId: () => "x", poke: () => {}, listen }
    const events = new Events(await handle(request, around as never))
    expect(events.response.status).toBe(200)
    expect(await events.hear()).toBeNull()
    expect(events.retry).toBeGreaterThan(0)
  })
})
