/** Follows the journal and passes on what it says: once, in order, one page at a time. */
import type { Feed, Mark } from "../../feed/feed.ts"
import type { Change, Position } from "../../protocol/change.ts"
import { READINGS_AT_ONCE } from "../../protocol/live-limits.ts"
import { Cursor, type Storage } from "./cursor.ts"
import { Listening } from "./listening.ts"
import type { Delivery } from "./delivery.ts"
import { GONE, type Plan } from "./fanout.ts"
import { nextLook } from "./look.ts"
import { prepare, readAll, type PlanParts } from "./plan.ts"
import { endOf } from "../commands/missed.ts"
import { topicText } from "../commands/state.ts"
import { memoryOf } from "./views.ts"

export interface FollowerParts extends PlanParts {
  storage: Storage
  feed: () => Pick<Feed, "since" | "position" | "renewIfRestored" | "listen" | "unlisten">
  /** The hub's, by which commits are told to it. */
  name: string
  /** Epoch milliseconds. */
  now: () => number
  /** Sees to it that the hub looks by itself at this time, in epoch milliseconds, or before. */
  lookBy: (at: number) => Promise<void>
  /** Told when something could not be delivered and must be tried again. */
  failed: (error: unknown) => Promise<void>
}

export class Follower {
  readonly #parts: FollowerParts
  /** What pokes brought along, by revision; only a hint. */
  readonly #inbox = new Map<number, Change>()
  readonly #listening: Listening
  #cursor: Cursor | null
  #chain: Promise<void> = Promise.resolve()

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#cursor = Cursor.load(parts.storage)
    this.#listening = new Listening(parts)
  }

  /** What the followers have been told. Call `ready` first. */
  get position(): Position {
    if (!this.#cursor) throw new Error("The follower has no position yet")
    return this.#cursor.position
  }

  /**
   * The newest position that somebody was told of, at or after `position`: what had to be read again was newer than the
   * change in whose place it was told, and the changes that were in it are told to nobody any more. Who begins to follow
   * begins behind them. Call `ready` first.
   */
  frontier(topics: readonly string[]): Position {
    const { epoch, revision } = this.position
    const { memories } = this.#parts
    const floors = [...(this.#cursor?.floors.values() ?? [])].filter((floor) => floor !== GONE)
    const remembered = topics.map((topic) => memories.get(topic)?.floor ?? 0)
    return { epoch, revision: Math.max(revision, ...floors, ...remembered) }
  }

  /** There are changes. Late, doubled and lost calls do no harm. */
  hear(changes: readonly Change[]): Promise<void> {
    const isOdd = changes.some((change) => this.#cursor?.contradicts(change))
    for (const change of changes) this.#inbox.set(change.revision, change)
    return this.drain(isOdd)
  }

  /**
   * Delivers what is there. Never rejects.
   * @param look whether to look into the journal although nobody said that there is more
   */
  drain(look: boolean): Promise<void> {
    const job = async () => {
      await this.#deliver(look)
      await this.#lookLater()
    }
    return this.#enqueue(job).catch(this.#parts.failed)
  }

  /** True while whoever begins to follow in this very turn is told of everything after `position`. */
  get isReady(): boolean {
    return this.#cursor !== null && this.#listening.isOn
  }

  /**
   * Makes sure that there is a position, where nobody follows yet the newest, and that commits after it are told to this
   * hub. `isReady` is to be asked afterwards: the last of the others may have left meanwhile.
   */
  ready(): Promise<void> {
    return this.#enqueue(async () => {
      const { topics, feed } = this.#parts
      if (this.isReady && !topics.isEmpty) return
      const wasOn = this.#listening.isOn
      const cursor = this.#cursor
      let position = await this.#listening.begin()
      // What this hub knows from before may be all that tells of a database that was put back.
      const isRenewed = cursor !== null && (await feed().renewIfRestored(cursor.mark))
      if (isRenewed) position = await feed().position()
      // Asked again, because somebody may have begun to follow from the position there was.
      if (!this.#cursor || topics.isEmpty) this.#moveTo(position)
      else if (!wasOn || isRenewed) void this.drain(true)
      await this.#lookLater()
    })
  }

  /** Nobody follows any more: commits need not be told to this hub, unless somebody came back. Never rejects. */
  rest(): Promise<void> {
    const job = async () => {
      if (this.#parts.topics.isEmpty && this.#listening.isOn) await this.#listening.end()
    }
    return this.#enqueue(job).catch(this.#parts.failed)
  }

  /** Saves the position; part of the turn in which something was sent. */
  save(): void {
    this.#cursor?.save()
  }

  // One at a time: a read opens the input gate, so two deliveries would share a cursor and send everything twice
  // (measured without this: 1,250 frames for 50 writes).
  #enqueue(job: () => Promise<void>): Promise<void> {
    const run = this.#chain.then(job)
    this.#chain = run.catch(() => {})
    return run
  }

  async #lookLater(): Promise<void> {
    const { topics, now, lookBy } = this.#parts
    if (!this.#cursor || topics.isEmpty) return
    const at = nextLook(now(), this.#cursor.newest)
    if (at !== null) await lookBy(at)
  }

  async #deliver(look: boolean): Promise<void> {
    const { topics, feed } = this.#parts
    // A database that was put back may have lost the hub's name.
    if (look && !topics.isEmpty) await this.#listening.begin()
    for (let more = look; ;) {
      const cursor = this.#cursor
      if (topics.isEmpty) {
        // Nobody to tell: who comes next begins at the newest position.
        cursor?.pass([...this.#inbox.values()])
        this.#inbox.clear()
        if (more) await this.#settle()
        // It was told of something all the same: an end was lost, or crossed the commit.
        if (topics.isEmpty) await this.#listening.end()
        return
      }
      if (!cursor) {
        await this.#reset(null)
        continue
      }
      // Who is to look does so before it takes what pokes brought along: that may be of a database that was put back.
      const changes = more ? [] : this.#takeNext(cursor.mark)
      if (changes.length > 0) {
        await this.#tell(cursor, changes)
        continue
      }
      if (!more && this.#inbox.size === 0) return
      const since = await feed().since(cursor.mark)
      if (since.reset) await this.#reset(cursor)
      else if (since.changes.length > 0) await this.#tell(cursor, since.changes)
      // What the journal does not know yet will be there at the next poke.
      else this.#inbox.clear()
      more = since.reset || since.more
    }
  }

  /** The changes right after a revision, as far as they are in one run; what is not after it is dropped. */
  #takeNext({ revision, at }: Mark): Change[] {
    for (const known of this.#inbox.keys()) if (known <= revision) this.#inbox.delete(known)
    const run: Change[] = []
    for (let next = revision + 1, last = at; ; next++) {
      const change = this.#inbox.get(next)
      if (!change || !follows(change, last)) return run
      this.#inbox.delete(next)
      run.push(change)
      last = change.at
    }
  }

  async #tell(cursor: Cursor, changes: readonly Change[]): Promise<void> {
    for (let rest = changes; rest.length > 0;) {
      const [plan, part] = await prepare(cursor, rest, this.#parts)
      // From here to the end of the turn nothing waits: the output gate makes sends and cursor one.
      plan.deliveries.forEach((delivery) => this.#send(delivery))
      cursor.floors = plan.floors
      this.#remember(plan.memories)
      cursor.pass(part)
      cursor.save()
      rest = rest.slice(part.length)
    }
  }

  #send(delivery: Delivery): void {
    for (const session of this.#parts.topics.audience(delivery)) session.push(delivery)
  }

  #remember(views: Plan["memories"]): void {
    const { memories } = this.#parts
    for (const [view, memory] of views) {
      if (memory) memories.set(view, memory)
      else memories.delete(view)
    }
  }

  /** Goes to the newest position, and sees to it that a database that was put back gets an epoch of its own. */
  async #settle(): Promise<void> {
    const { topics, feed } = this.#parts
    if (this.#cursor) await feed().renewIfRestored(this.#cursor.mark)
    const position = await feed().position()
    if (!topics.isEmpty) return
    this.#moveTo(position)
    this.save()
  }

  /** The journal cannot tell what happened since: every topic is told as it is now. */
  async #reset(cursor: Cursor | null): Promise<void> {
    const { topics, feed, resolve } = this.#parts
    if (cursor) await feed().renewIfRestored(cursor.mark)
    const now = await feed().position()
    const told = new Set<string>()
    for (;;) {
      const next = topics.all.filter((topic) => !told.has(topic)).slice(0, READINGS_AT_ONCE)
      if (next.length === 0) break
      const readings = await readAll(next, this.#parts)
      const isGone = [...readings.values()].includes(null)
      // After all was read, because where there is nothing it may have gone while it was read.
      const since = isGone ? await feed().since(now) : null
      const meanwhile = since?.reset === false ? since.changes : []
      for (const [topic, reading] of readings) {
        told.add(topic)
        const target = resolve(topic)
        const end = target && !reading ? endOf(target, meanwhile) : 0
        const revision = Math.max(reading?.revision ?? now.revision, end)
        const position = Math.max(revision, now.revision)
        const place = { revision, position, reset: true, epoch: now.epoch } as const
        const text = topicText(topic, reading, place, resolve)
        this.#send({ revision, frames: [[topic, text]], floor: position })
        const value = target && reading ? memoryOf(target, reading) : undefined
        this.#remember(
          new Map([[topic, value === undefined ? undefined : { floor: position, value }]]),
        )
      }
    }
    this.#moveTo(now)
    this.save()
  }

  #moveTo(position: Mark): void {
    this.#cursor = new Cursor(this.#parts.storage, position)
  }
}

/** False for a change behind another one than that made at this time: then the database was put back. */
function follows({ before }: Change, at: number | null | undefined): boolean {
  return before == null || at == null || before === at
}
