/** What the hub keeps of views between changes; in the object's storage, because the hub sleeps in between. */
import { isCopied } from "../protocol/view.ts"
import type { Storage } from "./cursor.ts"
import type { Memory } from "./views.ts"

interface ForgetfulStorage extends Storage {
  delete(key: string): unknown
}

const PREFIX = "view "
/** Of more the object's storage is asked: together they may be larger than its memory. */
const CACHED_MOST = 200

export class Memories {
  readonly #storage: ForgetfulStorage
  readonly #known = new Map<string, Memory | undefined>()
  /** Views with their first follower, of which no change was told yet. */
  readonly #fresh = new Set<string>()
  /** How many are just beginning to follow a view. */
  readonly #joining = new Map<string, number>()

  constructor(storage: ForgetfulStorage) {
    this.#storage = storage
  }

  /** A copy is none while somebody joins: what they are being told may be another. */
  get(topic: string): Memory | undefined {
    const memory = this.#kept(topic)
    return this.#joining.has(topic) && isCopied(memory?.value) ? undefined : memory
  }

  /** Somebody begins to follow; alone, what is left of those who followed once is forgotten. `end` must come after it. */
  begin(topic: string, isAlone: boolean): void {
    this.#joining.set(topic, (this.#joining.get(topic) ?? 0) + 1)
    if (!isAlone) return
    this.delete(topic)
    this.#fresh.add(topic)
  }

  /** Whoever began is told what there is, which is remembered by this, or has given up. */
  end(topic: string, told: { memory: Memory | undefined; isAlone: boolean } | null): void {
    const rest = (this.#joining.get(topic) ?? 1) - 1
    if (rest > 0) this.#joining.set(topic, rest)
    else this.#joining.delete(topic)
    if (!told) return
    const { memory, isAlone } = told
    if (this.#fresh.has(topic)) {
      if (memory && isAlone) this.set(topic, memory)
      return
    }
    const value = this.#kept(topic)?.value
    if (isCopied(value) && !isSame(value, memory?.value)) this.delete(topic)
  }

  /** Saves without waiting: in one turn with what was sent, the two are one. */
  set(topic: string, memory: Memory): void {
    this.#fresh.delete(topic)
    this.#cache(topic, memory)
    this.#storage.put(PREFIX + topic, memory)
  }

  delete(topic: string): void {
    if (this.#kept(topic) !== undefined) this.#storage.delete(PREFIX + topic)
    this.#fresh.delete(topic)
    this.#known.delete(topic)
  }

  #kept(topic: string): Memory | undefined {
    if (!this.#known.has(topic)) {
      this.#cache(topic, this.#storage.get(PREFIX + topic) as Memory | undefined)
    }
    return this.#known.get(topic)
  }

  #cache(topic: string, memory: Memory | undefined): void {
    this.#known.delete(topic)
    this.#known.set(topic, memory)
    const [oldest] = this.#known.size > CACHED_MOST ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function isSame(one: { copy: object }, other: unknown): boolean {
  return isCopied(other) && JSON.stringify(one.copy) === JSON.stringify(other.copy)
}
