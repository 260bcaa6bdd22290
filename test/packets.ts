/** Conversations in packets: Engine.IO 4 and Socket.IO 5 as they stand on the wire. */
import { exports } from "cloudflare:workers"

export const QUERY = "/socket.io/?EIO=4"

/** A request as it is; no client, no checks. */
export function request(uri: string, init: RequestInit = {}): Promise<Response> {
  return (exports as any).default.fetch(new Request(`https://tidemark.test${uri}`, init))
}

/** `["state",{…}]` and the like, of a packet. */
type Event = [name: string, payload: any]

export class Caller {
  readonly socket: WebSocket
  /** Packets that nobody has taken yet. */
  readonly packets: string[] = []
  readonly closed: Promise<CloseEvent>
  #wake: () => void = () => {}
  #asked = 0

  constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve))
    socket.addEventListener("message", ({ data }) => {
      this.packets.push(String(data))
      this.#wake()
    })
    socket.accept()
  }

  say(packet: string | ArrayBuffer): void {
    this.socket.send(packet)
  }

  async packet(): Promise<string> {
    while (this.packets.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.packets.shift() ?? ""
  }

  /** The next event. */
  async hear(): Promise<Event> {
    return eventOf(await this.#message())
  }

  /** The next packet that is no ping; pings are answered. */
  async #message(): Promise<string> {
    for (;;) {
      const packet = await this.packet()
      if (packet !== "2") return packet
      this.say("3")
    }
  }

  emit(...event: unknown[]): void {
    this.say(`42${JSON.stringify(event)}`)
  }

  /** Emits and waits for the acknowledgement; answers it with the events that came before it. */
  async ask(...event: unknown[]): Promise<{ ack: any; events: Event[]; text: string }> {
    const id = this.#asked++
    this.say(`42${id}${JSON.stringify(event)}`)
    const events: Event[] = []
    for (;;) {
      const text = await this.#message()
      if (text.startsWith(`43${id}[`)) {
        const [ack] = JSON.parse(text.slice(`43${id}`.length))
        return { ack, events, text }
      }
      events.push(eventOf(text))
    }
  }

  /** Every event up to now: what was sent before an acknowledgement is there before it. */
  async rest(): Promise<Event[]> {
    return (await this.ask("unsubscribe", "/nothing")).events
  }
}

function eventOf(packet: string): Event {
  if (!packet.startsWith("42[")) throw new Error(`No event: ${packet}`)
  return JSON.parse(packet.slice(2))
}

/** A WebSocket to a session, or to a new one. */
export async function open(more = "", headers: Record<string, string> = {}): Promise<Caller> {
  const response = await request(`${QUERY}&transport=websocket${more}`, {
    headers: { Upgrade: "websocket", ...headers },
  })
  if (!response.webSocket) throw new Error(`${response.status}: ${await response.text()}`)
  return new Caller(response.webSocket)
}

/** An open connection whose CONNECT was taken. */
export async function call(more = ""): Promise<Caller> {
  const caller = await open(more)
  await caller.packet()
  caller.say("40")
  const connected = await caller.packet()
  if (!connected.startsWith("40")) throw new Error(connected)
  return caller
}

/** A new session that polls. */
export async function poller(more = "") {
  const uri = `${QUERY}&transport=polling${more}`
  const opened = await (await request(uri)).text()
  const facts = JSON.parse(opened.slice(1))
  const session = `${uri}&sid=${facts.sid}`
  return {
    facts,
    uri: session,
    poll: async () => (await (await request(session)).text()).split("\x1e"),
    post: (...packets: string[]) =>
      request(session, { method: "POST", body: packets.join("\x1e") }),
  }
}
