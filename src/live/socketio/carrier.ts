/** What carries the packets of a Socket.IO connection: its WebSocket, or the polls that a stock client begins with. */
import { SOCKETIO_POLL_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import type { Carrier } from "./line.ts"
import { ENGINE, SEPARATOR } from "./packet.ts"

export function carrierOf(socket: WebSocket): Carrier {
  return {
    write: (packet) => socket.send(packet),
    close: (code, reason) => socket.close(code, reason),
    keep: (attachment) => socket.serializeAttachment(attachment),
  }
}

/**
 * Keeps packets until the client polls. It lives in memory alone: a hub that is evicted forgets it, the next poll is
 * refused, and the client connects anew, as from any lost connection.
 */
export class Poll implements Carrier {
  /** The client tries a WebSocket: no poll is held back, because it waits for the last one to end. */
  isProbed = false
  isClosed = false
  #queue: string[] = []
  #characters = 0
  #wake: (() => void) | null = null

  /** Throws when the client lets too much wait. */
  write(packet: string): void {
    if (this.isClosed) return
    this.#characters += packet.length
    if (this.#characters > SOCKETIO_POLL_MAX_CHARACTERS)
      throw new Error("Too much waits for a poll")
    this.#queue.push(packet)
    this.release()
  }

  close(): void {
    this.isClosed = true
    this.#queue.push(ENGINE.close)
    this.release()
  }

  keep(): void {}

  /** Lets a poll that is held back go, with what there is. */
  release(): void {
    this.#wake?.()
  }

  /** True while a poll is held back. */
  get isHeld(): boolean {
    return this.#wake !== null
  }

  /** The answer to a poll, as soon as there is something to say. */
  async payload(): Promise<string> {
    if (this.#queue.length === 0 && !this.isProbed && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
    const packets = this.take()
    return packets.length === 0 ? ENGINE.noop : packets.join(SEPARATOR)
  }

  /** What waits, which then waits no more. */
  take(): string[] {
    this.#characters = 0
    return this.#queue.splice(0)
  }
}
