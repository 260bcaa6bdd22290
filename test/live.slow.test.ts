/** Readers that do not keep up: told together what changed, then anew, and right in the end. */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Replica } from "../src/client/replica.ts"
import { hubOf } from "../src/live/hubs.ts"
import { connect, type Talker } from "./conversation.ts"
import { send } from "./helpers.ts"

const hub = () => hubOf(env as never)
const slow = () => connect({}, "/live?acks=1")

/** What the journal still tells by itself: larger bodies it does not keep. */
const LARGE = "x".repeat(60_000)

/** Writes until this reader is behind: from then on what changes waits for it. */
async function leaveBehind(...uris: string[]): Promise<void> {
  for (let n = 0; n < 10; n++) {
    for (const uri of uris) await send(`PUT ${uri}`, { data: { n, text: `${LARGE}${n}` } })
  }
}

/** All that was written up to now is told, to whom it can be told. */
async function told(): Promise<void> {
  const other = await connect()
  await other.rest()
  other.socket.close()
}

/** Every frame from now to the first about this URI. */
async function until(one: Talker, uri: string): Promise<any[]> {
  const frames = [await one.hear()]
  while (frames.at(-1).uri !== uri && frames.at(-1).member !== uri) frames.push(await one.hear())
  return frames
}

describe("a reader that acknowledges", () => {
  it("is asked now and then, and one that does not is told as ever", async () => {
    const uri = "/api/apps/slow-asked"
    await send(`PUT ${uri}`, { data: {} })
    const [one, plain] = [await slow(), await connect()]
    for (const each of [one, plain]) await each.ask(`subscribe ${uri}`)
    await leaveBehind(uri)
    for (let n = 0; n < 3; n++) await send(`PATCH ${uri}`, { data: { n } })
    expect(await plain.rest()).toHaveLength(14)
    expect(plain.asked).toEqual([])
    expect(one.asked.length).toBeGreaterThan(3)
    expect(one.asked.every((text) => /^\{"event":"ack","mark":\d+\}$/.test(text))).toBe(true)
    expect(one.heard.length).toBeLessThan(12)
  })

  it("is told what became of each URI when it is behind and acknowledges", async () => {
    const uris = ["/api/apps/slow-a", "/api/apps/slow-b"]
    for (const uri of uris) await send(`PUT ${uri}`, { data: {} })
    const one = await slow()
    for (const uri of uris) await one.ask(`subscribe ${uri}`)
    await leaveBehind("/api/apps/slow-a")
    let revision
    for (let n = 1; n <= 20; n++) {
      for (const uri of uris)
        ({ revision } = await send(`PATCH ${uri}`, { data: { n, [`m${n}`]: n } }))
    }
    await told()
    const before = one.heard.splice(0)
    expect(before.at(-1)).toMatchObject({ event: "state" })
    one.ack()
    const [first, ...more] = await until(one, "/api/apps/slow-b")
    expect(first.uri).toBe("/api/apps/slow-a")
    expect(first.resource?.data ?? first.patch.data).toMatchObject({ n: 20, m1: 1, m20: 20 })
    // Not further than what the other had still to be told.
    expect(first.position).toBeLessThan(revision ?? 0)
    expect(more).toHaveLength(1)
    expect(more[0]).toMatchObject({ event: "patch", revision, patch: { data: { n: 20, m1: 1 } } })
    one.ack()
    await send("PATCH /api/apps/slow-b", { data: { n: 21 } })
    expect(await one.hear()).toMatchObject({ event: "patch", patch: { data: { n: 21 } } })
  })

  it("is told anew when too much waits, and the same as GET answers", async () => {
    const list = "/api/apps/?fields=name%2Cdata.text&prefix=slow-list"
    const uris = Array.from({ length: 30 }, (_, n) => `/api/apps/slow-list-${n}`)
    const one = await slow()
    await one.ask(`subscribe ${list}`)
    await one.ask("subscribe /api/apps/slow-gone")
    await one.ask("subscribe /keys/slow-key")
    await one.ask("subscribe /keys/slow-*")
    await one.ask("subscribe /api/changes")
    await leaveBehind("/api/apps/slow-gone")
    await send("DELETE /api/apps/slow-gone")
    await send("PUT /keys?slow-key=1")
    for (const uri of uris) await send(`PUT ${uri}`, { data: { text: LARGE } })
    await told()
    one.heard.splice(0)
    one.ack()
    const frames = await until(one, "/api/changes")
    expect(frames.map(({ event, uri, reset }) => [event, uri, reset])).toEqual([
      ["state", list, true],
      ["delete", "/api/apps/slow-gone", true],
      ["state", "/keys/slow-key", true],
      ["delete", "/keys/slow-*", true],
      ["patch", "/api/changes", undefined],
    ])
    const copy = new Replica(list)
    copy.begin({ id: 1, ok: true, uri: list })
    copy.take(frames[0])
    one.ack()
    await send(`PATCH ${uris[3]}`, { data: { text: "short" } })
    copy.take((await until(one, uris[3]!)).at(-1))
    expect(copy.value).toEqual((await send(`GET ${list}`)).json)
    expect(one.socket.readyState).toBe(1)
  })

  it("is told anew by a hub that slept while something waited for it", async () => {
    const uri = "/api/apps/slow-slept"
    await send(`PUT ${uri}`, { data: {} })
    const one = await slow()
    await one.ask(`subscribe ${uri}`)
    await leaveBehind(uri)
    await send(`PATCH ${uri}`, { data: { last: true } })
    await told()
    await evictDurableObject(hub())
    one.heard.splice(0)
    const { revision } = await send(`PATCH ${uri}`, { data: { text: null } })
    one.ack()
    expect(await one.hear()).toMatchObject({
      event: "state",
      revision,
      reset: true,
      resource: { data: { n: 9, last: true } },
    })
  })

  it("that is behind stays so over a sleep, and goes on where nothing waited", async () => {
    const uri = "/api/apps/slow-quiet"
    await send(`PUT ${uri}`, { data: {} })
    const one = await slow()
    await one.ask(`subscribe ${uri}`)
    // All but the last reach it before it is behind.
    for (let n = 0; n < 8; n++) await send(`PUT ${uri}`, { data: { n, text: LARGE } })
    await told()
    const sent = one.heard.splice(0).length
    expect(sent).toBe(9)
    await evictDurableObject(hub())
    for (let n = 8; n < 12; n++) await send(`PUT ${uri}`, { data: { n, text: LARGE } })
    await told()
    expect(one.heard.splice(0).length).toBeLessThan(3)
    one.ack()
    const frame = await one.hear()
    expect(frame).toMatchObject({ event: "state", resource: { data: { n: 11 } } })
    expect(frame.reset).toBeUndefined()
  })

  it("may ask for more while it is behind, and nobody is told what it must not know twice", async () => {
    const [uri, other] = ["/api/apps/slow-more", "/api/apps/slow-other"]
    await send(`PUT ${other}`, { data: { n: 1 } })
    await send(`PUT ${uri}`, { data: {} })
    const one = await slow()
    await one.ask(`subscribe ${uri}`)
    await leaveBehind(uri)
    await send(`PATCH ${uri}`, { data: { last: 1 } })
    await told()
    one.heard.splice(0)
    // What waits is told first, so that the new state comes in its place.
    const reply = await one.ask(`subscribe ${other}`)
    expect(reply).toMatchObject({ ok: true, frames: 1 })
    expect((await one.hearAll(2)).map(({ uri: of }) => of)).toEqual([uri, other])
    await one.ask(`unsubscribe ${other}`)
  })

  it("is refused more commands when their answers would come on top of too much", async () => {
    const uri = "/api/store/slow/wide?orient=split"
    const data = Array.from({ length: 200 }, (_, n) => ["y".repeat(20_000) + n])
    const index = data.map((_, n) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString())
    await send(`PUT ${uri}`, { columns: ["text"], index, data })
    const one = await slow()
    const replies = []
    for (let n = 0; n < 7; n++) replies.push(await one.ask(`subscribe ${uri}&part=${n}`))
    expect(replies[0]).toMatchObject({ ok: true })
    expect(replies.at(-1)).toMatchObject({ ok: false, problem: { code: "overloaded" } })
    one.ack()
    expect(await one.ask(`subscribe ${uri}&part=9`)).toMatchObject({ ok: true })
  })

  it("is not bothered by acknowledgements that nobody asked for", async () => {
    for (const one of [await slow(), await connect()]) {
      for (const mark of [0, -1, 7, 9e15]) one.say({ event: "ack", mark })
      expect(await one.ask("subscribe /api/apps/slow-unasked")).toMatchObject({ ok: true })
      one.say({ event: "ack", mark: "7", id: 77 })
      expect(await one.reply(77)).toMatchObject({ ok: false, problem: { code: "bad_frame" } })
    }
  })
})
