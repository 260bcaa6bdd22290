/** Who follows what: an index over the sessions. Pure. */
import { isPattern, parsePattern, type Pattern } from "../protocol/pattern.ts"
import { listOf } from "../protocol/uri.ts"
import type { Delivery } from "./delivery/delivery.ts"
import type { Session } from "./session.ts"

export class Topics {
  readonly #followers = new Map<string, Set<Session>>()
  /** URI → topics that are read again on every change there or below. */
  readonly #views = new Map<string, Set<string>>()
  readonly #patterns = new Map<string, Pattern>()
  readonly #sourceOf: (topic: string) => string | null
  readonly #left: (topic: string) => void

  /**
   * @param sourceOf the URI whose changes make a topic's view another; null where frames tell its changes
   * @param left told of a topic that nobody follows any more
   */
  constructor(
    sourceOf: (topic: string) => string | null,
    left: (topic: string) => void = () => {},
  ) {
    this.#sourceOf = sourceOf
    this.#left = left
  }

  get isEmpty(): boolean {
    return this.#followers.size === 0
  }

  get all(): string[] {
    return [...this.#followers.keys()]
  }

  /** True when somebody follows the topic by the frames of changes. */
  has(topic: string): boolean {
    return this.#followers.has(topic) && this.#sourceOf(topic) === null
  }

  add(topic: string, session: Session): void {
    add(this.#followers, topic, session)
    const pattern = isPattern(topic) ? parsePattern(topic) : null
    if (pattern) this.#patterns.set(topic, pattern)
    const source = this.#sourceOf(topic)
    if (source !== null) add(this.#views, source, topic)
  }

  remove(topic: string, session: Session): void {
    if (!this.#followers.has(topic)) return
    remove(this.#followers, topic, session)
    if (!this.#followers.has(topic)) this.#patterns.delete(topic)
    const source = this.#sourceOf(topic)
    if (this.#followers.has(topic)) return
    if (source !== null) remove(this.#views, source, topic)
    this.#left(topic)
  }

  /** True when there is one follower. */
  isAlone(topic: string): boolean {
    return this.#followers.get(topic)?.size === 1
  }

  /** True when some follower may know one of the changes from the first revision to the last, but not all. */
  isPartlyKnown(topic: string, first: number, last: number): boolean {
    if (first === last) return false
    for (const session of this.#followers.get(topic) ?? []) {
      if (session.mayBeWithin(topic, first, last)) return true
    }
    return false
  }

  /** The topics that must be read again when something changes at `uri`: views of it and of every list above it. */
  viewsOf(uri: string): string[] {
    const found: string[] = []
    for (let path: string | null = uri; path !== null; path = listOf(path)) {
      found.push(...(this.#views.get(path) ?? []))
    }
    return found
  }

  /** The patterns that a URI matches. */
  patternsOf(uri: string): string[] {
    return [...this.#patterns.values()]
      .filter(({ matches }) => matches(uri))
      .map(({ text }) => text)
  }

  /** Whom a delivery concerns, each once. */
  audience({ frames }: Delivery): ReadonlySet<Session> {
    const [first, ...more] = frames.flatMap(([topic]) => this.#followers.get(topic) ?? [])
    // Mostly it is one topic, and copying its followers would take as long as half of the sending.
    if (!first || more.length === 0) return first ?? new Set()
    const sessions = new Set(first)
    for (const followers of more) for (const session of followers) sessions.add(session)
    return sessions
  }
}

function add<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = index.get(key)
  if (set) set.add(value)
  else index.set(key, new Set([value]))
}

function remove<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = index.get(key)
  set?.delete(value)
  if (set?.size === 0) index.delete(key)
}
