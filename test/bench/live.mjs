/**
 * `npm run bench:live`: what a delivery costs, beside a bare loop of `ws.send` in a bare Durable Object and beside
 * Socket.IO on Node, in the same run. Prints a table and keeps it in docs/bench-live.md; `--sockets 200` for a shorter
 * run, which is not kept.
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { ROOT, startServer } from "../e2e/server.mjs"
import { Audience, FRAME, heard, isFrame, put, send, subscribe } from "./audience.mjs"
import { compareHubs, CORES, HUB_ROUNDS, HUBS } from "./hubs.mjs"
import { count, line, ms, table, times } from "./table.mjs"

const FULL_SOCKETS = 2_000
const { values: options } = parseArgs({ options: { sockets: { type: "string" } } })
const SOCKETS = Number(options.sockets ?? FULL_SOCKETS)
const ROUNDS = 15
const COMMITS = 200

function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

async function joinSocketIo(socket) {
  const joined = heard(socket, (text) => text.startsWith("40"))
  socket.send("40")
  await joined
}

/** Several rounds of each in turn, so that what else the machine does falls on all of them. */
async function inTurn(rounds, works) {
  const found = works.map(() => [])
  // The first two warm up.
  for (let round = -2; round < rounds; round++) {
    for (const [at, work] of works.entries()) {
      const time = await work()
      if (round >= 0) found[at].push(time)
    }
  }
  return found
}

/** Socket.IO in a process of its own. */
async function startSocketIo() {
  const child = spawn(process.execPath, [`${ROOT}test/bench/socketio.mjs`], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const port = await new Promise((resolve) =>
    child.stdout.once("data", (data) => resolve(Number(data))),
  )
  process.once("exit", () => child.kill())
  return { port, stop: () => child.kill() }
}

async function fanOut(server) {
  const ws = server.url.replace("http", "ws")
  let n = 0
  await put(server.url, n)
  const io = await startSocketIo()
  const ours = await new Audience(isFrame).open(`${ws}/live`, SOCKETS, subscribe)
  const bare = await new Audience(() => true).open(`${ws}/bench/hub`, SOCKETS, async () => {})
  const theirs = await new Audience((data) => data.startsWith("42")).open(
    `ws://localhost:${io.port}/socket.io/?EIO=4&transport=websocket`,
    SOCKETS,
    joinSocketIo,
  )
  const inside = { hub: [], bare: [] }
  // Which object it was asked of, and how long it took that.
  const watched = async (whose, time) => {
    const answer = await fetch(`${server.url}/bench/hub`)
    inside[whose].push((await answer.json())[whose])
    return time
  }
  const bareUrl = `${server.url}/bench/hub?commit=1`
  const [own, loop, socketIo] = await inTurn(ROUNDS, [
    async () => watched("hub", await ours.timed(() => put(server.url, ++n))),
    async () => watched("bare", await bare.timed(() => send("POST", bareUrl, FRAME))),
    () => theirs.timed(() => send("POST", `http://localhost:${io.port}/`, FRAME)),
  ])
  const [a, b, c] = [own, loop, socketIo].map((all) => Math.min(...all))
  const what = `${count(SOCKETS)} subscribers of one URI, from the request to the last delivery`
  line(
    `${what}, beside a bare loop after a bare batch`,
    "at most 1.3×",
    `${times(a / b)} (${ms(a)} against ${ms(b)})`,
    a / b <= 1.3,
  )
  line(
    `${what}, beside Socket.IO on Node, which stores nothing`,
    "",
    `${times(a / c)} (${ms(a)} against ${ms(c)})`,
    null,
  )
  const [hub, object] = [inside.hub, inside.bare].map((all) => Math.min(...all))
  line(
    `${count(SOCKETS)} sends: the turn of the hub, beside the bare loop alone`,
    "at most 1.3×",
    `${times(hub / object)} (${ms(hub)} against ${ms(object)})`,
    hub / object <= 1.3,
  )
  for (const each of [ours, bare, theirs]) each.close()
  io.stop()
}

async function single(server) {
  const ws = server.url.replace("http", "ws")
  let n = 0
  const ours = await new Audience(isFrame).open(`${ws}/live`, 1, subscribe)
  const bare = await new Audience(() => true).open(`${ws}/bench/hub`, 1, async () => {})
  const [own, least] = await inTurn(COMMITS, [
    () => ours.timed(() => put(server.url, ++n)),
    () => bare.timed(() => send("POST", `${server.url}/bench/hub?commit=1`, FRAME)),
  ])
  const [a, b] = [quantile(own, 0.5), quantile(least, 0.5)]
  line(
    "from a PUT to its delivery, p50, beside one D1 batch and one call to an object",
    "at most 1.5×",
    `${times(a / b)} (${ms(a)} against ${ms(b)})`,
    a / b <= 1.5,
  )
  for (const each of [ours, bare]) each.close()
}

function markdown() {
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`)
  return `# What live delivery costs

\`npm run bench:live\` makes this page: ${availableParallelism()} cores, Node ${process.versions.node}, \`wrangler dev\`, the least of ${ROUNDS} rounds in turn, because what else the
machine does only ever adds (for single deliveries the median of ${COMMITS}), frames of ${FRAME.length} characters, all sockets in one Node process, which takes its share of the cores.
Times are what clients see, the proxies of \`wrangler dev\` included for ours and for the bare object ([test/bench/hub.ts](../test/bench/hub.ts)),
not for Socket.IO ([test/bench/socketio.mjs](../test/bench/socketio.mjs)).

Where ${HUBS} hubs stand beside one ([test/bench/hubs.mjs](../test/bench/hubs.mjs)), each has a \`workerd\` process of its own: deployed hubs have threads of their own, but one
\`workerd\` runs all its objects on one thread. The Worker and its D1 are in another process and call the hubs in theirs; the sockets are in ${HUBS} Node processes
and each goes straight to its hub's process. Both services run side by side and are asked in turn, ${HUB_ROUNDS} times.

- To the last delivery: the least of the rounds. It tells what hubs do for each other only where nothing waits for a core: with ${CORES}, for ${HUBS} hubs, ${HUBS} processes of sockets and the Worker.
- The turn of a hub, from a call that brings a change until it has sent to all its sockets: the least of each hub, and of those the longest, in whole milliseconds, which is what its clock tells.
- CPU time, user and system, as Linux counts it for the process of a hub, on the mean of the rounds, of the hub that took most: how long one core is busy. Writing to sockets is in it, and so is what a local \`workerd\` does in front of its hub.
- Messages: the calls that hubs counted, and the frames that sockets did, by the number of changes.

| Figure | Wanted | Measured | Reached |
| --- | --- | --- | --- |
${lines.join("\n")}
`
}

const server = await startServer(["--config", "test/bench/wrangler.toml"])
try {
  await send("PUT", `${server.url}/bench/hub`, "")
  await fanOut(server)
  await single(server)
} catch (error) {
  console.error(error, server.log().slice(-3_000))
  process.exitCode = 1
} finally {
  await server.stop()
}
if (process.exitCode !== 1) {
  await compareHubs(SOCKETS)
  console.log(`\n${markdown()}`)
  if (SOCKETS === FULL_SOCKETS) {
    await mkdir(`${ROOT}docs`, { recursive: true })
    await writeFile(`${ROOT}docs/bench-live.md`, markdown())
    spawnSync("npx", ["oxfmt", "docs/bench-live.md"], { cwd: ROOT })
  }
}
process.exit()
