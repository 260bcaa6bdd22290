/** What the hub keeps of views between changes; in the object's storage, because the hub sleeps in between. */
import type { Storage } from "./cursor.ts"
import type { Memory } from "./views.ts"

interface ForgetfulStorage extends Storage {
  delete(key: string): unknown
}

const PREFIX = "view "
/** Of more the object's storage is asked each time: together they may be larger than its memory. */
const CACHED_MOST = 200

export class Memories {
  readonly #storage: ForgetfulStorage
  readonly #known = new Map<string, Memory | undefined>()
  /** Views with their first follower, of which no change was told yet. */
  readonly #fresh = new Set<string>()

  constructor(storage: ForgetfulStorage) {
    this.#storage = storage
  }

  get(topic: string): Memory | undefined {
    if (!this.#known.has(topic)) {
      this.#cache(topic, this.#storage.get(PREFIX + topic) as Memory | undefined)
    }
    return this.#known.get(topic)
  }

  /** Forgets what is left of those who followed once. */
  begin(topic: string): void {
    this.delete(topic)
    this.#fresh.add(topic)
  }

  /** Keeps what a view was read as, unless a change of it was told since `begin`. */
  settle(topic: string, memory: Memory): void {
    if (this.#fresh.has(topic)) this.set(topic, memory)
  }

  /** Saves without waiting: in one turn with what was sent, the two are one. */
  set(topic: string, memory: Memory): void {
    this.#fresh.delete(topic)
    this.#cache(topic, memory)
    this.#storage.put(PREFIX + topic, memory)
  }

  delete(topic: string): void {
    if (this.get(topic) !== undefined) this.#storage.delete(PREFIX + topic)
    this.#fresh.delete(topic)
    this.#known.delete(topic)
  }

  #cache(topic: string, memory: Memory | undefined): void {
    this.#known.delete(topic)
    this.#known.set(topic, memory)
    const [oldest] = this.#known.size > CACHED_MOST ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}
