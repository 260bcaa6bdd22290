/** Keys over a Workers KV that is as stale, as strict and as faulty as the real one may be. */
import { env } from "cloudflare:workers"
import { runInDurableObject } from "cloudflare:test"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { textValue } from "../src/keys/value.ts"
import { quickD1 } from "./d1.quick.ts"
import { faultsOf, Isolate, play, seeded, type History, type World } from "./keys.history.ts"
import { StandInKv, VirtualTime } from "./kv.standin.ts"

const FIRST_SEED = Math.floor(Math.random() * 1e6)
const AFTER_ALL_MILLISECONDS = 180_000
const SLOW = 0.05
/** The hourly checks that come; each looks at some thousands of changes. */
const HOURS = 3

function worldOf(d1: D1Database): World {
  const time = new VirtualTime(Date.now())
  return { d1, time, kv: new StandInKv(time, seeded(FIRST_SEED)) }
}

const SEEDS = (count: number) => Array.from({ length: count }, (_, at) => FIRST_SEED + at)

/** Histories side by side, then the faults end and copies are repaired. */
async function survive(d1: D1Database, count: number): Promise<void> {
  const world = worldOf(d1)
  const { time, kv } = world
  kv.slow = SLOW
  const faults = new Map<string, number>()
  kv.faults = (name) => faults.get(name.split("-")[0] ?? "") ?? 0
  const histories = await time.until(
    Promise.all(
      SEEDS(count).map((seed) => play(seed, world, (odds) => faults.set(`${seed}`, odds))),
    ),
  )
  faults.clear()
  await time.until(time.sleep(AFTER_ALL_MILLISECONDS))
  const repairer = new Isolate(world, "repairer", "Rome", seeded(FIRST_SEED))
  for (let hour = 0; hour < HOURS; hour++) await time.until(repairer.store.check())
  await time.until(Promise.all(repairer.background))
  await judge(world, histories)
}

async function judge(world: World, histories: History[]): Promise<void> {
  for (const [at, history] of histories.entries()) {
    expect(await faultsOf(history, world), `seed ${FIRST_SEED + at}`).toEqual([])
  }
  const readings = histories.flatMap((history) => history.readings)
  // Or it would prove little.
  expect(readings.some(({ consistency, entry }) => consistency === "edge" && entry)).toBe(true)
  expect(world.kv.attempts.some(({ accepted }) => !accepted)).toBe(true)
}

/** A database of its own, quick enough for thousands of writes. */
function quickly(name: string, work: (d1: D1Database) => Promise<void>): Promise<void> {
  return runInDurableObject(env.HUB.getByName(name), (_, state) => work(quickD1(state.storage)))
}

describe("whatever Workers KV does", () => {
  beforeEach(() => {
    for (const method of ["error", "warn"] as const) vi.spyOn(console, method).mockReturnValue()
  })
  afterEach(() => void vi.restoreAllMocks())

  const rules =
    "nothing acknowledged is lost, no strong reader goes back, nor one who says what it saw, and a repair converges"

  it(`${rules}: 200 histories`, { timeout: 60_000 }, () =>
    quickly("faults", (d1) => survive(d1, 200)),
  )

  it(`${rules}: some with D1 itself`, () => survive(env.DB, 5))

  it("it ends with the newest value within seconds, without a repair, where nothing fails: 100 histories", () =>
    quickly("calm", async (d1) => {
      const world = worldOf(d1)
      const { time, kv } = world
      kv.slow = SLOW
      const histories = await time.until(Promise.all(SEEDS(100).map((seed) => play(seed, world))))
      // Late, or refused once or twice by those of another isolate.
      await time.until(time.sleep(15_000))
      await judge(world, histories)
    }))
})

describe("a key that many write at once", () => {
  const WRITES = 200
  const SPREAD_MILLISECONDS = 5_000

  it("is written to Workers KV once a second by an isolate, ends with the newest value, and nobody waits", () =>
    quickly("hot", async (d1) => {
      const world = worldOf(d1)
      const { time, kv } = world
      const isolate = new Isolate(world, "one", "Oslo", seeded(FIRST_SEED))
      await isolate.db.all({ sql: "SELECT 1", params: [] })
      const waits: number[] = []
      const rows = () => isolate.db.cost.rowsWritten
      const rowsBefore = rows()
      await time.until(
        Promise.all(
          Array.from({ length: WRITES }, async (_, at) => {
            await time.sleep((at / WRITES) * SPREAD_MILLISECONDS)
            const start = time.now
            await isolate.store.set("hot", textValue(`no. ${at}`), { expiry: null })
            waits.push(time.now - start)
            const shown = await isolate.store.get("hot")
            expect(
              Number(shown.entry?.text?.slice(4)),
              "what this isolate wrote it knows",
            ).toBeGreaterThanOrEqual(at)
          }),
        ),
      )
      expect(rows() - rowsBefore).toBe(2 * WRITES)
      expect(Math.max(...waits), "milliseconds").toBeLessThan(1_000)
      await time.until(Promise.all(isolate.background))
      const { entry } = await time.until(isolate.store.get("hot", { consistency: "strong" }))
      expect(kv.stored("hot")).toMatchObject({
        value: entry?.text,
        metadata: { revision: entry?.revision },
      })
      const starts = kv.attempts.map(({ at }) => at)
      const gaps = starts.slice(1).map((at, place) => at - (starts[place] ?? 0))
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000)
      expect(starts.length).toBeLessThanOrEqual(SPREAD_MILLISECONDS / 1_000 + 2)
      expect(kv.attempts.every(({ accepted }) => accepted)).toBe(true)
    }))

  it("keeps its value where the isolate dies that owed it, and the journal forgets", () =>
    quickly("dead", async (d1) => {
      const world = worldOf(d1)
      const { time, kv } = world
      const isolate = new Isolate(world, "one", "Oslo", seeded(FIRST_SEED))
      await time.until(isolate.store.set("owed", textValue("one"), { expiry: null }))
      await time.until(isolate.store.set("owed", textValue("two"), { expiry: null }))
      isolate.die()
      const other = new Isolate(world, "two", "Lima", seeded(FIRST_SEED))
      await other.feed.trim(-1, 0)
      await time.until(other.store.set("another", textValue("one"), { expiry: null }))
      await other.feed.trim(-1, 0)
      const strong = { consistency: "strong" } as const
      expect((await time.until(other.store.get("owed", strong))).entry?.text).toBe("two")
      expect(kv.stored("owed")?.value).toBe("one")
      // Whoever writes it next pays.
      await time.until(other.store.patch("owed", { expiry: time.now + 100_000 }))
      await time.until(Promise.all(other.background))
      expect(kv.stored("owed")?.value).toBe("two")
    }))
})
