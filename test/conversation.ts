/** Conversations over a socket. Nothing here sleeps: whoever wants to know waits for a message. */
import { exports } from "cloudflare:workers"
import type { Frame, Reply } from "../src/protocol/frames.ts"
import { send } from "./helpers.ts"

type Said = Record<string, unknown>

let ids = 0
let marks = 0

export class Talker {
  readonly socket: WebSocket
  /** Frames that nobody has heard yet. */
  readonly heard: any[] = []
  /** Where the service asked how far the reader is; nobody answers by itself. */
  readonly asked: string[] = []
  /** Texts as they came, replies among them. */
  readonly texts: string[] = []
  closed: Promise<CloseEvent>
  readonly #marks = new Set<string>()
  readonly #replies = new Map<unknown, (reply: any) => void>()
  #wake: () => void = () => {}

  constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve))
    socket.addEventListener("message", ({ data }) => this.#take(String(data)))
    socket.accept()
  }

  /** Sends a command and waits for its reply. */
  ask(command: Said | string): Promise<any> {
    const id = ++ids
    const reply = new Promise<any>((resolve) => this.#replies.set(id, resolve))
    this.say({ id, ...(typeof command === "string" ? sentence(command) : command) })
    return reply
  }

  /** Sends what is not a command of its own id; `reply(id)` waits for what comes back. */
  say(frame: Said | string | ArrayBuffer): void {
    const raw = typeof frame === "string" || frame instanceof ArrayBuffer
    this.socket.send(raw ? frame : JSON.stringify(frame))
  }

  reply(id: unknown): Promise<Reply & Said> {
    return new Promise((resolve) => this.#replies.set(id, resolve))
  }

  /** Says that all that came is read. */
  ack(): void {
    const newest = this.asked.splice(0).at(-1)
    if (newest !== undefined) this.say(newest)
  }

  /** The next frame. */
  async hear(): Promise<Frame & any> {
    while (this.heard.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.heard.shift()
  }

  async hearAll(count: number): Promise<any[]> {
    const frames: any[] = []
    while (frames.length < count) frames.push(await this.hear())
    return frames
  }

  /** Every frame up to now: frames come in order, so after a mark of our own there can be none before it. */
  async rest(): Promise<any[]> {
    const uri = `/api/apps/mark-${++marks}`
    this.#marks.add(uri)
    await this.ask(`subscribe ${uri}`)
    await send(`PUT ${uri}`, { data: {} })
    const frames: any[] = []
    for (;;) {
      const frame = await this.hear()
      if (frame.uri === uri || frame.member === uri) break
      frames.push(frame)
    }
    await this.ask(`unsubscribe ${uri}`)
    return frames
  }

  #take(text: string): void {
    this.texts.push(text)
    if (text === "pong") return
    const frame = JSON.parse(text)
    if (frame.event === "ack") {
      this.asked.push(text)
      return
    }
    // Who follows the list of apps sees the marks of others, too.
    const mark = /\/mark-\d+$/.exec(frame.member ?? frame.uri)
    if (mark && !("ok" in frame) && !this.#marks.has(frame.member ?? frame.uri)) return
    if (!("ok" in frame)) this.heard.push(frame)
    else {
      this.#replies.get(frame.id)?.(frame)
      this.#replies.delete(frame.id)
    }
    this.#wake()
  }
}

/** A new socket. */
export async function connect(
  headers: Record<string, string> = {},
  path = "/live",
): Promise<Talker> {
  const response = await (exports as any).default.fetch(
    new Request(`https://tidemark.test${path}`, { headers: { Upgrade: "websocket", ...headers } }),
  )
  return new Talker(response.webSocket)
}

/** `subscribe /todo/ since abc.5`. */
function sentence(words: string): Said {
  const [event, uri, , since] = words.split(" ")
  return { event, uri, ...(since ? { since } : {}) }
}
