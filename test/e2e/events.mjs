/** EventSource in a browser, and long polls, against a running Worker; the line between them is cut on purpose. */
import { createServer as createHttpServer } from "node:http"
import { connect, createServer } from "node:net"
import { chromium } from "playwright-core"
import { check, equal, report } from "./check.mjs"

const base = new URL(process.argv[2] ?? "http://localhost:8787")
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const WAIT_MILLISECONDS = 15_000
/** A client that left is noticed when a heartbeat cannot be sent to it; locally only the second one fails. */
const LEFT_MILLISECONDS = 60_000
const uri = `/api/apps/events-${Date.now()}`

async function write(method, data) {
  const headers = { "Content-Type": "application/json" }
  const init = { method, headers, body: JSON.stringify({ data }) }
  const answer = await fetch(new URL(uri, base), init)
  if (!answer.ok) throw new Error(`${method} ${uri}: ${await answer.text()}`)
  return Number(answer.headers.get("ETag").slice(1, -1))
}

async function sockets() {
  const text = await (await fetch(new URL("/metrics", base))).text()
  return Number(/^tidemark_sockets (\d+)$/m.exec(text)[1])
}

async function until(what, isSo, milliseconds = WAIT_MILLISECONDS) {
  const deadline = Date.now() + milliseconds
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A line to the Worker that can be cut. */
const lines = new Set()
const cuttable = createServer((client) => {
  const server = connect(Number(base.port || 80), base.hostname)
  for (const [one, other] of [
    [client, server],
    [server, client],
  ]) {
    lines.add(one)
    one.pipe(other)
    one.on("error", () => {})
    one.on("close", () => lines.delete(one) && other.destroy())
  }
}).listen(0)
await new Promise((resolve) => cuttable.once("listening", resolve))
const far = `http://127.0.0.1:${cuttable.address().port}`
const cut = () => [...lines].forEach((line) => line.destroy())

/** A page of an origin of its own. */
const blank = createHttpServer((_, answer) => {
  answer.setHeader("Content-Type", "text/html").end("<title>blank</title>")
}).listen(0, "127.0.0.1")
await new Promise((resolve) => blank.once("listening", resolve))

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
})
const page = await browser.newPage()
await page.goto(`http://127.0.0.1:${blank.address().port}`)
const before = await sockets()
const first = await write("PUT", { n: 0 })
await page.evaluate((url) => {
  window.heard = []
  window.source = new EventSource(url)
  for (const name of ["state", "create", "patch", "delete"]) {
    window.source.addEventListener(name, ({ data, lastEventId }) => {
      window.heard.push({ name, frame: JSON.parse(data), lastEventId })
    })
  }
}, far + uri)
const heard = () => page.evaluate(() => window.heard)
const hear = async (count) => {
  await until(`${count} events`, async () => (await heard()).length >= count)
  return (await heard()).slice(0, count)
}

await check("EventSource hears the state, from another origin", async () => {
  const [{ name, frame, lastEventId }] = await hear(1)
  equal([name, frame.resource.data, frame.revision], ["state", { n: 0 }, first], "state")
  equal(lastEventId.split(".")[1], String(first), "id")
})

await check("and every change", async () => {
  const revision = await write("PATCH", { n: 1 })
  const [, { name, frame, lastEventId }] = await hear(2)
  equal([name, frame.patch.data, frame.revision], ["patch", { n: 1 }, revision], "patch")
  equal(lastEventId.split(".")[1], String(revision), "id")
})

await check("comes back by itself after a cut, and hears just what it missed", async () => {
  cut()
  const missed = [await write("PATCH", { n: 2 }), await write("PATCH", { n: 3 })]
  const events = await hear(4)
  equal(events.map(({ name }) => name).join(), "state,patch,patch,patch", "events")
  equal(
    events.slice(2).map(({ frame }) => frame.revision),
    missed,
    "revisions",
  )
})

await check("frees its socket at the hub when the page is closed", async () => {
  await page.close()
  await until("no socket", async () => (await sockets()) === before, LEFT_MILLISECONDS)
})

await check(
  "a long poll waits for the next change, and leaves nothing behind when it is given up",
  async () => {
    const revision = await write("PATCH", { n: 4 })
    const url = new URL(`${uri}?wait=30&since=${revision}`, base)
    const waiting = fetch(url)
    await until("a poll", async () => (await sockets()) === before + 1)
    const next = await write("PATCH", { n: 5 })
    const answer = await waiting
    equal([answer.status, answer.headers.get("ETag")], [200, `"${next}"`], "answer")
    const leaving = new AbortController()
    const left = fetch(new URL(`${uri}?wait=5&since=${next}`, base), { signal: leaving.signal })
    await until("another poll", async () => (await sockets()) === before + 1)
    leaving.abort()
    await left.catch(() => {})
    await until("none", async () => (await sockets()) === before)
  },
)

await browser.close()
cut()
cuttable.close()
blank.close()
report("events")
