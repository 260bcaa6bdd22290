import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { Problem } from "../src/protocol/problem.ts"
import { resources } from "../src/resources/resources.ts"
import { stored } from "../src/resources/tools.ts"
import { hubFor, serve } from "./resources.world.ts"

describe("subscribers and unsubscribers", () => {
  const calls: string[] = []
  const rooms = resources
    .creator("/rooms/", async (_params, { id }: any, { documents, uri }) => {
      await documents.create(uri + id, { id, present: 0 })
      return { id, present: 0 }
    })
    .getter("/rooms/<int:id>", stored)
    .subscriber("/rooms/<int:id>", ({ id }) => {
      calls.push(`first ${id}`)
      if (id === 13) throw new Problem("forbidden", "Nobody goes there")
    })
    .subscriber("/rooms/<int:id>", async ({ id }, { documents, uri }) => {
      calls.push(`second ${id}`)
      const room = (await documents.get(uri))?.value as { present: number } | undefined
      if (!room) throw new Problem("not_found", "No such room")
      await documents.patch(uri, { present: room.present + 1 })
    })
    .unsubscriber("/rooms/<int:id>", async ({ id }, { documents, uri }) => {
      calls.push(`left ${id}`)
      const room = (await documents.get(uri))?.value as { present: number }
      if (room.present > 100) throw new Problem("forbidden", "You stay")
      await documents.patch(uri, { present: room.present - 1 })
    })
  const call = serve(rooms)

  it("run in order before the subscription, whose state has what they wrote, and when it ends", async () => {
    await call("POST /rooms/", { id: 1 })
    const hub = hubFor(rooms)
    const copy = await hub.follow("/rooms/1")
    expect(calls.splice(0)).toEqual(["first 1", "second 1"])
    expect(copy.value).toEqual({ id: 1, present: 1 })
    await hub.command({ event: "subscribe", uri: "/rooms/1" })
    expect(calls.splice(0)).toEqual([])
    expect(await hub.command({ event: "unsubscribe", uri: "/rooms/1" })).toMatchObject({ ok: true })
    await hub.command({ event: "unsubscribe", uri: "/rooms/1" })
    expect(calls.splice(0)).toEqual(["left 1"])
    expect((await call("GET /rooms/1")).json.present).toBe(0)
  })

  it("run when the socket is gone", async () => {
    await call("POST /rooms/", { id: 2 })
    const hub = hubFor(rooms)
    await hub.follow("/rooms/2")
    await hub.leave()
    expect(calls.splice(0)).toEqual(["first 2", "second 2", "left 2"])
  })

  it("refuse with a problem: then nothing is followed, or it still is", async () => {
    const hub = hubFor(rooms)
    const refused = await hub.command({ event: "subscribe", uri: "/rooms/13" })
    expect(refused).toMatchObject({ ok: false, problem: { code: "forbidden", status: 403 } })
    expect(calls.splice(0)).toEqual(["first 13"])
    await hub.leave()
    expect(calls.splice(0)).toEqual([])
    await call("POST /rooms/", { id: 3 })
    const copy = await hub.follow("/rooms/3")
    const { apps } = services()
    await apps.patch("/rooms/3", '{"present":200}')
    const stays = await hub.command({ event: "unsubscribe", uri: "/rooms/3" })
    expect(stays).toMatchObject({ ok: false, problem: { code: "forbidden" } })
    await apps.patch("/rooms/3", '{"present":5}')
    await hub.deliver()
    expect((await call("GET /rooms/3")).json.present).toBe(5)
    expect(copy.value).toBeDefined()
    expect(hub.frames.at(-1)).toMatchObject({ uri: "/rooms/3" })
    calls.splice(0)
  })

  it("lose nobody who comes or leaves at the same time as others", async () => {
    await call("POST /rooms/", { id: 4 })
    const hubs = Array.from({ length: 8 }, () => hubFor(rooms))
    await Promise.all(hubs.map((hub) => hub.follow("/rooms/4")))
    expect((await call("GET /rooms/4")).json.present).toBe(8)
    await Promise.all(hubs.map((hub) => hub.leave()))
    expect((await call("GET /rooms/4")).json.present).toBe(0)
    calls.splice(0)
  })
})

describe("emit", () => {
  const weather = { now: { celsius: 1 } as object | null }
  const defined = resources
    .getter("/weather/now", () => weather.now)
    .getter("/sums/:id", stored)
    .patcher("/weather/<any(station):from>", async (_params, patch: any, { emit }) => {
      if (patch.celsius < -273) throw new Problem("unprocessable", "Too cold")
      weather.now = patch
      await emit.state("/weather/now")
      await emit.create("/sums/today", { id: "today", n: 1 })
      await emit.patch("/sums/today", { n: 2 })
    })
  const call = serve(defined)

  it("tells followers of other resources in the commit of the handler", async () => {
    const hub = hubFor(defined)
    const copy = await hub.follow("/weather/now")
    const sum = await hub.follow("/sums/today")
    const { feed } = services()
    const before = await feed.position()
    expect((await call("PATCH /weather/station", { celsius: 7 })).status).toBe(204)
    const told = await feed.since(before)
    expect(told).toMatchObject({
      changes: [
        { event: "state", uri: "/weather/now", body: null },
        { event: "create", uri: "/sums/today", body: '{"id":"today","n":1}' },
        { event: "patch", uri: "/sums/today", body: '{"n":2}' },
        { event: "patch", uri: "/weather/station" },
      ],
    })
    await hub.deliver()
    expect(copy.value).toEqual({ celsius: 7 })
    expect(sum.value).toEqual({ id: "today", n: 2 })
  })

  it("tells nothing when the handler fails", async () => {
    const { feed } = services()
    const before = await feed.position()
    expect((await call("PATCH /weather/station", { celsius: -300 })).status).toBe(422)
    expect(await feed.position()).toEqual(before)
  })

  it("is there for code that serves no request", async () => {
    const hub = hubFor(defined)
    const copy = await hub.follow("/weather/now")
    const { emit } = services()
    weather.now = null
    await emit.delete("/weather/now")
    await hub.deliver()
    expect(copy.value).toBeUndefined()
    weather.now = { celsius: 9 }
    await emit.state("/weather/now")
    await hub.deliver()
    expect(copy.value).toEqual({ celsius: 9 })
  })
})

function services() {
  const around = { env, now: () => 0, newId: () => "", poke: () => {} }
  return createServices(around as never, new Request("https://tidemark.test/"))
}
