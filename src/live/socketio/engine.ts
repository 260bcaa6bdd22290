/**
 * Engine.IO in the hub: sessions, the upgrade from polling to WebSocket, heartbeats. An upgraded session is kept by the
 * attachment of its socket, so the hub sleeps on it; one that polls keeps the hub awake, and ends with its memory.
 */
import {
  SOCKETIO_PING_INTERVAL_MILLISECONDS,
  SOCKETIO_POLLS_MAX,
  SOCKETIO_UPGRADE_TIMEOUT_MILLISECONDS,
} from "../../protocol/live-limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { acknowledge } from "../commands/anew.ts"
import type { Bench } from "../commands/command.ts"
import type { Storage } from "../delivery/cursor.ts"
import type { Session } from "../session.ts"
import { carrierOf, Poll } from "./carrier.ts"
import { IoLine, type Carrier } from "./line.ts"
import { Sockets, type SocketParts } from "./sockets.ts"
import { ENGINE, openText, SEPARATOR } from "./packet.ts"
import { Events } from "./translate.ts"

export interface EngineParts extends Omit<SocketParts, "end"> {
  /** Takes a socket on behalf of the hub. */
  accept: (socket: WebSocket) => void
  storage: Storage
  /** Sees to it that `beat` is called at this time, in epoch milliseconds, or before. */
  wakeAt: (at: number) => Promise<void>
  now: () => number
}

/** The header in which the Worker names the session that is to begin. */
export const SESSION_HEADER = "Tidemark-Session"

const DUE = "socketio-beat"

export class Engine {
  readonly #parts: EngineParts
  readonly #bench: Bench
  readonly #events: Events
  readonly #sockets: Sockets
  readonly #lines = new Map<WebSocket, IoLine>()
  readonly #polls = new Map<string, { poll: Poll; line: IoLine }>()
  /** Sockets that may take over from a poll, for a while. */
  readonly #probes = new Map<WebSocket, { sid: string; timer: ReturnType<typeof setTimeout> }>()

  constructor(parts: EngineParts, bench: Bench) {
    this.#parts = parts
    this.#bench = bench
    this.#events = new Events(parts.namespace)
    this.#sockets = new Sockets({ ...parts, end: (line) => this.#end(line) }, bench)
  }

  get sessions(): Session[] {
    const lines = [...this.#lines.values(), ...[...this.#polls.values()].map(({ line }) => line)]
    return lines.flatMap(({ session }) => session ?? [])
  }

  /** Takes a socket that slept; false for one that is none of Socket.IO. */
  wake(socket: WebSocket): boolean {
    const line = this.#lineOf(socket)
    if (!line) return false
    this.#lines.set(socket, line)
    for (const topic of line.session?.topics ?? []) {
      if (line.session) this.#bench.topics.add(topic, line.session)
    }
    return true
  }

  /** Answers a request of a session, or begins one. */
  async fetch(request: Request): Promise<Response> {
    const sid = new URL(request.url).searchParams.get("sid")
    const isSocket = request.headers.get("Upgrade")?.toLowerCase() === "websocket"
    if (sid === null) return isSocket ? this.#openSocket(request) : this.#openPoll(request)
    const polled = this.#polls.get(sid)
    if (!polled) return refused(unknownSession(sid))
    if (isSocket) return this.#probe(sid)
    return request.method === "GET" ? this.#answer(polled) : this.#take(polled.line, request)
  }

  /** A message from a socket; false when the socket is none of Socket.IO. */
  hear(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | boolean {
    const line = this.#lines.get(socket)
    if (line) return this.#packet(line, message) ?? true
    const probe = this.#probes.get(socket)
    if (!probe) return false
    const polled = this.#polls.get(probe.sid)
    if (message === `${ENGINE.ping}probe` && polled) {
      polled.poll.isProbed = true
      socket.send(`${ENGINE.pong}probe`)
      polled.poll.release()
    } else if (message === ENGINE.upgrade && polled) this.#upgrade(socket, polled)
    else socket.close(4000, "This session is over, connect again")
    return true
  }

  /** Forgets a socket that is gone; false for one that is none of Socket.IO. */
  forget(socket: WebSocket): boolean {
    const wasProbe = this.#endProbe(socket)
    // It may be what woke the hub, which then finds it nowhere else.
    const isFound = this.#lines.has(socket)
    const line = this.#lines.get(socket) ?? this.#lineOf(socket)
    this.#lines.delete(socket)
    if (!line) return wasProbe
    this.#sockets.disconnect(line, isFound)
    // Nobody else is to tell of its end once more.
    line.save()
    return true
  }

  /** Pings when it is time, and ends who did not answer the last one; answers when the next time is. */
  beat(now: number): number | null {
    const { storage } = this.#parts
    const due = storage.get(DUE)
    if (typeof due === "number" && now < due) return due
    for (const [socket, line] of this.#lines) {
      if (line.ping(now)) continue
      this.forget(socket)
      line.close(4000, "No sign of life, connect again")
    }
    for (const { line } of this.#polls.values()) if (!line.ping(now)) this.#end(line)
    const next = this.#isEmpty ? null : now + SOCKETIO_PING_INTERVAL_MILLISECONDS
    if (typeof due === "number" || next !== null) storage.put(DUE, next)
    return next
  }

  get #isEmpty(): boolean {
    return this.#lines.size + this.#polls.size === 0
  }

  async #openSocket(request: Request): Promise<Response> {
    const { accept, admit } = this.#parts
    const who = await admit(request)
    const { 0: client, 1: server } = new WebSocketPair()
    accept(server)
    const line = this.#begin(carrierOf(server), request, who)
    this.#lines.set(server, line)
    line.save()
    server.send(openText(line.sid, []))
    await this.#expectBeat()
    return new Response(null, { status: 101, webSocket: client })
  }

  async #openPoll(request: Request): Promise<Response> {
    if (request.method !== "GET") {
      const detail = "A session begins with GET, and this request names none"
      return refused(new Problem("invalid_request", detail, { message: "Bad handshake method" }))
    }
    if (this.#polls.size >= SOCKETIO_POLLS_MAX) {
      const detail = `${SOCKETIO_POLLS_MAX} sessions poll already; use transports: ["websocket"]`
      return refused(new Problem("overloaded", detail, {}, { "Retry-After": "10" }))
    }
    const poll = new Poll()
    const line = this.#begin(poll, request, await this.#parts.admit(request))
    this.#polls.set(line.sid, { poll, line })
    await this.#expectBeat()
    return text(openText(line.sid, ["websocket"]))
  }

  #begin(carrier: Carrier, request: Request, who: string): IoLine {
    const sid = request.headers.get(SESSION_HEADER) ?? this.#parts.newId()
    const at = this.#parts.now()
    return new IoLine(carrier, this.#events, { sid, who, at, isPinged: false, pings: 0, bare: [] })
  }

  /** Sees to it that there will be a ping. */
  async #expectBeat(): Promise<void> {
    const { storage, now, wakeAt } = this.#parts
    const due = storage.get(DUE)
    const at = typeof due === "number" ? due : now() + SOCKETIO_PING_INTERVAL_MILLISECONDS
    storage.put(DUE, at)
    await wakeAt(at)
  }

  async #answer({ poll, line }: { poll: Poll; line: IoLine }): Promise<Response> {
    if (poll.isHeld) {
      // Two polls at once would tear the order apart.
      this.#end(line)
      return refused(unknownSession(line.sid))
    }
    const payload = await poll.payload()
    if (poll.isClosed) this.#end(line)
    return text(payload)
  }

  async #take(line: IoLine, request: Request): Promise<Response> {
    const packets = (await request.text()).split(SEPARATOR)
    // Not waited for: what they do is told by polls, and polls may have to come first.
    for (const packet of packets) void this.#packet(line, packet)
    const isFit = this.#polls.has(line.sid) || packets.includes(ENGINE.close)
    return isFit ? text("ok") : refused(unknownSession(line.sid))
  }

  #probe(sid: string): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    this.#parts.accept(server)
    // No attachment: should the hub sleep before the upgrade, the session is gone, and the socket may go too.
    const timer = setTimeout(() => {
      // From here on polls are held back again: else whoever only probes would poll without a pause.
      this.#endProbe(server)
      server.close(4000, "There was no upgrade in time, connect again")
    }, SOCKETIO_UPGRADE_TIMEOUT_MILLISECONDS)
    this.#probes.set(server, { sid, timer })
    return new Response(null, { status: 101, webSocket: client })
  }

  /** False for a socket that was not about to take over. */
  #endProbe(socket: WebSocket): boolean {
    const probe = this.#probes.get(socket)
    if (!probe) return false
    clearTimeout(probe.timer)
    this.#probes.delete(socket)
    const polled = this.#polls.get(probe.sid)
    if (polled) polled.poll.isProbed = false
    return true
  }

  #upgrade(socket: WebSocket, { poll, line }: { poll: Poll; line: IoLine }): void {
    this.#endProbe(socket)
    this.#polls.delete(line.sid)
    this.#lines.set(socket, line)
    line.carrier = carrierOf(socket)
    line.save()
    for (const packet of poll.take()) line.say(packet)
    poll.release()
  }

  /** Takes a packet; a promise where it takes time. */
  #packet(line: IoLine, packet: string | ArrayBuffer): Promise<void> | undefined {
    // Attachments of binary events, which were refused when their text came.
    if (typeof packet !== "string" || packet.startsWith("b") || line.isOver) return undefined
    const [type, content] = [packet.slice(0, 1), packet.slice(1)]
    if (type === ENGINE.message) return this.#sockets.hear(line, content)
    if (type === ENGINE.pong) return this.#pong(line)
    if (type === ENGINE.ping) line.say(ENGINE.pong + content)
    else if (type === ENGINE.close) this.#end(line)
    else if (type !== ENGINE.noop) this.#end(line)
    return undefined
  }

  #pong(line: IoLine): Promise<void> | undefined {
    const mark = line.pong()
    return mark === null || !line.session ? undefined : acknowledge(mark, line.session, this.#bench)
  }

  /** The line of a socket that slept; null for one that is none of Socket.IO. */
  #lineOf(socket: WebSocket): IoLine | null {
    return IoLine.wake(carrierOf(socket), this.#events, socket.deserializeAttachment())
  }

  /** Ends a session, and its connection with it. */
  #end(line: IoLine): void {
    this.#sockets.disconnect(line)
    this.#polls.delete(line.sid)
    line.close(1000, "")
  }
}

function text(body: string): Response {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" }
  return new Response(body, { headers })
}

function unknownSession(sid: string): Problem {
  const detail = `There is no session "${sid.slice(0, 100)}" that polls, connect anew`
  return new Problem("invalid_request", detail, { message: "Session ID unknown" })
}

function refused(problem: Problem): Response {
  const { status, headers } = problem
  const type = { "Content-Type": "application/problem+json" }
  return new Response(problem.toText(), { status, headers: { ...type, ...headers } })
}
