/**
 * `npm run bench`: what the series cost, beside a store with a row per point in the same D1 and the same run.
 * Prints a table and keeps it in docs/bench.md. `--rows 200000` for a shorter run, which is not kept.
 */
import { spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { ROOT, startServer } from "../e2e/server.mjs"
import { COLUMNS, splits, stampOf } from "./frames.mjs"

const FULL_ROWS = 1_000_000
const { values: options } = parseArgs({ options: { rows: { type: "string" } } })
const ROWS = Number(options.rows ?? FULL_ROWS)
const ROWS_PER_REQUEST = 100_000
const YEAR_ROWS = Math.min(ROWS, 525_600)
const APPENDS = ROWS < FULL_ROWS ? 1_000 : 10_000
const SIZED_ROWS = 200_000
const REPEATS = 3
const SEED = 20_150_101

/** The stores with a row per point, as the table calls them. */
const FAST = "the fastest with a row per point"
const USUAL = "the usual one"

const server = await startServer(["--config", "test/bench/wrangler.toml"])
const table = []
let mostQueries = 0

/** A line of the table; `holds` null where there is nothing to hold. */
function line(figure, wanted, measured, holds) {
  table.push([figure, wanted, measured, holds === null ? "" : holds ? "yes" : "**no**"])
  console.log(`${holds === false ? "MISSED " : ""}${figure}: ${measured} (${wanted})`)
}

async function call(method, path, body) {
  const response = await fetch(
    `${server.url}${path}`,
    body === undefined ? { method } : { method, body },
  )
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
  const [, queries] = /(\d+) queries/.exec(response.headers.get("Server-Timing") ?? "") ?? []
  mostQueries = Math.max(mostQueries, Number(queries ?? 0))
  return { text, rowsRead: Number(response.headers.get("X-Rows-Read")) }
}

/** A request that the Worker makes to itself; answers the number of characters that it was answered. */
async function inside(method, path, name = "") {
  const query = new URLSearchParams({ method, path, name })
  const { status, characters } = JSON.parse((await call("POST", `/bench/inside?${query}`)).text)
  if (status !== 200) throw new Error(`${method} ${path}: ${status}`)
  return characters
}

/** What D1 did since this was asked last, after the background has come to rest. */
async function spent() {
  const sum = { queries: 0, rowsRead: 0, rowsWritten: 0, bytes: 0 }
  for (;;) {
    const { pending, ...cost } = JSON.parse((await call("GET", "/bench/cost")).text)
    for (const name of ["queries", "rowsRead", "rowsWritten"]) sum[name] += cost[name]
    sum.bytes = cost.bytes
    if (pending === 0) return sum
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Milliseconds. */
async function timed(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** The least of several runs of each, in turn: what else the machine does only ever adds. */
async function least(works, repeats = REPEATS) {
  const best = works.map(() => Infinity)
  for (let round = 0; round < repeats; round++) {
    for (const [at, work] of works.entries()) best[at] = Math.min(best[at], await timed(work))
  }
  return best
}

const times = (ratio) => `${ratio.toFixed(1)}×`
const count = (number) => Math.round(number).toLocaleString("en")
const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(2)} s`

async function bulk() {
  const bodies = [...splits("prices", ROWS, ROWS_PER_REQUEST, SEED)]
  for (const [at, body] of bodies.entries()) await call("PUT", `/bench/inside?name=${at}`, body)
  const costs = new Map()
  // Store → the least time of each request.
  const best = new Map()
  for (let round = 0; round < REPEATS; round++) {
    // New series each time: rows that are there already cost otherwise.
    const symbol = round === 0 ? "bulk" : `bulk${round}`
    for (const store of ["/api/store/bench", "/rows", "/usual"]) {
      await spent()
      const path = `${store}/${symbol}${store.startsWith("/api") ? "?orient=split" : ""}`
      const fastest = best.get(store) ?? bodies.map(() => Infinity)
      best.set(store, fastest)
      for (const at of bodies.keys()) {
        fastest[at] = Math.min(fastest[at], await timed(() => inside("PUT", path, at)))
      }
      if (round === 0) costs.set(store, await spent())
    }
  }
  const [ours, rows, usual] = [...best.values()].map((all) =>
    all.reduce((sum, one) => sum + one, 0),
  )
  const [cost, theirs] = costs.values()
  const what = `bulk load of ${count(ROWS)} rows × 5`
  line(
    `${what}: D1 rows written`,
    `at most 2,500 (a row per point: ${count(theirs.rowsWritten)})`,
    count(cost.rowsWritten),
    cost.rowsWritten <= 2_500,
  )
  for (const [beside, time] of [
    [FAST, rows],
    [USUAL, usual],
  ]) {
    line(
      `${what}: time, beside ${beside}`,
      "at least 4× faster",
      `${times(time / ours)} (${seconds(ours)} against ${seconds(time)})`,
      time / ours >= 4,
    )
  }
}

async function readAll() {
  const read = async (prefix, query) => {
    for (let from = 0; from < ROWS; from += ROWS_PER_REQUEST) {
      const [start, end] = [stampOf(from), stampOf(from + ROWS_PER_REQUEST - 1)]
      const characters = await inside("GET", `${prefix}?start=${start}&end=${end}${query}`)
      if (characters < ROWS_PER_REQUEST * 20) throw new Error(`${prefix} has too few rows`)
    }
  }
  const [ours, rows] = await least(
    [
      () => read("/api/store/bench/bulk", "&orient=split&date_format=epoch"),
      () => read("/rows/bulk", ""),
    ],
    2 * REPEATS,
  )
  line(
    "reading all of it",
    "at least 8× faster",
    `${times(rows / ours)} (${seconds(ours)} against ${seconds(rows)})`,
    rows / ours >= 8,
  )
  const { text, rowsRead } = await call("GET", "/api/store/bench/bulk?orient=split&latest=1000")
  const found = JSON.parse(text).index.length
  line(
    "reading the last 1,000 rows: D1 rows read",
    "at most 10",
    String(rowsRead),
    rowsRead <= 10 && found === 1_000,
  )
}

async function everyDay() {
  const end = stampOf(YEAR_ROWS - 1)
  const year = `/api/store/bench/bulk?orient=split&end=${end}`
  const { text } = await call("GET", `${year}&every=1d`)
  if (JSON.parse(text).index.length > 400) {
    line(
      "`every=1d` over a year of minutes",
      "at most 15% of reading the rows",
      "not there yet",
      null,
    )
    return
  }
  // Of what takes milliseconds, six runs are too few to meet one that nothing else fell on.
  const [daily, whole] = await least(
    [() => inside("GET", `${year}&every=1d`), () => inside("GET", year)],
    10 * REPEATS,
  )
  line(
    "`every=1d` over a year of minutes",
    "at most 15% of reading the rows",
    `${((daily / whole) * 100).toFixed(1)}% (${daily.toFixed(1)} ms against ${whole.toFixed(1)} ms)`,
    daily / whole <= 0.15,
  )
}

async function sizes() {
  for (const [kind, wanted] of [
    ["prices", 1.5],
    ["constant", 0.3],
    ["counting", 0.3],
    ["doubles", 11],
  ]) {
    const before = (await spent()).bytes
    for (const body of splits(kind, SIZED_ROWS, ROWS_PER_REQUEST, SEED)) {
      await call("PUT", `/api/store/bench/size-${kind}?orient=split`, body)
    }
    const bytes = ((await spent()).bytes - before) / (SIZED_ROWS * COLUMNS.length)
    line(
      `growth of the database, bytes a value: ${kind}`,
      `at most ${wanted}`,
      bytes.toFixed(2),
      bytes <= wanted,
    )
  }
}

async function appends() {
  const [body] = splits("prices", APPENDS, APPENDS, SEED)
  const { index, data } = JSON.parse(body)
  const uri = "/api/store/bench/appends?orient=split"
  const point = (at) => JSON.stringify({ columns: COLUMNS, index: [index[at]], data: [data[at]] })
  await spent()
  let most = 0
  let written = 0
  // One by one at first, so that what a request and its background ask of D1 together can be told.
  for (let at = 0; at < 200; at++) {
    await call("PUT", uri, point(at))
    const cost = await spent()
    most = Math.max(most, cost.queries)
    written += cost.rowsWritten
  }
  for (let from = 200; from < APPENDS; from += 8) {
    const some = Array.from({ length: Math.min(8, APPENDS - from) }, (_, at) => point(from + at))
    await Promise.all(some.map((one) => call("PUT", uri, one)))
  }
  written += (await spent()).rowsWritten
  const each = written / APPENDS
  line(
    `${count(APPENDS)} one-point appends: D1 rows written each, compactions included`,
    "at most 4",
    each.toFixed(2),
    each <= 4,
  )
  mostQueries = Math.max(mostQueries, most)
  await call("PUT", "/api/store/bench/whole?orient=split", body)
  const read = (symbol) => call("GET", `/api/store/bench/${symbol}?orient=split`)
  const [one, other] = await Promise.all([read("appends"), read("whole")])
  if (one.text !== other.text) throw new Error("What was appended is not what was saved at once")
  const [piled, whole] = await least([() => read("appends"), () => read("whole")], 30)
  line(
    "a read after them, beside the same rows saved at once",
    "at most 2×",
    `${(piled / whole).toFixed(2)}× (${piled.toFixed(1)} ms against ${whole.toFixed(1)} ms; ${one.rowsRead} D1 rows against ${other.rowsRead})`,
    piled / whole <= 2,
  )
}

function markdown() {
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`)
  return `# What the series cost

\`npm run bench\` makes this page: seed ${SEED}, ${availableParallelism()} cores, Node ${process.versions.node}, \`wrangler dev\` with its local D1.
Times are the least of several runs in turn, for bulk loads request by request. Beside it, in the same D1 and the same run, stand two stores with a row per
point ([test/bench/rows.ts](../test/bench/rows.ts)), clustered by series and stamp, with no index beside: ${FAST}
takes 25,000 rows a statement as one parameter of JSON and reads rows as arrays; ${USUAL} takes 16 rows a
statement, because D1 takes 100 parameters, and reads rows as objects. Times of bulk loads, reads of everything and resampling are those of requests that the Worker makes to
itself, so that the way of the texts through the proxies of \`wrangler dev\` is left out. All take and answer the same JSON, ${count(ROWS_PER_REQUEST)} rows a request. D1 rows and queries are those that D1 itself counts,
what happens in the background included.

| Figure | Wanted | Measured | Reached |
| --- | --- | --- | --- |
${lines.join("\n")}
`
}

try {
  await bulk()
  await readAll()
  await everyDay()
  await sizes()
  await appends()
  line(
    "D1 queries of the hungriest request, its compaction included",
    "at most 40",
    String(mostQueries),
    mostQueries <= 40,
  )
  console.log(`\n${markdown()}`)
  if (ROWS === FULL_ROWS) {
    await mkdir(`${ROOT}docs`, { recursive: true })
    await writeFile(`${ROOT}docs/bench.md`, markdown())
    spawnSync("npx", ["oxfmt", "docs/bench.md"], { cwd: ROOT })
  }
} catch (error) {
  console.error(error, server.log().slice(-3_000))
  process.exitCode = 1
} finally {
  await server.stop()
}
