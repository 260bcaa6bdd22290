/** A real `wrangler dev` with a state of its own, for end-to-end checks. */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const START_MILLISECONDS = 90_000

async function freePort() {
  const server = createServer().listen(0)
  await new Promise((resolve) => server.once("listening", resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts the Worker as a user would, with more arguments if given; resolves once it answers. `stop` ends it and forgets its state. */
export async function startServer(more = []) {
  const port = await freePort()
  const state = await mkdtemp(join(tmpdir(), "tidemark-"))
  const args = ["wrangler", "dev", "--port", String(port), "--persist-to", state, ...more]
  // A group of its own, so that stopping reaches workerd too.
  const child = spawn("npx", args, { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  const log = []
  child.stdout.on("data", (data) => log.push(data))
  child.stderr.on("data", (data) => log.push(data))
  const url = `http://localhost:${port}`
  const stop = async () => {
    try {
      process.kill(-child.pid, "SIGTERM")
    } catch {
      // It is gone already.
    }
    if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve))
    await rm(state, { recursive: true, force: true })
  }
  const deadline = Date.now() + START_MILLISECONDS
  while (Date.now() < deadline && child.exitCode === null) {
    const up = await fetch(`${url}/api/apps`)
      .then((answer) => answer.ok)
      .catch(() => false)
    if (up) return { url, stop, log: () => log.join("") }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await stop()
  throw new Error(`wrangler dev did not start:\n${log.join("")}`)
}
