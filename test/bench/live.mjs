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

const FULL_SOCKETS = 2_000
const { values: options } = parseArgs({ options: { sockets: { type: "string" } } })
const SOCKETS = Number(options.sockets ?? FULL_SOCKETS)
const ROUNDS = 15
const COMMITS = 200
const OPENED_AT_ONCE = 50
const URI = "/api/apps/bench"
const DATA = { text: "x".repeat(120) }

const table = []

function line(figure, wanted, measured, holds) {
  table.push([figure, wanted, measured, holds === null ? "" : holds ? "yes" : "**no**"])
  console.log(`${holds === false ? "MISSED " : ""}${figure}: ${measured} (${wanted})`)
}

const ms = (number) => `${number.toFixed(1)} ms`
const times = (ratio) => `${ratio.toFixed(2)}×`

function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Sockets that count what reaches them; `hears` says which texts are deliveries. */
class Audience {
  sockets = []
  #hears
  #left = 0
  #done = () => {}

  constructor(hears) {
    this.#hears = hears
  }

  /** @param greet what a new socket does; resolves when it is ready */
  async open(url, count, greet) {
    for (let at = 0; at < count; at += OPENED_AT_ONCE) {
      const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - at) }, async () => {
        const socket = new WebSocket(url)
        this.sockets.push(socket)
        await new Promise((resolve, reject) => {
          socket.addEventListener("open", resolve)
          socket.addEventListener("error", () => reject(new Error(`${url} did not open`)))
        })
        await greet(socket)
        socket.addEventListener("message", ({ data }) => {
          if (this.#hears(data) && --this.#left === 0) this.#done(performance.now())
        })
      })
      await Promise.all(some)
    }
    return this
  }

  /** Milliseconds from a request until every socket has heard of it. */
  async timed(request) {
    this.#left = this.sockets.length
    const last = new Promise((resolve) => (this.#done = resolve))
    const start = performance.now()
    const [end] = await Promise.all([last, request()])
    return end - start
  }

  close() {
    for (const socket of this.sockets) socket.close()
  }
}

/** The next text that passes. */
function heard(socket, passes) {
  return new Promise((resolve) => {
    const hear = ({ data }) => {
      if (!passes(data)) return
      socket.removeEventListener("message", hear)
      resolve(data)
    }
    socket.addEventListener("message", hear)
  })
}

async function subscribe(socket) {
  const state = heard(socket, (text) => text.includes('"event":"state"'))
  socket.send(JSON.stringify({ id: 1, event: "subscribe", uri: URI }))
  await state
}

async function joinSocketIo(socket) {
  const joined = heard(socket, (text) => text.startsWith("40"))
  socket.send("40")
  await joined
}

async function send(method, url, body) {
  const init = { method, body, headers: { "Content-Type": "application/json" } }
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
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
  return { port, stop: () => child.kill() }
}

const isFrame = (text) => text.includes('"revision"')
const put = (url, n) => send("PUT", `${url}${URI}`, JSON.stringify({ data: { ...DATA, n } }))

/** As long as our frame is. */
const text = JSON.stringify({
  event: "state",
  uri: URI,
  revision: 12_345,
  resource: { name: "bench", data: { ...DATA, n: 12 } },
})

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
    async () => watched("bare", await bare.timed(() => send("POST", bareUrl, text))),
    () => theirs.timed(() => send("POST", `http://localhost:${io.port}/`, text)),
  ])
  const [a, b, c] = [own, loop, socketIo].map((all) => Math.min(...all))
  const what = `${SOCKETS.toLocaleString("en")} subscribers of one URI, from the request to the last delivery`
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
    `${SOCKETS.toLocaleString("en")} sends: the turn of the hub, beside the bare loop alone`,
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
    () => bare.timed(() => send("POST", `${server.url}/bench/hub?commit=1`, text)),
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

async function hubs(counts) {
  const found = []
  for (const count of counts) {
    const server = await startServer([
      "--config",
      "test/bench/wrangler.toml",
      "--var",
      `LIVE_HUBS:${count}`,
    ])
    try {
      let n = 0
      await put(server.url, n)
      const ours = await new Audience(isFrame).open(
        `${server.url.replace("http", "ws")}/live`,
        SOCKETS,
        subscribe,
      )
      const [taken] = await inTurn(ROUNDS, [() => ours.timed(() => put(server.url, ++n))])
      found.push(Math.min(...taken))
      ours.close()
    } finally {
      await server.stop()
    }
  }
  return found
}

function markdown() {
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`)
  return `# What live delivery costs

\`npm run bench:live\` makes this page: ${availableParallelism()} cores, Node ${process.versions.node}, \`wrangler dev\`, the least of ${ROUNDS} rounds in turn, because what else the
machine does only ever adds (for single deliveries the median of ${COMMITS}), frames of ${text.length} characters, all sockets in one Node process, which takes its share of the cores.
Times are what clients see, the proxies of \`wrangler dev\` included for ours and for the bare object ([test/bench/hub.ts](../test/bench/hub.ts)),
not for Socket.IO ([test/bench/socketio.mjs](../test/bench/socketio.mjs)). A local \`workerd\` runs all objects on one thread.

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
  const [one, four] = await hubs([1, 4])
  line(
    "the same subscribers on four hubs, beside one",
    "at least 2.5× as fast, where there are cores",
    `${times(one / four)} (${ms(four)} against ${ms(one)})`,
    availableParallelism() > 4 ? one / four >= 2.5 : null,
  )
  console.log(`\n${markdown()}`)
  if (SOCKETS === FULL_SOCKETS) {
    await mkdir(`${ROOT}docs`, { recursive: true })
    await writeFile(`${ROOT}docs/bench-live.md`, markdown())
    spawnSync("npx", ["oxfmt", "docs/bench-live.md"], { cwd: ROOT })
  }
}
process.exit()
