/** Compactions: what they cost, what they leave, and what they must never do. */
import { createExecutionContext, createScheduledController } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed, type Commit } from "../src/feed/feed.ts"
import worker from "../src/index.ts"
import { Compactor } from "../src/series/compactor.ts"
import type { Statement } from "../src/feed/statement.ts"
import { SeriesReader } from "../src/series/read/reader.ts"
import { send } from "./helpers.ts"

const reference = "compaction"
const uriOf = (symbol: string) => `/api/store/${reference}/${symbol}`

/** A compactor of its own; `before` runs between what it reads and what it commits. */
function compactor(before: () => Promise<unknown> = async () => {}) {
  const db = new Database(env.DB)
  const feed = new Feed(db, { now: Date.now, poke: () => {} })
  const committer = {
    commit: async (commit: Commit) => {
      await before()
      return feed.commit(commit)
    },
  }
  return {
    db,
    all: (queries: number) => new Compactor(db, committer).compactAll(queries),
    compact: (symbol: string) => new Compactor(db, committer).compact({ reference, symbol }),
  }
}

const put = (symbol: string, stamp: number, value: unknown = stamp) =>
  send(`PUT ${uriOf(symbol)}`, { v: { [stamp]: value } })

async function points(symbol: string, from: number, to: number): Promise<void> {
  for (let stamp = from; stamp < to; stamp++) await put(symbol, stamp)
}

const table = async (name: string, symbol: string) =>
  (
    await env.DB.prepare(
      `SELECT * FROM ${name} WHERE series = (SELECT id FROM series WHERE reference = ? AND symbol = ?)`,
    )
      .bind(reference, symbol)
      .all<any>()
  ).results

/** How many parts wait in the tail. */
const waiting = async (symbol: string) => {
  const { tail } = (await env.DB.prepare(
    "SELECT tail FROM series WHERE reference = ? AND symbol = ?",
  )
    .bind(reference, symbol)
    .first<{ tail: string }>())!
  return JSON.parse(`[${tail.slice(0, -1)}]`).length
}

const debt = async (symbol: string) =>
  (await env.DB.prepare("SELECT debt FROM series WHERE reference = ? AND symbol = ?")
    .bind(reference, symbol)
    .first<{ debt: number }>())!.debt

const journal = async () =>
  (await env.DB.prepare("SELECT count(*) AS n, max(revision) AS last FROM changes").first())!

describe("a compaction", () => {
  it("makes one chunk of what waits, and is no change: no revision, no event, the same answer", async () => {
    await points("quiet", 0, 40)
    const [before, changes] = [await send(`GET ${uriOf("quiet")}`), await journal()]
    expect([await waiting("quiet"), await table("chunks", "quiet")]).toEqual([40, []])
    expect(await compactor().compact("quiet")).toBe(true)
    const after = await send(`GET ${uriOf("quiet")}`)
    expect([after.text, after.revision]).toEqual([before.text, before.revision])
    expect(await journal()).toEqual(changes)
    expect(await table("chunks", "quiet")).toMatchObject([{ count: 40, first: 0, last: 39 }])
    expect([await waiting("quiet"), await debt("quiet")]).toEqual([0, 0])
    const again = compactor()
    expect(await again.compact("quiet")).toBe(true)
    expect(again.db.cost.rowsWritten).toBe(0)
  })

  it("happens by itself: a thousand appends leave few chunks", async () => {
    const symbol = "appends"
    let written = 0
    for (let stamp = 0; stamp < 1_000; stamp++) {
      const { headers } = await send(`PUT ${uriOf(symbol)}?mode=append`, { v: { [stamp]: stamp } })
      written += Number(headers.get("X-Rows-Written"))
    }
    await compactor().compact(symbol)
    expect((await table("chunks", symbol)).length).toBeLessThan(10)
    expect((await send(`GET ${uriOf(symbol)}?orient=values`)).json).toHaveLength(1_000)
    // Its change and the series; the series and its list are made once.
    expect(written / 1_000).toBeLessThan(2.01)
  }, 60_000)

  it("costs four rows, however many small writes wait, and a row for each small chunk", async () => {
    await points("cost", 0, 50)
    const { db, compact } = compactor()
    await compact("cost")
    await points("cost", 50, 113)
    const before = db.cost.rowsWritten
    await compact("cost")
    // The chunk before them goes, one comes, with its index; the debt is paid and the tail emptied.
    expect(db.cost.rowsWritten - before).toBe(4)
    for (let from = 200; from < 1_700; from += 150) {
      const cells = Array.from({ length: 150 }, (_, at) => [from + at, at])
      await send(`PUT ${uriOf("cost")}`, { v: Object.fromEntries(cells) })
    }
    const earlier = db.cost.rowsWritten
    await compact("cost")
    expect(db.cost.rowsWritten - earlier).toBe(14)
  })

  it("loses no write that comes in between: one more at the end, or one over what is folded", async () => {
    for (const [name, stamp] of [
      ["between-end", 100],
      ["between-over", 20],
    ] as const) {
      await points(name, 0, 40)
      let first = true
      const racing = compactor(async () => {
        if (first) await send(`PUT ${uriOf(name)}?mode=upsert`, { v: { [stamp]: -1 } })
        first = false
      })
      await racing.compact(name)
      const { json } = await send(`GET ${uriOf(name)}`)
      expect(json.v).toMatchObject({ 0: 0, 39: 39, [stamp]: -1 })
      expect(await table("chunks", name)).toHaveLength(1)
      expect(await waiting(name)).toBe(1)
    }
  })

  it("gives way to whoever replaced what it read", async () => {
    const symbol = "replaced"
    await points(symbol, 0, 40)
    await compactor().compact(symbol)
    await points(symbol, 40, 80)
    const replace = () =>
      send(`PUT ${uriOf(symbol)}?orient=split`, {
        columns: ["v"],
        index: [-1, 200],
        data: [[7], [8]],
      })
    expect(await compactor(replace).compact(symbol)).toBe(false)
    expect((await send(`GET ${uriOf(symbol)}`)).text).toBe('{"v":{"-1":7,"200":8}}')
    await compactor().compact(symbol)
    expect((await send(`GET ${uriOf(symbol)}`)).text).toBe('{"v":{"-1":7,"200":8}}')
  })

  it("wins once when there are ten of them", async () => {
    const symbol = "ten"
    await points(symbol, 0, 60)
    const ten = Array.from({ length: 10 }, () => compactor())
    await Promise.all(ten.map((one) => one.compact(symbol)))
    expect(ten.filter(({ db }) => db.cost.rowsWritten > 0)).toHaveLength(1)
    expect(await table("chunks", symbol)).toMatchObject([{ count: 60 }])
  })

  it("does nothing to a series that was deleted and made again meanwhile", async () => {
    const symbol = "reborn"
    await points(symbol, 0, 40)
    const reborn = async () => {
      await send(`DELETE ${uriOf(symbol)}`)
      await put(symbol, 7, "new")
    }
    expect(await compactor(reborn).compact(symbol)).toBe(false)
    expect((await send(`GET ${uriOf(symbol)}`)).text).toBe('{"v":{"7":"new"}}')
  })

  it("keeps what a range delete took away gone, and newer rows over older ones", async () => {
    const symbol = "deleted"
    const index = Array.from({ length: 3_000 }, (_, at) => at)
    await send(`PUT ${uriOf(symbol)}?orient=split`, {
      columns: ["v"],
      index,
      data: index.map((at) => [at]),
    })
    for (let at = 0; at < 50; at++) {
      await send(`PATCH ${uriOf(symbol)}`, { removed: [[at * 10, at * 10 + 4]] })
    }
    const before = await send(`GET ${uriOf(symbol)}?orient=split`)
    expect(before.json.index).toHaveLength(2_750)
    await compactor().compact(symbol)
    expect((await send(`GET ${uriOf(symbol)}?orient=split`)).text).toBe(before.text)
    expect((await table("chunks", symbol)).length).toBeLessThan(4)
  })

  it("hides no row from who asks what is new since a revision", async () => {
    await points("since", 0, 40)
    const { revision } = await send(`GET ${uriOf("since")}`)
    await points("since", 40, 60)
    await send(`PATCH ${uriOf("since")}`, { removed: [[3, 5]] })
    await compactor().compact("since")
    const { json, headers } = await send(`GET ${uriOf("since")}?since=${revision}&orient=split`)
    const removed: [number, number][] = JSON.parse(headers.get("X-Removed")!)
    const isGone = (at: number) => removed.some(([first, last]) => at >= first && at <= last)
    const kept = Array.from({ length: 40 }, (_, at) => at).filter((at) => !isGone(at))
    const now = (await send(`GET ${uriOf("since")}?orient=split`)).json
    expect([...new Set([...kept, ...json.index])].toSorted((a, b) => a - b)).toEqual(now.index)
  })

  it("takes the series that piled up highest where many are written together", async () => {
    const lines = (at: number) => ["one", "two", "three"].map((name) => `many${name} v=1 ${at}`)
    for (let at = 1; at < 75; at++) {
      const text = { "Content-Type": "text/plain" }
      const answer = await send("POST /api/store/", lines(at * 1_000).join("\n"), text)
      expect(answer.status, answer.text).toBe(200)
    }
    const counts = (
      await env.DB.prepare(
        "SELECT debt FROM series WHERE symbol LIKE 'many%' OR reference LIKE 'many%'",
      ).all<{
        debt: number
      }>()
    ).results
    expect(counts).toHaveLength(3)
    expect(counts.filter((one) => one.debt < 20)).toHaveLength(3)
  })

  it.each([1, 2, 3])("before look %i for the latest rows hides none of them", async (racing) => {
    const symbol = `latest${racing}`
    const index = Array.from({ length: 4_000 }, (_, at) => at)
    const data = index.map((at) => [at])
    await send(`PUT ${uriOf(symbol)}?orient=split`, { columns: ["v"], index, data })
    await points(symbol, 4_000, 4_005)
    let batches = 0
    class Racing extends Database {
      override async batch<Row>(statements: Statement[]): Promise<Row[][]> {
        if (++batches === racing) await compactor().compact(symbol)
        return super.batch<Row>(statements)
      }
    }
    const view = await new SeriesReader(new Racing(env.DB), Date.now).read(
      { reference, symbol },
      { latest: 3 },
    )
    const found: number[] = []
    for await (const frame of view!.frames) found.push(...frame.index)
    expect(found).toEqual([4_002, 4_003, 4_004])
  })

  it("comes again in the same run to a series that somebody was in the way of, after the others", async () => {
    await env.DB.prepare("UPDATE series SET debt = 0").run()
    await points("busy", 0, 40)
    await points("calm", 0, 20)
    await compactor().compact("busy")
    await points("busy", 40, 80)
    let isFirst = true
    const { db, all } = compactor(async () => {
      if (isFirst) await compactor().compact("busy")
      if (isFirst) await points("busy", 80, 100)
      isFirst = false
    })
    await all(40)
    expect(await table("chunks", "calm")).toMatchObject([{ count: 20 }])
    expect(await table("chunks", "busy")).toMatchObject([{ count: 100 }])
    expect(db.cost.queries).toBeLessThan(40)
  })

  it("gives up when somebody is in the way each time, before the queries of a run are used up", async () => {
    await env.DB.prepare("UPDATE series SET debt = 0").run()
    await points("always", 0, 20)
    let stamp = 20
    let tries = 0
    const { db, all } = compactor(async () => {
      tries++
      await compactor().compact("always")
      await points("always", stamp, (stamp += 20))
    })
    await all(40)
    expect(tries).toBeGreaterThan(1)
    expect(db.cost.queries).toBeLessThanOrEqual(40)
    const { json } = await send(`GET ${uriOf("always")}?orient=split`)
    expect(json.index).toHaveLength(stamp)
  })

  it("comes hourly to the series that have piled up something, and to no other", async () => {
    await points("hourly", 0, 20)
    await points("hardly", 0, 5)
    await worker.scheduled(createScheduledController(), env, createExecutionContext())
    expect(await table("chunks", "hourly")).toMatchObject([{ count: 20 }])
    expect([await waiting("hardly"), await table("chunks", "hardly")]).toEqual([5, []])
    const { db, all } = compactor()
    await points("hardly", 5, 30)
    await all(40)
    expect(await table("chunks", "hardly")).toMatchObject([{ count: 30 }])
    expect(db.cost.queries).toBeLessThan(40)
  })
})
