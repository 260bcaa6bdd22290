/**
 * The Worker's end of a hub: a socket with one subscription, for callers that cannot hold a socket. The hub may
 * hibernate meanwhile; it is the Worker that stays.
 */
import { isAck } from "../../protocol/ack.ts"
import { headOf, type Head } from "../../protocol/frames.ts"
import { Problem } from "../../protocol/problem.ts"
import { hubFor, hubOf, type HubEnv } from "../hubs.ts"

/** What is subscribed to, on behalf of who sent the request. */
export interface Wish {
  request: Request
  uri: string
  /** `<epoch>.<position>`. */
  since?: string | null
  /** How often changes are told at most, as a subscribe says it. */
  throttle?: string | undefined
}

/** Opens a subscription. Throws Problem overloaded when the hub is away. */
export type Listen = (wish: Wish) => Promise<Ear>

export interface Listener {
  /** Frames, in order. */
  heard: (text: string, head: Head) => void
  /** The hub is gone, or was left; nothing follows. */
  closed: () => void
}

export class Ear {
  /** The reply to the subscription; `reset` and `ok: false` are replies, too. */
  readonly reply: Promise<Head>
  readonly #socket: WebSocket
  readonly #waiting: [text: string, head: Head][] = []
  #listener: Listener | undefined
  #closed = false
  #silent = false

  constructor(socket: WebSocket, { uri, since, throttle }: Wish) {
    this.#socket = socket
    this.reply = new Promise((resolve, reject) => {
      socket.addEventListener("message", ({ data }) => {
        this.#silent = false
        if (data === "pong") return
        const text = String(data)
        if (isAck(text)) {
          if (!this.#closed) socket.send(text)
          return
        }
        const head = headOf(text)
        if ("ok" in head) resolve(head)
        else if (this.#listener) this.#listener.heard(text, head)
        else this.#waiting.push([text, head])
      })
      const closed = () => {
        reject(away())
        this.#end()
      }
      socket.addEventListener("close", closed)
      socket.addEventListener("error", closed)
    })
    // Who does not wait for it hears by `closed`.
    this.reply.catch(() => {})
    socket.accept()
    const place = typeof since === "string" ? { since } : {}
    // What is undefined is not written.
    socket.send(JSON.stringify({ id: 1, event: "subscribe", uri, ...place, throttle }))
  }

  /** From here on; what came before is heard first. */
  listen(listener: Listener): void {
    this.#listener = listener
    for (const [text, head] of this.#waiting.splice(0)) listener.heard(text, head)
    if (this.#closed) listener.closed()
  }

  /** Asks the runtime that holds the hub for a sign, which does not wake it. False when the last one never came. */
  ping(): boolean {
    if (this.#closed || this.#silent) return false
    this.#silent = true
    this.#socket.send("ping")
    return true
  }

  close(): void {
    if (this.#closed) return
    this.#end()
    this.#socket.close(1000, "The caller is gone")
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#listener?.closed()
  }
}

/** Listens at a hub of these bindings. The caller's token goes along: the hub asks for it itself. */
export function listenAt(env: HubEnv, newId: () => string = () => crypto.randomUUID()): Listen {
  return async (wish) => {
    const headers = new Headers({ Upgrade: "websocket" })
    const token = wish.request.headers.get("Authorization")
    if (token !== null) headers.set("Authorization", token)
    let socket: WebSocket | null
    try {
      const door = new Request(doorOf(new URL(wish.request.url)), { headers })
      ;({ webSocket: socket } = await hubOf(env, hubFor(env, newId())).fetch(door))
    } catch (error) {
      console.error({ event: "hub_unreachable", message: String(error) })
      throw away()
    }
    if (!socket) throw away()
    return new Ear(socket, wish)
  }
}

/** Nothing of what the caller asked means anything to the hub, but the token. */
function doorOf({ origin, searchParams }: URL): URL {
  const door = new URL("/live?acks=1", origin)
  const token = searchParams.get("token")
  if (token !== null) door.searchParams.set("token", token)
  return door
}

function away(): Problem {
  const detail = "The hub cannot take subscribers now, try again in a moment"
  return new Problem("overloaded", detail, {}, { "Retry-After": "1" })
}
