/** Hooks of a resource in the real hub: who comes and leaves is told, whatever becomes of the hub and the connection. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { createServices, endpoints, type Services } from "../src/app.ts"
import { mount } from "../src/http/mount.ts"
import { Hub } from "../src/index.ts"
import type { HubParts } from "../src/live/hub.ts"
import { hubOf } from "../src/live/hubs.ts"
import { resolver } from "../src/live/uris.ts"
import { Problem } from "../src/protocol/problem.ts"
import { SOCKETIO_PING_INTERVAL_MILLISECONDS } from "../src/protocol/live-limits.ts"
import { hookOf } from "../src/resources/hooks.ts"
import { linesOf } from "../src/resources/mounted.ts"
import { resources } from "../src/resources/resources.ts"
import { stored, type Tools } from "../src/resources/tools.ts"
import { connect } from "./conversation.ts"
import { call, open, poller } from "./packets.ts"
import { serve } from "./resources.world.ts"

interface Room {
  present: number
}

async function roomAt(uri: string, documents: Tools["documents"]): Promise<Room> {
  const found = await documents.get(uri)
  if (!found) throw new Problem("not_found", "There is no such room")
  return found.value as unknown as Room
}

const calls: string[] = []
const rooms = resources
  .creator("/rooms/", async (_params, { id }: any, { documents, uri }) => {
    await documents.create(uri + id, { id, present: 0 })
    return { id, present: 0 }
  })
  .getter("/rooms/:id", stored)
  .subscriber("/rooms/:id", async ({ id }, { documents, uri }) => {
    calls.push(`came ${id}`)
    const { present } = await roomAt(uri, documents)
    await documents.patch(uri, { present: present + 1 })
  })
  .unsubscriber("/rooms/:id", async ({ id }, { documents, uri }) => {
    calls.push(`left ${id}`)
    const { present } = await roomAt(uri, documents)
    await documents.patch(uri, { present: present - 1 })
  })
const ask = serve(rooms)
const hub = () => hubOf(env as never)
let number = 0

/** A room of its own for each test. */
async function room(): Promise<string> {
  const id = `r${++number}`
  await ask("POST /rooms/", { id })
  return `/rooms/${id}`
}

async function expectPresent(uri: string, present: number): Promise<void> {
  await vi.waitFor(async () => expect((await ask(`GET ${uri}`)).json.present).toBe(present))
}

beforeAll(async () => {
  // The hub of a deployment that defines these, too. On the prototype, because a hub that slept is another object.
  const lines = linesOf(rooms)
  const dispatchTo = mount<Services>(lines)
  const resolve = resolver([...endpoints, ...lines.map(({ endpoint }) => endpoint)])
  const around = { env, now: Date.now, newId: () => crypto.randomUUID(), poke: () => {} } as never
  const { parts } = Hub.prototype as unknown as { parts: () => HubParts }
  vi.spyOn(Hub.prototype as never as { parts: () => HubParts }, "parts").mockImplementation(
    function (this: Hub) {
      const own = parts.call(this)
      return {
        ...own,
        resolve,
        dispatch: (request, who) =>
          request.url.includes("/rooms/")
            ? dispatchTo(request, createServices(around, request))
            : own.dispatch(request, who),
        hook: (event, target) =>
          hookOf(rooms)(event, target, createServices(around, new Request("https://tidemark/"))),
      }
    },
  )
})

beforeEach(() => void calls.splice(0))
afterEach(() => void vi.useRealTimers())

/** As a hub that falls over: its sockets get no word of it, nor does it of them. */
const crash = () => evictDurableObject(hub(), { webSockets: "close" })
/** It was followed, so it looks by itself. */
const look = () => runDurableObjectAlarm(hub())

describe("hooks", () => {
  it("are told of all who went with a hub that fell over, once, and of nobody who came back", async () => {
    const [one, other] = [await room(), await room()]
    for (const uris of [[one, other], [one]]) {
      const talker = await connect()
      for (const uri of uris) await talker.ask(`subscribe ${uri}`)
    }
    const caller = await call()
    await caller.ask("subscribe", one)
    await expectPresent(one, 3)
    await crash()
    const back = await connect()
    await back.ask(`subscribe ${one}`)
    await look()
    await expectPresent(one, 1)
    await expectPresent(other, 0)
    await evictDurableObject(hub())
    await look()
    await expectPresent(one, 1)
    back.socket.close(1000)
    await expectPresent(one, 0)
    expect(calls.filter((text) => text.startsWith("left"))).toHaveLength(5)
  })

  it("are told of a client that polled at a hub that slept", async () => {
    const uri = await room()
    const { poll, post } = await poller()
    await post("40")
    await poll()
    await post(`420["subscribe","${uri}"]`)
    await poll()
    await expectPresent(uri, 1)
    await evictDurableObject(hub())
    await look()
    await expectPresent(uri, 0)
    expect(calls).toHaveLength(2)
  })

  it("count nobody who was refused, or who left, when the hub falls over", async () => {
    const uri = await room()
    const one = await connect()
    expect(await one.ask("subscribe /rooms/none")).toMatchObject({ ok: false })
    await one.ask(`subscribe ${uri}`)
    await one.ask(`unsubscribe ${uri}`)
    await crash()
    await look()
    await expectPresent(uri, 0)
    expect(calls.filter((text) => text.startsWith("left"))).toHaveLength(1)
  })

  it.each(["awake", "asleep"])(
    "are told who leaves by closing, of a hub that is %s",
    async (hubIs) => {
      const uri = await room()
      const one = await connect()
      await one.ask(`subscribe ${uri}`)
      await expectPresent(uri, 1)
      if (hubIs === "asleep") await evictDurableObject(hub())
      one.socket.close(1000)
      await expectPresent(uri, 0)
      expect(calls).toHaveLength(2)
    },
  )

  it("are told who unsubscribes after the hub slept, once, also where the socket closes then", async () => {
    const uri = await room()
    const one = await connect()
    await one.ask(`subscribe ${uri}`)
    await evictDurableObject(hub())
    await one.ask(`unsubscribe ${uri}`)
    await expectPresent(uri, 0)
    await evictDurableObject(hub())
    one.socket.close(1000)
    await one.closed
    await expectPresent(uri, 0)
    expect(calls).toHaveLength(2)
  })

  it("are not asked again by who subscribes again after the hub slept", async () => {
    const uri = await room()
    const one = await connect()
    await one.ask(`subscribe ${uri}`)
    await evictDurableObject(hub())
    await one.ask(`subscribe ${uri}`)
    await expectPresent(uri, 1)
    one.socket.close(1000)
    await expectPresent(uri, 0)
    expect(calls).toHaveLength(2)
  })

  it.each([
    ["says so", "41", "awake"],
    ["closes Engine.IO", "1", "awake"],
    ["is cut", null, "awake"],
    ["says so", "41", "asleep"],
    ["closes Engine.IO", "1", "asleep"],
    ["is cut", null, "asleep"],
  ])(
    "are told of a Socket.IO client that %s (%s), at a hub that is %s",
    async (_how, packet, hubIs) => {
      const uri = await room()
      const one = await call()
      await one.ask("subscribe", uri)
      await expectPresent(uri, 1)
      if (hubIs === "asleep") await evictDurableObject(hub())
      if (packet === null) one.socket.close(4999)
      else one.say(packet)
      await expectPresent(uri, 0)
      expect(calls).toHaveLength(2)
    },
  )

  it.each(["awake", "asleep"])(
    "are told of a Socket.IO client that answers no ping, at a hub that is %s",
    async (hubIs) => {
      const uri = await room()
      const one = await call()
      await one.ask("subscribe", uri)
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + SOCKETIO_PING_INTERVAL_MILLISECONDS })
      await runDurableObjectAlarm(hub())
      if (hubIs === "asleep") await evictDurableObject(hub())
      vi.setSystemTime(Date.now() + SOCKETIO_PING_INTERVAL_MILLISECONDS + 1)
      await runDurableObjectAlarm(hub())
      await expectPresent(uri, 0)
      await evictDurableObject(hub())
      one.socket.close(1000)
      await one.closed
      expect((await hub().stats()).sockets).toBe(0)
      expect(calls).toHaveLength(2)
    },
  )

  it.each([
    ["says so", "41"],
    ["closes Engine.IO", "1"],
  ])("are told of a client that polls and %s (%s)", async (_how, packet) => {
    const uri = await room()
    const { poll, post } = await poller()
    await post("40")
    await poll()
    await post(`420["subscribe","${uri}"]`)
    await poll()
    await expectPresent(uri, 1)
    await post(packet)
    await expectPresent(uri, 0)
    expect(calls).toHaveLength(2)
  })

  it("are told of a client that polls no more", async () => {
    const uri = await room()
    const { poll, post } = await poller()
    await post("40")
    await poll()
    await post(`420["subscribe","${uri}"]`)
    await poll()
    await expectPresent(uri, 1)
    const start = Date.now()
    vi.useFakeTimers({ toFake: ["Date"], now: start })
    for (const turn of [1, 2]) {
      vi.setSystemTime(start + turn * (SOCKETIO_PING_INTERVAL_MILLISECONDS + 1))
      await runDurableObjectAlarm(hub())
    }
    await expectPresent(uri, 0)
    expect(calls).toHaveLength(2)
  })

  it.each(["awake", "asleep"])(
    "are told of a client that upgraded and is cut, at a hub that is %s",
    async (hubIs) => {
      const uri = await room()
      const { facts, poll, post } = await poller()
      await post("40")
      await poll()
      await post(`420["subscribe","${uri}"]`)
      await poll()
      const one = await open(`&sid=${facts.sid}`)
      one.say("2probe")
      expect(await one.packet()).toBe("3probe")
      one.say("5")
      await one.rest()
      await expectPresent(uri, 1)
      if (hubIs === "asleep") await evictDurableObject(hub())
      one.socket.close(4999)
      await expectPresent(uri, 0)
      expect(calls).toHaveLength(2)
    },
  )
})
