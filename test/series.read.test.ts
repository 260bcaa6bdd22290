import { env, exports } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_CHUNK_ROWS } from "../src/protocol/limits.ts"
import { readFrame } from "../src/series/orient.ts"
import { readResample } from "../src/series/resample/options.ts"
import { resample } from "../src/series/resample/resample.ts"
import { frameText } from "../src/series/orient.ts"
import { send, type Sent } from "./helpers.ts"

const SEED = 20_150_101
const HOUR = 3_600_000
const START = Date.UTC(2015, 0, 1)

let count = 0
const fresh = () => `/api/store/reads/s${++count}`

interface Split {
  columns: string[]
  index: (string | number)[]
  data: unknown[][]
}

async function save(uri: string, split: object): Promise<number> {
  const put = await send(`PUT ${uri}?orient=split`, split)
  expect(put.text).toMatch(/^\{"status":true,/)
  return put.json.revision
}

async function stored(split: object): Promise<string> {
  const uri = fresh()
  await save(uri, split)
  return uri
}

const get = (uri: string, query = "", headers = {}) =>
  send(`GET ${uri}${query}`, undefined, headers)
const split = async (uri: string, query = ""): Promise<Split> =>
  (await get(uri, `?orient=split${query}`)).json
const rowsRead = (sent: Sent) => Number(sent.headers.get("X-Rows-Read"))
const queries = (sent: Sent) =>
  Number(/(\d+) queries/.exec(sent.headers.get("Server-Timing")!)?.[1])

/** Rows at even steps; `a` counts, `b` swings, `s` is text. */
function steps(rows: number, step: number, start = START, zone = ""): Split {
  const index: string[] = []
  const data: unknown[][] = []
  for (let row = 0; row < rows; row++) {
    index.push(new Date(start + row * step).toISOString().slice(0, -1) + zone)
    data.push([row, Math.round(Math.sin(row / 50) * 10_000) / 100, `t${row}`])
  }
  return { columns: ["a", "b", "s"], index, data }
}

const picked = ({ columns, index, data }: Split, from: number, to?: number): Split => ({
  columns,
  index: index.slice(from, to),
  data: data.slice(from, to),
})
const turned = ({ columns, index, data }: Split): Split => ({
  columns,
  index: index.toReversed(),
  data: data.toReversed(),
})

const label = (at: number) => new Date(START + at * HOUR).toISOString().slice(0, -1)

/** An answer whose body was not taken yet. */
async function begun(uri: string) {
  const response = await exports.default.fetch(
    new Request(`https://tidemark.test${uri}?orient=values`),
  )
  return { response, etag: response.headers.get("ETag") }
}

describe("what is read of a series", () => {
  it("is some of the columns, in the order of the query", async () => {
    const uri = await stored({
      columns: ["a", "b,c", "d"],
      index: ["2015-01-01"],
      data: [[1, 2, 3]],
    })
    expect((await get(uri, "?orient=split&columns=d,a")).text).toBe(
      '{"columns":["d","a"],"index":["2015-01-01T00:00:00.000"],"data":[[3,1]]}',
    )
    expect((await get(uri, "?columns=b,c&orient=values")).text).toBe("[[2]]")
    expect((await get(uri, "?columns=b,c,a,b,c&orient=values")).text).toBe("[[2,1]]")
    const wrong = await get(uri, "?columns=a,x")
    expect(wrong).toMatchObject({ status: 400, json: { code: "invalid_request" } })
    expect(wrong.json.errors["query.columns"]).toBe('names "x", the series has "a", "b,c", "d"')
  })

  it("is in the order asked for, and the first of them in that order, in every orient and form", async () => {
    const all = steps(30, HOUR)
    const uri = await stored(all)
    const whole = await split(uri)
    expect(await split(uri, "&order=desc")).toEqual(turned(whole))
    expect(await split(uri, "&limit=4")).toEqual(picked(whole, 0, 4))
    expect(await split(uri, "&limit=4&order=desc")).toEqual(turned(picked(whole, 26)))
    expect(await split(uri, "&limit=400&order=desc")).toEqual(turned(whole))
    expect(await split(uri, "&latest=3")).toEqual(picked(whole, 27))
    expect(await split(uri, "&latest=3&order=desc")).toEqual(turned(picked(whole, 27)))
    expect(await split(uri, "&latest=3&end=2015-01-01T10:00")).toEqual(picked(whole, 8, 11))
    expect(await split(uri, "&limit=3&start=2015-01-01T10:00")).toEqual(picked(whole, 10, 13))
    expect((await get(uri, "?orient=values&limit=2&order=desc&columns=a")).text).toBe("[[29],[28]]")
    expect((await get(uri, "?format=csv&limit=1&columns=a")).text).toBe(
      "index,a\n2015-01-01T00:00:00.000,0\n",
    )
  })

  it("is in an integer index as in one of times", async () => {
    const uri = await stored({ columns: ["v"], index: [5, 6, 7, 8], data: [[1], [2], [3], [4]] })
    expect((await split(uri, "&start=6&limit=2&order=desc")).index).toEqual([8, 7])
    expect((await split(uri, "&latest=1&end=6")).index).toEqual([6])
    expect((await get(uri, "?start=2015-01-01")).status).toBe(400)
  })

  it("is the same through parameters as through the whole, however the rows lie over each other", async () => {
    const day = fc.integer({ min: 0, max: 99 })
    const write = fc.oneof(
      fc.record({ put: fc.uniqueArray(day, { minLength: 1, maxLength: 20 }) }),
      fc.record({ patch: fc.uniqueArray(day, { minLength: 1, maxLength: 12 }) }),
      fc.record({ remove: fc.tuple(day, day) }),
    )
    const property = fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 12 }),
      fc.tuple(day, day),
      fc.integer({ min: 1, max: 40 }),
      async (writes, [one, other], n) => {
        const uri = await stored({ columns: ["v"], index: [label(50)], data: [[-1]] })
        for (const [at, step] of writes.entries()) {
          if ("put" in step || "patch" in step) {
            const days = ("put" in step ? step.put : step.patch).toSorted((x, y) => x - y)
            const rows = {
              columns: ["v"],
              index: days.map(label),
              data: days.map((d) => [at * 100 + d]),
            }
            if ("put" in step) await save(uri, rows)
            else expect((await send(`PATCH ${uri}`, JSON.stringify({ rows }))).status).toBe(200)
          } else {
            const [from, to] = step.remove.toSorted((x, y) => x - y) as [number, number]
            const body = JSON.stringify({ removed: [[label(from), label(to)]] })
            expect((await send(`PATCH ${uri}`, body)).status).toBe(200)
          }
        }
        const whole = await split(uri)
        const [from, to] = [label(Math.min(one, other)), label(Math.max(one, other))]
        const range = `&start=${from}&end=${to}`
        const inside = whole.index
          .map((at, row) => ({ at, row }))
          .filter(({ at }) => from <= at && at <= to)
        const part = inside[0]
          ? picked(whole, inside[0].row, inside.at(-1)!.row + 1)
          : picked(whole, 0, 0)
        expect(await split(uri, range)).toEqual(part)
        expect(await split(uri, `${range}&latest=${n}`)).toEqual(picked(part, -n))
        expect(await split(uri, `${range}&limit=${n}`)).toEqual(picked(part, 0, n))
        expect(await split(uri, `&latest=${n}`)).toEqual(picked(whole, -n))
        expect(await split(uri, `&limit=${n}&order=desc`)).toEqual(turned(picked(whole, -n)))
        const frame = readFrame(JSON.stringify(part), "split")
        const options = readResample({ every: "6h", agg: "sum,count" }, "naive")
        if (part.index.length > 0) {
          expect((await get(uri, `?orient=split${range}&every=6h&agg=sum,count`)).text).toBe(
            frameText(resample(frame, options), "split"),
          )
        }
      },
    )
    await fc.assert(property, { seed: SEED, numRuns: 25 })
  })

  it("costs a handful of rows of the database where only the latest rows are wanted", async () => {
    const uri = fresh()
    for (let part = 0; part < 5; part++) {
      await save(
        uri,
        steps(10 * SERIES_CHUNK_ROWS, 60_000, START + part * 10 * SERIES_CHUNK_ROWS * 60_000),
      )
    }
    for (const query of ["?latest=1000", "?latest=1", "?latest=1000&columns=b&format=csv"]) {
      const latest = await get(uri, query)
      expect(rowsRead(latest)).toBeLessThanOrEqual(10)
      expect(queries(latest)).toBeLessThanOrEqual(4)
    }
    const first = await get(uri, "?limit=1000&orient=split")
    expect(first.json.index).toHaveLength(1_000)
    expect(rowsRead(first)).toBeLessThan(40)
    const more = await split(uri, "&latest=5000")
    expect(more.index).toHaveLength(5_000)
    expect(more.data[0]![0]).toBe(15_000)
    const most = await split(uri, "&latest=30000&columns=a")
    expect([most.index.length, most.data[0]]).toEqual([30_000, [10_000]])
  })

  it("finds the latest rows behind ranges that were taken away, and of single appended rows", async () => {
    const uri = await stored(steps(3 * SERIES_CHUNK_ROWS, 60_000))
    const whole = await split(uri)
    const [from, to] = [whole.index[500], whole.index.at(-1)]
    await send(`PATCH ${uri}`, JSON.stringify({ removed: [[from, to]] }))
    expect(await split(uri, "&latest=10")).toEqual(picked(whole, 490, 500))
    for (let day = 1; day < 9; day++) {
      await save(uri, { columns: ["a"], index: [`2016-01-0${day}`], data: [[day]] })
    }
    expect((await split(uri, "&latest=10&columns=a")).data.flat()).toEqual([
      498, 499, 1, 2, 3, 4, 5, 6, 7, 8,
    ])
    expect((await split(uri, "&latest=1&columns=a")).data).toEqual([[8]])
  })
})

describe("the form of an answer", () => {
  const body = {
    columns: ["v", "s"],
    index: ["2015-01-01", "2015-01-02"],
    data: [
      [1.5, 'x"'],
      [null, "ü"],
    ],
  }
  const csv = 'index,v,s\n2015-01-01T00:00:00.000,1.5,"x"""\n2015-01-02T00:00:00.000,,ü\n'

  it("is CSV or JSON lines by parameter or by the header Accept, which the parameter overrules", async () => {
    const uri = await stored(body)
    const asked = await get(uri, "?format=csv")
    expect([asked.text, asked.headers.get("Content-Type")]).toEqual([
      csv,
      "text/csv; charset=utf-8",
    ])
    const lines = await get(uri, "?format=ndjson&date_format=epoch")
    expect(lines.text).toBe(
      '{"index":1420070400000,"v":1.5,"s":"x\\""}\n{"index":1420156800000,"v":null,"s":"ü"}\n',
    )
    expect(lines.headers.get("Content-Type")).toBe("application/x-ndjson")
    const types = async (accept: string, query = "") => {
      const { headers } = await get(uri, query, { Accept: accept })
      expect(headers.get("Vary")).toBe("Accept")
      return headers.get("Content-Type")
    }
    expect(await types("text/csv")).toBe("text/csv; charset=utf-8")
    expect(await types("application/x-ndjson, application/json;q=0.5")).toBe("application/x-ndjson")
    expect(await types("text/csv;q=0.1, */*")).toBe("application/json")
    expect(await types("text/html")).toBe("application/json")
    expect(await types("text/csv", "?format=json")).toBe("application/json")
  })

  it("has the ETag of the series in all forms, and is not made for who has it", async () => {
    const uri = await stored(body)
    const { revision } = await get(uri)
    expect((await get(uri, "?format=csv")).revision).toBe(revision)
    const known = await get(uri, "?format=csv", { "If-None-Match": `"${revision}"` })
    expect([known.status, known.text]).toEqual([304, ""])
  })

  it("streams what is long, and is to the last character what it would be whole", async () => {
    const uri = fresh()
    const parts = Array.from({ length: 4 }, (_, part) =>
      steps(50_000, 60_000, START + part * 50_000 * 60_000),
    )
    for (const part of parts) await save(uri, part)
    const all = {
      columns: parts[0]!.columns,
      index: parts.flatMap(({ index }) => index),
      data: parts.flatMap(({ data }) => data),
    }
    const frame = readFrame(JSON.stringify(all), "split")
    for (const orient of ["columns", "split", "records", "index", "values", "table"] as const) {
      const response = await exports.default.fetch(
        new Request(`https://tidemark.test${uri}?orient=${orient}`),
      )
      expect(response.headers.has("Content-Length")).toBe(false)
      expect((await response.text()) === frameText(frame, orient)).toBe(true)
    }
    const sent = await get(uri, "?format=csv&order=desc&columns=a")
    const lines = sent.text.trimEnd().split("\n")
    expect([lines.length, lines[1], lines.at(-1)]).toEqual([
      200_001,
      `${all.index.at(-1)},49999`,
      `${all.index[0]},0`,
    ])
    expect(queries(sent)).toBeLessThan(10)
    // HEAD says the same and reads no more than it must.
    expect((await send(`HEAD ${uri}`)).revision).toBe(sent.revision)
  })
})

describe("an answer whose series is written to while it is sent", () => {
  const rows = 60_000
  /** Random doubles: eleven bytes each, so that it takes several pages. */
  function noise(seed: number): Split {
    let state = seed
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    const columns = Array.from({ length: 8 }, (_, at) => `c${at}`)
    const index = Array.from({ length: rows }, (_, row) => row)
    return { columns, index, data: index.map(() => columns.map(() => random() / 3)) }
  }

  it("breaks off where its rows are gone, and goes on unharmed where others keep them", async () => {
    const uri = await stored(noise(1))
    // The new chunks are given the ids of the old ones.
    const broken = await begun(uri)
    await save(uri, noise(2))
    const end = await broken.response.text().catch(String)
    expect(end.slice(0, 200)).toContain("written to while it was read")
    expect((await get(uri, "?limit=1&columns=c0")).headers.get("ETag")).not.toBe(broken.etag)
    const before = (await get(uri, "?orient=values")).text
    const folded = await begun(uri)
    // What compaction does: the same rows in chunks of other ids.
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO chunks (series, revision, level, first, last, replaces, count, stats, body)
        SELECT series, revision, level, first, last, replaces, count, stats, body FROM chunks
        WHERE series = (SELECT id FROM series WHERE symbol = ?1)`,
      ).bind(uri.split("/").at(-1)),
      env.DB.prepare(
        `DELETE FROM chunks WHERE id IN (SELECT min(id) FROM chunks
        WHERE series = (SELECT id FROM series WHERE symbol = ?1) GROUP BY first)`,
      ).bind(uri.split("/").at(-1)),
    ])
    expect((await folded.response.text()) === before).toBe(true)
  })
})

describe("a zone that a table names", () => {
  it("comes back with the table, whole or a part of it", async () => {
    const field = { name: "index", type: "datetime", tz: "Europe/Oslo" }
    const schema = { fields: [field, { name: "v", type: "integer" }], primaryKey: ["index"] }
    const data = [1, 2].map((v) => ({ index: `2015-01-0${v}T00:00:00.000Z`, v }))
    await send("PUT /api/store/zones/oslo?orient=table", { schema, data })
    for (const query of ["", "&start=2015-01-02", "&every=1d&tz=Europe/Oslo", "&columns=v"]) {
      const { json } = await send(`GET /api/store/zones/oslo?orient=table${query}`)
      expect(json.schema.fields[0], query).toEqual(field)
    }
    const { json } = await send("GET /api/store/zones/oslo?orient=split")
    expect(json.index).toEqual(data.map(({ index }) => index))
  })

  it("comes back beside the name of the index, and goes with all else when everything is replaced", async () => {
    const uri = "/api/store/zones/named"
    const schema = {
      fields: [
        { name: "Date", type: "datetime", tz: "Europe/Oslo" },
        { name: "v", type: "number" },
      ],
      primaryKey: ["Date"],
    }
    const data = [1, 2, 3].map((v) => ({ Date: `2015-01-0${v}T00:00:00.000Z`, v: v + 0.5 }))
    await send(`PUT ${uri}?orient=table`, { schema, data })
    // Who does not name it takes no name away.
    await send(`PATCH ${uri}`, { removed: [], rows: null })
    await send(`PUT ${uri}?mode=upsert`, { v: { "2015-01-02T00:00:00Z": 2.5 } })
    const ranges = ["", "&start=2015-01-02", "&every=1d", "&latest=2", "&max_points=2", "&since=0"]
    for (const query of ranges) {
      const { json } = await send(`GET ${uri}?orient=table${query}`)
      expect([json.schema.primaryKey, json.schema.fields], query).toEqual([["Date"], schema.fields])
      expect(data, query).toContainEqual(json.data[0])
    }
    expect((await send(`GET ${uri}?format=csv&limit=1`)).text).toMatch(/^index,v\n/)
    const taken = { Date: { "2015-01-02T00:00:00Z": 1 } }
    await send(`PUT ${uri}?mode=upsert`, taken)
    const { json } = await send(`GET ${uri}?orient=table`)
    expect(json.schema.primaryKey).toEqual(["level_0"])
    await send(`PUT ${uri}?mode=replace`, taken)
    const { json: anew } = await send(`GET ${uri}?orient=table`)
    expect(anew.schema.fields[0]).toEqual({ name: "index", type: "datetime", tz: "UTC" })
    schema.fields[0]!.name = "x".repeat(513)
    schema.primaryKey = [schema.fields[0]!.name]
    expect((await send(`PUT ${uri}?orient=table`, { schema, data: [] })).status).toBe(400)
  })

  it("comes back where there is no row yet, and binds nobody", async () => {
    const field = { name: "index", type: "datetime", tz: "Europe/Oslo" }
    const schema = { fields: [field, { name: "v", type: "number" }], primaryKey: ["index"] }
    await send("PUT /api/store/zones/empty?orient=table", { schema, data: [] })
    const { json } = await send("GET /api/store/zones/empty?orient=table")
    expect([json.schema.fields, json.data]).toEqual([schema.fields, []])
    expect((await send("PUT /api/store/zones/empty", { v: { "2015-01-01": 1 } })).status).toBe(200)
    const { json: now } = await send("GET /api/store/zones/empty?orient=table")
    expect(now.schema.fields[0]).toEqual({ name: "index", type: "datetime" })
  })
})
