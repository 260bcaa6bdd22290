/** Several hubs: who is told of a commit, by how many calls, and that nobody is forgotten. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createServices, handle, type Surroundings } from "../src/app.ts"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import worker from "../src/index.ts"
import { hubOf, pokeHubs, type HubCalls } from "../src/live/hubs.ts"
import { Talker } from "./conversation.ts"
import { writeUntold } from "./live.world.ts"

const feed = new Feed(new Database(env.DB), { now: Date.now, poke: () => {} })
const open: Talker[] = []
let ids = 0

/** What the Worker said to hubs since the test began: method and hub. */
let calls: string[] = []
/** Until they are done. */
let told: Promise<void>[] = []

function counted(name: string): Pick<HubCalls, "poke" | "ringBy"> {
  const hub = hubOf(env, name)
  return {
    poke: (changes) => (calls.push(`poke ${name}`), hub.poke(changes)),
    ringBy: (at) => (calls.push(`ringBy ${name}`), hub.ringBy(at)),
  }
}

/** A Worker whose calls to hubs are counted, with as many hubs. */
function around(hubs = 4): Surroundings {
  return {
    env: { ...env, LIVE_HUBS: String(hubs) },
    now: () => Date.now(),
    newId: () => `id-${++ids}`,
    poke: (...commit) => void told.push(pokeHubs(counted, ...commit)),
  }
}

/** Writes, and waits until the hubs have been told. */
async function write(request: string, body?: object, hubs?: number): Promise<Response> {
  const [method = "", uri = ""] = request.split(" ")
  const headers = { "Content-Type": "application/json" }
  const init = body ? { method, headers, body: JSON.stringify(body) } : { method }
  const answer = await handle(new Request(`https://tidemark.test${uri}`, init), around(hubs))
  expect(answer.status).toBeLessThan(300)
  await Promise.all(told)
  return answer
}

const upgrade = () =>
  new Request("https://tidemark.test/live", { headers: { Upgrade: "websocket" } })

function talk({ webSocket }: Response): Talker {
  const one = new Talker(webSocket as WebSocket)
  open.push(one)
  return one
}

/** A socket at this very hub. */
async function socketAt(name: string): Promise<Talker> {
  return talk(await hubOf(env, name).fetch(upgrade()))
}

/** The same, following; its state is heard. */
async function following(name: string, uri: string): Promise<Talker> {
  const one = await socketAt(name)
  const { absent } = await one.ask(`subscribe ${uri}`)
  if (!absent) await one.hear()
  return one
}

async function close(one: Talker): Promise<void> {
  one.socket.close(1000)
  await one.closed
}

const listening = (names: string[]) =>
  vi.waitFor(async () => expect(await feed.listeners()).toEqual(names))

beforeEach(() => {
  calls = []
  told = []
})

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(open.splice(0).map(close))
  await listening([])
})

describe("several hubs", () => {
  it("share the sockets, and tell each the same in the same order", async () => {
    const ends: Talker[] = []
    for (let n = 0; n < 40; n++) ends.push(talk(await handle(upgrade(), around())))
    const held = await Promise.all(
      [0, 1, 2, 3].map(async (n) => (await hubOf(env, `hub-${n}`).stats()).sockets),
    )
    expect(held.reduce((sum, one) => sum + one)).toBe(40)
    for (const sockets of held) expect(sockets).toBeGreaterThan(2)
    for (const one of ends) await one.ask("subscribe /api/apps/")
    await Promise.all(ends.map((one) => one.hear()))
    for (let n = 0; n < 10; n++) await write("PUT /api/apps/shared", { data: { n } })
    const frames = await Promise.all(ends.map((one) => one.hearAll(10)))
    for (const each of frames) expect(each).toEqual(frames[0])
  })

  it("take one call each and one frame for each socket, and the idle none", async () => {
    const subscribers = [
      await following("hub-0", "/api/apps/counted"),
      await following("hub-2", "/api/apps/counted"),
      await following("hub-2", "/api/apps/"),
      await following("hub-2", "/api/apps/counted"),
    ]
    // This one has a socket, but nobody follows anything.
    const silent = await socketAt("hub-3")
    for (const one of subscribers) one.texts.length = 0
    for (let n = 0; n < 20; n++) await write("PUT /api/apps/counted", { data: { n } })
    expect(calls).toEqual(Array.from({ length: 20 }, () => ["poke hub-0", "poke hub-2"]).flat())
    await Promise.all(subscribers.map((one) => one.hearAll(20)))
    expect(subscribers.map(({ texts }) => texts.length)).toEqual([20, 20, 20, 20])
    expect(silent.texts).toEqual([])
  })

  it("take one call for all changes of a batch", async () => {
    const one = await following("hub-1", "/api/apps/")
    const operations = ["a", "b", "c"].map((name) => {
      return { method: "PUT", uri: `/api/apps/batched-${name}`, body: { data: {} } }
    })
    await write("POST /api/batch", { operations })
    expect(calls).toEqual(["poke hub-1"])
    expect((await one.hearAll(3)).map(({ event }) => event)).toEqual(["create", "create", "create"])
  })

  it("hear of what is written through another", async () => {
    const [here, there] = [await following("hub-1", "/todo/"), await following("hub-2", "/todo/")]
    const writer = await socketAt("hub-3")
    const { revision } = await writer.ask({ event: "create", uri: "/todo/", attributes: {} })
    for (const one of [here, there]) {
      expect(await one.hear()).toMatchObject({ event: "create", revision })
    }
    const { revision: own } = await here.ask({ event: "create", uri: "/todo/", attributes: {} })
    for (const one of [here, there]) expect(await one.hear()).toMatchObject({ revision: own })
  })

  it("are called no more once nobody follows: unsubscribed, closed, or refused", async () => {
    const one = await following("hub-1", "/api/apps/left")
    await listening(["hub-1"])
    await one.ask("unsubscribe /api/apps/left")
    await listening([])
    const two = await following("hub-2", "/api/apps/left")
    await close(two)
    await listening([])
    expect(await one.ask("subscribe /api/apps/?limit=none")).toMatchObject({ ok: false })
    await listening([])
    await write("PUT /api/apps/left", { data: {} })
    expect(calls).toEqual([])
  })

  it("keep their sockets when LIVE_HUBS is lowered, and are forgotten when the last has gone", async () => {
    const one = await following("hub-3", "/api/apps/shrunk")
    await write("PUT /api/apps/shrunk", { data: { n: 1 } }, 1)
    expect(await one.hear()).toMatchObject({ event: "state", resource: { data: { n: 1 } } })
    expect(calls).toEqual(["poke hub-3"])
    const { hubStats } = createServices(around(1), upgrade())
    expect(await hubStats()).toMatchObject({ sockets: 1, subscriptions: 1 })
  })

  it("are summed up in the metrics", async () => {
    await following("hub-0", "/api/apps/summed")
    await following("hub-1", "/api/apps/summed")
    await socketAt("hub-2")
    const text = await (await handle(new Request("https://tidemark.test/metrics"), around())).text()
    expect(text).toMatch(/^tidemark_sockets 3$/m)
    expect(text).toMatch(/^tidemark_subscriptions 2$/m)
    expect(text).toMatch(/^tidemark_hubs 2$/m)
  })

  it("go to sleep with their sockets, answer a ping in it, and wake to tell", async () => {
    const ends = [
      await following("hub-1", "/api/apps/dozed"),
      await following("hub-2", "/api/apps/dozed"),
    ]
    for (const name of ["hub-1", "hub-2"]) await evictDurableObject(hubOf(env, name))
    for (const one of ends) {
      one.say("ping")
      await vi.waitFor(() => expect(one.texts).toContain("pong"))
    }
    // They are asleep still: there is nothing to evict.
    for (const name of ["hub-1", "hub-2"]) {
      await expect(evictDurableObject(hubOf(env, name))).rejects.toThrow()
    }
    await write("PUT /api/apps/dozed", { data: {} })
    for (const one of ends) expect(await one.hear()).toMatchObject({ event: "state" })
    expect(calls).toEqual(["poke hub-1", "poke hub-2"])
  })

  it("are called once more when their sockets went without a word, and then no more", async () => {
    await following("hub-1", "/api/apps/cut")
    // As a crash leaves it: sockets gone, and nobody was told.
    await evictDurableObject(hubOf(env, "hub-1"), { webSockets: "close" })
    open.length = 0
    await feed.listen("hub-1", Date.now())
    await write("PUT /api/apps/cut", { data: {} })
    expect(calls).toEqual(["poke hub-1"])
    await listening([])
  })

  it("look by themselves while they are followed, so that a lost poke and a lost name are told soon", async () => {
    const [one, two] = [
      await following("hub-1", "/api/apps/unpoked"),
      await following("hub-2", "/api/apps/unnamed"),
    ]
    const names = ["hub-1", "hub-2"]
    await Promise.all(names.map((name) => evictDurableObject(hubOf(env, name))))
    await env.DB.prepare("DELETE FROM listeners WHERE name = 'hub-2'").run()
    await writeUntold("PUT /api/apps/unpoked", { data: {} })
    await writeUntold("PUT /api/apps/unnamed", { data: {} })
    expect([...one.heard, ...two.heard]).toEqual([])
    const look = async (name: string) => runDurableObjectAlarm(hubOf(env, name))
    for (const name of names) expect(await look(name)).toBe(true)
    expect(await one.hear()).toMatchObject({ event: "state", uri: "/api/apps/unpoked" })
    expect(await two.hear()).toMatchObject({ event: "state", uri: "/api/apps/unnamed" })
    for (const name of names) expect(await look(name)).toBe(true)
    await write("PUT /api/apps/unnamed", { data: { n: 1 } })
    expect(await two.hear()).toMatchObject({ resource: { data: { n: 1 } } })
    await Promise.all([one, two].map(close))
    await listening([])
    // Once more, and then nobody wakes them.
    for (const name of names) await look(name)
    for (const name of names) expect(await look(name)).toBe(false)
  })

  it("are found by the hourly look when the database has lost who listens", async () => {
    const one = await following("hub-1", "/api/apps/lost")
    await env.DB.prepare("DELETE FROM listeners").run()
    await write("PUT /api/apps/lost", { data: { n: 1 } })
    expect([calls, one.heard]).toEqual([[], []])
    await worker.scheduled({} as never, { ...env, LIVE_HUBS: "4" }, { waitUntil() {} } as never)
    expect(await one.hear()).toMatchObject({ event: "state", resource: { data: { n: 1 } } })
    await write("PUT /api/apps/lost", { data: { n: 2 } })
    expect(await one.hear()).toMatchObject({ event: "state", resource: { data: { n: 2 } } })
  })
})

describe("the clock", () => {
  const alarmOf = (name: string) =>
    runInDurableObject(hubOf(env, name), (_, { storage }) => storage.getAlarm())

  it("is one hub, told of what expires although it has no subscribers, and of nothing else", async () => {
    const start = Date.now()
    const [one, two] = [await following("hub-1", "/keys/"), await following("hub-2", "/keys/timed")]
    await write("PUT /keys?untimed=1")
    expect(calls).toEqual(["poke hub-1", "poke hub-2"])
    calls = []
    await write("PUT /keys?timed=1&expire_in=60")
    expect(calls).toEqual(["poke hub-1", "poke hub-2", "ringBy hub-0"])
    await Promise.all([one.hearAll(2), two.hear()])
    // Of the others, those that are followed have the alarm of their own look.
    expect((await alarmOf("hub-1"))! - start).toBeLessThan(60_000)
    // It may have one that others left.
    vi.useFakeTimers({ toFake: ["Date"], now: start + 50_000 })
    await runDurableObjectAlarm(hubOf(env, "hub-0"))
    expect((await alarmOf("hub-0"))! - start).toBeGreaterThanOrEqual(60_000)
    await evictDurableObject(hubOf(env, "hub-0"))
    vi.useFakeTimers({ toFake: ["Date"], now: start + 75_000 })
    expect(await runDurableObjectAlarm(hubOf(env, "hub-0"))).toBe(true)
    const gone = { event: "delete", uri: "/keys/timed", reason: "expired" }
    for (const each of [one, two]) expect(await each.hear()).toMatchObject(gone)
  })
})

describe("coming and going while others write", () => {
  it.each([1, 2, 3])("forgets nobody who follows (hub %i)", async (number) => {
    const uri = `/api/apps/churn-${number}`
    const name = `hub-${number}`
    // One leaves as the other comes, so that the hub is about to be forgotten every time.
    let one = await following(name, uri)
    for (let turn = 0; turn < 40; turn++) {
      const two = await socketAt(name)
      const steps = [
        () => two.ask(`subscribe ${uri}`),
        () => (turn % 2 ? one.ask(`unsubscribe ${uri}`) : close(one)),
        () => write(`PUT ${uri}`, { data: { turn } }),
        () => write(`PATCH ${uri}`, { data: { turn } }),
      ]
      // Every order in which they can begin.
      const order = [0, 1, 2, 3].map((at) => (at * (1 + (turn % 3)) + turn) % steps.length)
      await Promise.all([...new Set([...order, 0, 1, 2, 3])].map((at) => steps[at]?.()))
      const { revision } = await feed.position()
      // Its state may hold all of it, else a frame comes.
      while ((await two.hear()).revision < revision);
      one = two
    }
  })
})
