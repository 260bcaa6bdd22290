import { env, exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { SERIES_MAX_COLUMNS } from "../src/protocol/limits.ts"
import { ORIENTS } from "../src/protocol/orients.ts"
import { send } from "./helpers.ts"

const PRICES =
  '{"price":{"2015-01-01":1.5,"2015-01-02":2.5,"2015-01-03":3.0},"n":{"2015-01-01":1,"2015-01-02":null,"2015-01-03":3}}'

/** A series of its own for every test. */
let count = 0
async function stored(body: string, query = ""): Promise<string> {
  const uri = `/api/store/tests/s${++count}`
  const put = await send(`PUT ${uri}${query}`, body)
  expect(put.text).toMatch(/^\{"status":true,/)
  return uri
}

const get = async (uri: string, query = "") => (await send(`GET ${uri}${query}`)).json
const split = (uri: string, query = "") => get(uri, `?orient=split${query}`)
const labels = async (uri: string, query = "") =>
  (await split(uri, query)).index as (string | number)[]
/** `{"v": {…}}` of days of January 2015. */
const days = (cells: Record<number, unknown>, column = "v") =>
  JSON.stringify({
    [column]: Object.fromEntries(
      Object.entries(cells).map(([day, cell]) => [`2015-01-${day.padStart(2, "0")}`, cell]),
    ),
  })
const dayOf = (label: unknown) => Number(String(label).slice(8, 10))

describe("a series, as Flask-BigTempo's clients know it", () => {
  it("comes back in every orient, as pandas writes it", async () => {
    const uri = await stored(PRICES)
    const answers: Record<string, string> = {
      columns:
        '{"price":{"2015-01-01T00:00:00.000":1.5,"2015-01-02T00:00:00.000":2.5,"2015-01-03T00:00:00.000":3.0},"n":{"2015-01-01T00:00:00.000":1,"2015-01-02T00:00:00.000":null,"2015-01-03T00:00:00.000":3}}',
      index:
        '{"2015-01-01T00:00:00.000":{"price":1.5,"n":1},"2015-01-02T00:00:00.000":{"price":2.5,"n":null},"2015-01-03T00:00:00.000":{"price":3.0,"n":3}}',
      split:
        '{"columns":["price","n"],"index":["2015-01-01T00:00:00.000","2015-01-02T00:00:00.000","2015-01-03T00:00:00.000"],"data":[[1.5,1],[2.5,null],[3.0,3]]}',
      records: '[{"price":1.5,"n":1},{"price":2.5,"n":null},{"price":3.0,"n":3}]',
      values: "[[1.5,1],[2.5,null],[3.0,3]]",
      table:
        '{"data":[{"index":"2015-01-01T00:00:00.000","price":1.5,"n":1},{"index":"2015-01-02T00:00:00.000","price":2.5,"n":null},{"index":"2015-01-03T00:00:00.000","price":3.0,"n":3}],"schema":{"fields":[{"name":"index","type":"datetime"},{"name":"price","type":"number"},{"name":"n","type":"number","extDtype":"Int64"}],"primaryKey":["index"],"pandas_version":"1.4.0"}}',
    }
    for (const orient of ORIENTS) {
      const got = await send(`GET ${uri}?orient=${orient}`)
      expect([orient, got.text]).toEqual([orient, answers[orient]])
      expect(got.headers.get("Content-Type")).toBe("application/json")
    }
    expect((await send(`GET ${uri}`)).text).toBe(answers["columns"])
  })

  it.each(ORIENTS)("is saved in orient %s, and read again the same", async (orient) => {
    const first = await stored(PRICES)
    const text = (await send(`GET ${first}?orient=${orient}`)).text
    const second = await stored(text, `?orient=${orient}`)
    expect((await send(`GET ${second}?orient=${orient}`)).text).toBe(text)
    const hasIndex = orient !== "records" && orient !== "values"
    expect(await labels(second)).toEqual(hasIndex ? await labels(first) : [0, 1, 2])
  })

  it("takes the orient under its three names; empty counts as columns", async () => {
    const body = '{"columns":["v"],"index":["2015-01-01"],"data":[[1]]}'
    for (const name of ["orient", "json_format", "jsonformat"]) {
      const uri = await stored(body, `?${name}=split`)
      expect((await send(`GET ${uri}?${name}=values`)).text).toBe("[[1]]")
    }
    const uri = await stored(days({ 1: 1 }), "?jsonformat=")
    expect(await get(uri, "?jsonformat=")).toEqual({ v: { "2015-01-01T00:00:00.000": 1 } })
  })

  it("is saved by POST too, whatever the type of the content says, or without one", async () => {
    const uri = await stored(days({ 1: 1 }))
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
      "nonsense",
    ]) {
      const post = await send(`POST ${uri}`, days({ 2: 2 }), { "Content-Type": type })
      expect(post.json).toMatchObject({ status: true, rows: 1 })
    }
    // Only bytes travel without a type.
    const body = new TextEncoder().encode(days({ 3: 3 }))
    const untyped = new Request(`https://tidemark.test${uri}`, { method: "POST", body })
    expect(untyped.headers.has("Content-Type")).toBe(false)
    expect((await (exports as any).default.fetch(untyped)).status).toBe(200)
    expect((await labels(uri)).map(dayOf)).toEqual([1, 2, 3])
  })

  it("writes times as iso, or as epoch milliseconds", async () => {
    const uri = await stored(days({ 1: 1 }))
    expect(await get(uri, "?date_format=epoch")).toEqual({ v: { "1420070400000": 1 } })
    expect(await labels(uri, "&date_format=epoch")).toEqual([1_420_070_400_000])
    expect(await labels(uri, "&date_format=iso")).toEqual(["2015-01-01T00:00:00.000"])
    for (const query of [
      "?date_format=bogus",
      "?orient=bogus",
      "?orient=table&date_format=epoch",
    ]) {
      expect(await send(`GET ${uri}${query}`)).toMatchObject({
        status: 400,
        json: { code: "invalid_request" },
      })
    }
    expect((await send(`PUT ${uri}?orient=bogus`, days({ 1: 1 }))).status).toBe(400)
  })

  it("is deleted, which is fine twice, and starts afresh after that", async () => {
    const uri = await stored(days({ 1: "text" }))
    expect((await send(`DELETE ${uri}`)).json).toMatchObject({ status: true })
    expect((await send(`GET ${uri}`)).json).toMatchObject({ status: 404, code: "not_found" })
    expect((await send(`DELETE ${uri}`)).text).toBe('{"status":true}')
    await send(`PUT ${uri}`, '{"w":{"7":1}}')
    expect((await send(`GET ${uri}`)).text).toBe('{"w":{"7":1}}')
    const { results } = await env.DB.prepare(
      "SELECT count(*) AS chunks FROM chunks WHERE series NOT IN (SELECT id FROM series)",
    ).all()
    expect(results).toEqual([{ chunks: 0 }])
  })
})

describe("a save", () => {
  it("replaces the range it covers, and nothing else", async () => {
    const uri = await stored(days({ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 }))
    await send(`PUT ${uri}`, days({ 2: 20, 4: 40 }))
    expect((await split(uri)).data).toEqual([[1], [20], [40], [5]])
    await send(`PUT ${uri}`, days({ 10: 10 }))
    expect((await labels(uri)).map(dayOf)).toEqual([1, 2, 4, 5, 10])
  })

  it("sorts its rows, and of equal stamps the last counts", async () => {
    const rows =
      '{"columns":["v"],"index":["2015-01-03","2015-01-01","2015-01-03T00:00"],"data":[[3],[1],[30]]}'
    const uri = await stored(rows, "?orient=split")
    await send(`PUT ${uri}?orient=split`, rows)
    expect((await split(uri)).data).toEqual([[1], [30]])
  })

  it("adds new columns, and is null where it lacks one", async () => {
    const uri = await stored(days({ 1: 1, 2: 2 }))
    await send(`PUT ${uri}`, days({ 2: true, 3: null }, "__proto__"))
    expect((await send(`GET ${uri}?orient=split`)).text).toBe(
      '{"columns":["v","__proto__"],"index":["2015-01-01T00:00:00.000","2015-01-02T00:00:00.000","2015-01-03T00:00:00.000"],"data":[[1,null],[null,true],[null,null]]}',
    )
  })

  it("tells columns of every name apart", async () => {
    const names = [
      "a\0b",
      "a\0c",
      "a",
      "A",
      "",
      " ",
      "\u00e9",
      "e\u0301",
      "1",
      "__proto__",
      "'\"\\",
    ]
    const body = JSON.stringify({ columns: names, index: [1], data: [names] })
    const uri = await stored(body, "?orient=split")
    await send(`PUT ${uri}?orient=split`, body.replace("[1]", "[2]"))
    expect(await split(uri)).toEqual({ columns: names, index: [1, 2], data: [names, names] })
  })

  it("widens a column without losing a value", async () => {
    const uri = await stored(days({ 1: 1 }))
    await send(`PUT ${uri}`, days({ 2: 2.5 }))
    expect((await send(`GET ${uri}?orient=values`)).text).toBe("[[1.0],[2.5]]")
    // Also where only whole numbers are left to see.
    expect((await send(`GET ${uri}?orient=values&end=2015-01-01`)).text).toBe("[[1.0]]")
    await send(`PUT ${uri}`, days({ 3: "x" }))
    expect((await send(`GET ${uri}?orient=values`)).text).toBe('[[1],[2.5],["x"]]')
  })

  it("keeps what JavaScript's numbers do not: 64 bits, -0, and which numbers are doubles", async () => {
    const values = ["9223372036854775807", "-9223372036854775808", "9007199254740993", "0", "null"]
    const uri = await stored(
      `{"columns":["i"],"data":[${values.map((value) => `[${value}]`).join()}]}`,
      "?orient=split",
    )
    expect((await send(`GET ${uri}?orient=values`)).text).toBe(
      `[${values.map((value) => `[${value}]`).join()}]`,
    )
    const doubles = await stored(
      '{"d":{"1":-0,"2":0.1,"3":1e300,"4":5e-324,"5":1152921504606846976.0}}',
    )
    expect((await send(`GET ${doubles}?orient=values`)).text).toBe(
      "[[-0.0],[0.1],[1e+300],[5e-324],[1.152921504606847e+18]]",
    )
  })

  it("keeps booleans, text, nested values and mixtures", async () => {
    const cells =
      '[[true,"日本 \\ud83c\\udf89","\\ud800",{"a":[1,{"b":null}]},1],[null,null,"",[],"one"],[false,"",null,null,null]]'
    const uri = await stored(`{"columns":["b","s","odd","j","m"],"data":${cells}}`, "?orient=split")
    expect((await split(uri)).data).toEqual(JSON.parse(cells))
  })

  it("of an empty frame makes the series, adds columns, and replaces nothing", async () => {
    const uri = await stored("{}")
    expect(await get(uri)).toEqual({})
    for (const [orient, empty] of [
      ["columns", "{}"],
      ["index", "{}"],
      ["records", "[]"],
      ["values", "[]"],
    ]) {
      expect((await send(`PUT ${uri}?orient=${orient}`, empty)).json).toMatchObject({
        status: true,
        rows: 0,
      })
      expect((await send(`GET ${uri}?orient=${orient}`)).text).toBe(empty)
    }
    await send(`PUT ${uri}`, '{"v":{}}')
    expect((await send(`GET ${uri}?orient=split`)).text).toBe(
      '{"columns":["v"],"index":[],"data":[]}',
    )
    expect((await get(uri, "?orient=table")).data).toEqual([])
    await send(`PUT ${uri}`, '{"v":{"7":1}}')
    await send(`PUT ${uri}`, '{"v":{},"w":{}}')
    expect(await get(uri)).toEqual({ v: { 7: 1 }, w: { 7: null } })
  })

  it("keeps stamps to the microsecond, and writes all as finely as the finest", async () => {
    const uri = await stored('{"v":{"2015-01-01T00:00:00.123Z":1}}')
    expect(await labels(uri)).toEqual(["2015-01-01T00:00:00.123Z"])
    await send(`PUT ${uri}`, '{"v":{"2015-01-01T02:00:00.123456+01:00":2}}')
    expect(await labels(uri)).toEqual([
      "2015-01-01T00:00:00.123000Z",
      "2015-01-01T01:00:00.123456Z",
    ])
    expect(await labels(uri, "&date_format=epoch")).toEqual([
      1_420_070_400_123, 1_420_074_000_123.456,
    ])
    await send(`PUT ${uri}?orient=split`, (await send(`GET ${uri}?orient=split`)).text)
    expect(await labels(uri)).toHaveLength(2)
  })

  it("takes 20,000 rows of five columns at once, and reads a range of them cheaply", async () => {
    const index = Array.from({ length: 20_000 }, (_, row) => 1_420_070_400_000 + row * 60_000)
    const data = index.map((_, row) => [
      row / 4,
      row,
      row % 2 === 0,
      `t${row % 7}`,
      row % 10 ? null : row / 3,
    ])
    const body = JSON.stringify({ columns: ["a", "b", "c", "d", "e"], index, data })
    const uri = await stored(body, "?orient=split")
    const whole = await split(uri, "&date_format=epoch")
    expect(whole.index).toEqual(index)
    expect(whole.data).toEqual(data)
    const window = await send(`GET ${uri}?orient=split&start=2015-01-05&end=2015-01-05`)
    expect(window.json.index).toHaveLength(1_440)
    expect(rowsRead(window)).toBeLessThan(25)
    // The same again takes the place of the old chunks instead of lying over them.
    await send(`PUT ${uri}?orient=split`, body)
    expect(rowsRead(await send(`GET ${uri}?orient=split`))).toBeLessThan(40)
    expect((await split(uri, "&date_format=epoch")).data).toEqual(data)
  })

  it("cuts long texts into chunks that fit a row, and refuses a row that fits none", async () => {
    const long = "x".repeat(400_000)
    const uri = await stored(
      JSON.stringify({ v: Object.fromEntries([1, 2, 3, 4, 5, 6].map((at) => [at, long + at])) }),
    )
    expect(await get(uri, "?orient=values")).toEqual([1, 2, 3, 4, 5, 6].map((at) => [long + at]))
    const longer = JSON.stringify({ v: { 7: "x".repeat(1_900_000) } })
    expect(await send(`PUT ${uri}`, longer)).toMatchObject({
      status: 413,
      json: { code: "too_large" },
    })
    expect(await send(`PUT ${uri}`, " ".repeat(16_000_001))).toMatchObject({ status: 413 })
  })

  it("happens fifty times at once on one series, and all of it stays", async () => {
    const uri = await stored('{"v":{"0":0}}')
    const saves = Array.from({ length: 50 }, (_, at) =>
      send(`PUT ${uri}`, `{"v":{"${at}":${at}},"c${at % 3}":{"${at}":true}}`),
    )
    const answers = await Promise.all(saves)
    expect(new Set(answers.map(({ json }) => json.revision)).size).toBe(50)
    expect(await labels(uri)).toEqual(Array.from({ length: 50 }, (_, at) => at))
    expect((await split(uri)).columns.toSorted()).toEqual(["c0", "c1", "c2", "v"])
    const { results } = await env.DB.prepare("SELECT event FROM changes WHERE uri = ?")
      .bind(uri)
      .all()
    expect(results).toHaveLength(51)
  })
})

function rowsRead({ headers }: { headers: Headers }): number {
  return Number(/(\d+) rows read/.exec(headers.get("Server-Timing") ?? "")?.[1])
}

describe("start and end", () => {
  it("are both inclusive, and a date as end is the whole day", async () => {
    const uri = await stored(
      '{"v":{"2015-01-01T12:00":1,"2015-01-02T00:00":2,"2015-01-02T23:59:59.999":3,"2015-01-03T00:00":4}}',
    )
    const values = async (query: string) => (await split(uri, query)).data.flat()
    expect(await values("&start=2015-01-02")).toEqual([2, 3, 4])
    expect(await values("&start=2015-01-02T00:00:00")).toEqual([2, 3, 4])
    expect(await values("&end=2015-01-02")).toEqual([1, 2, 3])
    expect(await values("&end=2015-01-02T00:00")).toEqual([1, 2])
    expect(await values("&start=2015-01-02&end=2015-01-02")).toEqual([2, 3])
    expect(
      await values("&start=2015-01-02T01:00:00%2B01:00&end=2015-01-02T01:00:00+01:00"),
    ).toEqual([2])
    expect(await values("&start=1420156800&end=1420156800000")).toEqual([2])
    expect(await values("&start=now-1h30m")).toEqual([])
    expect(await values("&end=now&start=")).toEqual([1, 2, 3, 4])
    expect(await values("&start=2015-01-03&end=2015-01-01")).toEqual([])
    expect(await values("&start=0001-01-01&end=9999-12-31")).toEqual([1, 2, 3, 4])
  })

  it("of an integer index are integers", async () => {
    const uri = await stored('{"v":{"-5":1,"0":2,"1420070400":3}}')
    expect(await labels(uri, "&start=0")).toEqual([0, 1_420_070_400])
    expect(await labels(uri, "&start=-5&end=-1")).toEqual([-5])
    expect(await send(`GET ${uri}?start=2015-01-01`)).toMatchObject({ status: 400 })
  })

  it("that are no times are refused by name", async () => {
    const uri = await stored(days({ 1: 1 }))
    for (const [query, place] of [
      ["start=garbage", "query.start"],
      ["end=2016", "query.end"],
      ["start=5", "query.start"],
      ["end=2015-02-30", "query.end"],
    ]) {
      const answer = await send(`GET ${uri}?${query}`)
      expect([answer.status, Object.keys(answer.json.errors)]).toEqual([400, [place]])
    }
  })
})

describe("names", () => {
  it("are any text that can be written in a path", async () => {
    for (const name of [
      "My Series",
      "日本",
      "a+b",
      "a/b",
      "100%",
      "q?x=1#y",
      "__proto__",
      "'\"<>",
      "…",
      "x--y__z",
      "a\0b",
    ]) {
      const uri = `/api/store/${encodeURIComponent(name)}/${encodeURIComponent(name)}`
      expect((await send(`PUT ${uri}`, days({ 1: 1 }))).status, name).toBe(200)
      expect(await labels(uri), name).toHaveLength(1)
      expect((await get(`/api/store/${encodeURIComponent(name)}/`))[0].symbol).toBe(name)
      await send(`DELETE ${uri}`)
    }
  })

  it("of two parts that look alike together are two series", async () => {
    await send("PUT /api/store/A__B/C", '{"v":{"1":1}}')
    expect((await send("GET /api/store/A/B__C")).status).toBe(404)
    expect((await send("GET /api/store/a__b/C")).status).toBe(404)
    expect((await send("GET /api/store/A%2FB/C")).status).toBe(404)
  })
})

/** One record of ones. */
const wide = (from: number, columns: number) =>
  JSON.stringify([
    Object.fromEntries(Array.from({ length: columns }, (_, at) => [`c${from + at}`, 1])),
  ])

describe("what cannot be saved", () => {
  it.each([
    ["", 400, "invalid_json"],
    ["{", 400, "invalid_json"],
    ["7", 400, "invalid_request"],
    ['{"v":{"2015-01-05":1},"v":{"2015-01-05":2}}', 400, "invalid_request"],
    ['{"v":{"2015-01-05":{"x":1,"x":2}}}', 400, "invalid_request"],
    ['{"v":{"soon":1}}', 400, "invalid_request"],
    ['{"v":{"2015-01-01":1},"w":7}', 400, "invalid_request"],
    ['{"v":{"2015-01-01T00:00:00.0000001":1}}', 422, "unprocessable"],
    ['{"v":{"2015-01-01":1,"2015-01-02Z":1}}', 400, "invalid_request"],
    ['{"v":{"2015-01-01T00:00Z":1}}', 422, "unprocessable"],
    ['{"v":{"1":1}}', 422, "unprocessable"],
    ['{"v":{"2015-01-05":1e999}}', 422, "unprocessable"],
    ['{"v":{"2015-01-05":18446744073709551616}}', 422, "unprocessable"],
  ])("leaves everything as it was: %s", async (body, status, code) => {
    const uri = await stored(days({ 1: 1, 2: 2 }))
    const before = await send(`GET ${uri}`)
    const refused = await send(`PUT ${uri}`, body)
    expect(refused).toMatchObject({ status, json: { code } })
    const after = await send(`GET ${uri}`)
    expect([after.text, after.revision]).toEqual([before.text, before.revision])
    const journal = "SELECT max(revision) AS revision FROM changes"
    expect((await env.DB.prepare(journal).all()).results).toEqual([{ revision: before.revision }])
  })

  it("leaves no empty series behind", async () => {
    expect((await send("PUT /api/store/none/none", '{"v":{"soon":1}}')).status).toBe(400)
    expect((await send("GET /api/store/none/none")).status).toBe(404)
  })

  it("are more columns than fit, counted with those that are stored", async () => {
    const uri = await stored(wide(0, SERIES_MAX_COLUMNS), "?orient=records")
    expect((await send(`PUT ${uri}?orient=records`, wide(0, 3))).status).toBe(200)
    expect(await send(`PUT ${uri}?orient=records`, wide(SERIES_MAX_COLUMNS, 1))).toMatchObject({
      status: 422,
      json: {
        limit: SERIES_MAX_COLUMNS,
        errors: { columns: `would be ${SERIES_MAX_COLUMNS + 1}` },
      },
    })
  })

  it("says which index is stored and which came", async () => {
    const uri = await stored(days({ 1: 1 }))
    expect((await send(`PUT ${uri}`, '{"v":{"2015-01-01T00:00Z":1}}')).json.detail).toBe(
      `The index of "tests/${uri.split("/").at(-1)}" is of times without a zone, that of the payload of times with a zone`,
    )
  })
})

describe("a damaged chunk", () => {
  it("is an error of the service, never another value", async () => {
    const cells = Array.from({ length: 200 }, (_, at) => [at, at / 4])
    const uri = await stored(JSON.stringify({ v: Object.fromEntries(cells) }))
    const symbol = uri.split("/").at(-1)
    const sql = `UPDATE chunks
      SET body = substr(body, 1, 40) || iif(substr(body, 41, 1) = 'A', 'B', 'A') || substr(body, 42)
      WHERE series = (SELECT id FROM series WHERE symbol = ?)`
    await env.DB.prepare(sql).bind(symbol).run()
    const { status, json } = await send(`GET ${uri}`)
    expect(status).toBe(500)
    expect(json).toMatchObject({ code: "corrupt_data" })
    expect(json.detail).toMatch(
      /^Chunk \d+ of "tests\/s\d+", from .+ to .+, cannot be read: its checksum is \d+, should be \d+$/,
    )
  })
})
