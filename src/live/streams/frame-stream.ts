/**
 * Frames of one topic as server-sent events, each with the place to go on from as its id. To a reader that is behind
 * it is told together what changed, as soon as it has taken the rest; one for whom even that becomes too much comes
 * back, and goes on from the last id.
 */
import { TOO_SLOW, type EventStream } from "../../lib/event-stream.ts"
import { formatPosition } from "../../protocol/change.ts"
import { headOf, type Head } from "../../protocol/frames.ts"
import { BEHIND_MAX_CHARACTERS, BEHIND_WAITING_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import { Waiting } from "../outlet/waiting.ts"

export class FrameStream {
  readonly #stream: EventStream
  readonly #waiting = new Waiting()
  #epoch: string
  /** A hub that is behind what its subscriber came back with reads again what has been told: nobody goes back for that. */
  #place = 0

  constructor(stream: EventStream, epoch: string) {
    this.#stream = stream
    this.#epoch = epoch
  }

  /** Says where to go on from, and no more. */
  place(position: number): void {
    this.#stream.send({ id: this.#idOf(position) })
  }

  /** Sends a frame now. */
  send(text: string, { event }: Pick<Head, "event">, position: number): void {
    this.#stream.send({ id: this.#idOf(position), event: event ?? "message", data: text })
  }

  /** Tells a frame, as soon as the reader can take it. */
  tell(text: string, head: Head): void {
    const { revision, position = revision, reset, epoch } = head
    if (reset) {
      if (epoch !== undefined && epoch !== this.#epoch) this.#place = 0
      this.#epoch = epoch ?? this.#epoch
      this.#waiting.clear()
    }
    if (this.#waiting.isEmpty && (reset || this.#stream.waitingBytes <= BEHIND_MAX_CHARACTERS)) {
      this.send(text, head, position)
      return
    }
    if (this.#waiting.addWithin(BEHIND_WAITING_MAX_CHARACTERS, text, head)) return
    this.#waiting.clear()
    this.#stream.end(TOO_SLOW)
  }

  /** Sends what waits: the reader has taken the rest. */
  flush(): void {
    for (const text of this.#waiting.take()) {
      const head = headOf(text)
      this.send(text, head, head.position ?? head.revision)
    }
  }

  #idOf(position: number): string {
    this.#place = Math.max(this.#place, position)
    return formatPosition({ epoch: this.#epoch, revision: this.#place })
  }
}
