/** The journal itself: as a page, as lines, as events. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it, vi } from "vitest"
import { createServices } from "../src/app.ts"
import { hubOf } from "../src/live/hubs.ts"
import { follow } from "./events.ts"
import { send } from "./helpers.ts"

const hub = () => hubOf(env as never)
const sockets = () => runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
const now = async () => (await send("GET /api/changes?since=now")).json.position as string

/** Something of every kind; answers the URIs in order. */
async function write(): Promise<string[]> {
  await send("PUT /api/apps/noted", { data: { n: 1 } })
  await send("PATCH /api/apps/noted", { data: { n: 2 } })
  await send("PUT /keys?noted=1&expire_in=600")
  await send("PUT /api/store/notes/a?orient=split", {
    columns: ["a"],
    index: ["2026-01-01"],
    data: [[1.5]],
  })
  const { headers } = await send("POST /todo/", { text: "swim" })
  await send("DELETE /api/apps/noted")
  const app = "/api/apps/noted"
  return [app, app, "/keys/noted", "/api/store/notes/a", headers.get("Location")!, app]
}

describe("/api/changes", () => {
  it("tells every change of every kind after a position, in order, with what followers need", async () => {
    await write()
    const since = await now()
    const uris = await write()
    const { json, headers } = await send(`GET /api/changes?since=${since}`)
    expect(json.changes.map(({ uri }: any) => uri)).toEqual(uris)
    const revisions = json.changes.map(({ revision }: any) => revision)
    expect(revisions).toEqual(revisions.toSorted((a: number, b: number) => a - b))
    expect(json.changes).toMatchObject([
      { event: "create", resource: { name: "noted", data: { n: 1 } } },
      { event: "patch", patch: { data: { n: 2 } } },
      { event: "patch", patch: { noted: "1" }, expires_at: expect.any(Number) },
      { event: expect.any(String) },
      { event: "create", resource: { text: "swim" } },
      { event: "delete" },
    ])
    for (const { at } of json.changes) expect(Math.abs(at - Date.now())).toBeLessThan(600_000)
    expect(json.more).toBe(false)
    expect(json.position).toBe(`${since.split(".")[0]}.${revisions.at(-1)}`)
    expect(headers.get("Last-Event-ID")).toBe(json.position)
    expect((await send(`GET /api/changes?since=${json.position}`)).json).toEqual({
      changes: [],
      position: json.position,
      more: false,
    })
    const all = await send("GET /api/changes")
    expect(all.json.changes.slice(-uris.length)).toEqual(json.changes)
  })

  it("takes a URI or a pattern", async () => {
    const since = await now()
    await write()
    const of = async (pattern: string) => {
      const { json } = await send(`GET /api/changes?since=${since}&uri=${pattern}`)
      return json.changes.length
    }
    expect(await of("/api/apps/noted")).toBe(3)
    expect(await of("/api/apps/*")).toBe(3)
    expect(await of("/api/**")).toBe(4)
    expect(await of("/keys/no*")).toBe(1)
    expect(await of("/todo/*")).toBe(1)
    expect(await of("/**")).toBe(6)
    expect(await of("/nowhere/**")).toBe(0)
  })

  it("comes in pages that lose nothing and repeat nothing, filtered or not", async () => {
    const since = await now()
    await write()
    await write()
    for (const uri of ["", "&uri=/api/**"]) {
      const whole = await send(`GET /api/changes?since=${since}${uri}`)
      let next: string | undefined = `/api/changes?since=${since}&limit=3${uri}`
      const pages: any[] = []
      while (next !== undefined) {
        const { json, headers }: any = await send(`GET ${next}`)
        expect(json.changes.length).toBeLessThanOrEqual(3)
        pages.push(...json.changes)
        next = /<(.*)>; rel="next"/.exec(headers.get("Link") ?? "")?.[1]
        expect(json.more).toBe(next !== undefined)
      }
      expect(pages).toEqual(whole.json.changes)
    }
  })

  it("comes as JSON lines too", async () => {
    const since = await now()
    await write()
    const page = await send(`GET /api/changes?since=${since}&limit=4`)
    const ways = [
      await send(`GET /api/changes?since=${since}&limit=4&format=ndjson`),
      await send(`GET /api/changes?since=${since}&limit=4`, undefined, {
        Accept: "application/x-ndjson",
      }),
    ]
    for (const { text, headers } of ways) {
      expect(headers.get("Content-Type")).toBe("application/x-ndjson")
      expect(headers.get("Last-Event-ID")).toBe(page.json.position)
      const lines = text.trimEnd().split("\n")
      expect(lines.map((line) => JSON.parse(line))).toEqual(page.json.changes)
    }
  })

  it("says reset where the journal does not know what came after", async () => {
    await write()
    const [epoch, last] = (await now()).split(".")
    for (const since of ["0123.1", `${epoch}.${Number(last) + 1_000}`]) {
      const { json } = await send(`GET /api/changes?since=${since}&wait=60`)
      expect(json).toEqual({ changes: [], position: `${epoch}.${last}`, more: false, reset: true })
    }
    const lines = await send("GET /api/changes?since=0123.1&format=ndjson")
    expect(JSON.parse(lines.text)).toEqual({ event: "reset", position: `${epoch}.${last}` })
    const around = { env, now: () => Date.now(), newId: () => "x", poke: () => {} }
    const { feed } = createServices(around as never, new Request("https://tidemark.test/"))
    await feed.trim(-1_000, 0)
    expect((await send("GET /api/changes?since=0")).json.reset).toBe(true)
    const { json } = await send("GET /api/changes")
    expect(json.reset).toBeUndefined()
    expect(json.changes).toHaveLength(1)
  })

  it("waits for a change that is wanted, and for no other", async () => {
    const since = await now()
    const answer = send(`GET /api/changes?since=${since}&wait=60&uri=/keys/waited-*`)
    await vi.waitFor(async () => expect(await sockets()).toBe(1))
    await send("PUT /api/apps/unwanted", { data: {} })
    await send("PUT /keys?waited-for=1")
    const { json } = await answer
    expect(json.changes).toMatchObject([{ uri: "/keys/waited-for", event: "create" }])
    await vi.waitFor(async () => expect(await sockets()).toBe(0))
    const idle = await send(`GET /api/changes?since=now&wait=1&uri=/nowhere`)
    expect(idle.json.changes).toEqual([])
  })

  it("comes as events, which go on from their id and over a hub that slept", async () => {
    const begin = await follow("/api/changes?uri=/api/apps/*")
    const id = await begin.settle()
    await write()
    const events = await begin.hearAll(3)
    expect(events.map(({ event }) => event)).toEqual(["create", "patch", "delete"])
    const { json } = await send(`GET /api/changes?since=${id}&uri=/api/apps/*`)
    expect(events.map(({ data }) => data)).toEqual(json.changes)
    await evictDurableObject(hub())
    await write()
    expect((await begin.hearAll(3)).map(({ event }) => event)).toEqual([
      "create",
      "patch",
      "delete",
    ])
    await begin.close()
    const again = await follow("/api/changes?uri=/api/apps/*", events[0]!.id)
    const missed = await again.hearAll(5)
    expect(missed.map(({ event }) => event)).toEqual([
      "patch",
      "delete",
      "create",
      "patch",
      "delete",
    ])
    await again.close()
    await vi.waitFor(async () => expect(await sockets()).toBe(0))
  })

  it("as events says reset to who comes back from elsewhere, and goes on from there", async () => {
    const events = await follow("/api/changes", "0123.1")
    const reset = await events.hear()
    expect(reset).toMatchObject({ event: "reset", data: { position: reset?.id } })
    await send("PUT /api/apps/after-reset", { data: {} })
    expect(await events.hear()).toMatchObject({ data: { uri: "/api/apps/after-reset" } })
    await events.close()
  })

  it("refuses what it cannot read, by its name", async () => {
    for (const query of [
      "since=x",
      "uri=/a?b=1",
      "limit=0",
      "limit=100000",
      "wait=61",
      "format=csv",
    ]) {
      const { status, json } = await send(`GET /api/changes?${query.replace("?b", "%3Fb")}`)
      expect([status, json.code], query).toEqual([400, "invalid_request"])
      expect(Object.keys(json.errors)).toEqual([`query.${query.split("=")[0]}`])
    }
  })
})
