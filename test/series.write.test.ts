/** Writes of one series: what each mode does to the rows that are there, and what the answer counts. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { send, type Sent } from "./helpers.ts"

let count = 0
const fresh = () => `/api/store/writes/w${++count}`
const day = (date: number) => `2015-01-${String(date).padStart(2, "0")}`
const stamp = (date: number) => `${day(date)}T00:00:00.000`
const days = (cells: Record<number, unknown>, column = "v") =>
  JSON.stringify({
    [column]: Object.fromEntries(Object.entries(cells).map(([date, cell]) => [day(+date), cell])),
  })
/** `{1: 10}` of what is there. */
async function rows(uri: string): Promise<Record<string, unknown>> {
  const { index, data } = (await send(`GET ${uri}?orient=split`)).json
  return Object.fromEntries(
    index.map((label: string, at: number) => [Number(label.slice(8, 10)), data[at][0]]),
  )
}
const counts = ({ json }: Sent) => [json.inserted, json.replaced, json.removed]
const queries = ({ headers }: Sent) =>
  Number(/(\d+) queries/.exec(headers.get("Server-Timing") ?? "")?.[1])

describe("whole numbers that are written as floats", () => {
  it("are floats where the form can say so, and integers in other JSON", async () => {
    const field = (name: string, type: string) => ({ name, type })
    const table = {
      schema: { fields: [field("i", "datetime"), field("v", "number")], primaryKey: ["i"] },
      data: [{ i: `${day(1)}T00:00:00.000`, v: 1 }],
    }
    for (const [body, query, type, kind] of [
      ["date,v\n2015-01-01,1.0\n", "", "text/csv", "float64"],
      ['{"date":"2015-01-01","v":1.0}\n', "", "application/x-ndjson", "float64"],
      [JSON.stringify(table), "?orient=table", "application/json", "float64"],
      ['{"v":{"2015-01-01":1.0}}', "", "application/json", "int64"],
    ] as const) {
      const uri = fresh()
      const put = await send(`PUT ${uri}${query}`, body, { "Content-Type": type })
      expect(put.status, put.text).toBe(200)
      const entries = (await send("GET /api/store/writes/")).json as { symbol: string }[]
      const entry = entries.find(({ symbol }) => uri.endsWith(`/${symbol}`))
      expect(entry, body).toMatchObject({ columns: [{ name: "v", kind }] })
    }
  })
})

describe("a label that an object has twice", () => {
  it("counts the last time, unless on_duplicate=error refuses it", async () => {
    for (const [orient, body] of [
      ["columns", '{"v":{"2015-01-01":1,"2015-01-01":2}}'],
      ["index", '{"2015-01-01":{"v":1},"2015-01-01":{"v":2}}'],
    ]) {
      const uri = fresh()
      expect((await send(`PUT ${uri}?orient=${orient}`, body)).status).toBe(200)
      expect(await rows(uri)).toEqual({ 1: 2 })
      const refused = await send(`PUT ${uri}?orient=${orient}&on_duplicate=error`, body)
      expect([400, 422], orient).toContain(refused.status)
      expect(JSON.stringify(refused.json.errors)).toMatch(/2015-01-01.*is there twice/)
    }
  })
})

describe("a mode", () => {
  it("update, the default, replaces the range from the first row to the last", async () => {
    const uri = fresh()
    await send(`PUT ${uri}`, days({ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 }))
    for (const query of ["", "?mode=", "?mode=update"]) {
      const put = await send(`PUT ${uri}${query}`, days({ 2: 20, 4: 40 }))
      expect(put.json).toMatchObject({ status: true, rows: 2, range: [stamp(2), stamp(4)] })
    }
    expect(await rows(uri)).toEqual({ 1: 1, 2: 20, 4: 40, 5: 5 })
  })

  it("upsert leaves what has other stamps", async () => {
    const uri = fresh()
    await send(`PUT ${uri}?mode=upsert`, days({ 1: 1, 2: 2, 3: 3 }))
    const put = await send(`PUT ${uri}?mode=upsert`, days({ 1: 10, 3: 30, 9: 90 }))
    expect(counts(put)).toEqual([1, 2, 0])
    expect(await rows(uri)).toEqual({ 1: 10, 2: 2, 3: 30, 9: 90 })
  })

  it("replace leaves nothing: neither rows nor columns nor the kind of the index", async () => {
    const uri = fresh()
    await send(`PUT ${uri}`, days({ 1: 1, 2: 2, 3: 3 }))
    const put = await send(`PUT ${uri}?mode=replace`, days({ 2: "x", 9: "y" }, "w"))
    expect(counts(put)).toEqual([1, 1, 2])
    expect(await rows(uri)).toEqual({ 2: "x", 9: "y" })
    expect((await send(`GET ${uri}?orient=split`)).json.columns).toEqual(["w"])
    expect(counts(await send(`PUT ${uri}?mode=replace`, '{"i":{"7":1}}'))).toEqual([1, 0, 2])
    expect((await send(`GET ${uri}`)).text).toBe('{"i":{"7":1}}')
    expect((await send(`PUT ${uri}?mode=replace`, "{}")).json).toMatchObject({ removed: 1 })
    expect((await send(`GET ${uri}`)).text).toBe("{}")
  })

  it("append refuses what does not come after the last row, and says where that is", async () => {
    const uri = fresh()
    expect(counts(await send(`PUT ${uri}?mode=append`, days({ 1: 1, 2: 2 })))).toEqual([2, 0, 0])
    for (const cells of [{ 2: 3, 3: 3 }, { 1: 1 }, { 1: 1, 9: 9 }]) {
      const put = await send(`PUT ${uri}?mode=append`, days(cells))
      expect(put).toMatchObject({ status: 409, json: { code: "conflict", last: stamp(2) } })
    }
    expect(counts(await send(`PUT ${uri}?mode=append`, days({ 3: 3 })))).toEqual([1, 0, 0])
    expect((await send(`PUT ${uri}?mode=append`, "{}")).status).toBe(200)
    expect(await rows(uri)).toEqual({ 1: 1, 2: 2, 3: 3 })
  })

  it("append finds the last row where only a bound of it is known", async () => {
    const uri = fresh()
    await send(`PUT ${uri}`, days({ 1: 1, 2: 2, 20: 20, 21: 21 }))
    await send(`PATCH ${uri}`, { removed: [[day(20), day(25)]] })
    const refused = await send(`PUT ${uri}?mode=append`, days({ 2: 0 }))
    expect(refused).toMatchObject({ status: 409, json: { last: stamp(2) } })
    expect((await send(`PUT ${uri}?mode=append`, days({ 3: 3, 4: 4 }))).status).toBe(200)
    expect((await send(`PUT ${uri}?mode=append`, days({ 4: 4 }))).json).toMatchObject({
      status: 409,
      last: stamp(4),
    })
    expect(await rows(uri)).toEqual({ 1: 1, 2: 2, 3: 3, 4: 4 })
  })

  it("append lets one of ten writers win", async () => {
    const uri = fresh()
    const tries = Array.from({ length: 10 }, () => send(`PUT ${uri}?mode=append`, days({ 1: 1 })))
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 409)])
  })

  it("that is none of them is refused by name", async () => {
    const put = await send(`PUT ${fresh()}?mode=merge`, days({ 1: 1 }))
    expect(put).toMatchObject({
      status: 400,
      json: { errors: { "query.mode": expect.anything() } },
    })
  })
})

describe("a write", () => {
  it("of one stamp twice lets the last win, or is refused with on_duplicate=error", async () => {
    const uri = fresh()
    const body = `{"columns":["v"],"index":["${day(1)}","${day(2)}","${day(1)}"],"data":[[1],[2],[3]]}`
    for (const mode of ["update", "upsert", "append", "replace"]) {
      const put = await send(`PUT ${uri}${mode}?orient=split&mode=${mode}`, body)
      expect(put.json).toMatchObject({ rows: 3, inserted: 2 })
      expect(await rows(`${uri}${mode}`)).toEqual({ 1: 3, 2: 2 })
      const refused = await send(
        `PUT ${uri}${mode}?orient=split&on_duplicate=error&mode=${mode}`,
        body,
      )
      const errors = { [`index.${stamp(1)}`]: "is there twice" }
      expect(refused).toMatchObject({ status: 422, json: { code: "unprocessable", errors } })
    }
  })

  it("says what it cost, and counts only what it knows", async () => {
    const uri = fresh()
    const put = await send(`PUT ${uri}`, days({ 1: 1, 2: 2 }))
    expect(put.json.rows_written).toBe(Number(put.headers.get("X-Rows-Written")))
    expect(queries(put)).toBeLessThan(12)
    // What waits in the tail is read with the series.
    for (let date = 3; date <= 14; date++) await send(`PUT ${uri}`, days({ [date]: date }))
    const month = days(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [at + 1, at])))
    expect(counts(await send(`PUT ${uri}?mode=upsert`, month))).toEqual([6, 14, 0])
    // Twelve chunks side by side are more than are opened unasked.
    const long = (from: number, to: number) => ({
      v: Object.fromEntries(Array.from({ length: to - from }, (_, at) => [from + at, at])),
    })
    const many = fresh()
    for (let at = 0; at < 12; at++) await send(`PUT ${many}`, long(at * 200, at * 200 + 150))
    const all = long(0, 2_400)
    expect(counts(await send(`PUT ${many}?mode=upsert`, all))).toEqual([undefined, undefined, 0])
    expect(counts(await send(`PUT ${many}?mode=upsert&counts=exact`, all))).toEqual([0, 2_400, 0])
  })

  it("under a condition is made or refused as a whole, in every mode", async () => {
    const uri = fresh()
    const { revision } = await send(`PUT ${uri}`, days({ 1: 1 }), { "If-None-Match": "*" })
    for (const mode of ["update", "upsert", "append", "replace"]) {
      const stale = await send(`PUT ${uri}?mode=${mode}`, days({ 2: 2 }), {
        "If-Match": `"${revision! - 1}"`,
      })
      expect(stale).toMatchObject({ status: 412, json: { etag: `"${revision}"` } })
    }
    const csv = { "Content-Type": "text/csv", "If-Match": `"${revision}"` }
    const put = await send(`PUT ${uri}?mode=append`, `date,v\n${day(2)},2\n`, csv)
    expect(put.revision).toBeGreaterThan(revision!)
    expect((await send(`PUT ${uri}`, `date,v\n${day(3)},2\n`, csv)).status).toBe(412)
    expect(await rows(uri)).toEqual({ 1: 1, 2: 2 })
  })

  it("tells others of itself: a patch where one says it, a new state after replace", async () => {
    const uri = fresh()
    await send(`PUT ${uri}`, days({ 1: 1 }))
    await send(`PUT ${uri}`, days({ 2: 2, 4: 4 }))
    await send(`PUT ${uri}?mode=upsert`, days({ 2: 3 }))
    await send(`PUT ${uri}?mode=append`, days({ 5: 5 }))
    await send(`PUT ${uri}?mode=replace`, days({ 7: 7 }))
    const { results } = await env.DB.prepare(
      "SELECT event, body FROM changes WHERE uri = ? ORDER BY revision",
    )
      .bind(uri)
      .all<{ event: string; body: string | null }>()
    const rowsOf = (...dates: [number, number][]) => ({
      columns: ["v"],
      index: dates.map(([date]) => stamp(date)),
      data: dates.map(([, value]) => [value]),
    })
    expect(
      results.map(({ event, body }) => [event, body === null ? null : JSON.parse(body)]),
    ).toEqual([
      ["create", null],
      ["patch", { removed: [[stamp(2), stamp(4)]], rows: rowsOf([2, 2], [4, 4]) }],
      ["patch", { removed: [], rows: rowsOf([2, 3]) }],
      ["patch", { removed: [], rows: rowsOf([5, 5]) }],
      ["state", null],
    ])
  })
})

function bodyOf(form: string, cells: [number, number][]): [query: string, body: string] {
  if (form === "csv") {
    return ["format=csv", `date,v\n${cells.map(([d, v]) => `${day(d)},${v}\n`).join("")}`]
  }
  if (form === "ndjson") {
    const lines = cells.map(([d, v]) => `{"date":"${day(d)}","v":${v}}\n`)
    return ["format=ndjson", lines.join("")]
  }
  const frame = {
    columns: ["v"],
    index: cells.map(([d]) => day(d)),
    data: cells.map(([, v]) => [v]),
  }
  return ["orient=split", JSON.stringify(frame)]
}

describe("many writes of all modes", () => {
  const write = fc.record({
    mode: fc.constantFrom("update", "upsert", "append", "replace"),
    form: fc.constantFrom("json", "csv", "ndjson"),
    rows: fc.array(fc.tuple(fc.integer({ min: 1, max: 28 }), fc.nat(99)), {
      minLength: 1,
      maxLength: 6,
    }),
  })

  it("leave what a plain Map would have, and count right", async () => {
    const property = fc.asyncProperty(fc.array(write, { maxLength: 8 }), async (writes) => {
      const uri = fresh()
      const model = new Map<number, number>()
      await send(`PUT ${uri}?orient=split`, '{"columns":["v"],"index":[],"data":[]}')
      for (const { mode, form, rows: cells } of writes) {
        const dates = cells.map(([date]) => date)
        const [low, high] = [Math.min(...dates), Math.max(...dates)]
        const [query, body] = bodyOf(form, cells)
        const put = await send(`PUT ${uri}?mode=${mode}&counts=exact&${query}`, body)
        if (mode === "append" && low <= Math.max(0, ...model.keys())) {
          expect(put.status).toBe(409)
          continue
        }
        const before = new Set(model.keys())
        for (const date of before) {
          const isGone = mode === "replace" || (mode === "update" && date >= low && date <= high)
          if (isGone) model.delete(date)
        }
        for (const [date, value] of cells) model.set(date, value)
        const distinct = new Set(dates)
        const replaced = [...distinct].filter((date) => before.has(date)).length
        const removed = [...before].filter((date) => !model.has(date)).length
        expect(counts(put)).toEqual([distinct.size - replaced, replaced, removed])
        expect(await rows(uri)).toEqual(Object.fromEntries(model))
      }
    })
    await fc.assert(property, { seed: 11, numRuns: 40, endOnFailure: true })
  }, 60_000)
})
