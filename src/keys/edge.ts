/** The copies of the values in Workers KV, where they are read without D1. */
import { byteLength } from "../lib/bytes.ts"
import { KV_BULK_MAX_KEYS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import type { Entry } from "./entry.ts"
import { expired } from "../feed/expiry.ts"
import { keepSeconds } from "./expiry.ts"
import { kindOf, PLAIN } from "./value.ts"

/** What stands beside a value in Workers KV; entries without it are not ours. */
interface Metadata {
  revision: number
  expiresAt: number | null
  /** Of what is not plain text. */
  type?: string
  /** Of what is not the text of the entry. */
  size?: number
  /** The entry that holds the value; then this one is empty. */
  blob?: string
}

/** Pauses between attempts. Workers KV takes one write a second for each key, so the last is longer than that. */
const PAUSES_MILLISECONDS = [50, 250, 1_100]
/** A request may have six connections open; more would only wait in memory. */
const AT_ONCE = 20

export class EdgeCopies {
  readonly #kv: KVNamespace

  constructor(kv: KVNamespace) {
    this.#kv = kv
  }

  /** The entry, or null. Elsewhere than where it was written it may be a minute old. */
  async get(name: string, now: number): Promise<Entry | null> {
    const found = await persist(() => this.#kv.getWithMetadata(name, "text"))
    if (found.value === null || !isMetadata(found.metadata)) return null
    const { revision, expiresAt, type = PLAIN, size, blob = null } = found.metadata
    // Workers KV keeps an entry for a minute at least and gives it out until then.
    if (expired(expiresAt, now)) return null
    const text = blob === null ? found.value : null
    return { type, size: size ?? byteLength(found.value), text, blob, revision, expiresAt }
  }

  /** The values of many names, whatever their revision. */
  async values(names: string[]): Promise<Map<string, string>> {
    const values = new Map<string, string>()
    for (const some of chunksOf(names, KV_BULK_MAX_KEYS)) {
      const found = await persist(() => this.#kv.get(some, "text"))
      for (const name of some) {
        // The answer of a bulk read travels as a JSON object, where a key called __proto__ is lost.
        const value = found.has(name)
          ? found.get(name)
          : await persist(() => this.#kv.get(name, "text"))
        if (typeof value === "string") values.set(name, value)
      }
    }
    return values
  }

  /** Throws Problem overloaded, which says that the write is recorded: a commit comes before this. */
  async put(name: string, entry: Entry, now: number): Promise<void> {
    const { type, size, text, blob, revision, expiresAt } = entry
    const metadata: Metadata = {
      revision,
      expiresAt,
      ...(type === PLAIN ? {} : { type }),
      ...(kindOf(entry) === "bytes" ? { size } : {}),
      ...(blob === null ? {} : { blob }),
    }
    const ttl = expiresAt === null ? {} : { expirationTtl: keepSeconds(expiresAt, now) }
    await persist(() => this.#kv.put(name, text ?? "", { metadata, ...ttl }), UNFINISHED)
  }

  /** Makes every entry what is given for it; null: gone. */
  async write(entries: Iterable<[string, Entry | null]>, now: number): Promise<void> {
    for (const some of chunksOf([...entries], AT_ONCE)) {
      const written = await Promise.allSettled(
        some.map(([name, entry]) => (entry ? this.put(name, entry, now) : this.#delete(name))),
      )
      for (const one of written) if (one.status === "rejected") throw one.reason
    }
  }

  /** Names and revisions of all entries that are ours and begin with the prefix, a page at a time. */
  async *pages(prefix = ""): AsyncGenerator<[name: string, revision: number][]> {
    let cursor: string | null = null
    do {
      const page: KVNamespaceListResult<unknown> = await persist(() =>
        this.#kv.list({ prefix, cursor }),
      )
      yield page.keys.flatMap(({ name, metadata }): [string, number][] =>
        isMetadata(metadata) ? [[name, metadata.revision]] : [],
      )
      // An empty page is not the last one; only list_complete says that.
      cursor = page.list_complete ? null : page.cursor
    } while (cursor !== null)
  }

  #delete(name: string): Promise<void> {
    return persist(() => this.#kv.delete(name), UNFINISHED)
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

/** The answer of a call to Workers KV, asked again while it fails. Throws Problem overloaded. */
export async function persist<Result>(
  call: () => Promise<Result>,
  detail = "Workers KV does not answer, try again",
): Promise<Result> {
  for (const pause of PAUSES_MILLISECONDS) {
    try {
      return await call()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  try {
    return await call()
  } catch (error) {
    console.error({ event: "kv_failed", message: String(error) })
    throw busy(detail)
  }
}

export function busy(detail: string): Problem {
  return new Problem("overloaded", detail, {}, { "Retry-After": "1" })
}

function isMetadata(value: unknown): value is Metadata {
  const { revision, expiresAt } = (value ?? {}) as Partial<Metadata>
  return typeof revision === "number" && (expiresAt === null || typeof expiresAt === "number")
}
