import { describe, expect, it } from "vitest"
import { SERIES_CHUNK_ROWS } from "../src/protocol/limits.ts"
import { frameText, readFrame } from "../src/series/orient.ts"
import { readResample } from "../src/series/resample/options.ts"
import { resample } from "../src/series/resample/resample.ts"
import { send, type Sent } from "./helpers.ts"

const HOUR = 3_600_000
const MINUTE = 60_000

interface Split {
  columns: string[]
  index: (string | number)[]
  data: unknown[][]
}

let count = 0
async function stored(split: object): Promise<string> {
  const uri = `/api/store/every/s${++count}`
  expect((await send(`PUT ${uri}?orient=split`, split)).status).toBe(200)
  return uri
}
const get = (uri: string, query = "") => send(`GET ${uri}${query}`)
const split = async (uri: string, query = ""): Promise<Split> =>
  (await get(uri, `?orient=split${query}`)).json
const removedOf = (sent: Sent) => JSON.parse(sent.headers.get("X-Removed")!) as string[][]

const queriesOf = ({ headers }: Sent) =>
  Number(/(\d+) queries/.exec(headers.get("Server-Timing")!)?.[1])

/** A row at each of these times, counted from 1. */
const at = (index: string[], column = "v"): Split => ({
  columns: [column],
  index,
  data: index.map((_, row) => [row + 1]),
})
const hours = (from: string, rows: number) =>
  at(
    Array.from({ length: rows }, (_, row) => new Date(Date.parse(from) + row * HOUR).toISOString()),
  )

describe("every", () => {
  it("makes one row of each stretch, with one aggregation for all columns or some for each", async () => {
    const uri = await stored({
      columns: ["p", "q"],
      index: ["2015-01-01T00:00", "2015-01-01T00:10", "2015-01-01T02:00"],
      data: [
        [1, 10],
        [3, null],
        [5, 30],
      ],
    })
    expect(await split(uri, "&every=1h&date_format=epoch")).toEqual({
      columns: ["p", "q"],
      index: [1_420_070_400_000, 1_420_077_600_000],
      data: [
        [2, 10],
        [5, 30],
      ],
    })
    expect(await split(uri, "&every=1d&agg=p:ohlc,q:sum")).toMatchObject({
      columns: ["p_open", "p_high", "p_low", "p_close", "q"],
      data: [[1, 5, 1, 5, 40]],
    })
    expect((await split(uri, "&every=1d&agg=q:count,p:max")).data).toEqual([[2, 5]])
    expect(await split(uri, "&every=1d&columns=q&agg=ohlc")).toMatchObject({
      columns: ["open", "high", "low", "close"],
    })
    expect((await split(uri, "&every=1h&closed=right&label=right")).index).toEqual([
      "2015-01-01T00:00:00.000",
      "2015-01-01T01:00:00.000",
      "2015-01-01T02:00:00.000",
    ])
    // Limits and order are those of what comes out.
    expect((await split(uri, "&every=1h&order=desc&limit=1")).data).toEqual([[5, 30]])
    expect((await split(uri, "&every=1h&latest=1&columns=p")).data).toEqual([[5]])
    expect((await split(uri, "&every=1h&limit=1&start=2015-01-01T00:05&columns=p")).data).toEqual([
      [3],
    ])
    expect((await get(uri, "?every=1d&agg=max&columns=p&format=csv")).text).toBe(
      "index,p\n2015-01-01T00:00:00.000,5\n",
    )
  })

  it("knows days of 23 and of 25 hours", async () => {
    const spring = await stored(hours("2015-03-28T00:00Z", 72))
    expect(await split(spring, "&every=1d&tz=Europe/Oslo&agg=count")).toMatchObject({
      index: [
        "2015-03-27T23:00:00.000Z",
        "2015-03-28T23:00:00.000Z",
        "2015-03-29T22:00:00.000Z",
        "2015-03-30T22:00:00.000Z",
      ],
      data: [[23], [23], [24], [2]],
    })
    const autumn = await stored(hours("2015-10-24T00:00Z", 72))
    expect((await split(autumn, "&every=1d&tz=Europe/Oslo&agg=count")).data).toEqual([
      [22],
      [25],
      [24],
      [1],
    ])
    expect((await split(autumn, "&every=1d&agg=count")).data).toEqual([[24], [24], [24]])
  })

  it("fills with what lies outside the window although another column has nothing there", async () => {
    const uri = await stored({
      columns: ["v", "none"],
      index: ["2015-01-01", "2015-01-03"],
      data: [
        [1, null],
        [null, null],
      ],
    })
    const window = "&start=2015-01-02&end=2015-01-03&every=1d&fill=previous"
    expect((await split(uri, window)).data).toEqual([
      [1, null],
      [1, null],
    ])
  })

  it("fills gaps, previous and linear also with what lies outside the window", async () => {
    const uri = await stored({
      columns: ["v", "w"],
      index: ["2015-01-01", "2015-01-03", "2015-01-06", "2015-01-09"],
      data: [
        [10, 1],
        [30, null],
        [60, null],
        [90, 2],
      ],
    })
    const window = "&every=1d&start=2015-01-04&end=2015-01-08&agg=last"
    const of = async (fill: string) => (await split(uri, `${window}&fill=${fill}`)).data
    expect(await of("none")).toEqual([[60, null]])
    expect(await of("null")).toEqual([
      [null, null],
      [null, null],
      [60, null],
      [null, null],
      [null, null],
    ])
    // The value before may be farther back than the last row.
    expect(await of("previous")).toEqual([
      [30, 1],
      [30, 1],
      [60, 1],
      [60, 1],
      [60, 1],
    ])
    expect(await of("linear")).toEqual([
      [40, 1 + 3 / 8],
      [50, 1 + 4 / 8],
      [60, 1 + 5 / 8],
      [70, 1 + 6 / 8],
      [80, 1 + 7 / 8],
    ])
    expect(await of("0")).toEqual([
      [0, 0],
      [0, 0],
      [60, 0],
      [0, 0],
      [0, 0],
    ])
    const before = "&every=1d&start=2014-12-30&end=2015-01-01&agg=last&fill="
    expect((await split(uri, `${before}previous`)).data).toEqual([
      [null, null],
      [null, null],
      [10, 1],
    ])
    const after = "&every=1d&start=2015-01-10&end=2015-01-11&agg=last&fill="
    expect((await split(uri, `${after}previous`)).data).toEqual([
      [90, 2],
      [90, 2],
    ])
    expect((await split(uri, `${after}linear`)).data).toEqual([
      [null, null],
      [null, null],
    ])
  })

  it("fills from whole stretches, though only a part of one may be in the nearest chunk", async () => {
    const uri = await stored(hours("2015-01-01T00:00Z", SERIES_CHUNK_ROWS + 100))
    const month = await split(uri, "&every=1mo&agg=count")
    const june = "&start=2015-06-01&end=2015-06-02&every=1mo&agg=count,sum&fill=previous"
    const [[counted, sum]] = (await split(uri, june)).data as [[number, number]]
    const last = (month.data[2] as number[])[0]
    const from = SERIES_CHUNK_ROWS + 100 - last!
    expect([counted, sum]).toEqual([0, (last! * (2 * from + last! + 1)) / 2])
    expect(last).toBeGreaterThan(100)
  })

  it("is to the last bit the same whether chunks are opened or only their statistics read", async () => {
    const rows = 12 * SERIES_CHUNK_ROWS
    const start = Date.UTC(2015, 0, 1)
    const all: Split = { columns: ["f", "i", "d"], index: [], data: [] }
    for (let row = 0; row < rows; row++) {
      all.index.push(new Date(start + row * MINUTE).toISOString())
      const cents = Math.round(Math.sin(row) * 1e6) / 100
      all.data.push([row % 7 === 0 ? null : cents, row % 5 ? row * 1e10 : null, Math.tan(row) / 3])
    }
    const uri = await stored(all)
    const frame = readFrame(JSON.stringify(all), "split")
    const agree = async (part: typeof frame) => {
      for (const every of ["1d", "1w", "1mo"]) {
        for (const agg of ["sum", "mean,min", "count,max", "f:mean,d:sum", "last,std"]) {
          const query = `?orient=split&every=${every}&agg=${agg}`
          const wanted = frameText(resample(part, readResample({ every, agg }, "utc")), "split")
          expect((await get(uri, query)).text).toBe(wanted)
        }
      }
    }
    await agree(frame)
    // Rows over others, a change of kind and a gap: what lies under it must be opened.
    const body = {
      removed: [[all.index[9_000], all.index[9_100]]],
      rows: { columns: ["f", "i"], index: [all.index[5_000]], data: [[0.1, 2.5]] },
    }
    await send(`PATCH ${uri}`, JSON.stringify(body))
    await agree(readFrame((await get(uri, "?orient=split")).text, "split"))
    // A month is read from the statistics of almost all chunks: nothing but their rows is looked at.
    const month = await get(uri, "?every=1mo&agg=mean&orient=values")
    expect(queriesOf(month)).toBeLessThanOrEqual(3)
  })

  it("reads what reaches beyond the ends of the range at once with all else", async () => {
    const rows = 3 * SERIES_CHUNK_ROWS
    const start = Date.UTC(2015, 0, 1)
    const index = Array.from({ length: rows }, (_, row) => start + row * MINUTE)
    const uri = await stored({ columns: ["v"], index, data: index.map((_, row) => [row]) })
    const window = `start=${index[10]}&end=${index[rows - 10]}`
    const days = await get(uri, `?orient=split&every=1d&agg=count,sum&${window}`)
    expect(queriesOf(days)).toBe(2)
    const { data } = days.json as Split
    const total = (column: number) => data.reduce((sum, cells) => sum + Number(cells[column]), 0)
    expect(total(0)).toBe(rows - 19)
    expect(total(1)).toBe(((rows - 19) * rows) / 2)
  })
})

describe("max_points", () => {
  it("keeps real rows with all their columns, and says what it did", async () => {
    const columns = ["s", "v", "w"]
    const index = Array.from({ length: 5_000 }, (_, row) => row)
    const data = index.map((row) => [`t${row}`, row === 2_345 ? 99.5 : Math.sin(row / 100), row])
    const uri = await stored({ columns, index, data })
    for (const downsample of ["lttb", "minmax", "m4"]) {
      const answer = await get(uri, `?orient=split&max_points=100&downsample=${downsample}&on=v`)
      const found: Split = answer.json
      const [said, most] = [answer.headers.get("X-Downsampled"), found.index.length]
      expect(said).toBe(`${downsample}; from=5000; to=${most}`)
      expect(most).toBeLessThanOrEqual(100)
      expect(found.columns).toEqual(columns)
      expect(found.index).toContain(2_345)
      for (const [row, label] of found.index.entries())
        expect(found.data[row]).toEqual(data[Number(label)])
    }
    const few = await get(uri, "?orient=split&max_points=100&latest=50")
    expect([few.json.index.length, few.headers.get("X-Downsampled")]).toEqual([50, null])
    const turned = await get(uri, "?orient=split&max_points=10&order=desc&limit=400&columns=w")
    expect([turned.json.index[0], turned.json.index.at(-1)]).toEqual([4_999, 4_600])
    expect(turned.headers.get("X-Downsampled")).toContain("from=400; to=")
    expect((await get(uri, "?max_points=10&columns=s")).status).toBe(400)
    expect((await get(uri, "?max_points=10&on=nothing")).json.errors).toHaveProperty(["query.on"])
  })
})

describe("max_points of more than memory holds", () => {
  it("answers what it answers of fewer columns, turned too", async () => {
    // Rows times columns count, whether there are values or not.
    const names = Array.from({ length: 1_999 }, (_, place) => `c${place}`)
    const uri = await stored({ columns: names, index: [0], data: [names.map(() => 1.5)] })
    const index = Array.from({ length: 4_200 }, (_, row) => row + 1)
    const data = index.map((row) => [Math.sin(row / 50), row])
    await send(`PUT ${uri}?orient=split`, { columns: ["v", "c7"], index, data })
    const query = "orient=split&max_points=20&on=v"
    const all = await get(uri, `?${query}`)
    expect(all.headers.get("X-Downsampled")).toBe("lttb; from=4201; to=20")
    const few = await get(uri, `?${query}&columns=v,c7`)
    expect(all.json.index).toEqual(few.json.index)
    const place = all.json.columns.indexOf("c7")
    expect(all.json.data.slice(1).map((row: unknown[]) => row[place])).toEqual(
      few.json.data.slice(1).map((row: unknown[]) => row[1]),
    )
    const turned = await get(uri, `?${query}&order=desc`)
    expect(turned.json.index).toEqual(all.json.index.toReversed())
  })
})

const label = (row: number) => `2015-01-${String(row).padStart(2, "0")}T00:00:00.000`

describe("since", () => {
  it("tells the rows that changed after a revision, and the ranges that were taken away", async () => {
    const days = Array.from({ length: 9 }, (_, row) => label(row + 1))
    const uri = await stored(at(days))
    const first = (await get(uri)).revision!
    expect(await split(uri, `&since=${first}`)).toMatchObject({ index: [], data: [] })
    expect(removedOf(await get(uri, `?since=${first}`))).toEqual([])
    const rows = { columns: ["v"], index: [label(2), label(20)], data: [[-2], [-20]] }
    await send(`PATCH ${uri}`, JSON.stringify({ removed: [[label(5), label(6)]], rows }))
    const second = (await get(uri)).revision!
    await send(`PUT ${uri}`, { v: { [label(8)]: -8 } })
    const since = await get(uri, `?orient=split&since=${first}`)
    expect(since.json).toMatchObject({
      index: [label(2), label(8), label(20)],
      data: [[-2], [-8], [-20]],
    })
    expect(removedOf(since)).toEqual([
      [label(5), label(6)],
      [label(8), label(8)],
    ])
    const later = await get(uri, `?orient=split&since=${second}&order=desc&columns=v`)
    expect(later.json).toMatchObject({ index: [label(8)] })
    expect((await split(uri, `&since=${first}&start=2015-01-03&end=2015-01-10`)).index).toEqual([
      label(8),
    ])
    // Who follows from before there was anything is told all.
    const all = await get(uri, "?orient=split&since=0")
    expect(all.json).toEqual(await split(uri))
    expect(removedOf(all)).toHaveLength(1)
  })

  it("lets a copy be kept, also of a series that was deleted and begun again", async () => {
    const uri = await stored(at([label(1), label(2), label(3)]))
    const copy = new Map<string, unknown>()
    let revision = 0
    const follow = async () => {
      const answer = await get(uri, `?orient=split&since=${revision}`)
      for (const [from, to] of removedOf(answer)) {
        for (const key of copy.keys()) if (from! <= key && key <= to!) copy.delete(key)
      }
      const { index, data } = answer.json
      for (const [row, key] of index.entries()) copy.set(key, data[row])
      revision = answer.revision!
      const now = await split(uri)
      expect([...copy].toSorted()).toEqual(now.index.map((key, row) => [key, now.data[row]]))
    }
    await follow()
    await send(`PATCH ${uri}`, JSON.stringify({ removed: [[label(2), label(2)]] }))
    await follow()
    await send(`DELETE ${uri}`)
    await send(`PUT ${uri}?orient=split`, at([label(3), label(7)]))
    await follow()
    await send(`PUT ${uri}?orient=split&mode=replace`, at([label(7), label(9)]))
    await follow()
    await send(`PUT ${uri}?orient=split&mode=replace`, at([label(8)]))
    await send(`PUT ${uri}?orient=split&mode=append`, at([label(9)]))
    await follow()
    await send(`PUT ${uri}?orient=split&mode=replace`, at([]))
    await follow()
    const removed = Array.from({ length: 28 }, (_, row) => [label(row + 1), label(row + 1)])
    await send(`PATCH ${uri}`, JSON.stringify({ removed }))
    await follow()
    await send(
      `PUT ${uri}?orient=split`,
      at(Array.from({ length: 28 }, (_, row) => label(row + 1))),
    )
    await follow()
    for (let row = 1; row < 28; row++) {
      // More ranges than a header holds.
      for (const minute of ["01", "02", "03"]) {
        const from = label(row).replace("T00:00", `T00:${minute}`)
        await send(`PATCH ${uri}`, JSON.stringify({ removed: [[from, from]] }))
      }
    }
    await send(`PATCH ${uri}`, JSON.stringify({ removed: [[label(4), label(4)]] }))
    await follow()
  })
})

describe("a query that cannot be answered", () => {
  it.each([
    ["order=up", "order"],
    ["limit=0", "limit"],
    ["limit=x", "limit"],
    ["latest=1.5", "latest"],
    ["latest=1&limit=1", "limit"],
    ["columns=nothing", "columns"],
    ["every=fortnight", "every"],
    ["every=0d", "every"],
    ["every=1d&tz=Mars/Base", "tz"],
    ["every=1d&agg=average", "agg"],
    ["every=1d&agg=nothing:sum", "agg"],
    ["every=1d&fill=maybe", "fill"],
    ["every=1d&closed=up", "closed"],
    ["every=1d&label=up", "label"],
    ["agg=sum", "agg"],
    ["tz=UTC", "tz"],
    ["fill=null", "fill"],
    ["max_points=1", "max_points"],
    ["downsample=m4", "downsample"],
    ["max_points=10&downsample=best", "downsample"],
    ["since=-1", "since"],
    ["since=1&limit=1", "limit"],
    ["since=1&every=1d", "every"],
    ["format=xml", "format"],
    ["start=yesterday", "start"],
  ])("says what is wrong: ?%s", async (query, place) => {
    const uri = await stored(hours("2015-01-01T00:00Z", 3))
    const { status, json } = await get(uri, `?${query}`)
    expect([status, json.code]).toEqual([400, "invalid_request"])
    expect(Object.keys(json.errors)).toEqual([`query.${place}`])
  })

  it("takes no zone where the index has none, and no stretches of integers", async () => {
    const naive = await stored(at(["2015-01-01"]))
    expect((await get(naive, "?every=1d&tz=Europe/Oslo")).json.errors).toHaveProperty(["query.tz"])
    const integers = await stored({ columns: ["v"], index: [1], data: [[1]] })
    expect((await get(integers, "?every=1d")).json.errors).toHaveProperty(["query.every"])
    const texts = await stored({ columns: ["v"], index: ["2015-01-01"], data: [["t"]] })
    expect((await get(texts, "?every=1d")).json.errors).toHaveProperty(["query.agg"])
  })
})
