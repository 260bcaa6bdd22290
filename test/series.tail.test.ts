/** The tail of a series, where small writes wait: what they cost, that every read sees them, and what is damaged. */
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { SERIES_TAIL_MAX_CHARACTERS } from "../src/protocol/limits.ts"
import { Compactor } from "../src/series/compactor.ts"
import { SeriesWriter } from "../src/series/ingest/writer.ts"
import type { Place } from "../src/series/sql.ts"
import { send } from "./helpers.ts"

const reference = "tail"
let made = 0
const fresh = () => `t${++made}`
const uriOf = (symbol: string) => `/api/store/${reference}/${symbol}`

const WHERE = "WHERE reference = 'tail' AND symbol = ?1"
const ID = `(SELECT id FROM series ${WHERE})`

async function tailOf(symbol: string): Promise<string> {
  const sql = `SELECT tail FROM series ${WHERE}`
  return (await env.DB.prepare(sql).bind(symbol).first<{ tail: string }>())!.tail
}

async function stored(symbol: string) {
  const tail = await tailOf(symbol)
  const sql = `SELECT * FROM chunks WHERE series = ${ID} ORDER BY id`
  const { results } = await env.DB.prepare(sql).bind(symbol).all<any>()
  return { tail, parts: JSON.parse(`[${tail.slice(0, -1)}]`) as unknown[][], chunks: results }
}

/** A writer whose compactions happen right then, so that all it costs can be told. */
function writer({ compacting = true } = {}) {
  const db = new Database(env.DB)
  const feed = new Feed(db, { now: Date.now, poke: () => {} })
  const compactor = new Compactor(db, feed)
  const due: Place[] = []
  const series = new SeriesWriter(db, feed, {
    now: Date.now,
    newId: () => crypto.randomUUID(),
    piledUp: (place) => due.push(place),
  })
  return {
    db,
    compact: (symbol: string) => compactor.compact({ reference, symbol }),
    async write(symbol: string, mode: "append" | "update" | "upsert", cells: [number, unknown][]) {
      const rows = [{ reference, symbol, frame: frameOf(cells) }]
      const options = { mode, onDuplicate: "last", isPartial: false, isCounted: false } as const
      await series.write({ reference, symbol }, [{ rows, bad: [] }], options, {})
      for (const place of due.splice(0)) if (compacting) await compactor.compact(place)
    },
  }
}

const frameOf = (cells: [number, unknown][]) => ({
  index: Float64Array.from(cells, ([stamp]) => stamp),
  kind: "integer" as const,
  unit: "ms" as const,
  columns: [{ name: "v", kind: "json" as const, values: cells.map(([, value]) => value as any) }],
})

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at): [number, number] => [from + at, (from + at) / 4])
const save = (symbol: string, cells: [number, unknown][], query = "") =>
  send(`PUT ${uriOf(symbol)}${query}`, { v: Object.fromEntries(cells) })
const minute = (at: number) => new Date(at * 60_000).toISOString().slice(0, 19)
/** The same at minutes. */
const saveTimes = (symbol: string, cells: [number, unknown][], query = "") =>
  send(`PUT ${uriOf(symbol)}${query}`, {
    v: Object.fromEntries(cells.map(([at, value]) => [minute(at), value])),
  })
/** The text that each answers, which must be no error. */
const texts = (uris: string[]) =>
  Promise.all(
    uris.map(async (uri) => {
      const { status, text } = await send(`GET ${uri}`)
      expect(status, text).toBe(200)
      return text
    }),
  )

describe("a small write", () => {
  it.each(["append", "update", "upsert"] as const)(
    "costs two rows of the database, and hardly more with all compactions: mode %s",
    async (mode) => {
      const symbol = fresh()
      const { db, write } = writer()
      await write(symbol, mode, [[0, 0]])
      const before = db.cost.rowsWritten
      const points = 640
      for (let at = 1; at <= points; at++) {
        const earlier = { ...db.cost }
        await write(symbol, mode, [[at, at * 1.5]])
        expect(db.cost.queries - earlier.queries).toBeLessThanOrEqual(40)
      }
      // Every sixty-four: a chunk goes, one comes, with its index; the debt is paid.
      expect(db.cost.rowsWritten - before).toBeLessThanOrEqual(points * 2 + (points / 64) * 5)
      const { json } = await send(`GET ${uriOf(symbol)}?orient=split`)
      expect(json.index).toEqual(range(0, points + 1).map(([at]) => at))
    },
    60_000,
  )

  it("costs as little by patch, and by line protocol for each of many series", async () => {
    const symbol = fresh()
    await save(symbol, range(0, 10))
    const rows = { columns: ["v"], index: [10], data: [[10]] }
    const patched = await send(`PATCH ${uriOf(symbol)}`, { rows })
    expect(patched.headers.get("X-Rows-Written")).toBe("2")
    const lines = (at: number) => ["a", "b", "c"].map((name) => `tail${name} v=1 ${at}`).join("\n")
    const text = { "Content-Type": "text/plain" }
    await send("POST /api/store/", lines(1_000_000), text)
    const { json } = await send("POST /api/store/", lines(2_000_000), text)
    expect(json.rows_written).toBe(6)
  })

  it("is a chunk where it is not small, takes away a range, or finds no room", async () => {
    const symbol = fresh()
    await save(symbol, range(0, 150))
    expect(await stored(symbol)).toMatchObject({ parts: [], chunks: [{ count: 150 }] })
    await send(`PATCH ${uriOf(symbol)}`, { removed: [[3, 5]] })
    expect(await stored(symbol)).toMatchObject({ parts: [], chunks: [{}, { count: 0 }] })

    const crowded = fresh()
    const { write, compact } = writer({ compacting: false })
    const text = (at: number) => `${at}`.padStart(1_200, "0123456789")
    for (let at = 0; at < 80; at++) await write(crowded, "append", [[at, text(at)]])
    const { tail, parts, chunks } = await stored(crowded)
    expect(tail.length).toBeLessThanOrEqual(SERIES_TAIL_MAX_CHARACTERS)
    expect(parts.length).toBeGreaterThan(30)
    expect(parts.length + chunks.length).toBe(80)
    const whole = { v: Object.fromEntries(range(0, 80).map(([at]) => [at, text(at)])) }
    expect((await send(`GET ${uriOf(crowded)}`)).json).toEqual(whole)
    await compact(crowded)
    expect(await stored(crowded)).toMatchObject({ parts: [], chunks: [{ count: 80 }] })
    expect((await send(`GET ${uriOf(crowded)}`)).json).toEqual(whole)
  })

  it("is gone with its series, and with what is put in its place", async () => {
    const symbol = fresh()
    await save(symbol, range(0, 3))
    await save(symbol, [[7, 7]], "?mode=replace")
    expect((await stored(symbol)).parts).toHaveLength(1)
    expect((await send(`GET ${uriOf(symbol)}`)).json).toEqual({ v: { 7: 7 } })
    await send(`DELETE ${uriOf(symbol)}`)
    await save(symbol, [[9, 9]])
    expect((await send(`GET ${uriOf(symbol)}`)).json).toEqual({ v: { 9: 9 } })
  })

  it("that is scattered and worth no job of its own becomes a chunk with its statistics", async () => {
    const symbol = fresh()
    const { compact } = writer()
    await saveTimes(symbol, range(0, 100_000))
    for (let at = 0; at < 40; at++)
      await saveTimes(symbol, [[at * 2_500 + 7, -1]], at % 2 ? "" : "?mode=upsert")
    const queries = ["?orient=split", "?every=10000m&agg=sum,count,min&orient=split"]
    const uris = queries.map((query) => `${uriOf(symbol)}${query}`)
    const before = await texts(uris)
    await compact(symbol)
    const { parts, chunks } = await stored(symbol)
    expect(parts).toEqual([])
    expect(chunks).toHaveLength(90)
    expect(await texts(uris)).toEqual(before)
  })
})

describe("what waits in the tail", () => {
  const QUERIES = [
    "?orient=split",
    `?orient=split&start=${minute(95)}&end=${minute(105)}`,
    "?orient=split&latest=1",
    "?orient=split&latest=7",
    "?orient=split&latest=150",
    "?orient=split&limit=101",
    "?orient=split&limit=5&order=desc",
    "?orient=split&order=desc",
    "?orient=split&every=50m&agg=sum,count,min,max,first,last",
    `?orient=split&every=7m&agg=first&fill=linear&start=${minute(98)}&end=${minute(126)}`,
    "?orient=split&max_points=12",
    "?format=csv",
  ]

  it("is seen by every way to read, as what is folded is", async () => {
    const symbol = fresh()
    await saveTimes(symbol, range(0, 100))
    const { compact } = writer()
    await compact(symbol)
    for (let at = 100; at < 130; at++) await saveTimes(symbol, [[at, at / 4]], "?mode=append")
    await saveTimes(symbol, [[50, -1]], "?mode=upsert")
    await send(`PATCH ${uriOf(symbol)}`, { removed: [[minute(110), minute(114)]] })
    await saveTimes(symbol, [[112, 1e9]])
    await saveTimes(symbol, [[-5, 1]], "?mode=upsert")
    const queries = [
      ...QUERIES.map((query) => `${uriOf(symbol)}${query}`),
      `/api/store/${reference}/?prefix=${symbol}`,
      `/api/store/${reference}/?prefix=${symbol}&latest=1`,
    ]
    const read = async () =>
      Promise.all(queries.map(async (uri) => (await send(`GET ${uri}`)).text))
    const before = await read()
    expect((await stored(symbol)).parts.length).toBeGreaterThan(30)
    await compact(symbol)
    expect((await stored(symbol)).parts).toEqual([])
    expect(await texts(queries)).toEqual(before)
    expect(JSON.parse(before[0]!).index).toHaveLength(127)
  })

  it("does not make the latest rows cost more than ten rows of the database", async () => {
    const symbol = fresh()
    await save(symbol, range(0, 20_000))
    for (let at = 20_000; at < 20_050; at++) await save(symbol, [[at, at]], "?mode=append")
    const { json, headers } = await send(`GET ${uriOf(symbol)}?orient=split&latest=1000`)
    expect([json.index[0], json.index.at(-1)]).toEqual([19_050, 20_049])
    expect(Number(headers.get("X-Rows-Read"))).toBeLessThanOrEqual(10)
  })

  it("ends the pages of a list where there is much of it, and none is left out", async () => {
    const prefix = "wide"
    const symbols = Array.from({ length: 12 }, (_, at) => `${prefix}${String(at).padStart(2, "0")}`)
    const text = "0123456789".repeat(120)
    for (const symbol of symbols) await save(symbol, [[1, text]])
    // As large as ever it may become, and more: 400,000 characters each.
    const sql = `UPDATE series SET tail = replace(printf('%.*c', 400000 / length(tail), 'x'), 'x', tail)
      WHERE reference = 'tail' AND symbol LIKE 'wide%'`
    await env.DB.prepare(sql).run()
    for (const query of ["", "&latest=1"]) {
      const found: { symbol: string; count?: number; last: number }[] = []
      let pages = 0
      for (let next: string | undefined = `/api/store/tail/?prefix=${prefix}${query}`; next;) {
        const { json, headers } = await send(`GET ${next}`)
        found.push(...json)
        next = /^<(.*)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1]
        pages++
      }
      expect([pages, found.map(({ symbol }) => symbol)]).toEqual([2, symbols])
      for (const { count, last } of found) expect([count ?? 1, last]).toEqual([1, 1])
    }
  })

  it("is what a series has new since a revision", async () => {
    const symbol = fresh()
    await save(symbol, range(0, 300))
    const { revision } = await save(symbol, [[300, 1]], "?mode=append")
    await save(symbol, [[301, 2]], "?mode=append")
    await save(symbol, [[7, 3]], "?mode=update")
    const { json, headers } = await send(`GET ${uriOf(symbol)}?since=${revision}&orient=split`)
    expect(json).toMatchObject({ index: [7, 301], data: [[3], [2]] })
    expect(JSON.parse(headers.get("X-Removed")!)).toEqual([
      [7, 7],
      [301, 301],
    ])
  })
})

describe("a damaged tail", () => {
  const damage = async (symbol: string, change: (tail: string) => string) => {
    const sql = `UPDATE series SET tail = ?2 ${WHERE}`
    await env.DB.prepare(sql)
      .bind(symbol, change(await tailOf(symbol)))
      .run()
  }

  it.each([
    ["no list", (tail: string) => tail.slice(5), /^The tail of "tail\/t\d+" cannot be read: /],
    ["no part", (tail: string) => tail.replace("[", "[null,"), /^The tail of .*: it is no list of/],
    [
      "a body that is damaged",
      (tail: string) => tail.replace(/"(.{12})./, '"$1/'),
      /^A part of the tail of "tail\/t\d+", from .* cannot be read: its checksum/,
    ],
  ])("is an error that names it, and no compaction touches it: %s", async (_, change, reason) => {
    const symbol = fresh()
    await saveTimes(symbol, range(0, 1_900))
    for (let at = 2_000; at < 2_040; at++) await saveTimes(symbol, [[at, at]], "?mode=append")
    await damage(symbol, change)
    const before = await tailOf(symbol)
    for (const query of ["", "?latest=40", "?every=100m&agg=sum", `?start=${minute(1_800)}`]) {
      const { status, json } = await send(`GET ${uriOf(symbol)}${query}`)
      expect([query, status, json.code]).toEqual([query, 500, "corrupt_data"])
      expect(json.detail).toMatch(reason)
      expect(json.tail).toMatchObject({ reference, symbol })
    }
    expect((await send(`GET ${uriOf(symbol)}`)).status).toBe(500)
    await writer().compact(symbol)
    expect((await send(`GET ${uriOf(symbol)}`)).status).toBe(500)
    const after = await tailOf(symbol)
    expect([after.length > 0, after]).toEqual([true, before.slice(0, after.length)])
    // Who gives it up gets rid of it.
    await save(symbol, [[1, 1]], "?mode=replace")
    expect((await send(`GET ${uriOf(symbol)}`)).json).toEqual({ v: { 1: 1 } })
  })
  it("part keeps no other from being folded or read", async () => {
    const symbol = fresh()
    for (let at = 0; at < 40; at++) await saveTimes(symbol, [[at, at]], "?mode=append")
    await damage(symbol, (tail) => tail.replace(/"(.{12})./, '"$1/'))
    await writer().compact(symbol)
    expect((await stored(symbol)).parts).toHaveLength(1)
    const read = await send(`GET ${uriOf(symbol)}?start=${minute(1)}&orient=values`)
    expect(read.json).toEqual(Array.from({ length: 39 }, (_, at) => [at + 1]))
  })
})
