/**
 * Loads real data, listens while it changes, reads everything back and compares every value with the files.
 *
 *     npm run demo -- [--url http://localhost:8787] [--token TOKEN]
 *
 * Exit status: 0 when all is equal and was heard, 1 when not or nothing answers, 2 when the command is not understood.
 */
import { parseArgs } from "node:util"
import { createClient } from "../client/http.ts"
import { Ears } from "./hear.ts"
import { bad, bold, count, dim, duration, good, plural } from "./print.ts"
import { Steps } from "./steps.ts"

const REQUEST_MILLISECONDS = 30_000
const FAULTS_SHOWN = 5

const { url, token } = readArguments()
const api = createClient(url, {
  ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
  fetch: (address, init) =>
    fetch(address, { ...init, signal: AbortSignal.timeout(REQUEST_MILLISECONDS) }),
})
const ears = new Ears(url, token)

try {
  const start = performance.now()
  const { body } = await api.call("meta.openapi")
  const { version } = body["info"] as { version: string }
  console.log(`${bold(`Tidemark ${version}`)}  ${dim(url)}`)
  const steps = new Steps(api, ears)
  await steps.write()
  const copies = await steps.listen()
  await steps.change()
  await steps.readBack(copies)
  report(steps, performance.now() - start)
} catch (error) {
  console.log(`\n${bad(explain(error))}`)
  process.exitCode = 1
} finally {
  ears.close()
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: "string", default: "http://localhost:8787" },
        token: { type: "string" },
      },
    })
    return { url: new URL(values.url).href.replace(/\/$/, ""), token: values.token }
  } catch {
    console.error("usage: demo [--url http://localhost:8787] [--token TOKEN]")
    process.exit(2)
  }
}

function report({ faults, compared }: Steps, took: number): void {
  console.log()
  for (const fault of faults.slice(0, FAULTS_SHOWN)) console.log(bad(`  ${fault}`))
  const more = faults.length - FAULTS_SHOWN
  if (more > 0) console.log(bad(`  … and ${count(more)} more`))
  const sentence = faults.length === 0 ? good("All equal.") : bad("Not equal.")
  const figures = `${plural(compared, "value")} compared, ${plural(ears.heard.length, "event")} heard`
  console.log(`${sentence} ${figures}, ${duration(took)}.`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError") {
    return `${url} did not answer within ${duration(REQUEST_MILLISECONDS)}`
  }
  // What fetch throws when there was no answer: the cause says why.
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error.message
  const { code = error.cause.message } = error.cause as { code?: string }
  return `Cannot reach ${url} (${code}). Is it running? Start it with: npm start`
}
