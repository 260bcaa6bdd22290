/** Who follows what: an index over the sessions. Pure. */
import { listOf, pathOf } from "../protocol/uri.ts"
import type { Delivery } from "./fanout.ts"
import type { Session } from "./session.ts"

export class Topics {
  readonly #followers = new Map<string, Set<Session>>()
  /** Path → topics on it that are read again on every change. */
  readonly #views = new Map<string, Set<string>>()
  /** Path of an item → views at paths below it, such as its history. */
  readonly #below = new Map<string, Set<string>>()
  readonly #isFollowable: (topic: string) => boolean

  /** @param isFollowable whether frames of members tell a topic's changes; others are views */
  constructor(isFollowable: (topic: string) => boolean) {
    this.#isFollowable = isFollowable
  }

  get isEmpty(): boolean {
    return this.#followers.size === 0
  }

  get all(): string[] {
    return [...this.#followers.keys()]
  }

  /** True when somebody follows the topic by the frames of changes. */
  has(topic: string): boolean {
    return this.#followers.has(topic) && !this.#views.get(pathOf(topic))?.has(topic)
  }

  add(topic: string, session: Session): void {
    add(this.#followers, topic, session)
    if (this.#isFollowable(topic)) return
    add(this.#views, pathOf(topic), topic)
    for (const item of itemsAbove(topic)) add(this.#below, item, topic)
  }

  remove(topic: string, session: Session): void {
    remove(this.#followers, topic, session)
    if (this.#followers.has(topic)) return
    remove(this.#views, pathOf(topic), topic)
    for (const item of itemsAbove(topic)) remove(this.#below, item, topic)
  }

  /** The topics that must be read again when something changes at `uri`: views of it, below it, and of every list above it. */
  viewsOf(uri: string): string[] {
    const found: string[] = [...(this.#below.get(uri) ?? [])]
    for (let path: string | null = uri; path !== null; path = listOf(path)) {
      found.push(...(this.#views.get(path) ?? []))
    }
    return found
  }

  /** Whom a delivery concerns, each once. */
  audience({ frames }: Delivery): Set<Session> {
    const sessions = new Set<Session>()
    for (const [topic] of frames) {
      for (const session of this.#followers.get(topic) ?? []) sessions.add(session)
    }
    return sessions
  }
}

/** The paths that a topic may be about without being at them: `/api/apps/todo` of `/api/apps/todo/history`. */
function itemsAbove(topic: string): string[] {
  const segments = pathOf(topic).split("/")
  return segments.slice(2).map((_, at) => segments.slice(0, at + 2).join("/"))
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
