/** What the hub must live through: lost, doubled and late pokes, hibernation, restores, dead and strange sockets. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, describe, expect, it, vi } from "vitest"
import { createServices, handle } from "../src/app.ts"
import type { LiveHub } from "../src/live/hub.ts"
import { hubOf } from "../src/live/hubs.ts"
import type { Change } from "../src/protocol/change.ts"
import { retryHintIn } from "../src/protocol/close.ts"
import { connect, Talker } from "./conversation.ts"
import { send } from "./helpers.ts"

const bindings = env as never as Parameters<typeof hubOf>[0] & { DB: D1Database }
const hub = () => hubOf(bindings)

/** A writer whose pokes do not arrive; they are kept. */
function mute() {
  const pokes: Change[][] = []
  const around = {
    env,
    now: () => Date.now(),
    newId: () => crypto.randomUUID(),
    poke: (changes: Change[]) => void pokes.push(changes),
  }
  const { apps, feed } = createServices(around as never, new Request("https://tidemark.test/"))
  return { apps, feed, pokes }
}

async function follow(uri: string): Promise<Talker> {
  const one = await connect()
  const reply = await one.ask(`subscribe ${uri}`)
  if (!reply.absent) await one.hear()
  return one
}

const revisions = (frames: { revision: number }[]) => frames.map(({ revision }) => revision)

afterEach(() => void vi.useRealTimers())

describe("the hub", () => {
  it("sends fifty writes at once as exactly fifty frames, in order", async () => {
    const [item, list] = [await follow("/api/apps/fifty"), await follow("/api/apps/")]
    const written = await Promise.all(
      Array.from({ length: 50 }, (_, n) => send("PUT /api/apps/fifty", { data: { n } })),
    )
    const expected = revisions(written as { revision: number }[]).toSorted((a, b) => a - b)
    for (const one of [item, list]) expect(revisions(await one.rest())).toEqual(expected)
  })

  it("sends each of fifty writes once although fifty pokes at once each show a gap", async () => {
    const one = await follow("/api/apps/gaps")
    const { apps, pokes } = mute()
    for (let n = 0; n < 50; n++) await apps.put("/api/apps/gaps", `{"n":${n}}`)
    // Nothing rides along, so that every one of them must read the journal from the same place.
    const hints = pokes.map((changes) => changes.map((each) => ({ ...each, revision: 1e9 })))
    await Promise.all(hints.map((changes) => hub().poke(changes)))
    expect(revisions(await one.rest())).toEqual(revisions(pokes.flat()))
  })

  it("tells what a lost poke was about with the next one", async () => {
    const one = await follow("/api/apps/lost")
    const { apps } = mute()
    await apps.put("/api/apps/lost", '{"n":1}')
    await apps.patch("/api/apps/lost", '{"n":2}')
    expect(one.heard).toEqual([])
    await send("PUT /api/apps/other", { data: {} })
    expect((await one.rest()).map(({ event }) => event)).toEqual(["state", "patch"])
  })

  it("tells who comes in between what was ahead of the change it was told in the place of", async () => {
    const one = await connect()
    const { epoch } = await one.ask("subscribe /api/apps/ahead")
    const { apps, pokes } = mute()
    await apps.put("/api/apps/ahead", JSON.stringify({ text: "x".repeat(70_000) }))
    await apps.patch("/api/apps/ahead", '{"n":1}')
    const [[large] = [], [small] = []] = pokes
    // No change row carries this one, so it is read when the other is there already.
    await hub().poke(large ? [large] : [])
    const { position, revision } = await one.hear()
    expect([position, revision]).toEqual([large?.revision, small?.revision])
    const late = await connect()
    await late.ask(`subscribe /api/apps/ahead since ${epoch}.${position}`)
    const wide = await connect()
    const begun = await wide.ask("subscribe /api/apps/ahea*")
    await hub().poke(small ? [small] : [])
    expect(revisions(await late.rest())).toEqual([small?.revision])
    expect(begun.position).toBe(small?.revision)
    expect(await wide.rest()).toEqual([])
  })

  it("takes pokes late, doubled and out of order, and tells each change once, in order", async () => {
    const one = await follow("/api/apps/late")
    const { apps, pokes } = mute()
    for (let n = 0; n < 6; n++) await apps.put("/api/apps/late", `{"n":${n}}`)
    const [a = [], b = [], c = [], d = [], e = [], f = []] = pokes
    await Promise.all([c, a, b, c, f, f, d, e, a].map((changes) => hub().poke(changes)))
    await hub().poke(b)
    const expected = revisions(pokes.flat())
    expect(revisions(await one.rest())).toEqual(expected)
  })

  it("tells what a poke left out because it was large", async () => {
    const one = await follow("/api/apps/")
    const { apps, pokes } = mute()
    for (let n = 0; n < 3; n++) await apps.put(`/api/apps/heavy-${n}`, "{}")
    await hub().poke(pokes.at(-1) ?? [])
    expect((await one.rest()).map(({ event }) => event)).toEqual(["create", "create", "create"])
  })

  it("remembers its sockets and its place through hibernation", async () => {
    const one = await follow("/api/apps/slept")
    await evictDurableObject(hub())
    await send("PUT /api/apps/slept", { data: { n: 1 } })
    expect(await one.hear()).toMatchObject({ event: "state", resource: { data: { n: 1 } } })
    await evictDurableObject(hub())
    await mute().apps.put("/api/apps/slept", '{"n":2}')
    await evictDurableObject(hub()).catch(() => {})
    await send("PUT /api/apps/slept", { data: { n: 3 } })
    const frames = await one.rest()
    expect(frames.map(({ resource }) => resource.data.n)).toEqual([2, 3])
    expect(await one.ask("unsubscribe /api/apps/slept")).toMatchObject({ ok: true })
    await evictDurableObject(hub())
    await send("PUT /api/apps/slept", { data: { n: 4 } })
    expect(await one.rest()).toEqual([])
  })

  it("answers a ping without waking", async () => {
    const one = await connect()
    await evictDurableObject(hub())
    const pong = new Promise((resolve) =>
      one.socket.addEventListener("message", ({ data }) => resolve(data)),
    )
    one.say("ping")
    expect(await pong).toBe("pong")
    // It is asleep still: there is nothing to evict.
    await expect(evictDurableObject(hub())).rejects.toThrow()
  })

  it("closes politely, and forgets who left", async () => {
    const [one, two] = [await follow("/api/apps/polite"), await follow("/api/apps/polite")]
    one.socket.close(4321, "bye")
    expect(await one.closed).toMatchObject({ code: 4321, wasClean: true })
    await send("PUT /api/apps/polite", { data: {} })
    expect(await two.hear()).toMatchObject({ event: "state" })
    const left = await runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
    two.socket.close(1000)
    await two.closed
    const leftNow = await runInDurableObject(hub(), (_, state) => state.getWebSockets().length)
    expect(leftNow).toBe(left - 1)
  })

  it.each([999, 1004, 1005, 1006, 1015, 5000])(
    "answers a close whose code may not be sent, and forgets who sent it: %i",
    async (code) => {
      const before = await runInDurableObject(hub(), (_, state) => new Set(state.getWebSockets()))
      const one = await follow("/api/apps/odd")
      const { subscriptions } = await hub().stats()
      await runInDurableObject<LiveHub<unknown>, void>(hub() as never, async (instance, state) => {
        const socket = state.getWebSockets().find((each) => !before.has(each)) as WebSocket
        await instance.webSocketClose(socket, code, "odd")
      })
      await one.closed
      expect((await hub().stats()).subscriptions).toBe(subscriptions - 1)
    },
  )

  it("loses a socket that cannot be sent to, and no other", async () => {
    const before = await runInDurableObject(hub(), (_, state) => new Set(state.getWebSockets()))
    const [broken, well] = [await follow("/api/apps/broken"), await follow("/api/apps/broken")]
    await runInDurableObject(hub(), (_, state) => {
      const socket = state.getWebSockets().find((each) => {
        return !before.has(each) && String(each.deserializeAttachment()).includes("broken")
      })
      Object.defineProperty(socket, "send", {
        value: () => {
          throw new TypeError("Can't call WebSocket send() after close()")
        },
      })
    })
    await send("PUT /api/apps/broken", { data: { n: 1 } })
    const closed = await Promise.race([broken.closed, well.closed])
    expect(closed.code).toBe(4000)
    expect([broken, well].filter(({ heard }) => heard.length > 0)).toHaveLength(1)
  })

  it("closes a socket whose subscriptions it cannot know, so that it comes back", async () => {
    const one = await connect()
    await runInDurableObject(hub(), (_, state) => {
      for (const socket of state.getWebSockets()) {
        if (JSON.parse(socket.deserializeAttachment()).topics.length === 0) {
          socket.serializeAttachment({ of: "somebody else" })
        }
      }
    })
    await evictDurableObject(hub())
    await send("PUT /api/apps/any", { data: {} })
    const { code, reason } = await one.closed
    expect(code).toBe(1012)
    expect(retryHintIn(reason)).toBeGreaterThan(0)
  })

  it("tells everything anew when it has lost its place", async () => {
    await send("PUT /api/apps/placeless", { data: { n: 1 } })
    const one = await follow("/api/apps/placeless")
    await runInDurableObject(hub(), (_, { storage }) => void storage.kv.delete("cursor"))
    await evictDurableObject(hub())
    await send("PATCH /api/apps/placeless", { data: { n: 2 } })
    const frame = await one.hear()
    expect(frame).toMatchObject({ event: "state", reset: true, resource: { data: { n: 2 } } })
    expect(await one.rest()).toEqual([])
  })

  it("lets a socket do what its token allowed when it was opened, also after sleep", async () => {
    const one = await connect()
    await runInDurableObject(hub(), (_, state) => {
      for (const socket of state.getWebSockets()) {
        const { topics } = JSON.parse(socket.deserializeAttachment())
        const who = topics.length === 0 ? "read" : "write"
        socket.serializeAttachment(JSON.stringify({ who, topics }))
      }
    })
    await evictDurableObject(hub())
    expect(await one.ask("subscribe /todo/")).toMatchObject({ ok: true })
    expect(await one.ask({ event: "create", uri: "/todo/" })).toMatchObject({
      ok: false,
      problem: {
        code: "forbidden",
        status: 403,
      },
    })
  })

  it("says what it holds", async () => {
    const before = await hub().stats()
    const one = await follow("/api/apps/counted")
    await one.ask("subscribe /todo/")
    const { sockets, subscriptions } = await hub().stats()
    expect([sockets, subscriptions]).toEqual([before.sockets + 1, before.subscriptions + 2])
  })

  it("says on the socket why it refuses one, where a page can read it", async () => {
    const open = async (surroundings: object) => {
      const request = new Request("https://tidemark.test/live", {
        headers: { Upgrade: "websocket" },
      })
      const around = { now: Date.now, newId: () => "x", poke: () => {}, ...surroundings }
      const { webSocket, status } = await handle(request, around as never)
      expect(status).toBe(101)
      const one = new Talker(webSocket as WebSocket)
      const refused = one.reply(null)
      return [await refused, await one.closed] as const
    }
    const locked = { ...env, WRITE_TOKEN: "w", READ_TOKEN: "r" }
    const [refused, end] = await open({ env: locked })
    expect(refused).toMatchObject({ ok: false, problem: { code: "unauthorized" } })
    expect(end.code).toBe(4501)
    const away = { getByName: () => ({ fetch: () => Promise.reject(new Error("away")) }) }
    const [busy, later] = await open({ env: { ...env, HUB: away } })
    expect(busy).toMatchObject({ ok: false, problem: { code: "overloaded" } })
    expect(later.code).toBe(4001)
    expect(busy).toMatchObject({ problem: { retry_after_ms: retryHintIn(later.reason) } })
  })

  it("tells of a key that expires, by an alarm that is set for that very moment", async () => {
    const [item, list] = [await follow("/keys/fleeting"), await follow("/keys/")]
    const start = Date.now()
    await send("PUT /keys?fleeting=1&expire_in=60")
    expect(await item.hear()).toMatchObject({ event: "state", resource: { fleeting: "1" } })
    expect(await list.hear()).toMatchObject({ event: "create", member: "/keys/fleeting" })
    const at = () => runInDurableObject(hub(), (_, { storage }) => storage.getAlarm())
    // Before that it looks by itself, because somebody follows.
    vi.useFakeTimers({ toFake: ["Date"], now: start + 50_000 })
    await runDurableObjectAlarm(hub())
    expect(((await at()) ?? 0) - start).toBeGreaterThanOrEqual(60_000)
    expect(((await at()) ?? 0) - start).toBeLessThan(70_000)
    vi.useFakeTimers({ toFake: ["Date"], now: start + 75_000 })
    expect(await runDurableObjectAlarm(hub())).toBe(true)
    for (const one of [item, list]) {
      expect(await one.hear()).toMatchObject({
        event: "delete",
        uri: "/keys/fleeting",
        reason: "expired",
      })
    }
    // Nothing else expires: it looks some times for what those who follow may miss, and then nothing wakes it.
    const looks: number[] = []
    for (let next = await at(); next !== null; next = await at()) {
      looks.push(Math.round((next - Date.now()) / 1_000))
      vi.useFakeTimers({ toFake: ["Date"], now: next })
      expect(await runDurableObjectAlarm(hub())).toBe(true)
    }
    expect(looks).toEqual([30, 30, 60, 120, 240, 480, 960])
  })
})

describe("who comes back", () => {
  const trouble = "/api/apps/back"

  async function leave(uri: string): Promise<string> {
    const one = await connect()
    const { epoch, position } = await one.ask(`subscribe ${uri}`)
    one.socket.close(1000)
    return `${epoch}.${position}`
  }

  it("gets exactly what it missed", async () => {
    await send(`PUT ${trouble}`, { data: { n: 0 } })
    const since = await leave(trouble)
    await send("PUT /api/apps/unrelated", { data: {} })
    await send(`PATCH ${trouble}`, { data: { n: 1 } })
    await send(`DELETE ${trouble}`)
    await send(`PUT ${trouble}`, { data: { n: 2 } })
    const one = await connect()
    const reply = await one.ask(`subscribe ${trouble} since ${since}`)
    expect(reply).toMatchObject({ ok: true, resumed: true })
    expect(reply.reset).toBeUndefined()
    const frames = await one.rest()
    expect(frames.map(({ event }) => event)).toEqual(["patch", "delete", "state"])
    const again = await connect()
    const last = `${reply.epoch}.${reply.position}`
    expect(await again.ask(`subscribe ${trouble} since ${last}`)).toMatchObject({ resumed: true })
    expect(await again.rest()).toEqual([])
    await send(`PATCH ${trouble}`, { data: { n: 3 } })
    expect((await again.rest()).map(({ event }) => event)).toEqual(["patch"])
  })

  it("to a list gets what happened to its members", async () => {
    const since = await leave("/api/apps/")
    await send("PUT /api/apps/came", { data: {} })
    await send("PATCH /api/apps/came", { data: { n: 1 } })
    await send("DELETE /api/apps/came")
    const one = await connect()
    expect(await one.ask(`subscribe /api/apps since ${since}`)).toMatchObject({ resumed: true })
    const told = (await one.rest()).map(({ event, uri, member }) => [event, member ?? uri])
    expect(told).toEqual(["create", "patch", "delete"].map((event) => [event, "/api/apps/came"]))
  })

  it("to a view gets nothing when it did not change, and its state when it did", async () => {
    await send(`PUT ${trouble}`, { data: {} })
    const since = await leave(`${trouble}?a=1`)
    const one = await connect()
    const words = `subscribe ${trouble}?a=1 since ${since}`
    expect(await one.ask(words)).toMatchObject({ resumed: true })
    await send(`PATCH ${trouble}`, { data: { n: 1 } })
    await one.hear()
    const two = await connect()
    expect(await two.ask(words)).toMatchObject({ reset: true })
    expect(await two.hear()).toMatchObject({ event: "state", resource: { data: { n: 1 } } })
  })

  it("is told to reset, and given the state, when the journal cannot tell", async () => {
    const { revision } = await send(`PUT ${trouble}`, { data: { n: 5 } })
    const since = await leave(trouble)
    const [epoch] = since.split(".")
    const cases = [`0123.${revision}`, `${epoch}.${(revision ?? 0) + 1_000}`, "nonsense"]
    for (const position of cases) {
      const one = await connect()
      const reply = await one.ask(`subscribe ${trouble} since ${position}`)
      expect(reply).toMatchObject({ ok: true, reset: true })
      expect(await one.hear()).toMatchObject({ event: "state", resource: { data: { n: 5 } } })
    }
    await send(`PATCH ${trouble}`, { data: { text: "x".repeat(70_000) } })
    const large = await connect()
    expect(await large.ask(`subscribe ${trouble} since ${since}`)).toMatchObject({ reset: true })
    await send(`DELETE ${trouble}`)
    await mute().feed.trim(-1_000, 0)
    const late = await connect()
    expect(await late.ask(`subscribe ${trouble} since ${since}`)).toMatchObject({
      reset: true,
      absent: true,
    })
  })
})

describe("a database that was put back", () => {
  /** As a restore does it: nothing from this revision on has ever been. */
  const restore = (revision: number) =>
    bindings.DB.batch([
      bindings.DB.prepare("DELETE FROM changes WHERE revision >= ?1").bind(revision),
      bindings.DB.prepare(
        "DELETE FROM documents WHERE created > (SELECT coalesce(max(revision), 0) FROM changes)",
      ),
    ])

  it("resets every subscriber under a new epoch", async () => {
    await send("PUT /api/apps/restored", { data: { n: 1 } })
    const one = await connect()
    const { epoch } = await one.ask("subscribe /api/apps/restored")
    const gone = await follow("/api/apps/vanishes")
    await one.hear()
    const { revision = 0 } = await send("PUT /api/apps/vanishes", { data: {} })
    expect(await gone.hear()).toMatchObject({ event: "state" })
    await restore(revision)
    await hub().poke([])
    const state = await one.hear()
    expect(state).toMatchObject({ event: "state", reset: true, resource: { data: { n: 1 } } })
    expect(state.epoch).not.toBe(epoch)
    expect(await gone.hear()).toMatchObject({ event: "delete", reset: true, epoch: state.epoch })
    await send("PATCH /api/apps/restored", { data: { n: 2 } })
    expect(await one.hear()).toMatchObject({ event: "patch", revision })
  })

  it("is noticed by the next commit, whose revision was given out before", async () => {
    const one = await follow("/api/apps/again")
    await send("PUT /api/apps/again", { data: { n: 1 } })
    const { revision = 0 } = await send("PATCH /api/apps/again", { data: { n: 2 } })
    await send("PATCH /api/apps/again", { data: { n: 3 } })
    await one.hearAll(3)
    await restore(revision)
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 })
    await send("PATCH /api/apps/again", { data: { n: 4 } })
    const frame = await one.hear()
    expect(frame).toMatchObject({ event: "state", reset: true, resource: { data: { n: 4 } } })
  })

  it.each(["the next look", "the next commit", "a commit that seems to be the next"])(
    "is noticed by %s although as much was written since as was lost",
    async (by) => {
      const one = await connect()
      const { epoch } = await one.ask("subscribe /api/apps/passed")
      const { revision = 0 } = await send("PUT /api/apps/passed", { data: {} })
      await one.hear()
      await restore(revision)
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 })
      const { apps, pokes } = mute()
      for (let n = 0; n < 3; n++) await apps.put("/api/apps/passing", `{"n":${n}}`)
      const [first = [], second = [], third = []] = pokes
      const commits = by === "the next commit" ? [...first, ...second, ...third] : second
      await hub().poke(by === "the next look" ? [] : commits)
      const gone = await one.hear()
      expect(gone).toMatchObject({ event: "delete", uri: "/api/apps/passed", reset: true })
      expect(gone.epoch).not.toBe(epoch)
    },
  )
})
