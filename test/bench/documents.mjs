/**
 * What a document costs, beside a Worker that does nothing but the same D1 call, in the same run. Prints a table and
 * keeps it in docs/bench-documents.md. Part of `npm run bench`.
 */
import { spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { ROOT, startServer } from "../e2e/server.mjs"

const ROUNDS = 500
const WARM_UP = 100
const MAX_RATIO = 1.2
/** Of the list, and rows that a page of a hundred of them may read. */
const DOCUMENTS = 100_000
const MAX_ROWS = 110

const server = await startServer(["--config", "test/bench/wrangler.toml"])
const table = []

const data = Object.fromEntries(
  Array.from({ length: 20 }, (_, at) => [`member${at}`, { text: "x".repeat(20), n: at / 4 }]),
)
const body = JSON.stringify({ data })

async function call(method, path) {
  const headers = { "Content-Type": "application/json" }
  const init = method === "PUT" ? { method, headers, body } : { method }
  const response = await fetch(server.url + path, init)
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
  return response
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}

/** Medians in milliseconds, one request of each in turn, so that both find the same machine. */
async function compare(method) {
  const paths = ["/api/apps/bench", "/bare/bench"]
  const spent = paths.map(() => [])
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const start = performance.now()
      await call(method, paths[at])
      if (round >= WARM_UP) spent[at].push(performance.now() - start)
    }
  }
  const [ours, bare] = spent.map(median)
  const ratio = ours / bare
  table.push([
    `${method} of a document of ${Math.round(body.length / 100) / 10} kB`,
    `at most ${MAX_RATIO}× a bare Worker`,
    `${ratio.toFixed(2)}× (${ours.toFixed(2)} ms against ${bare.toFixed(2)} ms)`,
    ratio <= MAX_RATIO ? "yes" : "**no**",
  ])
}

async function rowsWritten() {
  const costs = []
  for (const name of ["rows-1", "rows-1"]) {
    const response = await call("PUT", `/api/apps/${name}`)
    costs.push(Number(response.headers.get("X-Rows-Written")))
  }
  table.push([
    "D1 rows written by a PUT: new, replaced",
    "at most 3",
    costs.join(", "),
    Math.max(...costs) <= 3 ? "yes" : "**no**",
  ])
}

/** The dearest of the first page and a later one, in both orders that have an index, with the data and without. */
async function listed() {
  const lines = Array.from({ length: DOCUMENTS }, (_, n) =>
    JSON.stringify({ name: `listed-${n}`, data: { n, text: "some text of a document" } }),
  )
  const url = `${server.url}/api/import/apps`
  const sent = await fetch(url, { method: "POST", body: lines.join("\n") })
  if (!sent.ok) throw new Error(`import: ${sent.status} ${await sent.text()}`)
  const costs = []
  for (const query of ["", "&fields=*", "&sort=name", "&sort=-name&fields=*", "&sort=-created"]) {
    let next = `/api/apps/?limit=100${query}`
    for (let page = 0; page < 3; page++) {
      const response = await call("GET", next)
      costs.push(Number(response.headers.get("X-Rows-Read")))
      next = /^<(.*)>/.exec(response.headers.get("Link"))[1]
    }
  }
  const most = Math.max(...costs)
  table.push([
    `D1 rows read by a list of 100 of ${DOCUMENTS.toLocaleString("en")} documents`,
    `at most ${MAX_ROWS}`,
    `at most ${most} on ${costs.length} pages`,
    most <= MAX_ROWS ? "yes" : "**no**",
  ])
}

function markdown() {
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`)
  return `# What a document costs

\`npm run bench\` makes this page: ${availableParallelism()} cores, Node ${process.versions.node}, \`wrangler dev\` with its local D1. Times are medians of
${ROUNDS} requests over HTTP, one of each in turn. Beside it, in the same Worker and the same D1, stands a handler that does
nothing but the same D1 call ([test/bench/bare.ts](../test/bench/bare.ts)).

| Figure | Wanted | Measured | Reached |
| --- | --- | --- | --- |
${lines.join("\n")}
`
}

try {
  await call("PUT", "/api/apps/bench")
  await call("PUT", "/bare/bench")
  await compare("GET")
  await compare("PUT")
  await rowsWritten()
  await listed()
  console.log(markdown())
  await mkdir(`${ROOT}docs`, { recursive: true })
  await writeFile(`${ROOT}docs/bench-documents.md`, markdown())
  spawnSync("npx", ["oxfmt", "docs/bench-documents.md"], { cwd: ROOT })
} catch (error) {
  console.error(error, server.log().slice(-3_000))
  process.exitCode = 1
} finally {
  await server.stop()
}
