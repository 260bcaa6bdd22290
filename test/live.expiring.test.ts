/** Warnings before keys expire, through every mouth. No test waits for time: the clock is moved and the alarm rung. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, describe, expect, it, vi } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { follow } from "./events.ts"
import { send } from "./helpers.ts"
import { open } from "./live.world.ts"
import { call } from "./packets.ts"

const hub = () => hubOf(env as never)
const alarm = () => runInDurableObject(hub(), (_, { storage }) => storage.getAlarm())

/** Moves the clock on; answers whether there was an alarm to ring. */
async function later(seconds: number): Promise<boolean> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1_000 })
  return await runDurableObjectAlarm(hub())
}

let names = 0
const newName = () => `session:${++names}`
const uriOf = (name: string) => `/keys/${encodeURIComponent(name)}`

afterEach(async () => {
  await send("DELETE /keys")
  vi.useRealTimers()
})

describe("the clock of the hubs", () => {
  it("rings for the warning, for the end, and not again", async () => {
    const name = newName()
    await send(`PUT /keys?${name}=1`)
    expect(await alarm()).toBeNull()
    const start = Date.now()
    await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    await vi.waitFor(async () => expect(await alarm()).not.toBeNull())
    const at = (await alarm())!
    expect(at - start).toBeGreaterThanOrEqual(40_000)
    expect(at - start).toBeLessThan(50_000)
    expect(await later(45)).toBe(true)
    expect((await alarm())! - at).toBe(20_000)
    expect(await later(20)).toBe(true)
    expect(await alarm()).toBeNull()
    expect(await later(3_600)).toBe(false)
    const { json } = await send(`GET /api/changes?uri=${uriOf(name)}`)
    expect(json.changes.map(({ event }: { event: string }) => event).slice(-2)).toEqual([
      "expiring",
      "delete",
    ])
  })
})

describe("who watches is told that a key is about to expire", () => {
  it("of the key, the list, a glob, a pattern, and what the key is like", async () => {
    const name = newName()
    await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    const { json: meta } = await send(`GET ${uriOf(name)}?meta=1`)
    const one = await connect()
    const topics = [
      uriOf(name),
      "/keys/",
      "/keys/?match=session%3A*",
      "/keys/?keys_only=1&match=session%3A*",
      "/keys/?limit=5",
      "/keys/session%3A*",
      `${uriOf(name)}?meta=1`,
    ]
    for (const uri of topics)
      expect(await one.ask({ event: "subscribe", uri })).toMatchObject({ ok: true })
    const others = ["/keys/?match=other*", "/keys/other", "/api/apps/", "/keys/other*"]
    for (const uri of others)
      expect(await one.ask({ event: "subscribe", uri })).toMatchObject({ ok: true })
    await one.rest()
    await later(45)
    const frames = await one.rest()
    const { revision } = frames[0]
    const told = { event: "expiring", uri: uriOf(name), revision, expires_at: meta.expires_at }
    // Once for all that frames of changes tell, and once for each view.
    expect(frames).toHaveLength(5)
    expect(frames).toContainEqual(told)
    for (const list of topics.slice(2, 5)) {
      const [{ list: topic }] = frames.filter((frame) => frame.list === tidy(list))
      expect(frames).toContainEqual({ ...told, view: true, list: topic })
    }
    expect(frames).toContainEqual({ ...told, view: true, uri: `${uriOf(name)}?meta=1` })
    expect((await send(`GET ${uriOf(name)}`)).revision).toBeLessThan(revision)
  })

  it("by events, by Socket.IO, by a long poll and in the journal", async () => {
    const name = newName()
    const uri = uriOf(name)
    const { revision } = await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    const events = [await follow(uri), await follow("/keys/"), await follow("/api/changes")]
    await events[0]!.hear()
    await events[1]!.hear()
    await events[2]!.settle()
    const caller = await call()
    await caller.ask("subscribe", uri)
    const held = () => runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
    const before = await held()
    const polls = [uri, "/keys/", "/keys/?match=session%3A*"].map((each) =>
      send(`GET ${each}${each.includes("?") ? "&" : "?"}wait=60`, undefined, {
        "If-None-Match": `"${revision}"`,
      }),
    )
    const journal = send(`GET /api/changes?since=${revision}&wait=60&uri=${uri}`)
    await vi.waitFor(async () => expect(await held()).toBe(before + 4))
    await later(45)
    const [[item, list, all], answers] = [
      await Promise.all(events.map((each) => each.hear())),
      await Promise.all(polls),
    ]
    const told = {
      event: "expiring",
      data: { event: "expiring", uri, revision: item!.data.revision },
    }
    for (const heard of [item, list, all]) expect(heard).toMatchObject(told)
    expect(Number(item!.id.split(".")[1])).toBe(item!.data.revision)
    expect(await caller.hear()).toEqual(["expiring", expect.objectContaining({ uri })])
    expect(answers[0]!.status).toBe(304)
    for (const { headers } of answers) {
      expect(headers.get("X-Expiring")).toBe(uri)
      expect(headers.get("Last-Event-ID")).toBe(item!.id)
    }
    expect((await journal).json.changes).toEqual([
      {
        event: "expiring",
        uri,
        revision: item!.data.revision,
        at: Date.now(),
        expires_at: item!.data.expires_at,
      },
    ])
    for (const each of events) await each.close()
  })

  it("by a long poll that comes back for what it missed, once", async () => {
    const name = newName()
    const uri = uriOf(name)
    await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    const first = await send(`GET ${uri}?wait=0`)
    await later(45)
    for (const each of [uri, "/keys/?match=session%3A*"]) {
      const since = first.headers.get("Last-Event-ID")
      const join = each.includes("?") ? "&" : "?"
      const next = await send(`GET ${each}${join}wait=60&since=${since}`)
      expect([next.status, next.text.includes(name)]).toEqual([200, true])
      expect(next.headers.get("X-Expiring")).toBe(uri)
      const place = next.headers.get("Last-Event-ID")
      const last = await send(`GET ${each}${join}wait=0&since=${place}`)
      expect([last.status, last.headers.get("X-Expiring")]).toEqual([304, null])
    }
  })

  it("once and in its place, also by who was away, and by a hub that was", async () => {
    const name = newName()
    const uri = uriOf(name)
    const { revision } = await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    const one = await connect()
    const { epoch } = await one.ask(`subscribe ${uri}`)
    await one.rest()
    await evictDurableObject(hub())
    await later(45)
    expect(await one.rest()).toMatchObject([{ event: "expiring", uri }])
    await send(`PATCH ${uri}`, { value: "2" })
    await later(20)
    expect(await one.rest()).toMatchObject([{ event: "patch" }, { event: "delete" }])
    for (const topic of [uri, "/keys/", "/keys/?match=session%3A*", "/keys/**"]) {
      const other = await connect()
      const since = `${epoch}.${revision}`
      expect(await other.ask(`subscribe ${topic} since ${since}`)).toMatchObject({ resumed: true })
      const missed = (await other.rest()).map(({ event }) => event)
      expect(missed, topic).toEqual(["expiring", "patch", "delete"])
      const again = await connect()
      await again.ask({ event: "resume", since, uris: [topic] })
      const resumed = (await again.rest()).map(({ event }) => event)
      expect(resumed, topic).toEqual(["expiring", "patch", "delete"])
    }
  })
})

describe("the client", () => {
  it("hands a warning to listeners and holds what GET answers", async () => {
    const name = newName()
    const uri = uriOf(name)
    const { revision } = await send(`PUT /keys?${name}=1&expire_in=60&warn=20`)
    const live = open()
    const heard: string[] = []
    const subscriptions = [uri, "/keys/", "/keys/?match=session%3A*", "/keys/*"].map((each) =>
      live.subscribe(each, ({ frame }) => heard.push(`${each} ${frame?.event}`)),
    )
    for (const each of subscriptions) await each.ready
    heard.length = 0
    await later(45)
    await vi.waitFor(() => expect(heard).toHaveLength(4))
    expect(heard.every((each) => each.endsWith(" expiring"))).toBe(true)
    const [item, list, some] = subscriptions
    expect(item!.value).toEqual({ [name]: "1" })
    expect(item!.revision).toBe(revision)
    for (const each of [list, some]) expect(each!.value).toEqual([{ [name]: "1" }])
    live.close()
  })
})

function tidy(uri: string): string {
  const [path, query] = uri.split("?")
  const sorted = new URLSearchParams(query)
  sorted.sort()
  return `${path}?${sorted}`
}
