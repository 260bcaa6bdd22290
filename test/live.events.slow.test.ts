/** Event streams whose readers do not keep up, or wish to be told less often. */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Replica } from "../src/client/replica.ts"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { follow, type Events } from "./events.ts"
import { send } from "./helpers.ts"
import { chance } from "./live.world.ts"

const LARGE = "x".repeat(60_000)

/** All that was written up to now has reached the Worker that holds the streams. */
async function told(): Promise<void> {
  const [other, stream] = [await connect(), await follow("/api/apps/told")]
  await stream.settle()
  await send("PUT /api/apps/told", { data: { at: crypto.randomUUID() } })
  await stream.hear()
  await stream.close()
  await other.rest()
  other.socket.close()
}

/** Takes frames until one of this revision; answers how many they were. */
async function readUntil(events: Events, copy: Replica, revision: number): Promise<number> {
  for (let count = 1; ; count++) {
    const { data } = (await events.hear())!
    copy.take(data)
    if (data.revision >= revision && (data.position ?? revision) >= revision) return count
  }
}

function copyOf(uri: string): Replica {
  const copy = new Replica(uri)
  copy.begin({ id: 1, ok: true, uri })
  return copy
}

describe("an event stream that nobody reads", () => {
  it("is told together what changed, when it is read again", async () => {
    const uri = "/api/apps/lazy"
    await send(`PUT ${uri}`, { data: {} })
    const events = await follow(uri)
    const copy = copyOf(uri)
    copy.take((await events.hear())!.data)
    for (let n = 0; n < 10; n++) await send(`PUT ${uri}`, { data: { text: LARGE + n } })
    let revision = 0
    for (let n = 0; n < 100; n++) {
      revision = (await send(`PATCH ${uri}`, { data: { n, [`m${n}`]: n } })).revision ?? 0
    }
    await told()
    expect(await readUntil(events, copy, revision)).toBeLessThan(15)
    expect(copy.value).toEqual((await send(`GET ${uri}`)).json)
    // Then it is told at once again.
    await send(`PATCH ${uri}`, { data: { n: 100 } })
    expect((await events.hear())!.data).toMatchObject({ patch: { data: { n: 100 } } })
    await events.close()
  })

  it("ends when too much waits, and the reader goes on from the last id", async () => {
    const uri = "/api/apps/?fields=name%2Cdata&prefix=idle"
    const events = await follow(uri)
    const copy = copyOf(uri)
    copy.take((await events.hear())!.data)
    for (let n = 0; n < 40; n++) await send(`PUT /api/apps/idle-${n}`, { data: { text: LARGE } })
    await told()
    let last: string | undefined
    let count = 0
    for (let next = await events.hear(); next; next = await events.hear(), count++) {
      copy.take(next.data)
      last = next.id
    }
    expect(events.comments.join()).toContain("go on from the last id")
    // It was sent what fits before it was behind, and not what waited.
    expect(count).toBeGreaterThan(5)
    expect(count).toBeLessThan(15)
    const back = await follow(uri, last)
    const { json } = await send(`GET ${uri}`)
    while ((copy.value as unknown[]).length < 40) copy.take((await back.hear())!.data)
    expect(copy.value).toEqual(json)
    await back.close()
  })
})

describe("copies by event streams that are read now and then", () => {
  let cuts = 0

  it.each([1, 2, 3])(
    "are what GET answers when all is read (seed %i)",
    async (seed) => {
      const below = chance(seed)
      const name = `lazy-${seed}`
      const uris = [`/api/apps/?fields=name%2Cdata&prefix=${name}`, `/api/apps/${name}-0`, "/todo/"]
      const readers = await Promise.all(
        uris.map(async (uri) => ({ uri, copy: copyOf(uri), events: await follow(uri) })),
      )
      for (let phase = 0; phase < 4; phase++) {
        for (let step = below(50); step >= 0; step--) {
          const uri = `/api/apps/${name}-${below(below(2) ? 30 : 2)}`
          const kind = below(12)
          if (kind === 0) await send(`DELETE ${uri}`)
          else if (kind === 1) await send("POST /todo/", { text: `${step}${LARGE}` })
          else {
            const data = { [`m${below(3)}`]: below(4) ? `${step}${LARGE}` : null, n: below(9) }
            await send(`${kind < 8 ? "PATCH" : "PUT"} ${uri}`, { data })
          }
        }
        for (const reader of readers) {
          const { json, status } = await send(`GET ${reader.uri}`)
          const expected = status === 200 ? json : undefined
          for (let at = 0; !isSame(reader.copy.value, expected); at++) {
            expect(at, `seed ${seed} ${reader.uri}`).toBeLessThan(300)
            const next = await reader.events.hear()
            if (next) reader.copy.take(next.data)
            else {
              cuts++
              reader.events = await follow(reader.uri, reader.events.id)
            }
          }
        }
      }
      for (const { events } of readers) await events.close()
    },
    60_000,
  )

  it("were cut off now and then, or not all of this was tried", () => {
    expect(cuts).toBeGreaterThan(0)
  })
})

/** True for equal JSON values, whatever the order of members. */
function isSame(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other)
    return true
  } catch {
    return false
  }
}

describe("an event stream with a throttle", () => {
  it("is told the first change at once, the rest together, of the same topic", async () => {
    const uri = "/api/apps/calm"
    await send(`PUT ${uri}`, { data: {} })
    const events = await follow(`${uri}?throttle=200ms`)
    expect((await events.hear())!.data.uri).toBe(uri)
    let revision = 0
    for (let n = 0; n < 10; n++) {
      revision = (await send(`PATCH ${uri}`, { data: { n, [`m${n}`]: n } })).revision ?? 0
    }
    const copy = copyOf(uri)
    const state = await follow(uri)
    copy.take((await state.hear())!.data)
    await state.close()
    expect(await readUntil(events, copy, revision)).toBeLessThan(8)
    await events.close()
    const view = await follow("/api/apps/?prefix=calm&throttle=1s")
    expect((await view.hear())!.data.uri).toBe("/api/apps/?prefix=calm")
    await view.close()
  })

  it("stays so in a hub that slept", async () => {
    const uri = "/api/apps/calm-slept"
    await send(`PUT ${uri}`, { data: {} })
    const events = await follow(`${uri}?throttle=500ms`)
    await events.hear()
    await evictDurableObject(hubOf(env as never))
    for (let n = 0; n < 5; n++) await send(`PATCH ${uri}`, { data: { n } })
    expect((await events.hear())!.data).toMatchObject({ patch: { data: { n: 0 } } })
    expect((await events.hear())!.data).toMatchObject({ patch: { data: { n: 4 } } })
    await events.close()
  })

  it("is refused with a throttle that is none", async () => {
    for (const throttle of ["", "250", "0ms", "1h", "6s"]) {
      const headers = { Accept: "text/event-stream" }
      const answer = await send(`GET /api/apps/calm?throttle=${throttle}`, undefined, headers)
      expect(answer.status).toBe(400)
      expect(answer.json).toMatchObject({
        code: "invalid_request",
        errors: { "query.throttle": expect.stringContaining("250ms") },
      })
    }
  })
})

describe("the journal with a throttle", () => {
  it("is looked into at times, and all of it is told", async () => {
    const one = await connect()
    await one.ask({ event: "subscribe", uri: "/api/changes", throttle: "5s" })
    const events = await follow("/api/changes?since=now&throttle=200ms&uri=/api/apps/noted")
    await events.settle()
    for (let n = 0; n < 10; n++) await send("PUT /api/apps/noted", { data: { n } })
    const heard = await events.hearAll(10)
    expect(heard.at(-1)!.data.resource.data).toEqual({ n: 9 })
    await events.close()
    // The first at once; the others when it leaves.
    await one.hear()
    expect(one.heard).toEqual([])
    await one.ask("unsubscribe /api/changes")
    expect(one.heard).toMatchObject([{ event: "patch", uri: "/api/changes", patch: {} }])
    expect((await send("GET /api/changes?throttle=1h")).status).toBe(400)
  })
})

describe("an event stream of a URI with a query of the socket's", () => {
  it("is not asked what only sockets are asked", async () => {
    await send("PUT /api/apps/calm-acks", { data: {} })
    const events = await follow("/api/apps/calm-acks?acks=1")
    for (let n = 0; n < 3; n++) await send("PUT /api/apps/calm-acks", { data: { text: LARGE + n } })
    // A view is read again, once for changes that come together.
    for (let text = ""; text !== `${LARGE}2`;) {
      const { event, data } = (await events.hear())!
      expect(event).toBe("state")
      text = data.resource.data.text
    }
    await events.close()
  })
})
