/** Socket.IO above Engine.IO: what is in its messages. A connection has one socket, in the one namespace there is. */
import { byteLength } from "../../lib/bytes.ts"
import { SOCKET_WAITING_MAX_BYTES } from "../../protocol/live-limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Bench } from "../commands/command.ts"
import { Session } from "../session.ts"
import { REAL_CLOCK } from "../outlet/throttle.ts"
import type { IoLine } from "./line.ts"
import { obeyEvent, refuseEvent } from "./obey.ts"
import { connectedText, notConnectedText, readPacket, type Packet } from "./packet.ts"

export interface SocketParts {
  /** A word for who sends this request; "none" may do nothing. */
  admit: (request: Request) => Promise<string>
  newId: () => string
  namespace: string
  /** Ends a connection. */
  end: (line: IoLine) => void
}

export class Sockets {
  readonly #parts: SocketParts
  readonly #bench: Bench

  constructor(parts: SocketParts, bench: Bench) {
    this.#parts = parts
    this.#bench = bench
  }

  /** Takes a message; a promise, which never rejects, where it takes time. What the protocol forbids ends the line. */
  hear(line: IoLine, content: string): Promise<void> | undefined {
    // What comes right behind a CONNECT waits for it.
    if (line.connecting) return line.connecting.then(() => this.hear(line, content))
    if (line.isOver) return undefined
    const { namespace, end } = this.#parts
    const packet = readPacket(content)
    if (!packet) end(line)
    else if (packet.namespace !== namespace) {
      if (packet.type !== "connect") return undefined
      line.say(notConnectedText(packet.namespace, "Invalid namespace"))
    } else if (packet.type === "connect") {
      line.connecting = this.#connect(line, packet)
      return line.connecting
    } else if (!line.session) end(line)
    else if (packet.type === "disconnect") {
      this.disconnect(line)
      line.save()
    } else if (packet.type !== "ack") return this.#event(line, line.session, packet, content)
    return undefined
  }

  /**
   * Ends what CONNECT began.
   * @param isFound false for a line whose end woke the hub
   */
  disconnect(line: IoLine, isFound = true): void {
    const { session } = line
    line.session = null
    if (!session) return
    session.closed = true
    const { topics, resolve, attendance } = this.#bench
    void attendance.gone(session.topics.map(resolve), session.who, isFound)
    for (const topic of session.topics) topics.remove(topic, session)
  }

  #event(line: IoLine, session: Session, packet: Packet, content: string): Promise<void> {
    if (session.outlet.isFull) {
      const detail = "Too much was sent to this socket that it has not read, read it first"
      refuseEvent(packet, line, new Problem("overloaded", detail))
      return Promise.resolve()
    }
    const job = () => obeyEvent(packet, line, session, this.#bench)
    const done = session.enqueue(byteLength(content), SOCKET_WAITING_MAX_BYTES, job)
    if (done) return done
    const detail = "This socket has too many commands waiting, send them more slowly"
    refuseEvent(packet, line, new Problem("overloaded", detail))
    return Promise.resolve()
  }

  async #connect(line: IoLine, { namespace, json }: Packet): Promise<void> {
    const who = line.session ? null : await this.#whoIs(line, json)
    line.connecting = null
    if (line.isOver) return
    if (who === null) {
      // There is a socket already.
      this.#parts.end(line)
    } else if (who === "none") {
      const detail = "Connect with a token: auth: { token }, or ?token="
      line.say(notConnectedText(namespace, detail, new Problem("unauthorized", detail)))
    } else {
      line.session = new Session(line, who, [], REAL_CLOCK, { pace: null })
      line.save()
      line.say(connectedText(namespace, this.#parts.newId()))
    }
  }

  /** Who a CONNECT comes from: "none" too where its payload is no JSON, or holds a token that no header can. */
  async #whoIs(line: IoLine, json: string): Promise<string> {
    try {
      const { token } = (json === "" ? {} : JSON.parse(json)) as { token?: unknown }
      if (typeof token !== "string") return line.who
      const headers = { Authorization: `Bearer ${token}` }
      return await this.#parts.admit(new Request("https://tidemark/", { headers }))
    } catch {
      return "none"
    }
  }
}
