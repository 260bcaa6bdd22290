/** Compactions: what they cost, what they leave, and what they must never do. */
import { createExecutionContext, createScheduledController } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed, type Commit } from "../src/feed/feed.ts"
import worker from "../src/index.ts"
import { Compactor } from "../src/series/compactor.ts"
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

const journal = async () =>
  (await env.DB.prepare("SELECT count(*) AS n, max(revision) AS last FROM changes").first())!

describe("a compaction", () => {
  it("makes one chunk of what waits, and is no change: no revision, no event, the same answer", async () => {
    await points("quiet", 0, 40)
    const [before, changes] = [await send(`GET ${uriOf("quiet")}`), await journal()]
    expect(await table("chunks", "quiet")).toHaveLength(0)
    expect(await compactor().compact("quiet")).toBe(true)
    const after = await send(`GET ${uriOf("quiet")}`)
    expect([after.text, after.revision]).toEqual([before.text, before.revision])
    expect(await journal()).toEqual(changes)
    expect(await table("chunks", "quiet")).toMatchObject([{ count: 40, first: 0, last: 39 }])
    expect(await table("tails", "quiet")).toMatchObject([{ parts: "", debt: 0 }])
    const again = compactor()
    expect(await again.compact("quiet")).toBe(true)
    expect(again.db.cost.rowsWritten).toBe(0)
  })

  it("happens by itself: a thousand appends cost at most 4 rows each with it, and leave few chunks", async () => {
    const symbol = "appends"
    let written = 0
    for (let stamp = 0; stamp < 1_000; stamp++) {
      written += Number((await put(symbol, stamp)).headers.get("X-Rows-Written"))
    }
    const compacted = compactor()
    await compacted.compact(symbol)
    const chunks = await table("chunks", symbol)
    expect(chunks.length).toBeLessThan(20)
    expect((await send(`GET ${uriOf(symbol)}?orient=values`)).json).toHaveLength(1_000)
    // A fold drops a chunk, makes a chunk, and empties the tail: with the index five rows for 64 appends.
    expect((written + (1_000 / 64) * 5) / 1_000).toBeLessThan(3.2)
  }, 60_000)

  it("loses no write that comes in between: one more in the tail, or one over what is folded", async () => {
    for (const [name, stamp] of [
      ["between-end", 100],
      ["between-over", 20],
    ] as const) {
      await points(name, 0, 40)
      let first = true
      const racing = compactor(async () => {
        if (first) await put(name, stamp, -1)
        first = false
      })
      await racing.compact(name)
      const { json } = await send(`GET ${uriOf(name)}`)
      expect(json.v).toMatchObject({ 0: 0, 39: 39, [stamp]: -1 })
      expect(await table("chunks", name)).toHaveLength(1)
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

  it("comes hourly to the series that have piled up something, and to no other", async () => {
    await points("hourly", 0, 20)
    await points("hardly", 0, 5)
    await worker.scheduled(createScheduledController(), env, createExecutionContext())
    expect(await table("chunks", "hourly")).toMatchObject([{ count: 20 }])
    expect(await table("chunks", "hardly")).toHaveLength(0)
    const { db, all } = compactor()
    await points("hardly", 5, 30)
    await all(40)
    expect(await table("chunks", "hardly")).toMatchObject([{ count: 30 }])
    expect(db.cost.queries).toBeLessThan(40)
  })
})
