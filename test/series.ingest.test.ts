/** Rows that come as lines: CSV, JSON lines and line protocol, small and large, good and bad. */
import { env, exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { send, type Sent } from "./helpers.ts"

let count = 0
const fresh = () => `/api/store/ingest/i${++count}`
const split = async (uri: string) => (await send(`GET ${uri}?orient=split`)).json
const csv = { "Content-Type": "text/csv" }
const ndjson = { "Content-Type": "application/x-ndjson" }
const text = { "Content-Type": "text/plain; charset=utf-8" }
const cost = ({ headers }: Sent | Response) =>
  (headers.get("Server-Timing") ?? "").match(/\d+(?= (?:queries|rows))/g)?.map(Number) ?? []

/** Rows in the log that no series has. */
async function stagedRows(): Promise<number> {
  const { results } = await env.DB.prepare(
    "SELECT count(*) AS count FROM chunks WHERE series NOT IN (SELECT id FROM series)",
  ).all<{ count: number }>()
  return results[0]?.count ?? NaN
}

const zip = async (content: string) =>
  new Response(
    new Blob([content]).stream().pipeThrough(new CompressionStream("gzip")),
  ).arrayBuffer()

const linesOf = (series: number) =>
  Array.from({ length: series }, (_, at) => `many,n=${at} v=${at} 1420070400\n`).join("")

describe("a body of lines", () => {
  it("is CSV or JSON lines as its type or the query says, zipped or not", async () => {
    const rows = 'date,price,name\n2015-01-01,1.5,a\n2015-01-02,,"b,c"\n'
    const lines =
      '{"date":"2015-01-01","price":1.5,"name":"a"}\n{"date":"2015-01-02","name":"b,c"}\n'
    const wanted = {
      columns: ["price", "name"],
      index: ["2015-01-01T00:00:00.000", "2015-01-02T00:00:00.000"],
      data: [
        [1.5, "a"],
        [null, "b,c"],
      ],
    }
    const put = async (body: BodyInit, headers: Record<string, string>, query = "") => {
      const uri = fresh()
      const request = new Request(`https://tidemark.test${uri}${query}`, {
        method: "PUT",
        body,
        headers,
      })
      const response = await (exports as any).default.fetch(request)
      expect(await response.json()).toMatchObject({ status: true, rows: 2, inserted: 2 })
      expect(await split(uri)).toEqual(wanted)
    }
    for (const type of ["text/csv", "TEXT/CSV; charset=utf-8; header=present", "application/csv"]) {
      await put(rows, { "Content-Type": type })
    }
    for (const type of ["application/x-ndjson", "application/ndjson", "application/jsonl"]) {
      await put(lines, { "Content-Type": type })
    }
    await put(rows, {}, "?format=csv")
    await put(lines, { "Content-Type": "text/csv" }, "?format=ndjson")
    await put(await zip(rows), { ...csv, "Content-Encoding": "gzip" })
    await put(await zip(lines), { ...ndjson, "Content-Encoding": "gzip" })
    const json = JSON.stringify(wanted)
    await put(await zip(json), { "Content-Encoding": "gzip" }, "?orient=split")
    for (const query of ["", "?format=csv"]) {
      const broken = await send(`PUT ${fresh()}${query}`, "no gzip", { "Content-Encoding": "gzip" })
      expect(broken).toMatchObject({ status: 400, json: { code: "invalid_request" } })
      const other = await send(`PUT ${fresh()}${query}`, "…", { "Content-Encoding": "br" })
      expect(other).toMatchObject({ status: 415, json: { accepted: ["gzip"] } })
    }
  })

  it("is stored as a whole or not at all; the answer lists the bad lines", async () => {
    const uri = fresh()
    const body = "date,v\n2015-01-01,1\nyesterday,2\n2015-01-03,3\n2015-01-04,4,5\n"
    const put = await send(`PUT ${uri}`, body, csv)
    expect(put).toMatchObject({
      status: 422,
      json: {
        code: "unprocessable",
        bad_total: 2,
        bad_lines: [
          { line: 3, reason: expect.stringContaining("yesterday"), text: "yesterday,2" },
          { line: 5, reason: expect.stringContaining("3 fields"), text: "2015-01-04,4,5" },
        ],
      },
    })
    expect((await send(`GET ${uri}`)).status).toBe(404)
    const partial = await send(`PUT ${uri}?partial=true`, body, csv)
    expect(partial.json).toMatchObject({ status: true, rows: 2, inserted: 2, bad_total: 2 })
    expect(partial.json.bad_lines.map(({ line }: { line: number }) => line)).toEqual([3, 5])
    expect((await split(uri)).data).toEqual([[1], [3]])
    const none = await send(`PUT ${fresh()}?partial=true`, "date,v\nx,1\n", csv)
    expect(none).toMatchObject({ status: 422, json: { bad_total: 1 } })
  })

  it("lists a thousand of its bad lines and counts all", async () => {
    const lines = Array.from({ length: 1_500 }, (_, at) => `{"date":${at ? '"?"' : '"2015"'}}\n`)
    const put = await send(`PUT ${fresh()}`, lines.join(""), ndjson)
    expect(put.json).toMatchObject({ status: 422, bad_total: 1_499 })
    expect(put.json.bad_lines).toHaveLength(1_000)
  })

  it("that came without its type is told how to come", async () => {
    const rows = "date,a\n2015-01-01,1\n"
    for (const headers of [text, {}]) {
      const answer = await send(`PUT ${fresh()}`, rows, headers)
      expect(answer).toMatchObject({ status: 400, json: { code: "invalid_json" } })
      expect(answer.json.detail).toContain("Content-Type text/csv")
    }
  })

  it("without a header, or of nothing, says so or makes an empty series", async () => {
    expect(await send(`PUT ${fresh()}`, "", csv)).toMatchObject({
      status: 400,
      json: { errors: { header: expect.anything() } },
    })
    const uri = fresh()
    expect((await send(`PUT ${uri}`, "", ndjson)).json).toMatchObject({ status: true, rows: 0 })
    expect((await send(`GET ${uri}`)).text).toBe("{}")
  })
})

describe("line protocol", () => {
  it("makes one point of lines with one series and stamp: of several with a field, the last counts", async () => {
    const lines = "one v=1,w=2i 5\none w=3i,x=t 5\ntwo v=1 5\none v=9 6\none v=4 5\n"
    const post = await send("POST /api/store/?precision=s", lines, text)
    expect(post.json).toMatchObject({ rows: 5, inserted: 3 })
    const records = async () => (await send("GET /api/store/one/_?orient=records")).json
    expect(await records()).toEqual([
      { v: 4, w: 3, x: true },
      { v: 9, w: null, x: null },
    ])
    // The last line counts as a whole then, and so does a point over one that is stored.
    await send("POST /api/store/?precision=s&on_duplicate=last", lines, text)
    expect((await records())[0]).toEqual({ v: 4, w: null, x: null })
    const twice = await send("POST /api/store/?precision=s&on_duplicate=error", lines, text)
    expect(twice.status).toBe(422)
  })

  it("writes series by measurement and sorted tags, in one commit", async () => {
    const lines = [
      "# a comment",
      'cpu,region=eu,host=a usage=1.5,cores=4i,ok=t,note="x y" 1420070400000000000',
      "cpu,host=a,region=eu usage=2.5 1420070460000000000",
      "cpu,host=b usage=3 1420070400000000000",
      "free\\ space,disk=C:\\,\\ D left=9u 1420070400000000000",
      "plain v=1 1420070400000000000",
      "",
    ].join("\n")
    const post = await send("POST /api/store/", lines, text)
    expect(post.json).toMatchObject({
      status: true,
      rows: 5,
      series: 4,
      inserted: 5,
      replaced: 0,
      removed: 0,
      range: ["2015-01-01T00:00:00.000Z", "2015-01-01T00:01:00.000Z"],
    })
    expect(await split("/api/store/cpu/host=a,region=eu")).toEqual({
      columns: ["usage", "cores", "ok", "note"],
      index: ["2015-01-01T00:00:00.000Z", "2015-01-01T00:01:00.000Z"],
      data: [
        [1.5, 4, true, "x y"],
        [2.5, null, null, null],
      ],
    })
    expect(await split("/api/store/plain/_")).toMatchObject({ columns: ["v"], data: [[1]] })
    const [space] = (await send("GET /api/store/free%20space/")).json
    expect(space).toMatchObject({ columns: [{ name: "left", kind: "int64" }] })
    // Every series has the revision of its own change, and the journal tells of each once.
    const { results } = await env.DB.prepare(
      `SELECT uri, revision, event FROM changes WHERE uri LIKE '/api/store/cpu/%' ORDER BY revision`,
    ).all<{ uri: string; revision: number; event: string }>()
    expect(results.map(({ uri, event }) => [uri, event])).toEqual([
      ["/api/store/cpu/", "create"],
      ["/api/store/cpu/host%3Da%2Cregion%3Deu", "create"],
      ["/api/store/cpu/host%3Db", "create"],
    ])
    for (const { uri, revision } of results.slice(1)) {
      expect((await send(`GET ${uri}`)).revision).toBe(revision)
    }
  })

  it("reads timestamps in the unit that is given, and guesses it by default", async () => {
    const at = async (query: string, stamp: string) => {
      const name = `t${++count}`
      await send(`POST /api/store/${query}`, `${name} v=1 ${stamp}`, text)
      return (await split(`/api/store/${name}/_`)).index[0]
    }
    const stamps = {
      s: "1420070400",
      ms: "1420070400001",
      us: "1420070400000001",
      ns: "1420070400000001000",
    }
    const read = {
      s: "2015-01-01T00:00:00.000Z",
      ms: "2015-01-01T00:00:00.001Z",
      us: "2015-01-01T00:00:00.000001Z",
      ns: "2015-01-01T00:00:00.000001Z",
    }
    for (const unit of ["s", "ms", "us", "ns"] as const) {
      expect(await at("", stamps[unit])).toBe(read[unit])
      expect(await at(`?precision=${unit}`, stamps[unit])).toBe(read[unit])
    }
    expect(await send("POST /api/store/?precision=h", "m v=1 1", text)).toMatchObject({
      status: 400,
      json: { errors: { "query.precision": expect.anything() } },
    })
  })

  it("puts rows over what is there, or as mode says, and refuses all when one series cannot take it", async () => {
    const name = `m${++count}`
    const uri = `/api/store/${name}/k=1`
    const line = (minute: number, value: number, key = 1) =>
      `${name},k=${key} v=${value} ${1420070400 + 60 * minute}\n`
    await send("POST /api/store", line(1, 1) + line(2, 2) + line(3, 3))
    await send("POST /api/store", line(1, 10) + line(3, 30))
    expect((await split(uri)).data).toEqual([[10], [2], [30]])
    expect((await send("POST /api/store?mode=update", line(1, 1) + line(3, 3))).status).toBe(200)
    expect((await split(uri)).data).toEqual([[1], [3]])
    const late = await send("POST /api/store?mode=append", line(9, 9, 2) + line(3, 4))
    expect(late).toMatchObject({ status: 409, json: { last: "2015-01-01T00:03:00.000Z" } })
    expect((await send(`GET /api/store/${name}/k=2`)).status).toBe(404)
    await send(`PUT /api/store/${name}/k=3`, '{"v":{"7":1}}')
    const other = await send("POST /api/store", line(9, 9, 1) + line(1, 1, 3))
    expect(other).toMatchObject({ status: 422, json: { errors: { index: expect.anything() } } })
    expect((await split(uri)).data).toEqual([[1], [3]])
  })

  it("of bad lines keeps none, or the good ones", async () => {
    const name = `bad${++count}`
    const body = `${name} v=1 1\n${name} v=NaN 2\n${name} 3\n${name} v=4 4\n`
    const post = await send("POST /api/store/", body, text)
    expect(post).toMatchObject({ status: 422, json: { bad_total: 2 } })
    expect((await send(`GET /api/store/${name}/_`)).status).toBe(404)
    const partial = await send("POST /api/store/?partial=true", body, text)
    expect(partial.json).toMatchObject({ rows: 2, bad_total: 2 })
    expect((await send("POST /api/store/", "# nothing\n", text)).json).toMatchObject({
      status: true,
      rows: 0,
      series: 0,
    })
  })

  it("writes two thousand series in one commit, and says that more are too many", async () => {
    const post = await send("POST /api/store/", linesOf(2_000), text)
    expect(post.json).toMatchObject({ rows: 2_000, series: 2_000, inserted: 2_000 })
    expect(cost(post)[0]).toBeLessThan(15)
    const again = await send(
      "POST /api/store/?mode=append",
      linesOf(2_000).replaceAll("0400\n", "0401\n"),
    )
    expect(again.json).toMatchObject({ rows: 2_000, inserted: 2_000 })
    expect((await split("/api/store/many/n=1999")).data).toEqual([[1999], [1999]])
    const more = await send("POST /api/store/", linesOf(2_001), text)
    expect(more).toMatchObject({ status: 413, json: { limit: 2_000 } })
  })
})

/** Rows of minutes as CSV, made as they are asked for: nobody holds all of it. */
function generated(rows: number, line: (row: number) => string, head = "date,open,close,volume\n") {
  const encoder = new TextEncoder()
  const bytes = { sent: 0 }
  let row = -1
  const made = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (row >= rows) return controller.close()
      const lines = row < 0 ? [head] : []
      for (row = Math.max(0, row); row < rows && lines.length < 1_000; row++) lines.push(line(row))
      const piece = encoder.encode(lines.join(""))
      bytes.sent += piece.length
      controller.enqueue(piece)
    },
  })
  return { stream: made, bytes }
}

const minute = (row: number) =>
  new Date(1_420_070_400_000 + row * 60_000).toISOString().slice(0, 19)
/** Numbers that pack badly, so that much has to be staged. */
const noise = (row: number) => Math.fround(Math.sin(row * 12.9898) * 43_758.5453) + Math.cos(row)
const noisy = (row: number) => `${minute(row)},${noise(row)},${noise(row + 0.5)},${row * 7}\n`

async function stream(uri: string, body: ReadableStream<Uint8Array>, headers = csv) {
  const request = new Request(`https://tidemark.test${uri}`, { method: "PUT", body, headers })
  const response: Response = await (exports as any).default.fetch(request)
  return { response, json: (await response.json()) as any }
}

describe("a body of many megabytes", () => {
  it("streams into chunks, becomes visible in one commit, and stays within forty queries", async () => {
    const uri = fresh()
    await send(`PUT ${uri}`, '{"open":{"2015-01-01T00:00:30":1,"2030-01-01":2}}')
    const rows = 330_000
    const { stream: body, bytes } = generated(rows, noisy)
    const { response, json } = await stream(uri, body)
    expect(json).toMatchObject({
      status: true,
      rows,
      range: [`${minute(0)}.000`, `${minute(rows - 1)}.000`],
    })
    expect([json.inserted, json.replaced, json.removed]).toEqual([rows, 0, 1])
    expect(bytes.sent).toBeGreaterThan(20_000_000)
    const [queries = NaN, , written] = cost(response)
    expect(queries).toBeLessThanOrEqual(20)
    expect(written).toBe(json.rows_written)
    // A chunk of 2,000 rows costs two rows of the database when it is staged, and two when it is handed over.
    expect(written).toBeLessThan((rows / 2_000) * 5)
    expect(await stagedRows()).toBe(0)
    const last = await send(`GET ${uri}?orient=split&start=${minute(rows - 2)}`)
    expect(last.json.data).toEqual([
      [noise(rows - 2), noise(rows - 1.5), (rows - 2) * 7],
      [noise(rows - 1), noise(rows - 0.5), (rows - 1) * 7],
      [2, null, null],
    ])
  }, 60_000)

  it("stores nothing when the last line is bad, and leaves nothing behind", async () => {
    const uri = fresh()
    const rows = 400_000
    const line = (row: number) => (row === rows - 1 ? "never,1,2,3\n" : noisy(row))
    const { response, json } = await stream(uri, generated(rows, line).stream)
    expect([response.status, json.bad_total, json.bad_lines[0].line]).toEqual([422, 1, rows + 1])
    expect((await send(`GET ${uri}`)).status).toBe(404)
    expect(await stagedRows()).toBe(0)
    const kept = await stream(`${uri}?partial=true`, generated(rows, line).stream)
    expect(kept.json).toMatchObject({ rows: rows - 1, inserted: rows - 1, bad_total: 1 })
  }, 60_000)
})

describe("a body that is broken off", () => {
  it("leaves nothing behind", async () => {
    const uri = fresh()
    const headers = { ...csv, "Content-Length": "60000000" }
    const { response, json } = await stream(uri, generated(400_000, noisy).stream, headers)
    expect([response.status, json.code]).toEqual([400, "invalid_request"])
    expect(cost(response)[0]).toBeGreaterThan(3)
    expect((await send(`GET ${uri}`)).status).toBe(404)
    expect(await stagedRows()).toBe(0)
  }, 60_000)
})
