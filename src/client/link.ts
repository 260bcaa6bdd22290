/** A WebSocket that comes back: reconnects with jittered backoff, and notices when the other side has gone silent. */

import { isAck } from "../protocol/ack.ts"
import { isReconnectable, retryHintIn, spreadMilliseconds } from "../protocol/close.ts"
import { OVERLOAD_SPREAD_MILLISECONDS } from "../protocol/live-limits.ts"

/** What is used of a WebSocket, so that any will do. */
export interface Socket {
  readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: "open" | "error", listener: () => void): void
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void
}

export interface LinkOptions {
  /** In place of `new WebSocket(url)`. */
  open?: (url: string) => Socket | Promise<Socket>
  /** 0 ≤ chance < 1; spreads the clients of a service that went away. */
  random?: () => number
  firstDelayMilliseconds?: number
  longestDelayMilliseconds?: number
  /** A "ping" is sent as often; a connection that was silent since the one before is given up. */
  pingMilliseconds?: number
}

export interface LinkEvents {
  opened: () => void
  text: (text: string) => void
  /** It will come back. */
  lost: () => void
  /** It will not. */
  ended: (code: number, reason: string) => void
}

const OPEN = 1

export class Link {
  readonly #url: string
  readonly #options: Required<LinkOptions>
  readonly #events: LinkEvents
  #socket: Socket | null = null
  #isOpen = false
  #failures = 0
  #heard = true
  #ended = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #pings: ReturnType<typeof setInterval> | undefined
  readonly #jobs = new Set<ReturnType<typeof setTimeout>>()

  constructor(url: string, options: LinkOptions, events: LinkEvents) {
    this.#url = url
    this.#events = events
    this.#options = {
      open: (address) => new WebSocket(address) as unknown as Socket,
      random: Math.random,
      firstDelayMilliseconds: 250,
      longestDelayMilliseconds: 30_000,
      pingMilliseconds: 25_000,
      ...options,
    }
    void this.#connect()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Sends now; the caller asks `isOpen` first. */
  send(text: string): void {
    this.#socket?.send(text)
  }

  /** Does something in a while, another for each client, unless the connection is lost before. */
  later(job: () => void): void {
    const { longestDelayMilliseconds, random } = this.#options
    const timer = setTimeout(
      () => {
        this.#jobs.delete(timer)
        job()
      },
      spreadMilliseconds(Math.min(OVERLOAD_SPREAD_MILLISECONDS, longestDelayMilliseconds), random),
    )
    this.#jobs.add(timer)
  }

  /** For good. */
  end(): void {
    const socket = this.#socket
    this.#end(1000, "Closed by the client")
    socket?.close(1000, "Closed by the client")
  }

  async #connect(): Promise<void> {
    let socket: Socket
    try {
      socket = await this.#options.open(this.#url)
    } catch {
      this.#retry()
      return
    }
    if (this.#ended) {
      socket.close()
      return
    }
    this.#socket = socket
    const isCurrent = () => this.#socket === socket
    socket.addEventListener("open", () => isCurrent() && this.#opened())
    socket.addEventListener("message", ({ data }) => isCurrent() && this.#take(String(data)))
    socket.addEventListener("error", () => {
      if (!isCurrent()) return
      this.#dropped(1006, "")
      socket.close()
    })
    socket.addEventListener("close", ({ code, reason }) => {
      if (isCurrent()) this.#dropped(code, reason)
    })
    if (socket.readyState === OPEN) this.#opened()
  }

  #opened(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#heard = true
    this.#pings = setInterval(() => this.#ping(), this.#options.pingMilliseconds)
    this.#events.opened()
  }

  #take(text: string): void {
    this.#heard = true
    // Only what the service says shows that it is well; a socket that opens and closes is not.
    this.#failures = 0
    // In its turn: what came before it is taken.
    if (isAck(text)) this.#acknowledge(text)
    else if (text !== "pong") this.#events.text(text)
  }

  #acknowledge(text: string): void {
    // Some sockets throw when they are closing.
    if (this.#socket?.readyState === OPEN) this.#socket.send(text)
  }

  #ping(): void {
    if (this.#heard) {
      this.#heard = false
      this.#socket?.send("ping")
      return
    }
    const socket = this.#socket
    this.#dropped(1006, "")
    socket?.close()
  }

  #dropped(code: number, reason: string): void {
    this.#rest()
    if (!isReconnectable(code)) {
      this.#end(code, reason)
      return
    }
    this.#events.lost()
    this.#retry(retryHintIn(reason) ?? 0)
  }

  /** @param least milliseconds that the service asked for */
  #retry(least = 0): void {
    if (this.#ended) return
    const { firstDelayMilliseconds, longestDelayMilliseconds, random } = this.#options
    const delay = Math.min(firstDelayMilliseconds * 2 ** this.#failures++, longestDelayMilliseconds)
    // Between half and all of it, so that clients that were cut off together do not return together.
    const jittered = delay * (0.5 + random() / 2)
    this.#timer = setTimeout(() => void this.#connect(), Math.max(jittered, least))
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#rest()
    this.#events.ended(code, reason)
  }

  #rest(): void {
    this.#socket = null
    this.#isOpen = false
    if (this.#pings !== undefined) clearInterval(this.#pings)
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    for (const job of this.#jobs) clearTimeout(job)
    this.#jobs.clear()
  }
}
