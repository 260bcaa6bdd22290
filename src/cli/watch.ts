/**
 * Prints what happens at a URI, a frame a line, until it is interrupted.
 *
 *     npm run --silent watch -- /todo/ [--url http://localhost:8787] [--token TOKEN] [--count N] [--since POSITION]
 *
 * Standard output is JSON lines and nothing else. Exit status: 0 after N frames, 1 when the service refuses or the
 * connection is lost, 2 when the command is not understood.
 */
import { parseArgs } from "node:util"
import type { Frame, Reply } from "../protocol/frames.ts"

const USAGE =
  "usage: watch URI [--url http://localhost:8787] [--token TOKEN] [--count N] [--since EPOCH.REVISION]"

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        url: { type: "string", default: "http://localhost:8787" },
        token: { type: "string" },
        count: { type: "string" },
        since: { type: "string" },
      },
    })
    const count = values.count === undefined ? Infinity : Number(values.count)
    const [uri] = positionals
    if (uri === undefined || positionals.length > 1 || !(count >= 1)) throw new Error("arguments")
    const address = new URL(values.url.replace(/^http/, "ws"))
    address.pathname = `${address.pathname.replace(/\/$/, "")}/live`
    if (values.token !== undefined) address.searchParams.set("token", values.token)
    return { uri, count, since: values.since, address: address.href, url: values.url }
  } catch {
    console.error(USAGE)
    process.exit(2)
  }
}

const { uri, count, since, address, url } = readArguments()
let printed = 0

function isReply(said: Frame | Reply): said is Reply {
  return "ok" in said
}

function fail(reason: string): never {
  console.error(reason)
  process.exit(1)
}

const socket = new WebSocket(address)
socket.addEventListener("open", () => {
  const from = since === undefined ? {} : { since }
  socket.send(JSON.stringify({ id: 1, event: "subscribe", uri, ...from }))
})
socket.addEventListener("message", ({ data }) => {
  // The text itself is printed: parsing and writing again would change large integers.
  const text = String(data)
  const said = JSON.parse(text) as Frame | Reply
  if (isReply(said)) {
    if (!said.ok) fail(`${said.problem.code}: ${said.problem.detail}`)
    if ("absent" in said) console.error(`There is nothing at ${said.uri} yet; waiting for it`)
    return
  }
  process.stdout.write(`${text}\n`)
  if (++printed >= count) process.exit(0)
})
socket.addEventListener("close", ({ reason, code }) => {
  fail(`The connection to ${url} has ended: ${reason || code}`)
})
