/** The copies of the values in Workers KV, where they are read without D1. */
import { expired } from "../feed/expiry.ts"
import { KV_BULK_MAX_KEYS, KV_WRITE_INTERVAL_MILLISECONDS } from "../protocol/limits.ts"
import { entryOf, isMetadata, metadataOf, revisionOf, type Found } from "./copy.ts"
import type { Entry } from "./entry.ts"
import { keepSeconds } from "./expiry.ts"
import { forMilliseconds, persist, type PersistOptions } from "./persist.ts"
import { Turns } from "./turns.ts"

/** A request may have six connections open; more would only wait in memory. */
export const AT_ONCE = 20

/** What becomes of an entry that Workers KV does not take although it is its turn: its writer hears, or owes it. */
export type WhenDown = "throw" | "owe"

export interface EdgeOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Takes work that outlives the request. */
  background: (work: Promise<unknown>) => void
  sleep?: (milliseconds: number) => Promise<void>
  /** Doubles in [0, 1). */
  random?: () => number
}

/** Some of the entries that are ours. */
interface Page {
  entries: [name: string, revision: number][]
  cursor: string | null
}

/** The turns of this isolate. */
const known = new WeakMap<KVNamespace, Turns>()

export class EdgeCopies {
  readonly turns: Turns
  readonly now: () => number
  readonly background: (work: Promise<unknown>) => void
  readonly #kv: KVNamespace
  readonly #sleep: (milliseconds: number) => Promise<void>
  readonly #random: () => number

  constructor(kv: KVNamespace, options: EdgeOptions) {
    const { now, background, sleep = forMilliseconds, random = Math.random } = options
    const turns = known.get(kv) ?? new Turns()
    known.set(kv, turns)
    this.turns = turns
    this.now = now
    this.background = background
    this.#kv = kv
    this.#sleep = sleep
    this.#random = random
  }

  /**
   * The entry, or null. Elsewhere than where it was written it may be a minute old, but what this isolate still owes
   * Workers KV it does not forget.
   */
  async get(name: string, now: number): Promise<Entry | null> {
    const copy = entryOf(await this.#found(name))
    const owed = this.turns.owed(name)
    const isOlder = owed !== undefined && (owed === null || owed.revision > (copy?.revision ?? 0))
    const entry = isOlder ? owed : copy
    // Workers KV keeps an entry for a minute at least and gives it out until then.
    return entry && expired(entry.expiresAt, now) ? null : entry
  }

  /** The revisions of the entries, 0 where there is none of ours. */
  async revisions(names: string[]): Promise<Map<string, number>> {
    const revisions = new Map<string, number>()
    for (const many of chunksOf(names, KV_BULK_MAX_KEYS)) {
      const found = await this.#bulk(many)
      // The answer of a bulk read travels as a JSON object, where a key called __proto__ is lost.
      const missing = many.filter((name) => !found?.has(name))
      for (const [name, one] of found ?? []) revisions.set(name, revisionOf(one))
      for (const some of chunksOf(missing, AT_ONCE)) {
        const ones = await Promise.all(some.map((name) => this.#revision(name)))
        for (const [at, name] of some.entries()) revisions.set(name, ones[at] ?? 0)
      }
    }
    return revisions
  }

  /** Null where it fails, as it does when the values are more than 25 MB. */
  async #bulk(names: string[]): Promise<Map<string, Found | null> | null> {
    try {
      return await this.#kv.getWithMetadata(names, "text")
    } catch {
      return null
    }
  }

  async #revision(name: string): Promise<number> {
    // A stream, because the value is not wanted and may be large.
    const found = await this.#persist(() => this.#kv.getWithMetadata(name, "stream"))
    await found.value?.cancel()
    return revisionOf(found)
  }

  /** The entries of many names, whatever their revision: a value is of the type beside it, of no other. */
  async entries(names: string[]): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>()
    for (const many of chunksOf(names, KV_BULK_MAX_KEYS)) {
      const found = new Map(await this.#bulk(many))
      // The answer of a bulk read travels as a JSON object, where a key called __proto__ is lost.
      const missing = many.filter((name) => !found.has(name))
      for (const some of chunksOf(missing, AT_ONCE)) {
        const ones = await Promise.all(some.map((name) => this.#found(name)))
        for (const [at, name] of some.entries()) found.set(name, ones[at] ?? null)
      }
      for (const [name, one] of found) {
        const entry = one && entryOf(one)
        if (entry) entries.set(name, entry)
      }
    }
    return entries
  }

  #found(name: string): Promise<Found> {
    return this.#persist(() => this.#kv.getWithMetadata(name, "text"))
  }

  /**
   * Gives Workers KV an entry, null: none; or owes it when the key was written less than a second ago.
   * Throws Problem overloaded, which says that the write is recorded: a commit comes before this.
   */
  async put(name: string, entry: Entry | null, whenDown: WhenDown = "throw"): Promise<void> {
    const now = this.now()
    if (!this.turns.isFree(name, now)) this.turns.owe(name, entry, now)
    else {
      const isTaken = await this.send(name, entry).catch((error: unknown) => {
        if (whenDown === "throw") throw error
        return false
      })
      if (!isTaken) this.turns.owe(name, entry, this.now())
    }
  }

  /** Makes every entry what is given for it, as `put` does. */
  async write(
    entries: Iterable<[string, Entry | null]>,
    whenDown: WhenDown = "throw",
  ): Promise<void> {
    for (const some of chunksOf([...entries], AT_ONCE)) {
      const written = await Promise.allSettled(
        some.map(([name, entry]) => this.put(name, entry, whenDown)),
      )
      for (const one of written) if (one.status === "rejected") throw one.reason
    }
  }

  /**
   * Writes an entry whoever's turn it is; answers false when Workers KV refuses because another wrote the key within
   * the second. Throws Problem overloaded.
   */
  async send(name: string, entry: Entry | null): Promise<boolean> {
    this.turns.take(name, this.now())
    try {
      await this.#persist(() => this.#write(name, entry), {
        detail: UNFINISHED,
        isFinal: isRefusal,
      })
    } catch (error) {
      if (!isRefusal(error)) {
        // Whoever sends it again is to be told what happens then.
        this.turns.release(name)
        throw error
      }
      // Those who were refused together must not come back together.
      this.turns.take(name, this.now() + this.#random() * KV_WRITE_INTERVAL_MILLISECONDS)
      return false
    }
    // Counted from the end: when in between Workers KV took it nobody knows.
    this.turns.take(name, this.now())
    return true
  }

  /** Waits until the key may be written. */
  async turn(name: string): Promise<void> {
    for (let freeAt = Number.NaN; freeAt !== this.turns.freeAt(name);) {
      // A write that is under way puts it off once more when it ends.
      freeAt = this.turns.freeAt(name)
      await this.#sleep(Math.max(0, freeAt - this.now()))
    }
  }

  async #write(name: string, entry: Entry | null): Promise<void> {
    if (!entry) return this.#kv.delete(name)
    const { text, expiresAt } = entry
    const ttl = expiresAt === null ? {} : { expirationTtl: keepSeconds(expiresAt, this.now()) }
    await this.#kv.put(name, text ?? "", { metadata: metadataOf(entry), ...ttl })
  }

  /** Names and revisions of all entries that are ours and begin with the prefix, a page at a time. */
  async *pages(prefix = ""): AsyncGenerator<[name: string, revision: number][]> {
    let cursor: string | null = null
    do {
      const page: Page = await this.page(prefix, cursor)
      yield page.entries
      cursor = page.cursor
    } while (cursor !== null)
  }

  /** One of the pages; null is the cursor of the first, and of what comes after the last. */
  async page(prefix: string, from: string | null): Promise<Page> {
    const page: KVNamespaceListResult<unknown> = await this.#persist(() =>
      this.#kv.list({ prefix, cursor: from }),
    )
    const entries = page.keys.flatMap(({ name, metadata }): [string, number][] =>
      isMetadata(metadata) ? [[name, metadata.revision]] : [],
    )
    // An empty page is not the last one; only list_complete says that.
    return { entries, cursor: page.list_complete ? null : page.cursor }
  }

  #persist<Result>(call: () => Promise<Result>, options: PersistOptions = {}): Promise<Result> {
    return persist(call, { sleep: this.#sleep, ...options })
  }
}

/** `items` in pieces of `size`. */
export function chunksOf<Item>(items: Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  )
}

/** What a caller is told whose write is in the index and the journal, but not in Workers KV. */
export const UNFINISHED =
  "The write is recorded, but Workers KV does not have it yet; send it again to finish it"

/** Workers KV tells the kind of its failures in their text alone. */
function isRefusal(error: unknown): boolean {
  return /\b429\b|too many requests/i.test(String(error))
}
