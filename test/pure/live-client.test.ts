/** The live client against a service that says what it is told to say. */
import { describe, expect, it } from "vitest"
import { connect } from "../../src/client/live.ts"
import type { Socket } from "../../src/client/link.ts"

/** A socket whose other side is the test. */
class Line implements Socket {
  readyState = 1
  readonly sent: any[] = []
  readonly #listeners = new Map<string, (event: any) => void>()
  readonly #used: () => void

  /** @param used called when the client has taken it up */
  constructor(used: () => void) {
    this.#used = used
  }

  send(text: string): void {
    this.sent.push(text === "ping" ? text : JSON.parse(text))
  }

  close(code = 1000, reason = ""): void {
    this.#listeners.get("close")?.({ code, reason })
  }

  addEventListener(type: string, listener: (event: any) => void): void {
    this.#listeners.set(type, listener)
    if (type === "close") queueMicrotask(this.#used)
  }

  /** What the service says. */
  say(said: object): void {
    this.#listeners.get("message")?.({ data: JSON.stringify(said) })
  }

  /** The reply to the newest command. */
  reply(more: object): void {
    this.say({ id: this.sent.at(-1).id, ok: true, ...more })
  }
}

function service(options = {}) {
  const urls: string[] = []
  const lines = [1, 2, 3].map(() => Promise.withResolvers<Line>())
  const live = connect("http://localhost:8787/base/?x=1", {
    open: async (url) => {
      const { resolve } = lines[urls.push(url) - 1] ?? {}
      const line: Line = new Line(() => resolve?.(line))
      return line
    },
    firstDelayMilliseconds: 0,
    longestDelayMilliseconds: 0,
    ...options,
  })
  const [first, second, third] = lines.map(({ promise }) => promise) as Promise<Line>[]
  return { live, urls, first, second, third } as Record<
    "first" | "second" | "third",
    Promise<Line>
  > & {
    live: typeof live
    urls: string[]
  }
}

const state = (uri: string, revision: number, resource: unknown, members?: string[]) => ({
  event: "state",
  uri,
  revision,
  resource,
  ...(members ? { members } : {}),
})

describe("the live client", () => {
  it("goes to /live of the service, by ws", async () => {
    const { live, urls, first } = service({ token: "a b" })
    await first
    expect(urls).toEqual(["ws://localhost:8787/base/live?x=1&acks=1&token=a+b"])
    live.close()
  })

  it("takes the frames that a reply announces for that topic alone", async () => {
    const { live, first } = service()
    const line = await first
    const list = live.subscribe("/l/")
    line.reply({ uri: "/l/", revision: 5, epoch: "ab", position: 5, frames: 1 })
    line.say(state("/l/", 5, [{ id: "a" }], ["/l/a"]))
    const item = live.subscribe("/l/z")
    // Read after a change that the list is told of later, with others before it.
    line.reply({ uri: "/l/z", revision: 7, epoch: "ab", position: 7, frames: 1 })
    line.say(state("/l/z", 7, { id: "z" }))
    line.say({ event: "create", uri: "/l/", revision: 6, member: "/l/b", resource: { id: "b" } })
    line.say({ event: "create", uri: "/l/", revision: 7, member: "/l/z", resource: { id: "z" } })
    expect(list.value).toEqual([{ id: "a" }, { id: "b" }, { id: "z" }])
    expect([item.value, item.revision]).toEqual([{ id: "z" }, 7])
    line.say({ event: "patch", uri: "/l/z", revision: 8, patch: { n: 1 } })
    expect(list.value).toContainEqual({ id: "z", n: 1 })
    expect(item.value).toEqual({ id: "z", n: 1 })
    live.close()
  })

  it("asks again from where it was, and for all of it when it has lost its way", async () => {
    const { live, first, second } = service()
    const line = await first
    const item = live.subscribe("/a")
    line.reply({ uri: "/a", revision: 5, epoch: "ab", position: 9, frames: 1 })
    line.say(state("/a", 5, {}))
    await item.ready
    line.close(4000)
    const again = await second
    expect(again.sent).toMatchObject([{ event: "resume", since: "ab.9", uris: ["/a"] }])
    const topics = [{ uri: "/a", revision: 12, position: 12, resumed: true }]
    again.reply({ epoch: "ab", position: 12, frames: 1, topics })
    again.say({ event: "delete", uri: "/a", revision: 12 })
    expect(item.value).toBeUndefined()
    again.say({ event: "patch", uri: "/a", revision: 13, patch: {} })
    const [, anew] = again.sent
    expect(anew).toMatchObject({ event: "subscribe", uri: "/a" })
    expect(anew.since).toBeUndefined()
    live.close()
  })

  it("comes back with all that it follows by one command, from as far as it has heard", async () => {
    const { live, first, second } = service()
    const line = await first
    const copies = ["/l/", "/l/a", "/quiet", "/late"].map((uri) => {
      const copy = live.subscribe(uri)
      const position = uri === "/late" ? 20 : 5
      line.reply({ uri, revision: 5, epoch: "ab", position, frames: 1 })
      line.say(state(uri, 5, uri === "/l/" ? [{}] : {}, uri === "/l/" ? ["/l/a"] : undefined))
      return copy
    })
    const [list, item, quiet, late] = copies
    line.say({ event: "patch", uri: "/l/a", revision: 11, position: 9, patch: { n: 1 } })
    // In no order with the rest.
    line.say({ event: "state", uri: "/v?x=1", revision: 50, view: true, resource: {} })
    line.close(1012, "Another version; retry_after_ms=1")
    const again = await second
    expect(again.sent).toEqual([
      {
        id: expect.any(Number),
        event: "resume",
        since: "ab.9",
        uris: ["/l/", "/l/a", { uri: "/quiet", since: "ab.8" }, { uri: "/late", since: "ab.20" }],
      },
    ])
    const outcome = { revision: 30, position: 30 }
    again.reply({
      epoch: "ab",
      position: 30,
      frames: 3,
      topics: [
        { uri: "/l/", ...outcome, resumed: true },
        { uri: "/l/a", ...outcome, reset: true },
        { uri: "/quiet", ...outcome, resumed: true },
        { uri: "/late", problem: { code: "forbidden", status: 403, detail: "No more" } },
      ],
    })
    again.say({ event: "patch", uri: "/l/a", revision: 21, patch: { n: 2 } })
    // What is told anew does not take what it missed for its own.
    expect([list?.value, item?.value]).toEqual([[{ n: 2 }], { n: 1 }])
    again.say({ event: "create", uri: "/l/", member: "/l/b", revision: 22, resource: { n: 9 } })
    again.say({ ...state("/l/a", 40, { n: 3 }), position: 40, reset: true, epoch: "ab" })
    expect(list?.value).toEqual([{ n: 2 }, { n: 9 }])
    expect([item?.value, item?.revision, quiet?.value]).toEqual([{ n: 3 }, 40, {}])
    again.say({ event: "patch", uri: "/l/a", revision: 35, patch: { n: 4 } })
    expect([list?.value, item?.value]).toEqual([[{ n: 4 }, { n: 9 }], { n: 3 }])
    const changes = late?.[Symbol.asyncIterator]()
    await changes?.next()
    await expect(changes?.next()).rejects.toMatchObject({ problem: { code: "forbidden" } })
    live.close()
  })

  it("asks anew for what a lost connection had only begun to tell it", async () => {
    const { live, first, second, third } = service()
    const line = await first
    const copies = ["/a", "/b", "/c"].map((uri) => {
      const copy = live.subscribe(uri)
      line.reply({ uri, revision: 5, epoch: "ab", position: 5, frames: 1 })
      line.say(state(uri, 5, {}))
      return copy
    })
    line.close(1006)
    const again = await second
    const outcome = { revision: 30, position: 30 }
    const topics = [
      { uri: "/a", ...outcome, resumed: true },
      { uri: "/b", ...outcome, resumed: true },
      { uri: "/c", ...outcome, reset: true },
    ]
    again.reply({ epoch: "ab", position: 30, frames: 3, topics })
    again.say({ event: "patch", uri: "/a", revision: 17, patch: { n: 1 } })
    again.close(1006)
    const { sent } = await third
    expect(sent).toMatchObject([
      { event: "resume", uris: ["/a", { uri: "/b", since: "ab.5" }], since: "ab.17" },
      { event: "subscribe", uri: "/c" },
    ])
    expect(copies.map(({ value }) => value)).toEqual([{ n: 1 }, {}, {}])
    live.close()
  })

  it("asks again for what the service was too busy to tell", async () => {
    const { live, first } = service()
    const line = await first
    const item = live.subscribe("/a")
    const problem = { code: "overloaded", status: 503, detail: "Later" }
    line.say({ id: line.sent.at(-1).id, ok: false, problem })
    await expect.poll(() => line.sent).toHaveLength(2)
    expect(line.sent[1]).toMatchObject({ event: "subscribe", uri: "/a" })
    line.reply({ uri: "/a", revision: 5, epoch: "ab", position: 5, frames: 1 })
    line.say(state("/a", 5, { n: 1 }))
    await item.ready
    expect(item.value).toEqual({ n: 1 })
    live.close()
  })

  it("comes back no sooner than the service asks", async () => {
    const delays: number[] = []
    const real = globalThis.setTimeout
    globalThis.setTimeout = ((run: () => void, delay: number) => {
      delays.push(delay)
      return real(run, 0)
    }) as never
    try {
      const { live, first, second, third } = service({ firstDelayMilliseconds: 100 })
      const [line] = [await first]
      line.close(4001, "The hub is away; retry_after_ms=3456")
      const again = await second
      again.close(1012, "Another version; retry_after_ms=1")
      await third
      expect(delays[0]).toBe(3_456)
      expect(delays[1]).toBeLessThan(100)
      live.close()
    } finally {
      globalThis.setTimeout = real
    }
  })

  it("sends commands when it can, once, and says when it cannot know what became of them", async () => {
    const { live, first, second } = service()
    const early = live.patch("/a", { n: 1 })
    const line = await first
    expect(line.sent).toMatchObject([{ event: "patch", uri: "/a", patch: { n: 1 } }])
    line.reply({ uri: "/a", revision: 6 })
    expect(await early).toMatchObject({ ok: true, revision: 6 })
    const lost = live.delete("/a")
    line.close(1006)
    await expect(lost).rejects.toThrow("lost")
    expect((await second).sent).toEqual([])
    live.close()
  })

  it("ends with the problem that the service named before it closed for good", async () => {
    const { live, urls, first } = service()
    const line = await first
    const item = live.subscribe("/a")
    const problem = { code: "unauthorized", status: 401, detail: "A token is needed" }
    line.say({ id: null, ok: false, problem })
    line.close(4501, "A token is needed")
    expect(await live.ended).toEqual({ code: 4501, reason: "A token is needed" })
    await expect(item.ready).rejects.toMatchObject({ name: "LiveError", problem })
    expect(urls).toHaveLength(1)
  })

  it("waits longer after every failure, up to a bound, and not in step with others", async () => {
    const delays: number[] = []
    const real = globalThis.setTimeout
    globalThis.setTimeout = ((run: () => void, delay: number) => {
      delays.push(delay)
      return real(run, 0)
    }) as never
    let tries = 0
    const done = new Promise<void>((resolve) => {
      const live = connect("http://localhost", {
        open: () => {
          if (++tries === 7) {
            live.close()
            resolve()
          }
          throw new Error("refused")
        },
        random: () => tries / 10,
        firstDelayMilliseconds: 100,
        longestDelayMilliseconds: 1_000,
      })
    })
    await done.finally(() => (globalThis.setTimeout = real))
    const expected = [100, 200, 400, 800, 1_000, 1_000].map(
      (delay, at) => delay * (0.5 + (at + 1) / 20),
    )
    expect(delays.slice(0, 6)).toEqual(expected)
  })
})
