/** One socket: what it is subscribed to, and which frames reach it. Pure but for the socket it is given. */
import * as z from "zod"
import { byteLength } from "../lib/bytes.ts"
import { ATTACHMENT_MAX_BYTES } from "../protocol/limits.ts"
import type { Delivery } from "./fanout.ts"

/** What a session needs of a WebSocket. */
export interface Line {
  send(text: string): void
  close(code: number, reason: string): void
  serializeAttachment(attachment: string): void
  /** What the line itself keeps in the attachment. */
  readonly reservedBytes?: number
}

/** The attachment, as JSON text so that its size is known before it is refused. */
const Attachment = z.object({
  who: z.string(),
  topics: z.array(z.tuple([z.string(), z.int()])),
})

/** The runtime's serialisation adds a few bytes around a string. */
const ENVELOPE_BYTES = 16
/** A floor may grow to the largest revision, and must find its place then. */
const LARGEST_FLOOR = Number.MAX_SAFE_INTEGER

export class Session {
  /** Who opened the socket: an opaque word that its requests carry. */
  readonly who: string
  /** Set once: a socket that is gone takes no more subscriptions. */
  closed = false
  readonly #line: Line
  /** Topic → the revision up to which the subscriber knows it. */
  readonly #floors: Map<string, number>
  #held: Delivery[] | null = null
  #work: Promise<void> = Promise.resolve()
  #waitingBytes = 0

  constructor(line: Line, who: string, topics: readonly (readonly [string, number])[] = []) {
    this.#line = line
    this.who = who
    this.#floors = new Map(topics)
  }

  /** The session of a socket that slept, or null when the attachment is none of ours. */
  static wake(line: Line, attachment: unknown): Session | null {
    try {
      const { who, topics } = Attachment.parse(JSON.parse(String(attachment)))
      return new Session(line, who, topics)
    } catch {
      return null
    }
  }

  get topics(): string[] {
    return [...this.#floors.keys()]
  }

  /** The revision up to which the subscriber knows the topic; undefined when it is not subscribed. */
  floor(topic: string): number | undefined {
    return this.#floors.get(topic)
  }

  /** True when these topics would still fit the attachment. */
  hasRoomFor(...added: string[]): boolean {
    const topics = new Set([...this.#floors.keys(), ...added])
    const largest = this.#attachment([...topics].map((each) => [each, LARGEST_FLOOR]))
    const reserved = ENVELOPE_BYTES + (this.#line.reservedBytes ?? 0)
    return byteLength(largest) + reserved <= ATTACHMENT_MAX_BYTES
  }

  /** Subscribes, or raises the floor of a subscription. */
  follow(topic: string, floor: number): void {
    this.followAll([[topic, floor]])
  }

  /** The same of several at once. */
  followAll(floors: readonly (readonly [topic: string, floor: number])[]): void {
    for (const [topic, floor] of floors) this.#floors.set(topic, floor)
    this.save()
  }

  /** Ends a subscription. */
  leave(topic: string): void {
    if (this.#floors.delete(topic)) this.save()
  }

  /** Writes the attachment, which is all that outlives hibernation. */
  save(): void {
    this.#line.serializeAttachment(this.#attachment([...this.#floors]))
  }

  /** Sends a text. A socket that does not take it is closed, and nobody else is bothered. */
  send(text: string): void {
    try {
      this.#line.send(text)
    } catch {
      this.close(4000, "A frame could not be sent, connect again")
    }
  }

  /** Ends the socket; fine when it is ending already. */
  close(code: number, reason: string): void {
    this.closed = true
    try {
      this.#line.close(code, reason)
    } catch {
      // It is closed.
    }
  }

  /** Passes a delivery on, at most one frame of it, or keeps it while a subscription is being made. */
  push(delivery: Delivery): void {
    if (this.#held) {
      this.#held.push(delivery)
      return
    }
    const text = this.pick(delivery)
    if (text === null) return
    this.send(text)
    // Not while it is held back: a subscription that is made meanwhile sets its own.
    const { frames, floor } = delivery
    if (floor === undefined) return
    const topics = frames.map(([topic]) => topic).filter((topic) => this.#floors.has(topic))
    this.followAll(topics.map((topic) => [topic, floor]))
  }

  /** The frame of a delivery that this session is to get, if any. */
  pick({ revision, frames, floor: reset }: Delivery): string | null {
    for (const [topic, text] of frames) {
      const floor = this.#floors.get(topic)
      if (floor !== undefined && (reset !== undefined || revision > floor)) return text
    }
    return null
  }

  /**
   * Keeps deliveries back until `release`. Between registering a subscription and sending its state, whatever
   * happens must come after that state, in order and once.
   */
  hold(): void {
    this.#held = []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const delivery of held) this.push(delivery)
  }

  /** Runs a command after those before it; answers false, and does nothing, when too much is waiting already. */
  enqueue(bytes: number, maxBytes: number, job: () => Promise<void>): Promise<void> | false {
    if (this.#waitingBytes + bytes > maxBytes) return false
    this.#waitingBytes += bytes
    this.#work = this.#work.then(job).finally(() => {
      this.#waitingBytes -= bytes
    })
    return this.#work
  }

  #attachment(topics: readonly (readonly [string, number])[]): string {
    return JSON.stringify({ who: this.who, topics })
  }
}
