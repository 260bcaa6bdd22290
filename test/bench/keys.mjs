/**
 * What a key costs, beside a Worker that does nothing but ask Workers KV, in the same run. Prints a table and keeps it in
 * docs/bench-keys.md. Part of `npm run bench`.
 */
import { spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { ROOT, startServer } from "../e2e/server.mjs"

const ROUNDS = 2_000
const WARM_UP = 300
const MAX_RATIO = 1.2
const VALUE = "x".repeat(1_000)

const server = await startServer(["--config", "test/bench/wrangler.toml"])
const table = []

async function call(method, path, body) {
  const response = await fetch(
    server.url + path,
    body === undefined ? { method } : { method, body },
  )
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
  return response
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}

function costOf(response) {
  const [, queries] = /(\d+) queries/.exec(response.headers.get("Server-Timing") ?? "") ?? []
  return { queries: Number(queries), rowsWritten: Number(response.headers.get("X-Rows-Written")) }
}

/** Medians in milliseconds, one request of each in turn, so that both find the same machine. */
async function reading() {
  const paths = ["/keys/bench", "/bare-kv/bare"]
  const spent = paths.map(() => [])
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const start = performance.now()
      await call("GET", paths[at])
      if (round >= WARM_UP) spent[at].push(performance.now() - start)
    }
  }
  const [ours, bare] = spent.map(median)
  const ratio = ours / bare
  table.push([
    `GET of a key of ${VALUE.length} bytes at the edge`,
    `at most ${MAX_RATIO}× a bare \`KV.get\``,
    `${ratio.toFixed(2)}× (${ours.toFixed(2)} ms against ${bare.toFixed(2)} ms)`,
    ratio <= MAX_RATIO ? "yes" : "**no**",
  ])
  const { queries } = costOf(await call("GET", "/keys/bench"))
  table.push(["D1 queries of it", "0", String(queries), queries === 0 ? "yes" : "**no**"])
}

async function writing() {
  const costs = []
  for (const [name, query] of [
    ["plain", ""],
    ["plain", ""],
    ["dying", "&expire_in=1000"],
    ["dying", "&expire_in=2000"],
  ]) {
    costs.push(costOf(await call("PUT", `/keys?${name}=1${query}`)).rowsWritten)
  }
  table.push([
    "D1 rows written by a set: new, replaced; with an expiry: new, replaced",
    "at most 3",
    costs.join(", "),
    Math.max(...costs) <= 3 ? "yes" : "**no**",
  ])
}

function markdown() {
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`)
  return `# What a key costs

\`npm run bench\` makes this page: ${availableParallelism()} cores, Node ${process.versions.node}, \`wrangler dev\` with its local Workers KV. Times are
medians of ${ROUNDS} requests over HTTP, one of each in turn. Beside it, in the same Worker and the same namespace, stands a
handler that does nothing but \`KV.get\` ([test/bench/bare.ts](../test/bench/bare.ts)).

| Figure | Wanted | Measured | Reached |
| --- | --- | --- | --- |
${lines.join("\n")}
`
}

try {
  await call("PUT", `/keys?bench=${VALUE}`)
  await call("PUT", "/bare-kv/bare", VALUE)
  await reading()
  await writing()
  console.log(markdown())
  await mkdir(`${ROOT}docs`, { recursive: true })
  await writeFile(`${ROOT}docs/bench-keys.md`, markdown())
  spawnSync("npx", ["oxfmt", "docs/bench-keys.md"], { cwd: ROOT })
} catch (error) {
  console.error(error, server.log().slice(-3_000))
  process.exitCode = 1
} finally {
  await server.stop()
}
