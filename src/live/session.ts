/** One socket: what it is subscribed to, and which frames reach it. Pure but for the socket it is given. */
import * as z from "zod"
import { byteLength } from "../lib/bytes.ts"
import { closeReason } from "../protocol/close.ts"
import { ATTACHMENT_MAX_BYTES, UNREAD_MAX_CHARACTERS } from "../protocol/live-limits.ts"
import type { Delivery } from "./delivery/delivery.ts"
import { Outlet, type Reader } from "./outlet/outlet.ts"
import { REAL_CLOCK, type Clock } from "./outlet/throttle.ts"

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
  topics: z.array(z.tuple([z.string(), z.int()], z.int())),
  /** Of a reader that acknowledges, and of any other. */
  pace: z.tuple([z.int(), z.int(), z.literal([0, 1])]).optional(),
  allowance: z.tuple([z.int(), z.int()]).default([0, UNREAD_MAX_CHARACTERS]),
})

/** A topic, the revision up to which the subscriber knows it, and how often it is told at most, in milliseconds. */
export type Followed = readonly [topic: string, floor: number, interval?: number | undefined]

/** The runtime's serialisation adds a few bytes around a string. */
const ENVELOPE_BYTES = 24
/** A floor may grow to the largest revision, and must find its place then; so must what is kept of the pace. */
const LARGEST_FLOOR = Number.MAX_SAFE_INTEGER
const LARGEST_PACE: Reader = { pace: [LARGEST_FLOOR, LARGEST_FLOOR, 1] }
/** One text more than there is room for, of the largest that a socket takes. */
const LARGEST_ALLOWANCE: Reader = { allowance: [UNREAD_MAX_CHARACTERS * 10, UNREAD_MAX_CHARACTERS] }

/** Without a time to come back at: they do not end together. */
const ALL_SENT =
  "As much was sent as is without acknowledgements: connect again, at /live?acks=1 for no end"

const NEW_READER: Reader = { allowance: [0, UNREAD_MAX_CHARACTERS] }

export class Session {
  /** Who opened the socket: an opaque word that its requests carry. */
  readonly who: string
  /** Set once: a socket that is gone takes no more subscriptions. */
  closed = false
  readonly #line: Line
  /** Topic → the revision up to which the subscriber knows it. */
  readonly #floors: Map<string, number>
  /** Topic → how often the subscriber is told of it at most; those told at once are not in it. */
  readonly #intervals = new Map<string, number>()
  readonly outlet: Outlet
  #held: Delivery[] | null = null
  #work: Promise<void> = Promise.resolve()
  #waitingBytes = 0

  constructor(
    line: Line,
    who: string,
    topics: readonly Followed[] = [],
    clock: Clock = REAL_CLOCK,
    reader: Reader = NEW_READER,
  ) {
    this.#line = line
    this.who = who
    this.#floors = new Map(topics.map(([topic, floor]) => [topic, floor]))
    for (const [topic, , interval] of topics) this.#setInterval(topic, interval)
    const write = (text: string) => this.#write(text)
    const end = () => this.close(4002, closeReason(ALL_SENT))
    this.outlet = new Outlet({ write, save: () => this.save(), end, clock }, reader)
  }

  /** The session of a socket that slept, or null when the attachment is none of ours. */
  static wake(line: Line, attachment: unknown): Session | null {
    try {
      const { who, topics, pace, allowance } = Attachment.parse(JSON.parse(String(attachment)))
      const followed = topics.map(([topic, floor, interval]): Followed => [topic, floor, interval])
      return new Session(line, who, followed, REAL_CLOCK, pace ? { pace } : { allowance })
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

  /** True when what the subscriber knows ends within these changes; while it is being told its state, nobody can say. */
  mayBeWithin(topic: string, first: number, last: number): boolean {
    if (this.#held) return true
    const floor = this.#floors.get(topic)
    return floor !== undefined && floor >= first && floor < last
  }

  /** How often the subscriber is told of a topic at most, in milliseconds; undefined: at once. */
  interval(topic: string): number | undefined {
    return this.#intervals.get(topic)
  }

  /** True when these topics would still fit the attachment. */
  hasRoomFor(...added: (readonly [topic: string, interval?: number | undefined])[]): boolean {
    const all = new Map(this.topics.map((topic) => [topic, this.interval(topic)]))
    for (const [topic, interval] of added) all.set(topic, interval)
    const largest = this.#attachment(
      [...all].map(([topic, interval]) => [topic, LARGEST_FLOOR, interval]),
      this.outlet.kept.pace ? LARGEST_PACE : LARGEST_ALLOWANCE,
    )
    const reserved = ENVELOPE_BYTES + (this.#line.reservedBytes ?? 0)
    return byteLength(largest) + reserved <= ATTACHMENT_MAX_BYTES
  }

  /** Subscribes, or raises the floor of a subscription. */
  follow(topic: string, floor: number, interval?: number): void {
    this.followAll([[topic, floor, interval]])
  }

  /** The same of several at once. */
  followAll(followed: readonly Followed[]): void {
    for (const [topic, floor, interval] of followed) {
      this.#floors.set(topic, floor)
      this.#setInterval(topic, interval)
    }
    this.save()
  }

  /** Ends a subscription. */
  leave(topic: string): void {
    this.outlet.flush()
    this.#intervals.delete(topic)
    if (this.#floors.delete(topic)) this.save()
  }

  /** Writes the attachment, which is all that outlives hibernation. */
  save(): void {
    const followed = [...this.#floors].map(([topic, floor]): Followed => [
      topic,
      floor,
      this.#intervals.get(topic),
    ])
    this.#line.serializeAttachment(this.#attachment(followed, this.outlet.kept))
  }

  /** Sends a text. A socket that does not take it is closed, and nobody else is bothered. */
  send(text: string): void {
    this.outlet.send(text)
  }

  /** Ends the socket; fine when it is ending already. */
  close(code: number, reason: string): void {
    if (this.closed) return
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
    if (this.closed || this.outlet.isLost) return
    const text = this.pick(delivery)
    if (text === null) return
    const { frames, floor } = delivery
    if (floor === undefined) {
      this.#tell(text, delivery)
      return
    }
    if (!this.outlet.tellReset(text)) return
    // Not while it is held back: a subscription that is made meanwhile sets its own.
    const topics = frames.map(([topic]) => topic).filter((topic) => this.#floors.has(topic))
    this.followAll(topics.map((topic) => [topic, floor, this.#intervals.get(topic)]))
  }

  /** Passes a frame on, as often as says the shortest interval of the topics that tell it. */
  #tell(text: string, { revision, frames }: Delivery): void {
    if (this.#intervals.size === 0) {
      this.outlet.tell(text)
      return
    }
    const topics = frames.flatMap(([topic]): [string, number][] => {
      const floor = this.#floors.get(topic)
      return floor === undefined || revision <= floor
        ? []
        : [[topic, this.#intervals.get(topic) ?? 0]]
    })
    const [shortest] = topics.sort(([, one], [, other]) => one - other)
    if (shortest) this.outlet.tellAtTimes(...shortest, text)
  }

  #write(text: string): void {
    try {
      this.#line.send(text)
    } catch {
      this.close(4000, "A frame could not be sent, connect again")
    }
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
    this.outlet.flush()
    this.#held ??= []
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

  #setInterval(topic: string, interval: number | undefined): void {
    if (interval === undefined) this.#intervals.delete(topic)
    else this.#intervals.set(topic, interval)
  }

  #attachment(followed: readonly Followed[], reader: Reader): string {
    const topics = followed.map((each) => each.filter((part) => part !== undefined))
    return JSON.stringify({ who: this.who, topics, ...reader })
  }
}
