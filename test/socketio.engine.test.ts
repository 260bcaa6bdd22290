/** Engine.IO under Socket.IO: sessions that poll, the upgrade, heartbeats, tokens, and whatever else may come. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import * as fc from "fast-check"
import { afterEach, describe, expect, it, vi } from "vitest"
import { handle } from "../src/app.ts"
import { hubOf } from "../src/live/hubs.ts"
import {
  SOCKETIO_PING_INTERVAL_MILLISECONDS,
  SOCKETIO_UPGRADE_TIMEOUT_MILLISECONDS,
} from "../src/protocol/live-limits.ts"
import { send } from "./helpers.ts"
import { call, open, poller, QUERY, request } from "./packets.ts"

const SEED = 20160711

const hub = () => hubOf(env as never)

/** The scope of a hub whose deployment has these secrets. */
async function locked(secrets: object, body: () => Promise<void>): Promise<void> {
  const set = (value: object) =>
    runInDurableObject(hub(), (instance) => void Object.assign(instance, { env: value }))
  await set({ ...env, ...secrets })
  try {
    await body()
  } finally {
    await set(env)
  }
}

afterEach(() => void vi.useRealTimers())

describe("a session that polls", () => {
  it("is offered the upgrade, connects, and is told what happens while its poll is held back", async () => {
    const { facts, poll, post } = await poller()
    expect(facts).toMatchObject({ upgrades: ["websocket"], sid: expect.any(String) })
    const held = poll()
    expect(await (await post("40")).text()).toBe("ok")
    expect(await held).toEqual([expect.stringMatching(/^40\{"sid"/)])
    await post('420["subscribe","/api/apps/polled"]')
    expect(await poll()).toEqual([expect.stringMatching(/^430\[\{"ok":true.*"absent":true/)])
    const next = poll()
    await send("PUT /api/apps/polled", { data: {} })
    expect(await next).toEqual([
      expect.stringMatching(/^42\["state",\{"uri":"\/api\/apps\/polled"/),
    ])
  })

  it("gets packets that came between its polls together, in order", async () => {
    const { poll, post } = await poller()
    await post("40")
    await poll()
    await post('420["subscribe","/api/apps/between"]', '421["subscribe","/api/apps/between2"]')
    const acks: string[] = []
    while (acks.length < 2) acks.push(...(await poll()))
    for (const n of [1, 2]) await send("PUT /api/apps/between", { data: { n } })
    await send("PUT /api/apps/between2", { data: {} })
    await vi.waitFor(async () => expect((await hub().stats()).subscriptions).toBeGreaterThan(1))
    const told: string[] = []
    while (told.length < 3) told.push(...(await poll()))
    expect(told.map((packet) => JSON.parse(packet.slice(2))[1].uri)).toEqual(
      ["between", "between", "between2"].map((name) => `/api/apps/${name}`),
    )
  })

  it("goes over to a WebSocket and loses nothing on the way", async () => {
    const { facts, poll, post, uri } = await poller()
    await post("40", '420["subscribe","/api/apps/upgraded"]')
    const seen = await poll()
    while (!seen.at(-1)?.startsWith("430")) seen.push(...(await poll()))
    const held = poll()
    const one = await open(`&sid=${facts.sid}`)
    one.say("2probe")
    expect(await one.packet()).toBe("3probe")
    expect(await held).toEqual(["6"])
    // The client still polls now and then; such polls are not held back.
    expect(await poll()).toEqual(["6"])
    await send("PUT /api/apps/upgraded", { data: { n: 1 } })
    await send("PATCH /api/apps/upgraded", { data: { n: 2 } })
    one.say("5")
    const told = [await one.hear(), await one.hear()]
    expect(told).toMatchObject([
      ["state", { resource: { data: { n: 1 } } }],
      ["patch", { patch: { data: { n: 2 } } }],
    ])
    expect((await request(uri)).status).toBe(400)
    expect((await request(uri, { method: "POST", body: "3" })).status).toBe(400)
    await expect(open(`&sid=${facts.sid}`)).rejects.toThrow("400")
    await evictDurableObject(hub())
    await send("PATCH /api/apps/upgraded", { data: { n: 3 } })
    expect(await one.hear()).toMatchObject(["patch", { patch: { data: { n: 3 } } }])
  })

  it("is one with its hub, however many there are", async () => {
    const hubs = { ...env, LIVE_HUBS: "4" }
    const newId = () => crypto.randomUUID()
    const ask = async (uri: string, body?: string) => {
      const init = body === undefined ? {} : { method: "POST", body }
      const sent = new Request(`https://tidemark.test${uri}`, init)
      return (
        await handle(sent, { env: hubs, now: Date.now, newId, poke: () => {} } as never)
      ).text()
    }
    const uri = `${QUERY}&transport=polling`
    for (let n = 0; n < 12; n++) {
      const { sid } = JSON.parse((await ask(uri)).slice(1))
      expect(await ask(`${uri}&sid=${sid}`, "40")).toBe("ok")
      expect(await ask(`${uri}&sid=${sid}`)).toMatch(/^40/)
    }
    const names = ["hub-0", "hub-1", "hub-2", "hub-3"]
    const stats = await Promise.all(names.map((name) => hubOf(env as never, name).stats()))
    expect(stats.filter(({ sockets }) => sockets > 0).length).toBeGreaterThan(1)
  })

  it("goes on polling when the upgrade comes to nothing", async () => {
    const { facts, poll, post } = await poller()
    const one = await open(`&sid=${facts.sid}`)
    one.say("2probe")
    await one.packet()
    one.socket.close(1000)
    await one.closed
    const held = poll()
    await post("40")
    expect((await held)[0]).toMatch(/^40/)
  })

  it("polls without a pause only as long as an upgrade may take, and its probe is closed then", async () => {
    const { facts, poll, post } = await poller()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    const one = await open(`&sid=${facts.sid}`)
    const mute = await open(`&sid=${facts.sid}`)
    one.say("2probe")
    expect(await one.packet()).toBe("3probe")
    expect(await poll()).toEqual(["6"])
    await runInDurableObject(hub(), () => {
      vi.advanceTimersByTime(SOCKETIO_UPGRADE_TIMEOUT_MILLISECONDS)
    })
    expect((await one.closed).code).toBe(4000)
    expect((await mute.closed).code).toBe(4000)
    const held = poll()
    await post("40")
    expect((await held)[0]).toMatch(/^40/)
  })

  it("ends when it says so, when it polls twice at once, and when the hub forgets it", async () => {
    const said = await poller()
    const held = said.poll()
    await said.post("1")
    expect(await held).toEqual(["1"])
    expect((await request(said.uri)).status).toBe(400)

    const twice = await poller()
    const [first, second] = await Promise.all([request(twice.uri), request(twice.uri)])
    expect([first.status, second.status].toSorted()).toEqual([200, 400])
    expect((await request(twice.uri)).status).toBe(400)

    const forgotten = await poller()
    await evictDurableObject(hub())
    const refused = await request(forgotten.uri)
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({
      code: "invalid_request",
      message: "Session ID unknown",
    })
  })

  it("may be another origin's: any page may read the answers", async () => {
    const answer = await request(`${QUERY}&transport=polling`, {
      headers: { Origin: "https://page.test" },
    })
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*")
    expect(answer.headers.get("Cache-Control")).toBe("no-store")
    const preflight = await request(`${QUERY}&transport=polling`, {
      method: "OPTIONS",
      headers: { Origin: "https://page.test", "Access-Control-Request-Headers": "authorization" },
    })
    expect(preflight.headers.get("Access-Control-Allow-Methods")).toContain("POST")
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toBe("authorization")
  })

  it("is refused what is none of the protocol", async () => {
    const cases: [uri: string, init?: RequestInit][] = [
      ["/socket.io/"],
      ["/socket.io/?EIO=3&transport=polling"],
      ["/socket.io/?EIO=4"],
      [`${QUERY}&transport=carrier-pigeon`],
      [`${QUERY}&transport=websocket`],
      [`${QUERY}&transport=polling`, { method: "POST", body: "40" }],
      [`${QUERY}&transport=polling&sid=unknown`],
      [`${QUERY}&transport=polling&sid=unknown`, { method: "POST", body: "40" }],
    ]
    for (const [uri, init] of cases) {
      const answer = await request(uri, init)
      expect([uri, answer.status]).toEqual([uri, 400])
      expect(await answer.json()).toMatchObject({ code: "invalid_request" })
    }
    const { post, uri } = await poller()
    expect((await post("zzz")).status).toBe(400)
    expect((await request(uri)).status).toBe(400)
  })
})

describe("a connection", () => {
  it("is closed for what the protocol forbids, and only that one", async () => {
    const well = await call()
    for (const packet of ["9", "4abc", "44{}", "42", '42{"a":1}', "421", "40", "4251-x", "x"]) {
      const one = await call()
      one.say(packet)
      expect([packet, (await one.closed).code]).toEqual([packet, 1000])
    }
    const early = await open()
    await early.packet()
    early.say('42["subscribe","/todo/"]')
    await early.closed
    expect((await well.ask("subscribe", "/todo/")).ack.ok).toBe(true)
  })

  it("has one namespace; others are refused as the protocol says", async () => {
    const one = await open()
    await one.packet()
    one.say("40/nowhere,")
    expect(await one.packet()).toBe('44/nowhere,{"message":"Invalid namespace"}')
    one.say('42/nowhere,["subscribe","/todo/"]')
    one.say("40")
    expect(await one.packet()).toMatch(/^40\{/)
  })

  it("cannot subscribe to connections, its own or another's", async () => {
    const { facts } = await poller()
    const one = await call()
    for (const uri of [
      `${QUERY}&transport=polling`,
      `${QUERY}&transport=polling&sid=${facts.sid}x`,
    ]) {
      expect((await one.ask("subscribe", uri)).ack).toMatchObject({ ok: false })
    }
  })

  it("may be left and entered again", async () => {
    const one = await call()
    await one.ask("subscribe", "/todo/")
    one.say("41")
    one.say("40")
    expect(await one.packet()).toMatch(/^40\{/)
    expect((await one.ask("create", { uri: "/todo/" })).events).toEqual([])
  })

  it("takes no binary data, says so, and goes on", async () => {
    const one = await call()
    one.say('451-7["create",{"uri":"/todo/","attributes":{"_placeholder":true,"num":0}}]')
    one.say(new Uint8Array([1, 2, 3]).buffer)
    expect(await one.hear()).toMatchObject(["server_error", { error: "TypeError" }])
    expect(await one.packet()).toMatch(/^437\[\{"ok":false/)
    expect((await one.ask("subscribe", "/todo/")).ack.ok).toBe(true)
  })

  it("is told that an event is too large or too deep, and goes on", async () => {
    const one = await call()
    const deep = `{"uri":"/todo/","attributes":${"[".repeat(150)}${"]".repeat(150)}}`
    for (const payload of [deep, JSON.stringify({ uri: "/todo/", text: "x".repeat(1_000_001) })]) {
      one.say(`421["create",${payload}]`)
      expect(await one.hear()).toMatchObject(["api_error", { problem: { code: "bad_frame" } }])
      expect(await one.packet()).toMatch(/^431\[\{"ok":false/)
    }
  })

  it("is told where an event is not to be read, and goes on", async () => {
    const one = await call()
    one.say('421["patch",{"uri":"/todo/x","patch":{"a":1,"a":2}}]')
    const [, { problem }] = await one.hear()
    expect(problem).toMatchObject({
      code: "unprocessable",
      errors: { "/patch/a": expect.any(String) },
    })
    expect(await one.packet()).toMatch(/^431\[\{"ok":false/)
    one.say('42["patch",{]')
    expect(await one.hear()).toMatchObject(["api_error", { problem: { code: "bad_frame" } }])
  })

  it("lives through seeded garbage, as does the hub", async () => {
    const well = await call()
    const packet = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc
        .tuple(
          fc.constantFrom("0", "1", "2", "3", "4", "40", "41", "42", "43", "45", "46", "420"),
          fc.string({ maxLength: 30 }),
        )
        .map((parts) => parts.join("")),
      fc.json({ maxDepth: 3 }).map((json) => `42[${json}]`),
      fc
        .tuple(
          fc.constantFrom("subscribe", "unsubscribe", "create", "patch", "delete", "state"),
          fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 }),
        )
        .map(([name, args]) => `429${JSON.stringify([name, ...args])}`),
      fc.constantFrom(
        '42["subscribe","%E0%A4%A"]',
        '42["__proto__",{}]',
        '42["create",{"uri":"/todo/","__proto__":1}]',
        "45999999999-[]",
        `40{"token":"\\n"}`,
        '40{"token":{}}',
      ),
    )
    for (const [at, garbage] of fc.sample(packet, { seed: SEED, numRuns: 250 }).entries()) {
      const one = await (at % 2 ? call() : open())
      one.say(garbage)
      one.say(new Uint8Array([at % 256]).buffer)
      // Either it is closed or it still answers.
      one.say("2still")
      const answered = (async () => {
        while ((await one.packet()) !== "3still");
      })()
      await Promise.race([answered, one.closed])
      one.socket.close(1000)
    }
    const { post } = await poller()
    for (const garbage of fc.sample(packet, { seed: SEED, numRuns: 50 })) {
      expect((await post(garbage)).status).toBeLessThan(500)
    }
    expect((await well.ask("subscribe", "/todo/")).ack.ok).toBe(true)
  })
})

describe("heartbeats", () => {
  const alarm = () => runInDurableObject(hub(), (_, { storage }) => storage.getAlarm())

  it("go out by an alarm, end who does not answer, and stop when nobody is left", async () => {
    await runInDurableObject(hub(), async (_, state) => {
      for (const socket of state.getWebSockets()) socket.close(1000)
    })
    const [well, silent] = [await call(), await call()]
    await silent.ask("subscribe", "/todo/")
    const start = Date.now()
    expect(await alarm()).toBeLessThanOrEqual(start + SOCKETIO_PING_INTERVAL_MILLISECONDS)
    const beat = async (n: number) => {
      const now = start + n * (SOCKETIO_PING_INTERVAL_MILLISECONDS + 1_000)
      vi.useFakeTimers({ toFake: ["Date"], now })
      // It sleeps from one to the next.
      await evictDurableObject(hub())
      expect(await runDurableObjectAlarm(hub())).toBe(true)
    }
    await beat(1)
    for (const each of [well, silent]) expect(await each.packet()).toBe("2")
    well.say("3")
    expect((await well.ask("subscribe", "/api/apps/beat")).ack.ok).toBe(true)
    await beat(2)
    expect(await well.packet()).toBe("2")
    expect((await silent.closed).code).toBe(4000)
    const { subscriptions } = await hub().stats()
    expect(subscriptions).toBe(1)
    well.socket.close(1000)
    await well.closed
    await beat(3)
    expect(await alarm()).toBeNull()
  })

  it("reach who polls, and end a session that was left alone", async () => {
    const { poll, post, uri } = await poller()
    await post("40")
    await poll()
    const held = poll()
    const start = Date.now()
    const beat = (n: number) => {
      const now = start + n * (SOCKETIO_PING_INTERVAL_MILLISECONDS + 1_000)
      vi.useFakeTimers({ toFake: ["Date"], now })
      return runDurableObjectAlarm(hub())
    }
    await beat(1)
    expect(await held).toEqual(["2"])
    await beat(2)
    expect((await request(uri)).status).toBe(400)
  })

  it("end a connection that never connects", async () => {
    const one = await open()
    await one.packet()
    const now = Date.now() + SOCKETIO_PING_INTERVAL_MILLISECONDS + 1_000
    vi.useFakeTimers({ toFake: ["Date"], now })
    await runDurableObjectAlarm(hub())
    expect((await one.closed).code).toBe(4000)
  })
})

describe("a token", () => {
  const connecting = async (packet: string, more = "") => {
    const one = await open(more)
    await one.packet()
    one.say(packet)
    return { one, answer: await one.packet() }
  }

  it("in CONNECT or in the query lets in; without one, the client is told why not", async () => {
    await locked({ WRITE_TOKEN: "w", READ_TOKEN: "r" }, async () => {
      const refused = (await connecting("40")).answer
      expect(JSON.parse(refused.slice(2))).toMatchObject({
        message: expect.stringContaining("token"),
        data: { code: "unauthorized", status: 401 },
      })
      expect((await connecting('40{"token":"wrong"}')).answer).toMatch(/^44/)
      expect((await connecting('40{"token":"\\n\\u0000"}')).answer).toMatch(/^44/)
      const { one, answer } = await connecting('40{"token":"w"}')
      expect(answer).toMatch(/^40/)
      expect((await one.ask("create", { uri: "/todo/" })).ack.ok).toBe(true)
      expect((await connecting("40", "&token=r")).answer).toMatch(/^40/)
      const polling = await poller("&token=r")
      await polling.post("40")
      expect((await polling.poll())[0]).toMatch(/^40/)
    })
  })

  it("for reading does not write, also after sleep", async () => {
    await locked({ WRITE_TOKEN: "w" }, async () => {
      const { one } = await connecting("40")
      expect((await one.ask("subscribe", "/todo/")).ack.ok).toBe(true)
      const { ack, events } = await one.ask("create", { uri: "/todo/" })
      expect(ack).toMatchObject({ ok: false, problem: { code: "forbidden" } })
      expect(events).toMatchObject([["api_error", { error: "SocketAPIError" }]])
    })
  })
})
