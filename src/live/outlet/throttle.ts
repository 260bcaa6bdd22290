/**
 * Holds frames of topics back that are to be told less often. The first change goes out at once; those in the time after
 * it wait and go out together, of each URI what became of it. Pure but for the clock it is given.
 *
 * A timer keeps the Durable Object awake, so that it is not put to sleep while something waits; when it is lost all the
 * same, so are its sockets, and whoever comes back goes on from the position it has. Therefore: while something waits, no frame may let its receiver go on from behind that: `position` stays below it.
 */
import { headOf, placedText, type Head } from "../../protocol/frames.ts"
import { THROTTLE_WAITING_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import { keyOf, Waiting } from "./waiting.ts"

export interface Clock {
  /** Epoch milliseconds. */
  now: () => number
  after: (milliseconds: number, job: () => void) => void
}

interface Window {
  milliseconds: number
  endsAt: number
  waiting: Waiting
}

export const REAL_CLOCK: Clock = {
  now: Date.now,
  after: (milliseconds, job) => void setTimeout(job, milliseconds),
}

export class Throttle {
  readonly #clock: Clock
  readonly #send: (text: string) => void
  readonly #windows = new Map<string, Window>()
  #newest = 0
  /** The next time, in epoch milliseconds. */
  #ringsAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, send: (text: string) => void) {
    this.#clock = clock
    this.#send = send
  }

  /** The position up to which nothing waits; null while nothing does. */
  get #owedFrom(): number | null {
    const all = [...this.#windows.values()].flatMap(({ waiting }) => waiting.owedFrom ?? [])
    return all.length === 0 ? null : Math.min(...all)
  }

  /** Sends a frame, now or with the next of its topic; `milliseconds` 0 is now. */
  pass(topic: string, milliseconds: number, text: string): void {
    const head = headOf(text)
    const { revision, position = revision } = head
    const key = keyOf(head)
    for (const [other, { waiting }] of this.#windows) {
      // What is told of a URI must stay in order, also where several topics tell it.
      if (other !== topic && waiting.has(key)) this.#flush(other)
    }
    this.#newest = Math.max(this.#newest, position)
    const now = this.#clock.now()
    const window = this.#windows.get(topic)
    const isBusy = window !== undefined && (!window.waiting.isEmpty || now < window.endsAt)
    if (milliseconds > 0 && isBusy) {
      this.#wait(window, text, head)
      return
    }
    if (isBusy) this.#flush(topic)
    if (milliseconds > 0) {
      const endsAt = now + milliseconds
      this.#windows.set(topic, { milliseconds, endsAt, waiting: new Waiting() })
    }
    const owedFrom = this.#owedFrom
    this.#send(owedFrom === null || position <= owedFrom ? text : placedText(text, owedFrom))
  }

  /** Sends all that waits. */
  flush(): void {
    for (const topic of this.#windows.keys()) this.#flush(topic)
  }

  #wait({ waiting }: Window, text: string, head: Head): void {
    waiting.add(text, head)
    if (waiting.characters > THROTTLE_WAITING_MAX_CHARACTERS) this.flush()
    else this.#ringLater()
  }

  #flush(topic: string): void {
    const window = this.#windows.get(topic)
    if (!window || window.waiting.isEmpty) return
    const { waiting } = window
    window.waiting = new Waiting()
    // The last of all tells that everything is told.
    for (const text of waiting.take(this.#owedFrom ?? this.#newest)) this.#send(text)
  }

  #ringLater(): void {
    const ends = [...this.#windows.values()].flatMap(({ waiting, endsAt }) =>
      !waiting.isEmpty ? [endsAt] : [],
    )
    const next = Math.min(...ends)
    if (ends.length === 0 || next >= this.#ringsAt) return
    this.#ringsAt = next
    this.#clock.after(Math.max(0, next - this.#clock.now()), () => this.#ring())
  }

  #ring(): void {
    this.#ringsAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (const [topic, window] of this.#windows) {
      if (window.endsAt > now) continue
      if (window.waiting.isEmpty) {
        this.#windows.delete(topic)
        continue
      }
      this.#flush(topic)
      window.endsAt = now + window.milliseconds
    }
    this.#ringLater()
  }
}
