/** Readers of Socket.IO that do not keep up, or wish to be told less often. */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { call } from "./packets.ts"

const LARGE = "x".repeat(60_000)

/** All that was written up to now is told, to whom it can be told. */
async function told(): Promise<void> {
  const other = await connect()
  await other.rest()
  other.socket.close()
}

describe("a client of Socket.IO", () => {
  it("subscribes with a throttle, and comes back with it", async () => {
    const uri = "/api/apps/io-calm"
    await send(`PUT ${uri}`, { data: {} })
    const one = await call()
    const { ack } = await one.ask("subscribe", { uri, throttle: "500ms" })
    const write = async () => {
      for (let n = 0; n < 5; n++) await send(`PATCH ${uri}`, { data: { n } })
    }
    await write()
    expect(await one.hear()).toMatchObject(["patch", { patch: { data: { n: 0 } } }])
    expect(await one.hear()).toMatchObject(["patch", { patch: { data: { n: 4 } } }])
    const two = await call()
    const since = `${ack.epoch}.${ack.position}`
    const { events } = await two.ask("resume", { since, uris: [{ uri, throttle: "500ms" }] })
    expect(events).toHaveLength(5)
    await write()
    expect(await two.hear()).toMatchObject(["patch", { patch: { data: { n: 0 } } }])
    expect(await two.hear()).toMatchObject(["patch", { patch: { data: { n: 4 } } }])
    const wrong = await one.ask("subscribe", { uri, throttle: "1h" })
    expect(wrong.ack).toMatchObject({ ok: false, problem: { code: "bad_frame" } })
  })

  it("is told together what changed while it did not read, by the pings that it answers", async () => {
    const uri = "/api/apps/io-lazy"
    await send(`PUT ${uri}`, { data: {} })
    const one = await call()
    await one.ask("subscribe", uri)
    for (let n = 0; n < 10; n++) await send(`PUT ${uri}`, { data: { n, text: LARGE } })
    for (let n = 10; n < 60; n++) await send(`PATCH ${uri}`, { data: { n } })
    await told()
    const before = one.packets.length
    expect(before).toBeLessThan(20)
    let event = await one.hear()
    let count = 1
    while ((event[1].resource ?? event[1].patch).data.n < 59) {
      event = await one.hear()
      count++
    }
    expect(count).toBeLessThan(15)
    await send(`PATCH ${uri}`, { data: { n: 60 } })
    expect(await one.hear()).toMatchObject(["patch", { patch: { data: { n: 60 } } }])
  })

  it("is told anew by a hub that slept while something waited for it", async () => {
    const uri = "/api/apps/io-slept"
    await send(`PUT ${uri}`, { data: {} })
    const one = await call()
    await one.ask("subscribe", uri)
    for (let n = 0; n < 12; n++) await send(`PUT ${uri}`, { data: { n, text: LARGE } })
    await told()
    await evictDurableObject(hubOf(env as never))
    const { revision } = await send(`PATCH ${uri}`, { data: { text: null } })
    let event = await one.hear()
    while (event[1].revision < (revision ?? 0)) event = await one.hear()
    expect(event).toMatchObject([
      "state",
      { uri, revision, reset: true, resource: { data: { n: 11 } } },
    ])
    await send(`PATCH ${uri}`, { data: { n: 12 } })
    expect(await one.hear()).toMatchObject(["patch", { patch: { data: { n: 12 } } }])
  })
})
