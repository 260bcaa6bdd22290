/**
 * The Durable Object that holds the sockets. It hibernates between messages, so whatever must last is in the
 * sockets' attachments and the object's storage; fields are caches of those.
 */
import { DurableObject } from "cloudflare:workers"
import type { Feed } from "../feed/feed.ts"
import type { Change } from "../protocol/change.ts"
import { closeReason, spreadMilliseconds } from "../protocol/close.ts"
import {
  DELIVERY_RETRY_MILLISECONDS,
  HUB_LOOK_FIRST_MILLISECONDS,
  RESTART_SPREAD_MILLISECONDS,
  SOCKET_WAITING_MAX_BYTES,
} from "../protocol/live-limits.ts"
import { ackIn } from "../protocol/ack.ts"
import { JOURNAL } from "../protocol/changes.ts"
import { isPattern } from "../protocol/pattern.ts"
import { Problem } from "../protocol/problem.ts"
import { pathOf } from "../protocol/uri.ts"
import { byteLength } from "../lib/bytes.ts"
import { acknowledge } from "./commands/anew.ts"
import type { Dispatch } from "./ask.ts"
import { Backlog } from "./commands/backlog.ts"
import { obey, refuse, type Bench } from "./commands/command.ts"
import { expiryOf } from "./expiry.ts"
import { Follower } from "./delivery/follower.ts"
import { Attendance, type Hook } from "./hooks.ts"
import { CLOCK_HUB, type HubCalls, type HubStats } from "./hubs.ts"
import { Memories } from "./delivery/memories.ts"
import { newAllowance } from "./outlet/allowance.ts"
import { Readings, type Found, type ReadingsParts } from "./readings.ts"
import { Session, type Line } from "./session.ts"
import { REAL_CLOCK } from "./outlet/throttle.ts"
import { Engine, type EngineParts } from "./socketio/engine.ts"
import { Topics } from "./topics.ts"
import { sourceOf, type Resolve } from "./uris.ts"

/** What the hub is given; it knows no store. */
export interface HubParts extends ReadingsParts {
  /** The app. `who` is what `admit` said of the socket, null for the hub itself. */
  dispatch: Dispatch
  /** A word for who opens this socket; its requests are made with it. */
  admit: (request: Request) => Promise<string>
  feed: () => Pick<Feed, "since" | "position" | "renewIfRestored" | "listen" | "unlisten">
  resolve: Resolve
  hook: Hook
  /** Ends what has expired; answers when the next thing does, in epoch milliseconds, null for never. */
  expire: () => Promise<number | null>
  /** Epoch milliseconds. */
  now: () => number
  newId: () => string
  /** Of Socket.IO. */
  namespace: string
}

export abstract class LiveHub<Env> extends DurableObject<Env> implements HubCalls {
  #awake:
    | (Bench & { parts: HubParts; sessions: Map<WebSocket, Session>; engine: Engine })
    | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    // Answered by the runtime, so that a heartbeat does not wake the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"))
  }

  protected abstract parts(): HubParts

  /** What it is found by. */
  protected get name(): string {
    const { name } = this.ctx.id
    if (name === undefined) throw new Error("A hub must be found by its name")
    return name
  }

  /** Takes a socket. */
  override async fetch(request: Request): Promise<Response> {
    const { parts, sessions, engine, readings } = this.#wake()
    readings.begin()
    const { pathname, searchParams } = new URL(request.url)
    if (pathname.startsWith("/socket.io")) return engine.fetch(request)
    const who = await parts.admit(request)
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    const isAcking = searchParams.get("acks") === "1"
    const reader = isAcking ? { pace: null } : { allowance: newAllowance(Math.random) }
    const session = new Session(this.#lineOf(server), who, [], REAL_CLOCK, reader)
    session.save()
    sessions.set(server, session)
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const bench = this.#wake()
    bench.readings.begin()
    const heard = bench.engine.hear(socket, message)
    if (heard !== false) return void (await heard)
    const session = bench.sessions.get(socket)
    if (!session) return
    // Before the commands that wait: how long those take says nothing of how the reader reads.
    const mark = ackIn(message)
    if (mark !== null) return acknowledge(mark, session, bench)
    if (session.outlet.isFull) {
      const detail = "Too much was sent to this socket that is not acknowledged, read it first"
      return refuse(message, session, new Problem("overloaded", detail))
    }
    const bytes = typeof message === "string" ? byteLength(message) : message.byteLength
    const done = session.enqueue(bytes, SOCKET_WAITING_MAX_BYTES, () =>
      obey(message, session, bench),
    )
    if (done) return done
    const detail = "This socket has too many commands waiting, send them more slowly"
    refuse(message, session, new Problem("overloaded", detail))
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    this.#forget(socket)
    // Without a close frame in return the other side would see 1006.
    try {
      socket.close(code, reason)
    } catch {
      // One that says there was none, or that none may send (RFC 6455, 7.4).
      socket.close()
    }
  }

  override async webSocketError(socket: WebSocket, error: unknown): Promise<void> {
    console.warn({ event: "socket_error", message: String(error) })
    this.#forget(socket)
    socket.close(1011, "The connection failed")
  }

  /** There are changes; with none given, the hub looks after itself. */
  async poke(changes: Change[]): Promise<void> {
    const { follower, readings, attendance } = this.#wake()
    readings.begin()
    if (changes.length === 0) {
      await this.#expire()
      await follower.drain(true)
      return attendance.tellOfMissing()
    }
    if (this.name === CLOCK_HUB) await this.#alarmBy(expiryOf(changes))
    await follower.hear(changes)
  }

  async ringBy(at: number): Promise<void> {
    await this.#alarmBy(at)
  }

  async readSome(who: string | null, uris: string[]): Promise<Found[]> {
    return this.#wake().readings.readSome(who, uris)
  }

  async stats(): Promise<HubStats> {
    const { sessions: own, engine } = this.#wake()
    const sessions = [...own.values(), ...engine.sessions]
    const subscriptions = sessions.reduce((sum, { topics }) => sum + topics.length, 0)
    return { sockets: sessions.length, subscriptions }
  }

  /** Something expires, a delivery failed, a look or pings are due. A throw makes the runtime call again. */
  override async alarm(): Promise<void> {
    const { follower, engine, parts, readings, attendance } = this.#wake()
    readings.begin()
    try {
      await this.#alarmBy(engine.beat(parts.now()))
      await this.#expire()
    } finally {
      await follower.drain(true)
      await attendance.tellOfMissing()
    }
  }

  async #expire(): Promise<void> {
    // One clock is enough.
    if (this.name !== CLOCK_HUB) return
    await this.#alarmBy(await this.#wake().parts.expire())
  }

  /** Sees to it that the alarm rings at this time or before. */
  async #alarmBy(at: number | null): Promise<void> {
    if (at === null) return
    const current = await this.ctx.storage.getAlarm()
    if (current === null || at < current) await this.ctx.storage.setAlarm(at)
  }

  /** The fields, made from what outlived hibernation. */
  #wake() {
    if (this.#awake) return this.#awake
    const parts = this.parts()
    const { resolve, dispatch, feed, hook } = parts
    const memories = new Memories(this.ctx.storage.kv)
    const topics = new Topics(
      (topic) => {
        if (topic === JOURNAL || isPattern(topic)) return null
        const target = resolve(topic)
        return target ? sourceOf(target) : pathOf(topic)
      },
      (topic) => {
        memories.delete(topic)
        if (topics.isEmpty) this.ctx.waitUntil(follower.rest())
      },
    )
    const sessions = new Map<WebSocket, Session>()
    const readings = new Readings(parts)
    const follower = new Follower({
      storage: this.ctx.storage.kv,
      topics,
      memories,
      feed,
      name: this.name,
      now: parts.now,
      lookBy: (at) => this.#alarmBy(at),
      resolve,
      read: (uri) => readings.readForAll(uri),
      failed: async (error) => {
        console.error({ event: "delivery_failed", message: String(error) })
        await this.#alarmBy(parts.now() + DELIVERY_RETRY_MILLISECONDS)
      },
    })
    const backlog = new Backlog(feed)
    const attendance = new Attendance(this.ctx.storage.kv, hook, resolve)
    const bench = {
      topics,
      memories,
      follower,
      resolve,
      dispatch,
      readings,
      backlog,
      attendance,
    }
    const engine = new Engine(this.#engineParts(parts), bench)
    for (const socket of this.ctx.getWebSockets()) {
      if (engine.wake(socket)) continue
      // Ended by us; the other side has not answered yet.
      if (socket.readyState !== WebSocket.OPEN) continue
      const session = Session.wake(this.#lineOf(socket), socket.deserializeAttachment())
      if (!session) {
        // Written by another version of this. All of them are closed at once, and are not to return at once.
        const later = spreadMilliseconds(RESTART_SPREAD_MILLISECONDS, Math.random)
        socket.close(1012, closeReason("The service is another version now, connect again", later))
        continue
      }
      sessions.set(socket, session)
      for (const topic of session.topics) topics.add(topic, session)
    }
    for (const session of [...sessions.values(), ...engine.sessions]) attendance.find(session)
    if (attendance.isMissingSome) {
      this.ctx.waitUntil(this.#alarmBy(parts.now() + HUB_LOOK_FIRST_MILLISECONDS))
    }
    return (this.#awake = { parts, sessions, engine, ...bench })
  }

  #engineParts({ admit, now, newId, namespace }: HubParts): EngineParts {
    const { storage } = this.ctx
    const accept = (socket: WebSocket) => this.ctx.acceptWebSocket(socket)
    const wakeAt = (at: number) => this.#alarmBy(at)
    return { accept, admit, storage: storage.kv, wakeAt, now, newId, namespace }
  }

  /** Where the hub ends a socket nothing more is told it, whether the other side ever answers or not. */
  #lineOf(socket: WebSocket): Line {
    return {
      send: (text) => socket.send(text),
      serializeAttachment: (attachment) => socket.serializeAttachment(attachment),
      close: (code, reason) => {
        // Later: whoever closes it may be telling all.
        this.ctx.waitUntil(Promise.resolve().then(() => this.#forget(socket)))
        socket.close(code, reason)
      },
    }
  }

  #forget(socket: WebSocket): void {
    const { sessions, topics, engine, resolve, attendance } = this.#wake()
    if (engine.forget(socket)) return
    // The runtime names no socket that is closing among those it holds: where that woke the hub, it knows it by this alone.
    const line = this.#lineOf(socket)
    const session = sessions.get(socket) ?? Session.wake(line, socket.deserializeAttachment())
    const isFound = sessions.delete(socket)
    if (!session) return
    socket.serializeAttachment(null)
    session.closed = true
    this.ctx.waitUntil(attendance.gone(session.topics.map(resolve), session.who, isFound))
    for (const topic of session.topics) topics.remove(topic, session)
  }
}
