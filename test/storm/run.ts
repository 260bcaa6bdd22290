/**
 * `npm run storm`: storms over a real Worker, each from a seed, with all that may go wrong on the way to a subscriber.
 *
 *     npm run storm -- --seeds 5000              seeds 1 to 5000
 *     npm run storm -- --seed 123                that one again, with its log
 *     npm run storm -- --seed 6,10,69            those
 *     npm run storm -- --seeds 100 --from 1000   --lanes 4 runs four at a time, each in a runtime of its own
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { bundle } from "../bundle.ts"
import { Runtime } from "./runtime.ts"
import { storm } from "./storm.ts"

const { values: options } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    lanes: { type: "string", default: "2" },
    /** A folder for the logs of those that fail: the schedule of a replay is never quite the same. */
    log: { type: "string" },
    /** Ends at the first that fails. */
    bail: { type: "boolean", default: false },
  },
})

const seeds =
  options.seed?.split(",").map(Number) ??
  Array.from({ length: Number(options.seeds) }, (_, at) => Number(options.from) + at)
const isOne = seeds.length === 1
const FAULT_LINES = 12

const manifest = bundle("test/storm/worker.ts")
const start = performance.now()
let next = 0
let changes = 0
const failed: number[] = []

async function lane(): Promise<void> {
  const runtime = await Runtime.start(manifest)
  try {
    while (next < seeds.length && !(options.bail && failed.length > 0)) {
      const seed = seeds[next++] ?? 0
      const began = performance.now()
      const outcome = await storm(seed, runtime).catch((error: Error) => ({
        faults: [
          `${error.stack ?? error.message} ${error.cause instanceof Error ? error.cause.stack : ""}`,
        ],
        log: [],
        changes: 0,
      }))
      changes += outcome.changes
      if (isOne) {
        console.log(outcome.log.join("\n"))
        console.log(`${outcome.changes} changes in ${Math.round(performance.now() - began)} ms`)
      }
      if (outcome.faults.length === 0) continue
      failed.push(seed)
      if (options.log !== undefined) {
        mkdirSync(options.log, { recursive: true })
        writeFileSync(
          join(options.log, `${seed}.log`),
          [...outcome.faults, ...outcome.log].join("\n"),
        )
      }
      console.log(`\nseed ${seed} failed; npm run storm -- --seed ${seed} replays it`)
      for (const fault of outcome.faults.slice(0, FAULT_LINES)) console.log(`  ${fault}`)
    }
  } finally {
    await runtime.stop()
  }
}

const lanes = Math.min(Number(options.lanes), seeds.length)
await Promise.all(Array.from({ length: lanes }, lane))
const seconds = ((performance.now() - start) / 1_000).toFixed(1)
console.log(`storm: ${next - failed.length} passed, ${failed.length} failed`)
console.log(`${changes} changes in ${seconds} s`)
if (failed.length > 0) console.log(`failed: ${failed.join(" ")}`)
process.exit(failed.length > 0 ? 1 : 0)
