/** One Socket.IO connection: speaks for its session, whatever carries its packets. */
import * as z from "zod"
import { SOCKETIO_PING_INTERVAL_MILLISECONDS } from "../../protocol/live-limits.ts"
import { byteLength } from "../../lib/bytes.ts"
import { ackIn, isAck } from "../../protocol/ack.ts"
import { listOf } from "../../protocol/uri.ts"
import { Session, type Line } from "../session.ts"
import { ENGINE } from "./packet.ts"
import { isReply, uriOf, type Events } from "./translate.ts"

/** What carries packets: a WebSocket, or polling until there is one. */
export interface Carrier {
  write(packet: string): void
  close(code: number, reason: string): void
  /** Keeps the attachment as long as it lasts itself. */
  keep(attachment: string): void
}

/** What the line adds to the attachment of its session. */
const Io = z.object({
  sid: z.string(),
  /** Who opened it; CONNECT may say better. */
  who: z.string(),
  /** When it was opened, in epoch milliseconds. */
  at: z.number(),
  isPinged: z.boolean(),
  /** How many pings were not answered. */
  pings: z.int(),
  bare: z.array(z.string()),
})
const Attachment = z.object({ io: Io })

export class IoLine implements Line {
  readonly sid: string
  readonly who: string
  readonly #at: number
  readonly #events: Events
  /** Topics that the client writes without their first slash. */
  readonly #bare: Set<string>
  carrier: Carrier
  /** Null until CONNECT. */
  session: Session | null = null
  /** Set once: nothing that comes is taken any more. */
  isOver = false
  /** While CONNECT is being decided. */
  connecting: Promise<void> | null = null
  /** A ping that was not answered. */
  isPinged: boolean
  /** What each ping that was not answered asks, oldest first: how far the reader is, or null for a sign of life. */
  readonly #pings: (number | null)[]
  #reply: string | null = null

  constructor(
    carrier: Carrier,
    events: Events,
    { sid, who, at, isPinged, pings, bare }: z.infer<typeof Io>,
  ) {
    this.carrier = carrier
    this.#events = events
    this.sid = sid
    this.who = who
    this.#at = at
    this.isPinged = isPinged
    this.#pings = Array.from({ length: pings }, () => null)
    this.#bare = new Set(bare)
  }

  /** The line of a socket that slept, with its session; null when the attachment is none of a line's. */
  static wake(carrier: Carrier, events: Events, attachment: unknown): IoLine | null {
    try {
      const text = String(attachment)
      const line = new IoLine(carrier, events, Attachment.parse(JSON.parse(text)).io)
      line.session = Session.wake(line, text)
      // Which of them asked for what is forgotten; the last is late enough for all.
      const [mark = null] = line.session?.outlet.kept.pace ?? []
      if (line.#pings.length > 0) line.#pings.splice(-1, 1, mark)
      return line
    } catch {
      return null
    }
  }

  /** Says something of frames.ts: a frame becomes an event, a reply is kept for whoever carries out the command. */
  send(text: string): void {
    if (isReply(text)) this.#reply = text
    else if (isAck(text)) this.#ask(ackIn(text))
    else this.carrier.write(this.#events.of(text, this.#isBare(text)))
  }

  /** The reply to the command that was just carried out. */
  takeReply(): string | null {
    const reply = this.#reply
    this.#reply = null
    return reply
  }

  /** Sends a packet. A carrier that does not take it is closed. */
  say(packet: string): void {
    try {
      this.carrier.write(packet)
    } catch {
      this.close(4000, "A packet could not be sent, connect again")
    }
  }

  close(code: number, reason: string): void {
    this.isOver = true
    try {
      this.carrier.close(code, reason)
    } catch {
      // It is closed.
    }
  }

  serializeAttachment(attachment: string): void {
    this.carrier.keep(`${this.#attachment()},${attachment.slice(1)}`)
  }

  get reservedBytes(): number {
    return byteLength(this.#attachment())
  }

  /** Writes the attachment, which is all that outlives hibernation. */
  save(): void {
    if (this.session) this.session.save()
    else this.carrier.keep(`${this.#attachment()}}`)
  }

  /** Remembers how the client writes a topic. */
  spell(topic: string, isBare: boolean): void {
    if (isBare) this.#bare.add(topic)
    else this.#bare.delete(topic)
  }

  /** Asks for a sign of life. False when there was none since the last time, or no CONNECT all the time. */
  ping(now: number): boolean {
    const isLate = !this.session && now - this.#at > SOCKETIO_PING_INTERVAL_MILLISECONDS
    if (this.isPinged || isLate) return false
    this.isPinged = true
    this.#ask(null)
    this.save()
    return !this.isOver
  }

  /** There was a sign of life. Answers the mark up to which all is read, null where that is not said. */
  pong(): number | null {
    const mark = this.#pings.shift() ?? null
    this.isPinged = false
    this.save()
    return mark
  }

  /** Every client answers a ping in its turn, so that it says how far the reader is, too. */
  #ask(mark: number | null): void {
    this.#pings.push(mark)
    this.say(ENGINE.ping)
  }

  /** A member is told as its list is written, unless it is followed itself. */
  #isBare(frame: string): boolean {
    if (this.#bare.size === 0) return false
    const uri = uriOf(frame)
    if (this.#bare.has(uri)) return true
    return this.session?.floor(uri) === undefined && this.#bare.has(listOf(uri) ?? "")
  }

  #attachment(): string {
    const { sid, who, isPinged } = this
    return JSON.stringify({
      io: {
        sid,
        who,
        at: this.#at,
        isPinged,
        pings: this.#pings.length,
        bare: [...this.#bare],
      },
    }).slice(0, -1)
  }
}
