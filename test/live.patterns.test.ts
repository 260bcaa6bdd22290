/** Subscriptions to patterns: every change of what matches, resumed like any other. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { chance, open, settled, sockets, until } from "./live.world.ts"

const place = ({ event, member, uri }: any) => [event, member ?? uri]

describe("a pattern", () => {
  it("is told every change of what matches, and nothing else", async () => {
    const one = await connect()
    const reply = await one.ask("subscribe //api/apps/pat-*")
    expect(reply).toMatchObject({ ok: true, uri: "/api/apps/pat-*", frames: 0 })
    expect(reply.position).toBe(reply.revision)
    await send("PUT /api/apps/pat-a", { data: { n: 1 } })
    await send("PATCH /api/apps/pat-a", { data: { n: 2 } })
    await send("PUT /api/apps/other-a", { data: {} })
    await send("PUT /api/apps/pat-a", { data: { m: 3 } })
    await send("DELETE /api/apps/pat-a")
    const frames = await one.rest()
    expect(frames.map(place)).toEqual([
      ["create", "/api/apps/pat-a"],
      ["patch", "/api/apps/pat-a"],
      ["state", "/api/apps/pat-a"],
      ["delete", "/api/apps/pat-a"],
    ])
    expect(frames[1].patch).toEqual({ data: { n: 2 } })
    expect(await one.ask("unsubscribe /api//apps/pat-*")).toMatchObject({ uri: reply.uri })
    await send("PUT /api/apps/pat-a", { data: {} })
    expect(await one.rest()).toEqual([])
  })

  it("of any depth spans the stores", async () => {
    const one = await connect()
    await one.ask("subscribe /**/deep-*")
    await send("PUT /api/apps/deep-1", { data: {} })
    await send("PUT /keys/deep-2", { value: "x" })
    const rows = { columns: ["a"], index: ["2020-01-01"], data: [[1]] }
    await send("PUT /api/store/depths/deep-3?orient=split", rows)
    expect((await one.rest()).map(place).map(([, uri]) => uri)).toEqual([
      "/api/apps/deep-1",
      "/keys/deep-2",
      "/api/store/depths/deep-3",
    ])
  })

  it("tells a change once to a socket that follows item, list and patterns", async () => {
    const one = await connect()
    for (const uri of ["/api/apps/*", "/api/**", "/api/apps/many", "/api/apps/"]) {
      await one.ask(`subscribe ${uri}`)
    }
    await one.rest()
    await send("PUT /api/apps/many", { data: {} })
    await send("PATCH /api/apps/many", { data: { n: 1 } })
    expect((await one.rest()).map(place)).toEqual([
      ["create", "/api/apps/many"],
      ["patch", "/api/apps/many"],
    ])
  })

  it("tells what is too large for the journal as it was read", async () => {
    const one = await connect()
    await one.ask("subscribe /api/*/large")
    const text = "x".repeat(100_000)
    await send("PUT /api/apps/large", { data: { text } })
    expect(await one.hear()).toMatchObject({ event: "create", resource: { data: { text } } })
  })

  it("is no name with a star in it", async () => {
    const one = await connect()
    const { revision } = await send("PUT /api/apps/st%2Ar", { data: { n: 1 } })
    await send("PUT /api/apps/stir", { data: { n: 2 } })
    const reply = await one.ask("subscribe /api/apps/st%2Ar")
    expect(reply).toMatchObject({ uri: "/api/apps/st%2Ar", revision })
    expect(await one.hear()).toMatchObject({ event: "state", resource: { name: "st*r" } })
    await send("PATCH /api/apps/stir", { data: { n: 3 } })
    await send("PATCH /api/apps/st*r", { data: { n: 4 } })
    expect(await one.rest()).toMatchObject([{ uri: "/api/apps/st%2Ar", patch: { data: { n: 4 } } }])
  })

  it("that is wrong is refused in words", async () => {
    const one = await connect()
    for (const uri of ["/api/*?a=1", "/api/%/*"]) {
      const reply = await one.ask({ event: "subscribe", uri })
      expect(reply).toMatchObject({ ok: false, problem: { code: "unknown_uri", status: 404 } })
    }
  })

  it("goes on from a position, or says that it cannot", async () => {
    const one = await connect()
    const { epoch, position } = await one.ask("subscribe /api/apps/back-*")
    const since = `${epoch}.${position}`
    await send("PUT /api/apps/back-a", { data: { n: 1 } })
    await send("PATCH /api/apps/back-a", { data: { n: 2 } })
    const two = await connect()
    const reply = await two.ask(`subscribe /api/apps/back-* since ${since}`)
    expect(reply).toMatchObject({ resumed: true, frames: 2 })
    // Others may follow the list, whose frames say more.
    expect(await one.hearAll(2)).toMatchObject(await two.hearAll(2))
    const { topics } = await two.ask({ event: "resume", since, uris: ["/api/*/back-*"] })
    expect(topics).toMatchObject([{ uri: "/api/*/back-*", resumed: true }])
    await two.hearAll(2)
    await send("PUT /api/apps/back-a", { data: { text: "x".repeat(100_000) } })
    const three = await connect()
    expect(await three.ask(`subscribe /api/apps/back-* since ${since}`)).toMatchObject({
      reset: true,
      frames: 0,
    })
    expect(await three.ask("subscribe /api/** since ffff.1")).toMatchObject({ reset: true })
  })

  it("is told that the journal went back, by a delete marked reset", async () => {
    const one = await connect()
    const { epoch } = await one.ask("subscribe /api/apps/restored-*")
    const { revision } = await send("PUT /api/apps/restored-b", { data: {} })
    await one.hear()
    // As a restore does it: the newest commits have never been.
    const database = (env as unknown as { DB: D1Database }).DB
    await database.batch([
      database.prepare("DELETE FROM changes WHERE revision >= ?1").bind(revision),
      database.prepare("DELETE FROM documents WHERE name = 'restored-b'"),
    ])
    await hubOf(env as never).poke([])
    const told = await one.hear()
    expect(told).toMatchObject({ event: "delete", uri: "/api/apps/restored-*", reset: true })
    expect(told.epoch).not.toBe(epoch)
    await send("PUT /api/apps/restored-a", { data: {} })
    expect((await one.rest()).map(place)).toEqual([["create", "/api/apps/restored-a"]])
  })
})

describe("a client that follows a pattern", () => {
  it("holds what GET answers for all that came whole, through lost connections and pokes", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const below = chance(seed)
    const around = { env, now: Date.now, newId: () => "x", poke: () => {} }
    const unheard = createServices(around as never, new Request("https://tidemark.test/")).apps
    const live = open()
    const all = live.subscribe("/api/apps/any-*")
    await all.ready
    const uris = ["a", "b", "c"].map((name) => `/api/apps/any-${name}`)
    for (let step = 0; step < 60; step++) {
      const uri = uris[below(3)] ?? ""
      const data = { [`m${below(3)}`]: below(2) ? step : null }
      const kind = below(6)
      if (kind === 0) await send(`DELETE ${uri}`)
      else if (kind === 1) sockets.at(-1)?.close(4001, "Cut")
      else if (kind === 2) await unheard.put(uri, JSON.stringify(data))
      else await send(`${kind < 5 ? "PATCH" : "PUT"} ${uri}`, { data })
    }
    for (const uri of uris) await send(`PUT ${uri}`, { data: { end: true } })
    for (const uri of uris) await send(`PATCH ${uri}`, { data: { n: 1 } })
    await until(all, () => uris.every((uri) => (all.value as any).get(uri)?.data.n === 1))
    await settled(live)
    for (const uri of uris) {
      const { json } = await send(`GET ${uri}`)
      expect((all.value as ReadonlyMap<string, unknown>).get(uri), `seed ${seed}`).toEqual(json)
    }
    live.close()
  })

  it("holds no list that came to be: of what changes in it, its members tell", async () => {
    const live = open()
    const all = live.subscribe("/api/store/**")
    await all.ready
    const put = (day: string) =>
      send("PUT /api/store/listless/x?orient=split", { columns: ["a"], index: [day], data: [[1]] })
    await put("2020-01-01")
    await put("2020-01-02")
    const held = () => all.value as ReadonlyMap<string, any>
    await until(all, () => Object.keys(held().get("/api/store/listless/x")?.a ?? {}).length === 2)
    expect([...held().keys()]).toEqual(["/api/store/listless/x"])
    live.close()
  })
})
