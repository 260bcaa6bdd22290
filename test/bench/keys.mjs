/**
 * What a key costs, beside a Worker that does nothing but ask Workers KV, in the same run. Prints a table and keeps it in
 * docs/bench-keys.md. Part of `npm run bench`.
 */
import { spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { setTimeout } from "node:timers/promises"
import { ROOT, startServer } from "../e2e/server.mjs"

const ROUNDS = 2_000
const WARM_UP = 300
const MAX_RATIO = 1.2
const VALUE = "x".repeat(1_000)
const LARGE = "x".repeat(2_000_000)

const server = await startServer(["--config", "test/bench/wrangler.toml"])
const table = []
/** What the figures do not cover. */
const more = []

async function call(method, path, body) {
  const response = await fetch(
    server.url + path,
    body === undefined ? { method } : { method, body },
  )
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
  return { headers: response.headers, text }
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}

function queriesOf({ headers }) {
  return Number(/(\d+) queries/.exec(headers.get("Server-Timing") ?? "")?.[1])
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
  const queries = queriesOf(await call("GET", "/keys/bench"))
  table.push(["D1 queries of it", "0", String(queries), queries === 0 ? "yes" : "**no**"])
}

/** What a set costs, all of it: rows of D1 and writes of Workers KV. */
async function costOfSet(path, body) {
  // Workers KV takes one write a second for each key.
  await setTimeout(1_100)
  await call("GET", "/bench/cost")
  await call("PUT", path, body)
  const cost = { rowsWritten: 0, kvWrites: 0 }
  for (let pending = 1; pending > 0;) {
    // What goes on behind the answer counts, too.
    await setTimeout(100)
    const spent = JSON.parse((await call("GET", "/bench/cost")).text)
    pending = spent.pending
    for (const member of Object.keys(cost)) cost[member] += spent[member]
  }
  return cost
}

async function writing() {
  const costs = []
  for (const [name, query] of [
    ["plain", ""],
    ["plain", ""],
    ["dying", "&expire_in=1000"],
    ["dying", "&expire_in=2000"],
  ]) {
    costs.push(await costOfSet(`/keys?${name}=1${query}`))
  }
  const kinds = "new, replaced; with an expiry: new, replaced"
  for (const [what, member, most] of [
    ["D1 rows written", "rowsWritten", 3],
    ["Writes of Workers KV", "kvWrites", 1],
  ]) {
    const found = costs.map((cost) => cost[member])
    table.push([
      `${what} by a set: ${kinds}`,
      `at most ${most}`,
      found.join(", "),
      Math.max(...found) <= most ? "yes" : "**no**",
    ])
  }
  const warned = await costOfSet("/keys?warned=1&expire_in=1000&warn=10")
  const large = await costOfSet("/keys/large", LARGE)
  const lasting = costs[0]
  more.push(
    `A \`warn\` beside the expiry takes ${warned.rowsWritten} rows. A value of more than ${(1e6).toLocaleString("en")} bytes, which no row of D1 can hold, takes ${large.rowsWritten} rows where a short one takes ${lasting.rowsWritten}, and ${large.kvWrites} writes of Workers KV.`,
  )
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

${more.join("\n")}
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
