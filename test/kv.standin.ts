/**
 * Workers KV as its documentation describes it and no local runtime behaves: what is read at a place is kept there for
 * a minute, absence too; a second write of a key within a second is refused; calls take time and may fail. On a clock
 * of the test's own.
 */

const TICK_MILLISECONDS = 10

/** A clock that moves when nobody has anything to do but wait. */
export class VirtualTime {
  now: number
  /** Calls under way to what does not live on this clock. */
  busy = 0
  readonly #sleepers = new Map<number, (() => void)[]>()

  constructor(now: number) {
    this.now = now
  }

  /** Those who wake within the same tick wake together. */
  sleep(milliseconds: number): Promise<void> {
    const at = Math.ceil((this.now + milliseconds) / TICK_MILLISECONDS) * TICK_MILLISECONDS
    return new Promise((wake) => this.#sleepers.set(at, [...(this.#sleepers.get(at) ?? []), wake]))
  }

  /** Lets time pass until the work is done; whatever sleeps then sleeps on. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    const state = { isDone: false }
    const done = work.finally(() => (state.isDone = true))
    // Awaited below; until then nobody else must call it unhandled.
    done.catch(() => {})
    while (!state.isDone) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (this.busy > 0 || state.isDone) continue
      const at = Math.min(...this.#sleepers.keys())
      if (at === Infinity) throw new Error("Everybody waits, and nothing will happen")
      const sleepers = this.#sleepers.get(at) ?? []
      this.#sleepers.delete(at)
      this.now = Math.max(this.now, at)
      for (const wake of sleepers) wake()
    }
    return done
  }
}

interface Stored {
  value: string
  metadata: unknown
  /** Epoch milliseconds. */
  endsAt: number
}

interface Attempt {
  name: string
  isolate: string
  at: number
  accepted: boolean
}

const STALE_MILLISECONDS = 60_000
const WRITE_INTERVAL_MILLISECONDS = 1_000
const MINIMUM_TTL_SECONDS = 60

export class StandInKv {
  /** The probability that a call for a key fails; a write then may have been done or not. */
  faults: (name: string) => number = () => 0
  /** The probability that a way to Workers KV or back takes seconds. */
  slow = 0
  readonly attempts: Attempt[] = []
  readonly #stored = new Map<string, Stored>()
  readonly #writtenAt = new Map<string, number>()
  readonly #places = new Map<string, Map<string, { found: Stored | null; at: number }>>()
  readonly #time: VirtualTime
  readonly #random: () => number

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time
    this.#random = random
  }

  /** What is stored, wherever anybody reads it. */
  stored(name: string): Stored | null {
    const found = this.#stored.get(name)
    return found && found.endsAt > this.#time.now ? found : null
  }

  /** The binding as an isolate at a place has it. */
  binding(place: string, isolate: string): KVNamespace {
    const one = async (name: string) => {
      await this.#travel()
      this.#fail("GET", name)
      return this.#read(place, name)
    }
    const shown = (found: Stored | null, type?: string) => ({
      value: type === "stream" && found ? new Response(found.value).body : (found?.value ?? null),
      metadata: found?.metadata ?? null,
    })
    const used = {
      getWithMetadata: async (names: string | string[], type: string) => {
        if (typeof names === "string") return shown(await one(names), type)
        const found = await Promise.all(names.map(one))
        return new Map(names.map((name, at) => [name, found[at] ? shown(found[at]) : null]))
      },
      get: async (names: string | string[]) => {
        if (typeof names === "string") return (await one(names))?.value ?? null
        const found = await Promise.all(names.map(one))
        return new Map(names.map((name, at) => [name, found[at]?.value ?? null]))
      },
      put: (
        name: string,
        value: string,
        { metadata, expirationTtl }: { metadata: unknown; expirationTtl?: number },
      ) => {
        if (expirationTtl !== undefined && expirationTtl < MINIMUM_TTL_SECONDS) {
          throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${expirationTtl}.`)
        }
        return this.#write(place, isolate, name, () => ({
          value,
          metadata: structuredClone(metadata),
          endsAt: expirationTtl ? this.#time.now + expirationTtl * 1_000 : Infinity,
        }))
      },
      delete: (name: string) => this.#write(place, isolate, name, () => null),
    }
    return used as unknown as KVNamespace
  }

  async #write(place: string, isolate: string, name: string, made: () => Stored | null) {
    const attempt = { name, isolate, at: this.#time.now, accepted: false }
    this.attempts.push(attempt)
    await this.#travel()
    this.#fail("PUT", name)
    const before = this.#writtenAt.get(name) ?? -Infinity
    if (this.#time.now - before < WRITE_INTERVAL_MILLISECONDS) {
      throw new Error("KV PUT failed: 429 Too Many Requests")
    }
    this.#writtenAt.set(name, this.#time.now)
    attempt.accepted = true
    const stored = made()
    if (stored) this.#stored.set(name, stored)
    else this.#stored.delete(name)
    // Where it is written it is usually seen at once.
    if (this.#random() < 0.8) this.#cache(place).set(name, { found: stored, at: this.#time.now })
    await this.#travel()
    this.#fail("PUT", name)
  }

  #read(place: string, name: string): Stored | null {
    const cache = this.#cache(place)
    const known = cache.get(name)
    if (known && this.#time.now - known.at < STALE_MILLISECONDS) return known.found
    const found = this.stored(name)
    cache.set(name, { found, at: this.#time.now })
    return found
  }

  #cache(place: string) {
    const cache = this.#places.get(place) ?? new Map()
    this.#places.set(place, cache)
    return cache
  }

  #travel(): Promise<void> {
    // Now and then so long that who began later is there before.
    return this.#time.sleep(this.#random() < this.slow ? 3_000 : 1 + this.#random() ** 3 * 400)
  }

  #fail(method: string, name: string): void {
    if (this.#random() < this.faults(name))
      throw new Error(`KV ${method} failed: 500 Internal Error`)
  }
}
