/** What a caller holds of a URI that it follows. */
import type { Done, Frame } from "../protocol/frames.ts"
import { isPattern, parsePattern } from "../protocol/pattern.ts"
import { PatternReplica } from "./replica-pattern.ts"
import { Replica, type Copy, type Outcome, type Patchers } from "./replica.ts"

/**
 * The resource after a change, or as it is with a `frame` that says that it is `expiring`; `frame` is absent when the
 * service said that there is nothing.
 */
export interface LiveEvent {
  /** What GET answers; undefined while there is nothing. Of a pattern, a Map by URI. Not to be changed. */
  value: unknown
  revision: number
  frame?: Frame
}

export type Listener = (event: LiveEvent) => void

/** One URI that is followed, for all who follow it. */
export class Topic {
  readonly replica: Copy
  readonly ready: Promise<void>
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  readonly #subscriptions = new Set<Subscription>()

  /** How often it is told at most; absent: at once. */
  readonly throttle: string | undefined

  constructor(uri: string, patchers?: Patchers, throttle?: string) {
    this.throttle = throttle
    const pattern = isPattern(uri) ? parsePattern(uri) : null
    // What is wrong with a pattern the service says.
    this.replica = pattern ? new PatternReplica(pattern, patchers) : new Replica(uri, patchers)
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // Who does not wait for it is told by its listener and by iterating.
    this.ready.catch(() => {})
  }

  get isWanted(): boolean {
    return this.#subscriptions.size > 0
  }

  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription)
  }

  remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
  }

  begin(reply: Done): void {
    const held = this.replica.value !== undefined
    this.replica.begin(reply)
    const isEmptied = reply.absent || (reply.reset && this.replica instanceof PatternReplica)
    if (held && isEmptied) this.#tell()
  }

  /** What a reply announced has come. */
  settle({ position = 0 }: Done): void {
    this.replica.settle(position)
    this.#settle?.resolve()
  }

  take(frame: Frame): Outcome {
    const outcome = this.replica.take(frame)
    if (outcome === "changed" || outcome === "warned") this.#tell(frame)
    if (outcome === "lost") this.replica.lose()
    return outcome
  }

  fail(error: Error): void {
    this.#settle?.reject(error)
    for (const subscription of this.#subscriptions) subscription.end(error)
  }

  #tell(frame?: Frame): void {
    const { value, revision } = this.replica
    const event = { value, revision, ...(frame ? { frame } : {}) }
    for (const subscription of this.#subscriptions) subscription.tell(event)
  }
}

/** One follower: `for await (const { value } of subscription)`, or a listener, or just its `value`. */
export class Subscription implements AsyncIterable<LiveEvent> {
  readonly #topic: Topic
  readonly #listener: Listener | undefined
  readonly #left: () => void
  readonly #readers = new Set<(step: IteratorResult<LiveEvent> | Error) => void>()
  #ended: Error | "left" | undefined

  constructor(topic: Topic, listener: Listener | undefined, left: () => void) {
    this.#topic = topic
    this.#listener = listener
    this.#left = left
    topic.add(this)
  }

  /** Settles when the state is there, or it is known that there is nothing yet. Throws LiveError. */
  get ready(): Promise<void> {
    return this.#topic.ready
  }

  /** The canonical URI, once it is ready. */
  get uri(): string {
    return this.#topic.replica.uri
  }

  /** What GET answers; undefined while there is nothing. Not to be changed. */
  get value(): unknown {
    return this.#topic.replica.value
  }

  get revision(): number {
    return this.#topic.replica.revision
  }

  unsubscribe(): void {
    if (this.#ended) return
    this.#ended = "left"
    this.#topic.remove(this)
    this.#left()
    for (const read of this.#readers) read({ done: true, value: undefined })
  }

  tell(event: LiveEvent): void {
    this.#listener?.(event)
    for (const read of this.#readers) read({ done: false, value: event })
  }

  end(error: Error): void {
    this.#ended ??= error
    for (const read of this.#readers) read(error)
  }

  /** What there is now, then every change. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LiveEvent, void> {
    const steps: (IteratorResult<LiveEvent> | Error)[] = []
    const sleeper: { wake?: () => void } = {}
    const read = (step: IteratorResult<LiveEvent> | Error) => {
      steps.push(step)
      sleeper.wake?.()
    }
    this.#readers.add(read)
    if (this.value !== undefined) read({ value: { value: this.value, revision: this.revision } })
    try {
      for (;;) {
        const step = steps.shift()
        if (step instanceof Error) throw step
        if (step?.done) return
        if (step) {
          yield step.value
          continue
        }
        if (this.#ended === "left") return
        if (this.#ended) throw this.#ended
        await new Promise<void>((resolve) => {
          sleeper.wake = resolve
        })
      }
    } finally {
      this.#readers.delete(read)
    }
  }
}
