import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_CHUNK_ROWS } from "../src/protocol/limits.ts"
import { send, type Sent } from "./helpers.ts"

const SEED = 20_150_101

const queries = (sent: Sent) =>
  Number(/(\d+) queries/.exec(sent.headers.get("Server-Timing")!)?.[1])
const rowsRead = (sent: Sent) => Number(sent.headers.get("X-Rows-Read"))
const day = (at: number) => `2015-01-${String(at).padStart(2, "0")}`
const stamp = (at: number) => `${day(at)}T00:00:00.000`

async function save(uri: string, days: Record<number, unknown>): Promise<void> {
  const cells = Object.entries(days).map(([at, value]) => [day(Number(at)), value])
  const put = await send(`PUT ${uri}`, { v: Object.fromEntries(cells) })
  expect(put.status).toBe(200)
}

const patch = async (uri: string, body: object) =>
  expect((await send(`PATCH ${uri}`, JSON.stringify(body))).status).toBe(200)

/** All pages of a list, by their links. */
async function pages(uri: string): Promise<unknown[][]> {
  const found: unknown[][] = []
  for (let next: string | undefined = uri; next;) {
    const page: Sent = await send(`GET ${next}`)
    found.push(page.json)
    next = /^<(.*)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1]
  }
  return found
}

const of = (list: string[]) => list.map((reference) => ({ reference }))
const symbols = async (query: string) =>
  (await pages(`/api/store/paged/${query}`)).map((page) => page.map((entry: any) => entry.symbol))

describe("the list of references", () => {
  it("has each of them once, by name, in pages, and those that begin as asked", async () => {
    for (const reference of ["b", "a", "ab", "a b/c", "é", "aa"]) {
      for (const symbol of ["x", "y"]) {
        await save(`/api/store/${encodeURIComponent(reference)}/${symbol}`, { 1: 1 })
      }
    }
    const names = ["a", "a b/c", "aa", "ab", "b", "é"]
    expect((await send("GET /api/store/")).json).toEqual(of(names))
    expect(await pages("/api/store/?limit=4")).toEqual([of(names.slice(0, 4)), of(names.slice(4))])
    expect(await pages("/api/store/?limit=2&prefix=a")).toEqual([
      of(["a", "a b/c"]),
      of(["aa", "ab"]),
    ])
    expect((await send("GET /api/store/?prefix=x")).json).toEqual([])
    expect((await send("GET /api/store/?limit=0")).json.errors).toHaveProperty(["query.limit"])
  })

  it("costs a seek for each of them, however many series they have", async () => {
    for (let at = 0; at < 40; at++) await save(`/api/store/many/s${at}`, { 1: 1 })
    expect(rowsRead(await send("GET /api/store/?prefix=many"))).toBeLessThan(20)
  })
})

describe("the list of the series of a reference", () => {
  it("has count, first, last and revision of each, in few queries and without opening full chunks", async () => {
    const rows = 3 * SERIES_CHUNK_ROWS
    const index = Array.from({ length: rows }, (_, row) => row)
    const data = index.map((row) => [row])
    await send("PUT /api/store/full/a?orient=split", { columns: ["v"], index, data })
    const put = await send("PUT /api/store/full/b", { v: { [day(1)]: 1.5, [day(3)]: null } })
    const list = await send("GET /api/store/full/")
    expect(list.json).toEqual([
      {
        symbol: "a",
        revision: put.json.revision - 1,
        columns: [{ name: "v", kind: "int64" }],
        count: rows,
        first: 0,
        last: rows - 1,
      },
      {
        symbol: "b",
        revision: put.json.revision,
        columns: [{ name: "v", kind: "float64" }],
        count: 2,
        first: stamp(1),
        last: stamp(3),
      },
    ])
    expect(queries(list)).toBe(3)
    expect(list.revision).toBe(put.json.revision)
  })

  it("is exact where rows lie over each other and ends were taken away", async () => {
    const uri = "/api/store/over/s"
    await save(uri, { 1: 1, 2: 2, 5: 5, 9: 9 })
    await patch(uri, { rows: { columns: ["v"], index: [day(2), day(3)], data: [[20], [30]] } })
    await patch(uri, {
      removed: [
        [day(1), day(1)],
        [day(8), day(30)],
      ],
    })
    const [entry] = (await send("GET /api/store/over/")).json
    expect(entry).toMatchObject({ count: 3, first: stamp(2), last: stamp(5) })
    const [latest] = (await send("GET /api/store/over/?latest=1")).json
    expect(latest).toMatchObject({ last: stamp(5), latest: { v: 5 } })
    expect(latest).not.toHaveProperty("count")
    await patch(uri, { removed: [[day(1), day(30)]] })
    const [empty] = (await send("GET /api/store/over/")).json
    expect(empty).toMatchObject({ count: 0 })
    for (const query of ["", "?latest=1"]) {
      const [bare] = (await send(`GET /api/store/over/${query}`)).json
      for (const name of ["first", "last", "latest"]) expect(bare).not.toHaveProperty(name)
    }
  })

  it("tells the last row of every series in one call, numbers to the last digit", async () => {
    await send(
      "PUT /api/store/last/a?orient=split",
      '{"columns":["i","f","__proto__"],"index":["2015-01-01","2015-01-02"],"data":[[1,2.5,null],[9223372036854775807,3.0,"t"]]}',
    )
    await send("PUT /api/store/last/b", '{"v":{"7":1}}')
    for (let at = 1; at < 9; at++) await save("/api/store/last/c", { [at]: at })
    const list = await send("GET /api/store/last/?latest=1")
    expect(list.text).toContain(
      `"last":"${stamp(2)}","latest":{"i":9223372036854775807,"f":3.0,"__proto__":"t"}}`,
    )
    expect(list.json[1]).toMatchObject({ symbol: "b", last: 7, latest: { v: 1 } })
    expect(list.json[2]).toMatchObject({ symbol: "c", last: stamp(8), latest: { v: 8 } })
    expect(queries(list)).toBeLessThanOrEqual(4)
    expect((await send("GET /api/store/last/?latest=2")).status).toBe(400)
  })

  it("comes in pages, and is of those that begin as asked", async () => {
    for (const symbol of ["a1", "a2", "b", "a3", "é"])
      await save(`/api/store/paged/${encodeURIComponent(symbol)}`, { 1: 1 })
    expect(await symbols("?limit=2")).toEqual([["a1", "a2"], ["a3", "b"], ["é"]])
    expect(await symbols("?limit=2&prefix=a&latest=1")).toEqual([["a1", "a2"], ["a3"]])
    expect(await symbols("")).toEqual([["a1", "a2", "a3", "b", "é"]])
  })

  it("agrees with reading each series, whatever was written to it", async () => {
    const at = fc.integer({ min: 1, max: 28 })
    const step = fc.oneof(
      fc.record({ put: fc.uniqueArray(at, { minLength: 1, maxLength: 5 }) }),
      fc.record({ patch: fc.uniqueArray(at, { minLength: 1, maxLength: 5 }) }),
      fc.record({ remove: fc.tuple(at, at) }),
    )
    let run = 0
    const property = fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      async (all) => {
        const list = `/api/store/agree${++run}/`
        for (const [symbol, steps] of all.entries()) {
          await save(`${list}${symbol}`, { 14: 0 })
          for (const [value, one] of steps.entries()) {
            if ("put" in one)
              await save(`${list}${symbol}`, Object.fromEntries(one.put.map((d) => [d, value])))
            else if ("remove" in one) {
              const [from, to] = one.remove.toSorted((x, y) => x - y) as [number, number]
              await patch(`${list}${symbol}`, { removed: [[day(from), day(to)]] })
            } else {
              const index = one.patch.map(day)
              await patch(`${list}${symbol}`, {
                rows: { columns: ["v"], index, data: index.map(() => [value]) },
              })
            }
          }
        }
        const counted = (await send(`GET ${list}`)).json
        const latest = (await send(`GET ${list}?latest=1`)).json
        for (const symbol of all.keys()) {
          const { index, data } = (await send(`GET ${list}${symbol}?orient=split`)).json
          const [first, last] = [index[0], index.at(-1)]
          const { count, ...ends } = counted[symbol]
          expect([count, ends.first, ends.last]).toEqual([index.length, first, last])
          const row = data.length > 0 ? { v: data.at(-1)[0] } : undefined
          expect([latest[symbol].last, latest[symbol].latest]).toEqual([last, row])
        }
      },
    )
    await fc.assert(property, { seed: SEED, numRuns: 25 })
  })
})
