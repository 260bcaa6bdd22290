/** Retention: held to by every read at once, told to who follows, carried out on schedule. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { applyPatch, type SeriesState } from "../src/client/replica-series.ts"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import type { Statement } from "../src/feed/statement.ts"
import { Compactor } from "../src/series/compactor.ts"
import { Keeper } from "../src/series/keeper.ts"
import { SeriesReader } from "../src/series/read/reader.ts"
import { floorOf } from "../src/series/retention.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const DAY = 86_400_000
const NOW = Date.now()
/** A day so many days from now; the time of day leaves no doubt about which side of a limit it is on. */
const stamp = (days: number) => NOW + days * DAY + 3_600_000
const iso = (days: number) => new Date(stamp(days)).toISOString().slice(0, -1)

async function put(uri: string, days: number[], query = ""): Promise<void> {
  const answer = await send(`PUT ${uri}?orient=split${query}`, {
    columns: ["v"],
    index: days.map(stamp),
    data: days.map((day) => [day]),
  })
  expect(answer.status, answer.text).toBe(200)
}

const values = async (uri: string, query = "") =>
  (await send(`GET ${uri}?orient=values${query}`)).json.flat()

const retain = (reference: string, retention: unknown) =>
  send(`PATCH /api/store/${reference}/`, { retention })

const chunks = async (symbol: string) =>
  (
    await env.DB.prepare(
      "SELECT count FROM chunks WHERE series = (SELECT id FROM series WHERE symbol = ?)",
    )
      .bind(symbol)
      .all<{ count: number }>()
  ).results.map(({ count }) => count)

/** What the schedule does, at a moment of choice. */
async function clean(now = NOW): Promise<void> {
  const db = new Database(env.DB)
  await new Keeper(db, new Feed(db, { now: () => now, poke: () => {} }), () => now).keep()
}

async function compact(reference: string, symbol: string): Promise<void> {
  const db = new Database(env.DB)
  const compactor = new Compactor(db, new Feed(db, { now: Date.now, poke: () => {} }))
  await compactor.compact({ reference, symbol })
}

const bodies = async (uri: string) =>
  (
    await env.DB.prepare("SELECT body FROM changes WHERE uri = ? ORDER BY revision")
      .bind(uri)
      .all<{ body: string | null }>()
  ).results.map(({ body }) => (body === null ? null : JSON.parse(body)))

describe("a retention", () => {
  it("hides older rows at once from every way of reading", async () => {
    const uri = "/api/store/hides/s"
    await put(uri, [-400, -40, -20, -1])
    const before = await send(`GET ${uri}`)
    expect((await send("GET /api/store/hides/")).headers.has("Retention")).toBe(false)
    const answer = await retain("hides", "30d")
    expect([answer.status, answer.json]).toEqual([200, { retention: "30d" }])
    expect(await values(uri)).toEqual([-20, -1])
    expect(await values(uri, `&end=${stamp(-35)}`)).toEqual([])
    expect(await values(uri, "&limit=1")).toEqual([-20])
    expect(await values(uri, "&latest=3")).toEqual([-20, -1])
    expect(await values(uri, "&order=desc")).toEqual([-1, -20])
    expect(await values(uri, "&max_points=10")).toEqual([-20, -1])
    expect(await values(uri, "&every=1y&agg=count")).not.toContain(4)
    expect(await values(uri, "&every=100y&agg=count")).toEqual([2])
    expect((await send(`GET ${uri}?format=csv`)).text.trim().split("\n")).toHaveLength(3)
    // What fill finds before the window may be hidden too.
    const window = `&start=${stamp(-25)}&end=${stamp(-19)}&every=1d&fill=previous`
    expect((await values(uri, window)).slice(0, 4)).toEqual([null, null, null, null])
    const list = await send("GET /api/store/hides/")
    expect(list.headers.get("Retention")).toBe("30d")
    expect(list.json).toMatchObject([{ count: 2, first: iso(-20), last: iso(-1) }])
    expect((await send("GET /api/store/hides/?latest=1")).json).toMatchObject([
      { last: iso(-1), latest: { v: -1 } },
    ])
    // The copy that somebody has is no longer right.
    const known = await send(`GET ${uri}`, undefined, { "If-None-Match": `"${before.revision}"` })
    expect([known.status, known.revision]).toEqual([200, answer.revision])
    expect(known.headers.get("Retention")).toBe("30d")
    expect((await retain("hides", null)).json).toEqual({ retention: null })
    expect(await values(uri)).toEqual([-400, -40, -20, -1])
    expect((await send(`GET ${uri}`)).headers.has("Retention")).toBe(false)
  })

  it("is a change of every series of its reference, and of no other", async () => {
    await put("/api/store/told-all/a b", [-1])
    await put("/api/store/told-all/c", [-1])
    await put("/api/store/told-none/c", [-1])
    const { revision } = await retain("told-all", "1w12h")
    const sql = "SELECT revision, uri, event, body FROM changes ORDER BY revision DESC LIMIT 2"
    expect((await env.DB.prepare(sql).all()).results).toEqual([
      { revision, uri: "/api/store/told-all/c", event: "patch", body: null },
      { revision: revision! - 1, uri: "/api/store/told-all/a%20b", event: "patch", body: null },
    ])
    expect((await send("GET /api/store/told-all/a%20b")).revision).toBe(revision! - 1)
    expect((await send("GET /api/store/told-all/c")).revision).toBe(revision)
  })

  it("deletes whole chunks on schedule, and that is no change", async () => {
    const uri = "/api/store/cleaned/cleaned"
    await put(
      uri,
      Array.from({ length: 2_000 }, (_, at) => -4_000 + at),
    )
    await put(uri, [-50, -45])
    await put(uri, [-3, -2])
    await retain("cleaned", "30d")
    const { revision } = await send(`GET ${uri}`)
    await clean()
    expect(await chunks("cleaned")).toEqual([])
    expect(await values(uri)).toEqual([-3, -2])
    expect((await send(`GET ${uri}`)).revision).toBe(revision)
    // What waits in the tail is deleted once it is in chunks.
    await retain("cleaned", null)
    expect(await values(uri)).toEqual([-50, -45, -3, -2])
  })

  it("comes to every series, however many have a chunk that is older and may not go yet", async () => {
    const days = Array.from({ length: 150 }, (_, at) => at - 200)
    await put("/api/store/turns/turns", days)
    await put("/api/store/turns/turns", [-1])
    await retain("turns", "30d")
    const named = `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)`
    const [first, last] = [stamp(-300) * 1_000, stamp(-1) * 1_000]
    await env.DB.batch([
      env.DB.prepare(`${named} INSERT INTO series (reference, symbol, revision, kind, unit, columns,
        first, last, exact) SELECT 'turns', 'n' || n, 1, 'naive', 'ms', '[]', ${first}, ${last}, 0 FROM n`),
      env.DB.prepare(`INSERT INTO chunks (series, revision, level, first, last, replaces, count)
        SELECT id, 1, 26, ${first}, ${last}, 1, 0 FROM series
        WHERE reference = 'turns' AND symbol LIKE 'n%'`),
    ])
    for (let hour = 0; hour < 4; hour++) await clean(NOW + hour * 3_600_000)
    expect(await chunks("turns")).toEqual([])
    expect(await values("/api/store/turns/turns")).toEqual([-1])
    await env.DB.batch([
      env.DB.prepare("DELETE FROM chunks WHERE revision = 1 AND count = 0 AND level = 26"),
      env.DB.prepare("DELETE FROM series WHERE reference = 'turns'"),
    ])
  })

  it("keeps a chunk that reaches into what is kept, and whatever lies over it", async () => {
    const uri = "/api/store/over/over"
    await put(
      uri,
      Array.from({ length: 2_000 }, (_, at) => at - 2_000),
    )
    await send(`PATCH ${uri}`, { removed: [[String(stamp(-1_500)), String(stamp(-1_000))]] })
    await retain("over", "30d")
    await clean()
    await compact("over", "over")
    await clean()
    await retain("over", null)
    expect(await values(uri)).toHaveLength(1_499)
  })

  it("cannot be made to erase history by a stamp far in the future", async () => {
    const uri = "/api/store/future/future"
    await put(uri, [-20, -10])
    await put(uri, [40_000])
    await retain("future", "30d")
    await clean()
    expect(await values(uri)).toEqual([-20, -10, 40_000])
  })

  it("is looked for in a few rounds, also if statement and reader should disagree about where it begins", async () => {
    const days = Array.from({ length: 150 }, (_, at) => at - 150)
    await put("/api/store/astray/s", days)
    let batches = 0
    class Astray extends Database {
      override async batch<Row>(statements: Statement[]): Promise<Row[][]> {
        if (++batches > 20) throw new Error("There is no end to it")
        const results = await super.batch<Row & { low?: number }>(statements)
        for (const row of results.flat()) if (row.low !== undefined) row.low++
        return results
      }
    }
    const reader = new SeriesReader(new Astray(env.DB), Date.now)
    const place = { reference: "astray", symbol: "s" }
    const view = await reader.read(place, { limit: 1_000 })
    let rows = 0
    for await (const { index } of view!.frames) rows += index.length
    expect(rows).toBe(150)
  })

  it("keeps the end of a series that ended long ago", async () => {
    const uri = "/api/store/ended/ended"
    await put(uri, [-900, -820, -810, -800])
    await retain("ended", "30d")
    await clean()
    expect(await values(uri)).toEqual([-820, -810, -800])
    await send(`PATCH ${uri}`, { removed: [[String(stamp(-805)), String(stamp(-700))]] })
    expect(await values(uri)).toEqual([-820, -810])
  })

  it("means nothing to an index of integers", async () => {
    await send("PUT /api/store/integers/integers", '{"v":{"1":1,"1000000":2}}')
    await retain("integers", "1s")
    await clean()
    expect((await send("GET /api/store/integers/integers?orient=values")).text).toBe("[[1],[2]]")
    const retention = JSON.stringify([1, "1us", 1, 1])
    expect(floorOf({ kind: "integer", retention, last: 10 }, NOW)).toBeNull()
  })

  it("that is no duration is refused", async () => {
    for (const retention of ["30", "-1d", "0d", "1y", "", "d", "99999999w", 30, undefined, {}]) {
      const answer = await retain("refused", retention)
      expect([retention, answer.status]).toEqual([retention, 400])
    }
    expect((await retain("refused", "1fortnight")).json).toMatchObject({
      code: "invalid_request",
      errors: { "body.retention": expect.stringContaining("must be a duration above 0") },
    })
    expect((await send("GET /api/store/refused/")).headers.has("Retention")).toBe(false)
  })

  it("may be set before there is a series", async () => {
    expect((await retain("early", "36h")).status).toBe(200)
    await put("/api/store/early/s", [-5, -1, 0])
    expect(await values("/api/store/early/s")).toEqual([-1, 0])
    expect((await send("GET /api/store/")).json).toContainEqual({ reference: "early" })
  })
})

describe("who has a copy", () => {
  it("is told by the write that makes rows too old, and never shown late ones", async () => {
    for (const [symbol, zone] of [
      ["naive", ""],
      ["utc", "Z"],
    ] as const) {
      const uri = `/api/store/copies/${symbol}`
      await retain("copies", "10d")
      let copy: SeriesState = {}
      const write = async (days: number[], mode: string, fine = "") => {
        const index = days.map((day) => `${iso(day)}${fine}${zone}`)
        const body = { columns: ["v"], index, data: days.map((day) => [day * 10]) }
        const seen = (await bodies(uri)).length
        if (mode === "patch") await send(`PATCH ${uri}`, { rows: body })
        else await send(`PUT ${uri}?orient=split&mode=${mode}`, body)
        const [news] = (await bodies(uri)).slice(seen)
        const now = (await send(`GET ${uri}`)).json
        copy = news === null ? now : applyPatch(copy, news)
        expect(copy, `${symbol} ${mode} ${days.join()}`).toEqual(now)
        return news === null ? "state" : Object.keys(now["v"]).length
      }
      expect(await write([-60, -55, -52], "append")).toBe("state")
      expect(await write([-50], "append")).toBe(4)
      expect(await write([-48], "append")).toBe(4)
      expect(await write([-44, -43], "upsert")).toBe(5)
      expect(await write([-41], "update")).toBe(5)
      expect(await write([-35.5], "patch")).toBe(4)
      expect(await write([-60], "upsert")).toBe("state")
      expect(await write([-61], "patch")).toBe("state")
      expect(await write([-34], "append", "001")).toBe("state")
      expect(await write([-33.2, -33.1], "append")).toBe(6)
      expect(await write([-32], "patch")).toBe(6)
    }
  })

  it("is told on schedule what the clock took away from a series with rows in the future", async () => {
    const uri = "/api/store/aging/s"
    await put(uri, [-29, -20, -1])
    await put(uri, [50])
    await put("/api/store/aging/past", [-29, -20, -1])
    await retain("aging", "30d")
    const past = (await send("GET /api/store/aging/past")).revision
    const before = await send(`GET ${uri}`)
    const told = (await bodies(uri)).length
    await clean(NOW + 5 * DAY)
    const news = (await bodies(uri)).slice(told)
    expect(news).toHaveLength(1)
    const copy = applyPatch(before.json, news[0])
    expect(Object.values(copy["v"] ?? {})).toEqual([-20, -1, 50])
    expect((await send(`GET ${uri}`)).revision).toBeGreaterThan(before.revision ?? 0)
    expect((await send("GET /api/store/aging/past")).revision).toBe(past)
  })

  it("is never told that it holds while the clock may take rows away", async () => {
    const uri = "/api/store/clock/s"
    const twice = async (query = "") => {
      const { headers } = await send(`GET ${uri}${query}`)
      const known = { "If-None-Match": headers.get("ETag") ?? "" }
      return (await send(`GET ${uri}${query}`, undefined, known)).status
    }
    await put(uri, [-20, -1])
    await retain("clock", "30d")
    expect(await twice()).toBe(304)
    expect(await twice("?start=now-25d")).toBe(200)
    await put(uri, [1])
    expect(await twice()).toBe(200)
    expect(await twice("?every=1d")).toBe(200)
    expect(await twice("?latest=1")).toBe(200)
    const list = await send("GET /api/store/clock/")
    const known = { "If-None-Match": list.headers.get("ETag") ?? "" }
    expect((await send("GET /api/store/clock/", undefined, known)).status).toBe(200)
    await retain("clock", null)
    expect(await twice()).toBe(304)
  })

  it("learns from since what left, and what came back", async () => {
    const uri = "/api/store/back/s"
    await put(uri, [-40, -20, -1])
    const first = (await send(`GET ${uri}`)).revision
    await retain("back", "30d")
    const hidden = await send(`GET ${uri}?orient=split&since=${first}`)
    const second = hidden.revision
    expect(hidden.json.data).toEqual([[-20], [-1]])
    const [[from, to]] = JSON.parse(hidden.headers.get("X-Removed") ?? "")
    expect([from < iso(-40), to > iso(-40)]).toEqual([true, true])
    await put(uri, [0], "&mode=append")
    const next = await send(`GET ${uri}?orient=split&since=${second}`)
    expect(next.json.data).toEqual([[0]])
    expect(JSON.parse(next.headers.get("X-Removed") ?? "")[0][1] > iso(-40)).toBe(true)
    await retain("back", null)
    const back = await send(`GET ${uri}?orient=split&since=${next.revision}`)
    expect(back.json.data).toEqual([[-40], [-20], [-1], [0]])
  })

  it("over a socket is given the state when the retention is set", async () => {
    const uri = "/api/store/heard/s"
    await put(uri, [-40, -20, -1])
    const talker = await connect()
    await talker.ask(`subscribe ${uri}`)
    await talker.ask("subscribe /api/store/heard/")
    await talker.hear()
    await talker.hear()
    await retain("heard", "30d")
    const frames = [await talker.hear(), await talker.hear()]
    for (const frame of frames) {
      expect(frame.event).toBe("state")
      const { json } = await send(`GET ${frame.list ?? frame.uri}`)
      expect(frame.list ? [frame.resource] : frame.resource).toEqual(json)
    }
    expect(frames.map(({ list }) => list)).toEqual([undefined, "/api/store/heard/"])
    await put(uri, [0], "&mode=append")
    const patch = await talker.hear()
    const [state] = frames
    expect(applyPatch(state?.resource, patch.patch)).toEqual((await send(`GET ${uri}`)).json)
  })
})
