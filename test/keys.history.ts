/** Random histories of a few keys, written and read from several isolates at several places, and what must hold. */
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { readOperations } from "../src/keys/batch/operations.ts"
import { KeyBatches } from "../src/keys/batch/runner.ts"
import { Blobs } from "../src/keys/blobs.ts"
import { EdgeCopies } from "../src/keys/edge.ts"
import { toJson, uriOf } from "../src/keys/entry.ts"
import type { Read, ReadWish } from "../src/keys/reading.ts"
import { KeyStore } from "../src/keys/store.ts"
import { textValue } from "../src/keys/value.ts"
import { parseTree } from "../src/lib/tree.ts"
import type { Change } from "../src/protocol/change.ts"
import { Problem } from "../src/protocol/problem.ts"
import { StandInKv, VirtualTime } from "./kv.standin.ts"

/** Mulberry32: doubles in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const NEVER = new Promise<never>(() => {})

/** What all isolates have in common. */
export interface World {
  d1: D1Database
  kv: StandInKv
  time: VirtualTime
}

/** A store in an isolate of its own: its own turns, its own view of Workers KV, and a death. */
export class Isolate {
  readonly store: KeyStore
  readonly batches: KeyBatches
  readonly db: Database
  readonly feed: Feed
  readonly background: Promise<unknown>[] = []
  #isDead = false

  constructor(world: World, name: string, place: string, random: () => number) {
    const { time } = world
    const binding = world.kv.binding(place, name)
    const living = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
      (async (...args: Args) => {
        if (this.#isDead) return NEVER
        try {
          const result = await call(...args)
          return this.#isDead ? NEVER : result
        } catch (error) {
          if (this.#isDead) return NEVER
          throw error
        }
      }) as (...args: Args) => Promise<Result>
    const mortal = Object.fromEntries(
      Object.entries(binding).map(([method, call]) => [method, living(call as never)]),
    ) as unknown as KVNamespace
    const batch = living(async (statements: D1PreparedStatement[]) => {
      time.busy++
      try {
        return await world.d1.batch(statements)
      } finally {
        time.busy--
      }
    })
    const d1 = { prepare: (sql: string) => world.d1.prepare(sql), batch } as unknown as D1Database
    const now = () => time.now
    this.db = new Database(d1)
    this.feed = new Feed(this.db, { now, poke: () => {} })
    const edge = new EdgeCopies(mortal, {
      now,
      random,
      sleep: living((milliseconds: number) => time.sleep(milliseconds)),
      background: (work) => this.background.push(work),
    })
    const newId = () => String(random())
    const blobs = new Blobs(this.db, this.feed, mortal, { now, newId })
    const options = { now, consistency: "edge" as const, expire: async () => {} }
    this.store = new KeyStore(this.db, this.feed, { edge, blobs }, options)
    this.batches = new KeyBatches(this.db, this.feed, edge, options)
  }

  /** From now on nothing it began comes to an end, whether it was done or not. */
  die(): void {
    this.#isDead = true
  }
}

/** What was read, the least revision that it may be of, and when. */
interface Reading extends Read {
  name: string
  atLeast: number
  by: string
  at: number
}

interface Acknowledged {
  name: string
  revision: number
  value: string | null
}

export interface History {
  names: string[]
  acknowledged: Acknowledged[]
  readings: Reading[]
}

const ACTORS = 3
const STEPS = 6

/** Runs a history. At its end some copies may be wrong. */
export async function play(
  seed: number,
  world: World,
  /** Told the odds that a call to Workers KV fails; absent: none fails, and no isolate dies. */
  tell?: (odds: number) => void,
): Promise<History> {
  const { time } = world
  const random = seeded(seed)
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  const names = ["a", "b/ü"].map((name) => `${seed}-${name}`)
  const start = async (name: string, place: string) => {
    const isolate = new Isolate(world, name, place, random)
    await isolate.db.all({ sql: "SELECT 1", params: [] })
    return isolate
  }
  const isolates = [
    await start("one", "Oslo"),
    await start("two", "Oslo"),
    await start("three", "Lima"),
  ]
  const acknowledged: Acknowledged[] = []
  const readings: Reading[] = []
  // What somebody was told so far: no strong reader may be shown less.
  let told = 0

  /** What was acknowledged, and the newest revision of it. */
  function hear(written: Acknowledged[]): number {
    const changed = written.filter(({ revision }) => revision > 0)
    acknowledged.push(...changed)
    return Math.max(0, ...changed.map(({ revision }) => revision))
  }

  async function count(isolate: Isolate, name: string): Promise<number> {
    const { revision, json } = await isolate.store.count(name, "0.5", {})
    return hear([{ name, revision, value: JSON.parse(json)[name] as string }])
  }

  /** Sets one of the keys and deletes the other, or sets both. */
  async function batch(isolate: Isolate, value: string): Promise<number> {
    const given = names.map((name) =>
      random() < 0.3
        ? { op: "delete" as const, name }
        : { op: "set" as const, name, value, expire_in: pick([null, 1, 90]) },
    )
    const trees = given.map((one) => parseTree(JSON.stringify(one)))
    const outcomes = await isolate.batches.run(readOperations(given, trees, time.now))
    return hear(
      outcomes.map(({ operation: { name, kind }, revision }) => {
        return { name, revision: revision ?? 0, value: kind === "delete" ? null : value }
      }),
    )
  }

  async function write(isolate: Isolate, name: string, value: string): Promise<number> {
    const kind = random()
    if (kind < 0.2) return count(isolate, name)
    if (kind < 0.4) return batch(isolate, value)
    const dice = random()
    const ttlSeconds = pick([null, null, 1, 90])
    const { store } = isolate
    const gone = dice < 0.2
    const expiry = ttlSeconds === null ? null : time.now + ttlSeconds * 1_000
    const text = textValue(value)
    const { revision } = gone
      ? await store.remove(name)
      : dice < 0.4
        ? await store.patch(name, { value: text, expiry: pick([undefined, expiry]) })
        : await store.set(name, text, { expiry })
    return hear([{ name, revision, value: gone ? null : value }])
  }

  async function actor(number: number): Promise<void> {
    let seen = 0
    for (let step = 0; step < STEPS; step++) {
      if (random() < 0.5) await time.sleep(random() * 1_500)
      const name = pick(names)
      const isolate = pick(isolates)
      try {
        if (random() < 0.6) {
          const work = write(isolate, name, `${number}.${step}`)
          // Nobody hears from a request that died.
          seen = Math.max(seen, await Promise.race([work, time.sleep(20_000).then(() => 0)]))
        } else {
          const isStrong = random() < 0.5
          const atLeast = isStrong ? told : seen
          const wish: ReadWish = isStrong ? { consistency: "strong" } : { minRevision: seen }
          const read = isolate.store.get(name, wish)
          const got = await Promise.race([read, time.sleep(20_000)])
          if (got) {
            readings.push({ ...got, name, atLeast, by: isStrong ? "strong" : "seen", at: time.now })
            seen = Math.max(seen, got.entry?.revision ?? 0)
          }
        }
      } catch (error) {
        if (!(error instanceof Problem) || !/overloaded|not_found/.test(error.code)) throw error
      }
      told = Math.max(told, seen)
    }
  }

  async function reaper(): Promise<void> {
    await time.sleep(random() * 4_000)
    const at = Math.floor(random() * isolates.length)
    isolates[at]?.die()
    isolates[at] = await start(`after ${at}`, "Oslo")
  }

  tell?.(pick([0, 0.05, 0.3]))
  const actors = Array.from({ length: ACTORS }, (_, number) => actor(number))
  if (tell && random() < 0.5) actors.push(reaper())
  await Promise.all(actors)
  return { names, acknowledged, readings }
}

/** The changes of a key, oldest first. */
async function journalOf({ d1 }: World, name: string): Promise<Change[]> {
  const { results } = await d1
    .prepare("SELECT * FROM changes WHERE uri = ? ORDER BY revision")
    .bind(uriOf(name))
    .all<Change>()
  return results
}

/** What is wrong with a history; empty when nothing is. */
export async function faultsOf(history: History, world: World): Promise<string[]> {
  const faults: string[] = []
  for (const name of history.names) {
    const journal = await journalOf(world, name)
    const isOurs = (one: { name: string }) => one.name === name
    for (const { revision, value } of history.acknowledged.filter(isOurs)) {
      const change = journal.find((one) => one.revision === revision)
      const body = value === null ? null : toJson(name, textValue(value))
      if (change?.body !== body) faults.push(`${name}@${revision} is not recorded`)
    }
    for (const reading of history.readings.filter(isOurs)) {
      const wrong = faultOf(reading, journal)
      if (wrong) faults.push(wrong)
    }
    const { results } = await world.d1
      .prepare("SELECT revision, expires_at AS expiresAt FROM keys WHERE name = ?")
      .bind(name)
      .all<Lasting>()
    const [live, shown] = [results[0], world.kv.stored(name)?.metadata as Lasting | undefined].map(
      (one) =>
        one && (one.expiresAt === null || one.expiresAt > world.time.now) ? one.revision : null,
    )
    if (live !== shown) faults.push(`${name} is ${live} in the index and ${shown} in Workers KV`)
  }
  return faults
}

interface Lasting {
  revision: number
  expiresAt: number | null
}

/** A reading must be of a state that was not over at the revision it must not be older than. */
function faultOf({ name, entry, atLeast, by, at }: Reading, journal: Change[]): string | null {
  const first = journal.findLastIndex(({ revision }) => revision <= atLeast)
  const states = journal.slice(Math.max(0, first))
  const shown = entry ? `${entry.text}@${entry.revision}` : "nothing"
  const isRight = entry
    ? states.some(
        ({ revision, body }) => revision === entry.revision && body === toJson(name, entry),
      )
    : first < 0 || states.some((change) => change.event === "delete" || isOver(change, at))
  return isRight
    ? null
    : `who must not see less than ${atLeast} (${by}) was shown ${shown} of ${name}`
}

function isOver({ extra }: Change, at: number): boolean {
  const expiresAt = (JSON.parse(extra ?? "{}") as { expires_at?: number | null }).expires_at
  return expiresAt != null && expiresAt <= at
}
