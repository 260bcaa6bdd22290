/** What tests of the live client share: clients of the real hub, whose connections can be cut. */
import { evictDurableObject } from "cloudflare:test"
import { env, exports } from "cloudflare:workers"
import { connect, type Live, type LiveOptions } from "../src/client/live.ts"
import type { Subscription } from "../src/client/subscription.ts"
import { hubOf } from "../src/live/hubs.ts"
import { createServices, handle } from "../src/app.ts"
import { send } from "./helpers.ts"

export const sockets: WebSocket[] = []

let evicting: Promise<void> | undefined

/** Puts the hub to sleep. One at a time: two at once crash workerd 1.20261023. */
export function evict(): Promise<void> {
  evicting ??= evictDurableObject(hubOf(env as never)).finally(() => (evicting = undefined))
  return evicting
}

/** What a Worker has whose pokes are all lost. */
const deaf = { env, now: Date.now, newId: () => "x", poke: () => {} }

/** A write of JSON that no hub is told of. */
export async function writeUntold(request: string, body?: object): Promise<void> {
  const [method = "", uri = ""] = request.split(" ")
  const headers = { "Content-Type": "application/json" }
  const json = body ? { body: JSON.stringify(body) } : {}
  const url = new URL(uri, "https://tidemark.test")
  const { ok } = await handle(new Request(url, { method, headers, ...json }), deaf as never)
  if (!ok) throw new Error(`${request} failed`)
}

/** Leaves nothing of the journal but the newest. */
export async function trimJournal(): Promise<void> {
  const request = new Request("https://tidemark.test/")
  await createServices(deaf as never, request).feed.trim(-1_000, 1)
}

/** A client whose connections can be cut: the newest socket is the last of `sockets`. */
export function open(options: LiveOptions = {}): Live {
  return connect("https://tidemark.test", {
    firstDelayMilliseconds: 1,
    longestDelayMilliseconds: 4,
    open: async (url) => {
      const request = new Request(url.replace(/^ws/, "http"), { headers: { Upgrade: "websocket" } })
      const { webSocket } = await (exports as any).default.fetch(request)
      webSocket.accept()
      sockets.push(webSocket)
      return webSocket
    },
    ...options,
  })
}

/** The next change for which this holds, or what is there if it holds already. */
export async function until(
  subscription: Subscription,
  holds: (value: any) => boolean,
): Promise<unknown> {
  for await (const { value } of subscription) if (holds(value)) return value
  throw new Error("The subscription ended")
}

/** Waits until these clients have heard of everything up to now: frames come in order, so a last one tells. */
export async function settled(...clients: Live[]): Promise<void> {
  const uri = `/api/apps/settled-${crypto.randomUUID()}`
  const marks = clients.map((live) => live.subscribe(uri))
  await Promise.all(marks.map(({ ready }) => ready))
  await send(`PUT ${uri}`, { data: {} })
  await Promise.all(marks.map((mark) => until(mark, (value) => value !== undefined)))
  for (const mark of marks) mark.unsubscribe()
}

/** Whole numbers below one given, by mulberry32. */
export function chance(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
