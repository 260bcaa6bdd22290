/** Server-sent events, as the HTML standard reads them: the text of an event, and an answer that events are sent on. */

export interface ServerEvent {
  /** What `Last-Event-ID` will say; without a line break. Without `data` it is remembered, and nothing is dispatched. */
  id?: string
  event?: string
  data?: string
}

/** The event as text. Line breaks in the data stay line breaks. */
export function eventText({ id, event, data }: ServerEvent): string {
  const lines = data === undefined ? [] : data.split(/\r\n|\r|\n/)
  return [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...lines.map((line) => `data: ${line}`),
    ...(id === undefined ? [] : [`id: ${id}`]),
    "\n",
  ].join("\n")
}

/** True when events are what the `Accept` header names first; so do EventSource and `curl -H`. */
export function wantsEvents(accept: string | null): boolean {
  return /^\s*text\/event-stream\s*(;|,|$)/i.test(accept ?? "")
}

export interface EventStreamOptions {
  /** How long the client should wait before it comes back. */
  retryMilliseconds: number
  /** A comment goes out as often, so that nobody between takes the line for dead. */
  heartbeatMilliseconds: number
  /** With more than this sent but not taken, the next event ends the stream: the client comes back for it. */
  waitingMaxBytes: number
  /** Called when all that was sent is taken. */
  taken?: () => void
  /** Asked at every heartbeat; false ends the stream. */
  isAlive?: () => boolean
  /** Called once, whoever ended it. */
  ended: () => void
}

const COMMENT = ":\n\n"
/** Why a stream ends whose reader does not keep up. */
export const TOO_SLOW = "too much waits to be read, connect again and go on from the last id"

export class EventStream {
  readonly response: Response
  readonly #options: EventStreamOptions
  readonly #heartbeat: ReturnType<typeof setInterval>
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #pulled: () => void = () => {}

  constructor(options: EventStreamOptions) {
    this.#options = options
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          this.#pulled()
          this.#options.taken?.()
        },
        cancel: () => this.#ended(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    )
    this.response = new Response(body, { headers: { ...EVENT_STREAM_HEADERS } })
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMilliseconds)
    this.#write(`retry: ${Math.round(options.retryMilliseconds)}\n\n`)
  }

  get isOpen(): boolean {
    return this.#controller !== undefined
  }

  /** Bytes that were sent and not taken. */
  get waitingBytes(): number {
    return -(this.#controller?.desiredSize ?? 0)
  }

  send(event: ServerEvent): void {
    this.#write(eventText(event))
  }

  /** Settles when all that was sent is taken, or the stream is at its end. */
  async drained(): Promise<void> {
    while (this.#controller && (this.#controller.desiredSize ?? 0) < 0) {
      await new Promise<void>((resolve) => {
        this.#pulled = resolve
      })
    }
  }

  /** What was sent still arrives, then the answer is at its end. The comment is for people. */
  end(comment?: string): void {
    const controller = this.#controller
    if (comment !== undefined) controller?.enqueue(this.#encoder.encode(`: ${comment}\n\n`))
    this.#ended()
    controller?.close()
  }

  #write(text: string): void {
    const controller = this.#controller
    if (!controller) return
    // Asked before, so that an event that is larger by itself still goes out.
    if (this.waitingBytes > this.#options.waitingMaxBytes) this.end(TOO_SLOW)
    else controller.enqueue(this.#encoder.encode(text))
  }

  #beat(): void {
    if (this.#options.isAlive?.() === false) this.end()
    else this.#write(COMMENT)
  }

  #ended(): void {
    if (!this.#controller) return
    this.#controller = undefined
    clearInterval(this.#heartbeat)
    this.#pulled()
    this.#options.ended()
  }
}

/** Nothing between may keep the events, copy them or squeeze them together. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
}
