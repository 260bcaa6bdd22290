/** Subscribers that are told less often: fewer frames, the same copy. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { chance, open, settled, sockets } from "./live.world.ts"

const hub = () => hubOf(env as never)

describe("a throttled subscriber", () => {
  it("is told the first change at once and the rest as one exact patch", async () => {
    const uri = "/api/apps/throttled"
    await send(`PUT ${uri}`, { data: {} })
    const one = await connect()
    await one.ask({ event: "subscribe", uri, throttle: "2s" })
    await one.hear()
    for (let n = 0; n < 20; n++) await send(`PATCH ${uri}`, { data: { n, [`m${n % 3}`]: n } })
    expect(await one.hear()).toMatchObject({ event: "patch", patch: { data: { n: 0 } } })
    const { revision } = await send(`PATCH ${uri}`, { data: { m0: null } })
    // Leaving does not lose what waits.
    await one.ask(`unsubscribe ${uri}`)
    const data = { n: 19, m0: null, m1: 19, m2: 17 }
    expect(await one.rest()).toMatchObject([{ event: "patch", revision, patch: { data } }])
  })

  it("is told when its time is over", async () => {
    const one = await connect()
    const uri = "/api/apps/timed"
    await one.ask({ event: "subscribe", uri: "/api/apps/time*", throttle: "20ms" })
    await send(`PUT ${uri}`, { data: {} })
    const frames: any[] = [await one.hear()]
    let last = 0
    for (let n = 0; n < 5; n++) last = (await send(`PATCH ${uri}`, { data: { n } })).revision ?? 0
    while (frames.at(-1).revision < last) frames.push(await one.hear())
    expect(frames.at(-1)).toMatchObject({ uri, patch: { data: { n: 4 } } })
  })

  it("loses nothing when the hub is to sleep while something waits, and stays throttled", async () => {
    const one = await connect()
    const uri = "/api/apps/asleep-a"
    await one.ask({ event: "subscribe", uri: "/api/apps/asleep-*", throttle: "500ms" })
    await send(`PUT ${uri}`, { data: {} })
    await one.hear()
    for (let n = 0; n < 3; n++) await send(`PATCH ${uri}`, { data: { n } })
    await evictDurableObject(hub())
    expect(await one.hear()).toMatchObject({ patch: { data: { n: 2 } } })
    await send(`PATCH ${uri}`, { data: { n: 7 } })
    expect(await one.hear()).toMatchObject({ patch: { data: { n: 7 } } })
    await send(`PATCH ${uri}`, { data: { n: 8 } })
    await send(`PATCH ${uri}`, { data: { n: 9 } })
    expect(await one.rest()).toMatchObject([{ patch: { data: { n: 9 } } }])
  })

  it("comes back to all that waited in a hub that failed", async () => {
    const live = open()
    const uris = ["/api/apps/failed-a", "/api/apps/failed-b"]
    const all = live.subscribe("/api/apps/", undefined, { throttle: "5s" })
    await all.ready
    await send(`PUT ${uris[0]}`, { data: {} })
    for (let n = 0; n < 3; n++) for (const uri of uris) await send(`PUT ${uri}`, { data: { n } })
    const failing = runInDurableObject(hub(), (_, state) => state.abort("failed"))
    await failing.catch(() => {})
    await settled(live)
    const { json } = await send("GET /api/apps/")
    await expect.poll(() => all.value).toEqual(json)
    live.close()
  })

  it("stays throttled when its connection was lost", async () => {
    const uri = "/api/apps/cut"
    await send(`PUT ${uri}`, { data: {} })
    const live = open()
    let count = 0
    const copy = live.subscribe(uri, () => count++, { throttle: "1s" })
    await copy.ready
    sockets.at(-1)?.close(4001, "Cut")
    await settled(live)
    count = 0
    for (let n = 0; n < 30; n++) await send(`PATCH ${uri}`, { data: { n } })
    await settled(live)
    expect(count).toBeLessThan(15)
    const { json } = await send(`GET ${uri}`)
    await expect.poll(() => copy.value, { timeout: 4_000 }).toEqual(json)
    live.close()
  })

  it("is told in words what is wrong with its throttle", async () => {
    const one = await connect()
    for (const throttle of ["", "250", "0ms", "1h", "6s", "-1s", 5]) {
      const reply = await one.ask({ event: "subscribe", uri: "/todo/", throttle })
      expect(reply).toMatchObject({ ok: false, problem: { code: "bad_frame" } })
      expect(reply.problem.errors).toHaveProperty("throttle")
    }
  })
})

describe("copies of throttled clients under random writes, cuts and sleeps", () => {
  it.each([1, 2, 3])("are what GET answers in the end (seed %i)", async (seed) => {
    const below = chance(seed)
    const names = ["a", "b", "c", "d"].map((name) => `slow-${seed}-${name}`)
    const live = open()
    const uris = ["/api/apps/", "/todo/", ...names.map((name) => `/api/apps/${name}`)]
    const copies = uris.map((uri) =>
      live.subscribe(uri, undefined, below(4) ? { throttle: `${5 + below(60)}ms` } : {}),
    )
    await Promise.all(copies.map(({ ready }) => ready))
    const todos: string[] = []
    for (let step = 0; step < 80; step++) {
      const uri = `/api/apps/${names[below(4)]}`
      const data = { [`m${below(3)}`]: [step, null, { n: step }, { n: null }][below(4)] }
      const todo = todos[below(todos.length + 1)]
      const kind = below(12)
      if (kind === 0) await send(`DELETE ${uri}`)
      else if (kind === 1) sockets.at(-1)?.close(4001, "Cut")
      else if (kind === 2) {
        await hub().stats()
        await evictDurableObject(hub())
      } else if (kind < 5) {
        const { json } = await send("POST /todo/", { text: `${step}` })
        todos.push(`/todo/${json.id}`)
      } else if (kind < 7 && todo) await send(`PATCH ${todo}`, { text: `${step}` })
      else await send(`${kind < 11 ? "PATCH" : "PUT"} ${uri}`, { data })
    }
    await settled(live)
    for (const [at, copy] of copies.entries()) {
      const { json, status } = await send(`GET ${uris[at]}`)
      const expected = status === 200 ? json : undefined
      const isEqual = () => expect(copy.value, `seed ${seed} ${uris[at]}`).toEqual(expected)
      await expect
        .poll(() => copy.value, { timeout: 4_000 })
        .toEqual(expected)
        .catch(isEqual)
    }
    live.close()
  })
})
