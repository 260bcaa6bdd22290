/**
 * Who defines a resource may be asked before somebody follows it, and told when they leave: also of those who went with
 * the hub's memory, for which who is there is kept in the object's storage.
 */
import type { Resolve, Target } from "./uris.ts"

/** Asks the app. Throws Problem when it refuses. */
export type Hook = (
  event: "subscribe" | "unsubscribe",
  target: Target,
  who: string,
) => Promise<void>

/** The synchronous storage of a Durable Object. */
interface Storage {
  get(key: string): unknown
  put(key: string, value: unknown): void
  delete(key: string): unknown
  list(options: { prefix: string }): Iterable<[key: string, value: unknown]>
}

interface Follower {
  who: string
  topics: readonly string[]
}

/** Before a topic and who follows it; the value is how many sockets do. */
const PREFIX = "hooked "

export class Attendance {
  readonly #storage: Storage
  readonly #hook: Hook
  readonly #resolve: Resolve
  /** Of those who were there before the hub slept, how many it did not find again: to be told of, once. */
  readonly #missing = new Map<string, number>()

  constructor(storage: Storage, hook: Hook, resolve: Resolve) {
    this.#storage = storage
    this.#hook = hook
    this.#resolve = resolve
    for (const [key, count] of storage.list({ prefix: PREFIX })) {
      this.#missing.set(key, Number(count))
    }
  }

  /** One whom a hub that woke has found again. */
  find({ who, topics }: Follower): void {
    if (this.#missing.size === 0) return
    for (const topic of topics) take(this.#missing, keyOf(topic, who))
  }

  /** Not all who were there have been found again, or told of. */
  get isMissingSome(): boolean {
    return this.#missing.size > 0
  }

  /** Somebody wants to follow. Throws Problem when they are refused. */
  async come(target: Target, who: string): Promise<void> {
    if (!target.endpoint.isHooked) return
    // Before it is called: who fails in between is told to leave all the same.
    this.#count(keyOf(target.topic, who), 1)
    try {
      await this.#hook("subscribe", target, who)
    } catch (error) {
      this.#count(keyOf(target.topic, who), -1)
      throw error
    }
  }

  /** Somebody wants to leave. Throws Problem when they are refused. */
  async leave(target: Target, who: string): Promise<void> {
    if (!target.endpoint.isHooked) return
    await this.#hook("unsubscribe", target, who)
    this.#count(keyOf(target.topic, who), -1)
  }

  /**
   * Somebody is gone, and there is nobody to refuse.
   * @param isFound false for a socket whose end woke the hub, so that it is among the missing
   */
  async gone(targets: readonly (Target | null)[], who: string, isFound = true): Promise<void> {
    const hooked = targets.filter((target) => target?.endpoint.isHooked === true) as Target[]
    // At once, so that nobody else tells of them, too.
    const told = hooked.filter(({ topic }) => isFound || take(this.#missing, keyOf(topic, who)))
    for (const { topic } of told) this.#count(keyOf(topic, who), -1)
    for (const target of told) {
      await this.#hook("unsubscribe", target, who).catch((error: unknown) =>
        console.warn({
          event: "unsubscriber_failed",
          uri: target.topic,
          message: String(error),
        }),
      )
    }
  }

  /** Tells of those who went without a word, as when the hub falls over. Not at once: the ends of some may be on their way. */
  async tellOfMissing(): Promise<void> {
    for (const [key, count] of this.#missing) {
      const [who = "", topic = ""] = key.slice(PREFIX.length).split(/ (.*)/s)
      const target = this.#resolve(topic)
      for (let n = 0; n < count; n++) await this.gone([target], who, false)
      // Of what is not defined any more nobody is told.
      if (take(this.#missing, key)) this.#storage.delete(key)
      this.#missing.delete(key)
    }
  }

  #count(key: string, difference: number): void {
    const count = Number(this.#storage.get(key) ?? 0) + difference
    if (count > 0) this.#storage.put(key, count)
    else this.#storage.delete(key)
  }
}

function keyOf(topic: string, who: string): string {
  return `${PREFIX}${who} ${topic}`
}

/** One less of them; false where there is none. */
function take(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key)
  if (count === undefined) return false
  if (count > 1) counts.set(key, count - 1)
  else counts.delete(key)
  return true
}
