/**
 * End to end, against a real `wrangler dev`: the demo, real pandas, the README's commands, a stock Socket.IO client
 * and the page.
 */
import { spawn } from "node:child_process"
import { ROOT, startServer } from "./server.mjs"

const CHECK_MILLISECONDS = 180_000

function run(name, command, args) {
  return new Promise((resolve) => {
    console.log(`\n── ${name}`)
    const child = spawn(command, args, { cwd: ROOT, stdio: "inherit", timeout: CHECK_MILLISECONDS })
    child.once("exit", (code) => resolve(code === 0))
  })
}

const server = await startServer()
const results = []
try {
  results.push(await run("demo", "npm", ["run", "--silent", "demo", "--", "--url", server.url]))
  results.push(
    await run("demo, a second time", "npm", ["run", "--silent", "demo", "--", "--url", server.url]),
  )
  results.push(await run("pandas", "/usr/bin/python3", ["test/e2e/frames.py", server.url]))
  results.push(await run("readme", "npx", ["node", "test/e2e/readme.mjs", server.url]))
  results.push(await run("socketio", "npx", ["node", "test/e2e/socketio.mjs", server.url]))
  results.push(await run("console", "npx", ["node", "test/e2e/console.mjs", server.url]))
  results.push(await run("events", "npx", ["node", "test/e2e/events.mjs", server.url]))
} finally {
  await server.stop()
}
const failed = results.filter((ok) => !ok).length
if (failed > 0) console.log(server.log().slice(-5_000))
console.log(`e2e: ${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
