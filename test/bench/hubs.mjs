/**
 * Part of `npm run bench:live`: four hubs beside one, each in a `workerd` of its own, because a deployed one has a thread of its
 * own and all objects of one `workerd` share one. Both services are asked in turn, with sockets in the same processes.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "../bundle.ts"
import { Reader, Service } from "./service.mjs"
import { count, line, ms, times } from "./table.mjs"

export const HUBS = 4
const WANTED = 2.5
const WARM_UPS = 5
export const HUB_ROUNDS = 40
/** What is busy at once: the hubs, the processes of sockets, which are as many, and the Worker. */
export const CORES = 2 * HUBS + 1

/** What each service took: lists by service, the one with one hub first. */
async function measure(services) {
  const walls = services.map(() => [])
  let cpuBefore = []
  let heard = []
  for (let round = -WARM_UPS; round < HUB_ROUNDS; round++) {
    if (round === 0) cpuBefore = services.map((service) => service.cpuTimes())
    for (const [at, service] of services.entries()) {
      const last = await service.round()
      if (round >= 0) walls[at].push(last.took)
      heard[at] = last.heard
    }
  }
  const cpu = services.map((service, at) => {
    const after = service.cpuTimes()
    return after && Math.max(...after.map((time, hub) => time - cpuBefore[at][hub])) / HUB_ROUNDS
  })
  const turns = await Promise.all(services.map((service) => service.turns()))
  const pokes = turns.map((hubs) => hubs.reduce((sum, all) => sum + all.length, 0))
  const rounds = WARM_UPS + HUB_ROUNDS
  return {
    wall: walls.map((all) => Math.min(...all)),
    turn: turns.map((hubs) => Math.max(...hubs.map((all) => Math.min(...all)))),
    cpu,
    messages: pokes.map((all, at) => (all + heard[at]) / rounds),
  }
}

/** @param sockets of each service */
export async function compareHubs(sockets) {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-hubs-"))
  // Also when this is interrupted.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const readers = Array.from({ length: HUBS }, () => new Reader())
  const counts = [1, HUBS]
  const services = counts.map((hubs) => new Service(`${hubs}`, readers))
  try {
    const manifest = bundle("test/bench/hubs.worker.ts")
    for (const [at, service] of services.entries()) {
      const own = join(folder, String(counts[at]))
      mkdirSync(own)
      await service.start(own, manifest, counts[at], sockets)
    }
    tell(sockets, await measure(services))
  } finally {
    for (const reader of readers) reader.stop()
    await Promise.all(services.map((service) => service.stop()))
  }
}

function tell(sockets, { wall, turn, cpu, messages }) {
  const compare = (what, wanted, [one, four], isJudged) =>
    line(
      `${what}: ${HUBS} hubs beside one`,
      wanted,
      `${times(one / four)} (${ms(four)} against ${ms(one)})`,
      isJudged ? one / four >= WANTED : null,
    )
  compare(
    `${count(sockets)} subscribers, from the request to the last delivery`,
    `at least ${WANTED}×, where there are ${CORES} cores`,
    wall,
    availableParallelism() >= CORES,
  )
  // A few sockets take less than the hub's clock tells.
  compare("the longest turn of a hub", `at least ${WANTED}×`, turn, turn[1] > 0)
  if (cpu.every((time) => time !== null)) {
    compare("CPU time of the busiest hub's process for a change", `at least ${WANTED}×`, cpu, true)
  }
  const exact = [1, HUBS].map((hubs) => hubs + sockets)
  line(
    "messages for a change: calls to hubs and frames to sockets, with one hub and with four",
    `exactly ${exact.map(count).join(" and ")}`,
    messages.map(count).join(" and "),
    messages.every((all, at) => all === exact[at]),
  )
}
