/** Sockets that acknowledge nothing: whoever stands still among them cannot make the hub hold more and more. */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Replica } from "../src/client/replica.ts"
import { hubOf } from "../src/live/hubs.ts"
import { UNREAD_MAX_CHARACTERS } from "../src/protocol/live-limits.ts"
import { connect } from "./conversation.ts"
import { follow } from "./events.ts"
import { send } from "./helpers.ts"

/** What the journal still tells by itself: larger bodies it does not keep. */
const LARGE = "x".repeat(60_000)
const MOST_WRITES = Math.ceil(UNREAD_MAX_CHARACTERS / LARGE.length) + 2

const hub = () => hubOf(env as never)

describe("a socket that acknowledges nothing", () => {
  it("has to connect again after so much, goes on where it was, and bothers nobody", async () => {
    const uri = "/api/apps/allowance"
    await send(`PUT ${uri}`, { data: {} })
    const [plain, acking] = [await connect(), await connect({}, "/live?acks=1")]
    const events = await follow(uri)
    for (const each of [plain, acking]) await each.ask(`subscribe ${uri}`)
    const before = await hub().stats()
    const copy = new Replica(uri)
    copy.begin({ id: 1, ok: true, uri })
    for (let n = 0; n < MOST_WRITES; n++) {
      await send(`PUT ${uri}`, { data: { n, text: LARGE } })
      // What it was sent outlives the hub.
      if (n % 50 === 49) await evictDurableObject(hub())
      let frame
      do {
        frame = (await events.hear())!.data
        copy.take(frame)
      } while (frame.resource.data.n !== n)
      while (acking.heard.length > 0) acking.heard.shift()
      acking.ack()
    }
    const { code, reason } = await plain.closed
    expect([code, reason]).toEqual([4002, expect.stringContaining("/live?acks=1")])
    expect(plain.heard.length).toBeGreaterThan((0.7 * UNREAD_MAX_CHARACTERS) / LARGE.length)
    expect(plain.heard.length).toBeLessThan(MOST_WRITES)
    const after = await hub().stats()
    expect([before.sockets - after.sockets, before.subscriptions - after.subscriptions]).toEqual([
      1, 1,
    ])

    const { json, revision } = await send(`GET ${uri}`)
    expect(copy.value).toEqual(json)
    expect(acking.socket.readyState).toBe(WebSocket.OPEN)
    const [last] = plain.heard.slice(-1)
    const { epoch } = await (await connect()).ask(`subscribe ${uri}`)
    const again = await connect()
    const reply = await again.ask(`subscribe ${uri} since ${epoch}.${last.revision}`)
    expect(reply).toMatchObject({ ok: true, resumed: true })
    const missed = await again.hearAll(reply.frames)
    expect(missed.at(-1)).toMatchObject({ revision, resource: { data: { n: MOST_WRITES - 1 } } })
    await events.close()
  })

  it("gets what it asked for, however large", async () => {
    const uri = "/api/store/allowance/wide?orient=split"
    const data = Array.from({ length: 200 }, (_, n) => ["y".repeat(45_000) + n])
    const index = data.map((_, n) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString())
    await send(`PUT ${uri}`, { columns: ["text"], index, data })
    const one = await connect()
    for (const part of [1, 2]) {
      const { ok } = await one.ask(`subscribe ${uri}&part=${part}`)
      expect(ok).toBe(true)
    }
    expect((await one.hearAll(2)).map(({ event }) => event)).toEqual(["state", "state"])
    one.say({ id: "late", event: "subscribe", uri })
    expect((await one.closed).code).toBe(4002)
  })
})
