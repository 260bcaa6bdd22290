/** Retention: held to by every read at once, carried out on schedule. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { Compactor } from "../src/series/compactor.ts"
import { Keeper } from "../src/series/keeper.ts"
import { floorOf } from "../src/series/retention.ts"
import { send } from "./helpers.ts"

const DAY = 86_400_000
const NOW = Date.now()
/** A day so many days from now; the time of day leaves no doubt about which side of a limit it is on. */
const stamp = (days: number) => NOW + days * DAY + 3_600_000

async function put(uri: string, days: number[]): Promise<void> {
  const answer = await send(`PUT ${uri}?orient=split`, {
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
  await new Keeper(db, new Feed(db, { now: () => now, poke: () => {} }), () => now).clean()
}

/** Moves the tail into chunks. */
async function compact(reference: string, symbol: string): Promise<void> {
  const db = new Database(env.DB)
  const compactor = new Compactor(db, new Feed(db, { now: Date.now, poke: () => {} }))
  await compactor.compact({ reference, symbol })
}

describe("a retention", () => {
  it("hides older rows at once, and is told by the list", async () => {
    const uri = "/api/store/hides/s"
    await put(uri, [-400, -40, -20, -1])
    const before = await send(`GET ${uri}`)
    expect((await send("GET /api/store/hides/")).headers.has("Retention")).toBe(false)
    const answer = await retain("hides", "30d")
    expect([answer.status, answer.json]).toEqual([200, { retention: "30d" }])
    expect(await values(uri)).toEqual([-20, -1])
    expect(await values(uri, `&end=${stamp(-30)}`)).toEqual([])
    const list = await send("GET /api/store/hides/")
    expect(list.headers.get("Retention")).toBe("30d")
    expect(list.json[0]).not.toHaveProperty("first")
    expect(list.json[0]).toHaveProperty("last")
    // The copy that somebody has is no longer right.
    const known = await send(`GET ${uri}`, undefined, { "If-None-Match": `"${before.revision}"` })
    expect([known.status, known.revision]).toEqual([200, answer.revision])
    expect((await retain("hides", null)).json).toEqual({ retention: null })
    expect(await values(uri)).toEqual([-400, -40, -20, -1])
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
  })

  it("deletes whole chunks on schedule, also of what never was compacted", async () => {
    const uri = "/api/store/cleaned/cleaned"
    const old = Array.from({ length: 2_000 }, (_, at) => -4_000 + at)
    await put(uri, old)
    await put(uri, [-50, -45])
    await put(uri, [-3, -2])
    await retain("cleaned", "30d")
    await clean()
    expect(await chunks("cleaned")).toEqual([])
    expect(await values(uri)).toEqual([-3, -2])
    await retain("cleaned", null)
    expect(await values(uri)).toEqual([-50, -45, -3, -2])
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
    await compact("future", "future")
    await clean()
    expect(await values(uri)).toEqual([-20, -10, 40_000])
  })

  it("keeps the end of a series that ended long ago", async () => {
    const uri = "/api/store/ended/ended"
    await put(uri, [-900, -820, -810, -800])
    await retain("ended", "30d")
    await compact("ended", "ended")
    await clean()
    expect(await values(uri)).toEqual([-820, -810, -800])
  })

  it("means nothing to an index of integers", async () => {
    await send("PUT /api/store/integers/integers", '{"v":{"1":1,"1000000":2}}')
    await retain("integers", "1s")
    await clean()
    expect((await send("GET /api/store/integers/integers?orient=values")).text).toBe("[[1],[2]]")
    expect(floorOf({ kind: "integer", keep: 1, last: 10 }, NOW)).toBeNull()
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
    expect((await retain("early", "1d")).status).toBe(200)
    await put("/api/store/early/s", [-5, -1, 0])
    expect(await values("/api/store/early/s")).toEqual([-1, 0])
  })
})
