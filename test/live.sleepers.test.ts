/** Copies of readers that stop reading for a while, as phones and pages in the background do. */
import { evictDurableObject } from "cloudflare:test"
import { env, exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { PatternReplica } from "../src/client/replica-pattern.ts"
import type { Subscription } from "../src/client/subscription.ts"
import { hubOf } from "../src/live/hubs.ts"
import { send } from "./helpers.ts"
import { chance, open, settled, sockets } from "./live.world.ts"
import type { Socket } from "../src/client/link.ts"

/** A socket between a client and the hub whose reader may sleep: then nothing is read, and so nothing acknowledged. */
class Sleeper implements Socket {
  readonly #socket: WebSocket
  readonly #unread: { data: unknown }[] = []
  #listener: ((event: { data: unknown }) => void) | undefined
  #sleeps: () => boolean

  constructor(socket: WebSocket, sleeps: () => boolean) {
    this.#socket = socket
    this.#sleeps = sleeps
    socket.addEventListener("message", ({ data }) => {
      if (this.#sleeps()) this.#unread.push({ data })
      else this.#listener?.({ data })
    })
  }

  get readyState(): number {
    return this.#socket.readyState
  }

  wake(): void {
    for (const event of this.#unread.splice(0)) this.#listener?.(event)
  }

  send(text: string): void {
    this.#socket.send(text)
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  addEventListener(type: string, listener: (event: any) => void): void {
    if (type === "message") this.#listener = listener
    else this.#socket.addEventListener(type as "close", listener)
  }
}

/** A client that sleeps and wakes. */
function drowsy() {
  let isAsleep = false
  let newest: Sleeper | undefined
  const live = open({
    open: async (url) => {
      const request = new Request(url.replace(/^ws/, "http"), { headers: { Upgrade: "websocket" } })
      const { webSocket } = await (exports as any).default.fetch(request)
      const sleeper = new Sleeper(webSocket, () => isAsleep)
      webSocket.accept()
      sockets.push(webSocket)
      return (newest = sleeper)
    },
  })
  return {
    live,
    sleep: () => void (isAsleep = true),
    wake: () => {
      isAsleep = false
      newest?.wake()
    },
  }
}

describe("copies of readers that sleep under random writes, cuts and evictions", () => {
  let resets = 0

  it.each([1, 2, 3])(
    "are what GET answers when they have woken (seed %i)",
    async (seed) => {
      const below = chance(seed)
      const name = `sleep-${seed}`
      const apps = Array.from({ length: 40 }, (_, n) => `/api/apps/${name}-${n}`)
      const series = `/api/store/${name}/s`
      const uris = [
        ...apps.slice(0, 3),
        "/api/apps/",
        `/api/apps/?where=data.n+gt+3&fields=name%2Cdata`,
        "/todo/",
        `/keys/${name}`,
        series,
        `${series}?every=1h&columns=a`,
        `${series}?columns=b&latest=3`,
      ]
      const { live, sleep, wake } = drowsy()
      const copies = uris.map((uri) =>
        live.subscribe(
          uri,
          ({ frame }) => (resets += frame?.reset ? 1 : 0),
          below(4) ? {} : { throttle: "20ms" },
        ),
      )
      const pattern = live.subscribe(`/api/apps/${name}-*`)
      await Promise.all([...copies, pattern].map(({ ready }) => ready))
      const todos: string[] = []
      const text = (step: number) => `${step}${"x".repeat(below(60_000))}`
      for (let step = 0; step < 200; step++) {
        const uri = apps[below(below(2) ? 3 : 40)] ?? ""
        const todo = todos[below(todos.length + 1)]
        const [kind, turn] = [4 + below(26), below(60)]
        if (turn === 0) wake()
        else if (turn < 3) sleep()
        else if (turn === 3) {
          await hubOf(env as never).stats()
          await evictDurableObject(hubOf(env as never))
        } else if (turn === 4 && below(3) === 0) sockets.at(-1)?.close(4001, "Cut")
        else if (kind < 7) await send(`DELETE ${uri}`)
        else if (kind < 10) {
          const { json } = await send("POST /todo/", { text: text(step) })
          todos.push(`/todo/${json.id}`)
        } else if (kind < 12 && todo) await send(`PATCH ${todo}`, { text: `${step}` })
        else if (kind < 14) {
          const value = encodeURIComponent(text(step))
          await send(`PUT /keys/${name}`, value, { "Content-Type": "text/plain" })
        } else if (kind < 19) {
          const index = [
            `2026-01-01T0${below(5)}:0${below(6)}:00`,
            `2026-01-01T0${5 + below(5)}:30:00`,
          ]
          const data = index.map(() => [step, text(step).slice(0, 2_000)])
          const mode = ["upsert", "update", "upsert", "replace"][below(4)]
          await send(`PUT ${series}?orient=split&mode=${mode}`, {
            columns: ["a", "b"],
            index,
            data,
          })
        } else {
          const data = { n: below(8), [`m${below(3)}`]: below(3) ? text(step) : null }
          await send(`${below(3) ? "PATCH" : "PUT"} ${uri}`, { data })
        }
      }
      wake()
      await settled(live)
      for (const [at, copy] of copies.entries()) await isRight(copy, uris[at] ?? "", seed)
      for (const [uri, value] of pattern.value as PatternReplica["value"]) {
        expect(value, `seed ${seed} ${uri}`).toEqual((await send(`GET ${uri}`)).json)
      }
      live.close()
    },
    60_000,
  )

  it("were told anew now and then, or nothing of this was tried", () => {
    expect(resets).toBeGreaterThan(10)
  })
})

async function isRight(copy: Subscription, uri: string, seed: number): Promise<void> {
  const { json, status } = await send(`GET ${uri}`)
  const expected = status === 200 ? json : undefined
  await expect
    .poll(() => copy.value, { timeout: 4_000 })
    .toEqual(expected)
    .catch(() => expect(copy.value, `seed ${seed} ${uri}`).toEqual(expected))
}
