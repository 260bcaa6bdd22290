/** Long polls on any GET URI. A change made at the same moment ends the wait; nothing here sleeps. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it, vi } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { trimJournal, writeUntold } from "./live.world.ts"

const hub = () => hubOf(env as never)
const sockets = () => runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
const known = (revision: unknown) => ({ "If-None-Match": `"${String(revision)}"` })

/** Starts a poll and comes back when the hub knows of it. */
async function waiting(uri: string, headers: Record<string, string> = {}) {
  const before = await sockets()
  const answer = send(`GET ${uri}`, undefined, headers)
  await vi.waitFor(async () => expect(await sockets()).toBe(before + 1))
  return { answer }
}

describe("a long poll", () => {
  it("answers at once when the caller knows nothing, or something older", async () => {
    const { revision } = await send("PUT /api/apps/poll", { data: { n: 1 } })
    const asked = [
      await send("GET /api/apps/poll?wait=60"),
      await send("GET /api/apps/poll?wait=60&since=0"),
      await send(`GET /api/apps/poll?wait=60&since=${revision! - 1}`),
      await send("GET /api/apps/poll?wait=60", undefined, known(revision! - 1)),
      await send("GET /api/apps/poll?wait=60&since=0123.9999"),
      await send(`GET /api/apps/poll?wait=60&since=${revision! + 9_999}`),
    ]
    for (const { status, json, revision: got } of asked) {
      expect([status, json.data, got]).toEqual([200, { n: 1 }, revision])
    }
  })

  it("waits for what comes after the revision that is known, however it is said", async () => {
    const uri = "/api/apps/wait"
    let { revision } = await send(`PUT ${uri}`, { data: { n: 0 } })
    const first = await send(`GET ${uri}?wait=0`)
    let place = first.headers.get("Last-Event-ID")!
    for (let n = 1; n <= 3; n++) {
      const polls = [
        await waiting(`${uri}?wait=60&since=${revision}`),
        await waiting(`${uri}?wait=60`, known(revision)),
        await waiting(`${uri}?wait=60&since=${place}`),
      ]
      await send("PUT /api/apps/another", { data: { n } })
      const written = await send(`PATCH ${uri}`, { data: { n } })
      for (const { answer } of polls) {
        const { status, json, revision: got, headers } = await answer
        expect([status, json.data, got]).toEqual([200, { n }, written.revision])
        place = headers.get("Last-Event-ID")!
        expect(Number(place.split(".")[1])).toBeGreaterThanOrEqual(written.revision!)
      }
      ;({ revision } = written)
    }
    expect(await sockets()).toBe(0)
  })

  it("says 304 when the time is up, and where to go on from", async () => {
    const { revision } = await send("PUT /api/apps/quiet", { data: {} })
    const silent = await send("GET /api/apps/quiet?wait=0", undefined, known(revision))
    expect([silent.status, silent.revision]).toEqual([304, revision])
    const place = silent.headers.get("Last-Event-ID")!
    expect((await send(`GET /api/apps/quiet?wait=0&since=${place}`)).status).toBe(304)
    await send("PATCH /api/apps/quiet", { data: { n: 1 } })
    expect((await send(`GET /api/apps/quiet?wait=0&since=${place}`)).json.data).toEqual({ n: 1 })
  })

  it("sees what comes to be, and what goes", async () => {
    const uri = "/api/apps/comes"
    const none = await send(`GET ${uri}?wait=60`)
    expect(none.status).toBe(404)
    const coming = await waiting(`${uri}?wait=60&since=${none.headers.get("Last-Event-ID")}`)
    const { revision } = await send(`PUT ${uri}`, { data: { n: 1 } })
    expect((await coming.answer).json.data).toEqual({ n: 1 })
    const going = [
      await waiting(`${uri}?wait=60&since=${revision}`),
      await waiting(`${uri}?wait=60`, known(revision)),
    ]
    await send(`DELETE ${uri}`)
    for (const { answer } of going) {
      const gone = await answer
      expect([gone.status, gone.json.code]).toEqual([404, "not_found"])
      const place = gone.headers.get("Last-Event-ID")!
      expect((await send(`GET ${uri}?wait=0&since=${place}`)).status).toBe(304)
    }
    expect((await send(`GET ${uri}?wait=60&since=${revision}`)).status).toBe(404)
  })

  it("waits for lists, keys, views and resources that users define", async () => {
    await send("PUT /keys?poll=0")
    await send("PUT /api/store/polls/a?orient=split", {
      columns: ["a"],
      index: ["2026-01-01"],
      data: [[1]],
    })
    const cases: [uri: string, write: () => Promise<unknown>][] = [
      ["/api/apps/", () => send("PUT /api/apps/in-list", { data: {} })],
      ["/keys/poll", () => send("PUT /keys?poll=1")],
      ["/keys/?filter=po$l", () => send("PUT /keys?pool=1")],
      ["/todo/", () => send("POST /todo/", { text: "swim" })],
      [
        "/api/store/polls/a?latest=1",
        () =>
          send("PUT /api/store/polls/a?orient=split&mode=append", {
            columns: ["a"],
            index: ["2026-01-02"],
            data: [[2]],
          }),
      ],
    ]
    for (const [uri, write] of cases) {
      const { revision } = await send(`GET ${uri}`)
      const { answer } = await waiting(
        `${uri}${uri.includes("?") ? "&" : "?"}wait=60`,
        known(revision),
      )
      await write()
      const { status, json, revision: got } = await answer
      expect(status, uri).toBe(200)
      expect(got, uri).toBeGreaterThan(revision!)
      expect(json).toEqual((await send(`GET ${uri}`)).json)
    }
  })

  it("of a series since a revision answers the rows that changed, as it does without waiting", async () => {
    const uri = "/api/store/polls/rows"
    const row = (day: string, value: number) => ({ columns: ["a"], index: [day], data: [[value]] })
    const { revision } = await send(`PUT ${uri}?orient=split`, row("2026-01-01", 1))
    const { answer } = await waiting(`${uri}?orient=split&wait=60&since=${revision}`)
    await send(`PUT ${uri}?orient=split&mode=append`, row("2026-01-02", 2))
    const plain = await send(`GET ${uri}?orient=split&since=${revision}`)
    expect((await answer).json).toEqual(plain.json)
    expect((await answer).json.data).toEqual([[2]])
    const place = (await send(`GET ${uri}?wait=0`)).headers.get("Last-Event-ID")
    const whole = await waiting(`${uri}?orient=split&wait=60&since=${place}`)
    await send(`PUT ${uri}?orient=split&mode=append`, row("2026-01-03", 3))
    expect((await whole.answer).json.data).toEqual([[1], [2], [3]])
  })

  it("misses no change that comes between reading and waiting", async () => {
    const uri = "/api/apps/race"
    let { revision } = await send(`PUT ${uri}`, { data: { n: 0 } })
    for (let n = 1; n <= 20; n++) {
      const way = n % 2 ? `${uri}?wait=60&since=${revision}` : `${uri}?wait=60`
      const answer = send(`GET ${way}`, undefined, n % 2 ? {} : known(revision))
      const written = await send(`PATCH ${uri}`, { data: { n } })
      expect((await answer).json.data).toEqual({ n })
      ;({ revision } = written)
    }
  })

  it("waits at a hub that was not told of what the caller knows, also when that is trimmed", async () => {
    const uri = "/api/apps/ahead"
    const { revision } = await send(`PUT ${uri}`, { data: { n: 0 } })
    const other = await connect()
    await other.ask("subscribe /api/apps/none")
    for (let n = 0; n < 3; n++) await writeUntold("PUT /api/apps/untold", { data: { n } })
    await trimJournal()
    const { answer } = await waiting(`${uri}?wait=60&since=${revision! + 1}`)
    await send(`PATCH ${uri}`, { data: { n: 1 } })
    expect((await answer).json.data).toEqual({ n: 1 })
    other.socket.close(1000)
  })

  it("goes on through hibernation, and ends early when the hub goes", async () => {
    const uri = "/api/apps/sleepy"
    const { revision } = await send(`PUT ${uri}`, { data: { n: 0 } })
    const slept = await waiting(`${uri}?wait=60&since=${revision}`)
    await evictDurableObject(hub())
    const written = await send(`PATCH ${uri}`, { data: { n: 1 } })
    expect((await slept.answer).json.data).toEqual({ n: 1 })
    const cut = await waiting(`${uri}?wait=60&since=${written.revision}`)
    await evictDurableObject(hub(), { webSockets: "close" })
    expect((await cut.answer).status).toBe(304)
  })

  it("refuses a wait that is none, and what GET refuses", async () => {
    for (const query of ["wait=61", "wait=-1", "wait=x", "wait=1.5", "wait=1&since=x"]) {
      const { status, json } = await send(`GET /api/apps/poll?${query}`)
      expect([status, json.code], query).toEqual([400, "invalid_request"])
      expect(Object.keys(json.errors)[0]).toMatch(/^query\.(wait|since)$/)
    }
    expect((await send("GET /nowhere?wait=60")).status).toBe(404)
    expect((await send("GET /api/store/a/b?wait=60&limit=many")).status).toBe(400)
  })
})
