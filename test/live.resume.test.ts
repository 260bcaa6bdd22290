/** Coming back: one command for all that a connection followed, whatever happened meanwhile. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { hubOf } from "../src/live/hubs.ts"
import { connect, type Talker } from "./conversation.ts"
import { send } from "./helpers.ts"
import { writeUntold } from "./live.world.ts"

const bindings = env as never as Parameters<typeof hubOf>[0] & { DB: D1Database }
const hub = () => hubOf(bindings)

/** Services that tell no hub of what they write. */
function quiet() {
  const around = { env, now: Date.now, newId: () => "x", poke: () => {} }
  return createServices(around as never, new Request("https://tidemark.test/"))
}

const feed = () => quiet().feed

async function position(): Promise<string> {
  const { epoch, revision } = await feed().position()
  return `${epoch}.${revision}`
}

/** The reply to a resume, and the frames that it announces. */
async function resume(one: Talker, uris: unknown[], since?: string) {
  const reply = await one.ask({ event: "resume", uris, ...(since ? { since } : {}) })
  return { reply, frames: await one.hearAll(reply.frames ?? 0) }
}

const told = (frames: any[]) => frames.map(({ event, member, uri }) => [event, member ?? uri])

describe("five hundred connections that come back at once to a hub that was evicted", () => {
  it("cost a handful of queries together, however little they have in common", async () => {
    await send("PUT /api/apps/mass", { data: { n: 0 } })
    const sinces: string[] = []
    for (let n = 1; n <= 60; n++) {
      sinces.push(await position())
      await send("PATCH /api/apps/mass", { data: { n } })
    }
    const all = await Promise.all(Array.from({ length: 500 }, () => connect()))
    await evictDurableObject(hub())
    let queries = 0
    await runInDurableObject(hub(), (instance) => {
      const { env: own } = instance as unknown as { env: { DB: D1Database } }
      const DB = {
        prepare: (text: string) => own.DB.prepare(text),
        batch: (statements: D1PreparedStatement[]) => {
          queries += statements.length
          return own.DB.batch(statements)
        },
      }
      Object.defineProperty(instance, "env", { value: { ...own, DB } })
    })
    const replies = await Promise.all(
      all.map(async (one, at) => {
        const uris = ["/api/apps/mass", "/api/apps/", `/keys/mass-${at}`, "/todo/"]
        return resume(one, uris, sinces[(at * 7) % 60])
      }),
    )
    for (const [at, { reply, frames }] of replies.entries()) {
      expect(reply.topics.every(({ resumed }: any) => resumed)).toBe(true)
      expect(frames.at(-1)).toMatchObject({ patch: { data: { n: 60 } } })
      expect(frames).toHaveLength(60 - ((at * 7) % 60))
    }
    // That the hub listens and where the journal is, then one page of it: two queries each.
    expect(queries).toBe(4)
    for (const one of all) one.socket.close(1000)
  })
})

describe("a connection that comes back", () => {
  it("gets what it missed of everything, in the one order, each change once", async () => {
    await send("PUT /api/apps/r-one", { data: { n: 0 } })
    const since = await position()
    await send("PATCH /api/apps/r-one", { data: { n: 1 } })
    await send("PUT /keys?r-key=v")
    await send("PUT /api/apps/r-two", { data: {} })
    await send("DELETE /api/apps/r-one")
    const one = await connect()
    const uris = ["/api/apps/r-one", "api/apps", "/keys/r-key", "/todo/"]
    const { reply, frames } = await resume(one, uris, since)
    expect(reply.topics).toMatchObject([
      { uri: "/api/apps/r-one", resumed: true, position: reply.position },
      { uri: "/api/apps/", resumed: true },
      { uri: "/keys/r-key", resumed: true },
      { uri: "/todo/", resumed: true },
    ])
    expect(told(frames)).toEqual([
      ["patch", "/api/apps/r-one"],
      ["state", "/keys/r-key"],
      ["create", "/api/apps/r-two"],
      ["delete", "/api/apps/r-one"],
    ])
    await send("PUT /api/apps/r-one", { data: { n: 2 } })
    const again = await resume(await connect(), uris, `${reply.epoch}.${reply.position}`)
    expect(told(again.frames)).toEqual([["create", "/api/apps/r-one"]])
    expect(told(await one.rest())).toEqual([["create", "/api/apps/r-one"]])
  })

  it("is not told again what it knows, where it knows more of one than of another and the hub less", async () => {
    const [ahead, still] = ["/api/apps/r-ahead", "/api/apps/r-quiet"]
    await send(`PUT ${ahead}`, { data: {} })
    const before = await position()
    const other = await connect()
    await other.ask(`subscribe ${still}`)
    await writeUntold(`PATCH ${ahead}`, { data: { n: 1 } })
    const after = await position()
    const one = await connect()
    const uris = [
      { uri: still, since: before },
      { uri: ahead, since: after },
      { uri: "/todo/", since: after.replace(/\d+$/, "999999") },
    ]
    const { reply } = await resume(one, uris)
    expect(reply.topics).toMatchObject([{ resumed: true }, { resumed: true }, { reset: true }])
    await send(`PATCH ${ahead}`, { data: { n: 2 } })
    expect((await one.rest()).map(({ patch }) => patch)).toEqual([{ data: { n: 2 } }])
  })

  it("is not told by a pattern that begins anew what an item of it was told already", async () => {
    const item = "/api/apps/r-both"
    await send(`PUT ${item}`, { data: {} })
    const before = await position()
    const other = await connect()
    await other.ask(`subscribe ${item}`)
    await writeUntold(`PATCH ${item}`, { data: { n: 1 } })
    // Who comes back from further on makes the hub look into the journal.
    const further = { uri: "/todo/", since: await position() }
    await resume(await connect(), [{ uri: item, since: before }, further])
    const one = await connect()
    const uris = [
      { uri: "/api/apps/*", since: "elsewhere.1" },
      { uri: item, since: before },
    ]
    const { reply, frames } = await resume(one, uris)
    expect(reply.topics).toMatchObject([{ reset: true }, { resumed: true }])
    expect(reply.topics[0].position).toBe(reply.topics[1].position)
    // Nor by another that comes right after it.
    expect(await one.ask("subscribe /api/**")).toMatchObject({ ok: true })
    await send(`PATCH ${item}`, { data: { n: 2 } })
    const all = [...frames, ...(await one.rest())].filter(({ uri }) => uri === item)
    expect(all.map(({ patch }) => patch)).toEqual([{ data: { n: 1 } }, { data: { n: 2 } }])
  })

  it("gets the state of what the journal cannot tell, and of nothing else", async () => {
    await send("PUT /api/apps/r-large", { data: {} })
    await send("PUT /keys?r-small=1")
    const since = await position()
    await send("PATCH /api/apps/r-large", { data: { text: "x".repeat(70_000) } })
    await send("PUT /keys?r-small=2")
    await send("PATCH /api/apps/r-large", { data: { n: 2 } })
    const uris = ["/api/apps/r-large", "/keys/r-small", "/api/apps/r-large?v=1", "/api/apps/r-none"]
    const { reply, frames } = await resume(await connect(), uris, since)
    expect(reply.topics).toMatchObject([
      { uri: "/api/apps/r-large", reset: true },
      { uri: "/keys/r-small", resumed: true },
      { uri: "/api/apps/r-large?v=1", reset: true },
      { uri: "/api/apps/r-none", resumed: true },
    ])
    expect(frames).toMatchObject([
      { event: "patch", uri: "/keys/r-small", patch: { "r-small": "2" } },
      { event: "state", uri: "/api/apps/r-large", reset: true, resource: { data: { n: 2 } } },
      { event: "state", uri: "/api/apps/r-large?v=1", reset: true, view: true },
    ])
    expect(frames[0].reset).toBeUndefined()
  })

  it("goes on with each URI from a position of its own, where it names one", async () => {
    const start = await position()
    await send("PUT /api/apps/r-own", { data: { n: 1 } })
    const middle = await position()
    await send("PATCH /api/apps/r-own", { data: { n: 2 } })
    await send("PUT /keys?r-own=1")
    const uris = [{ uri: "/api/apps/r-own", since: middle }, "/keys/r-own"]
    const { frames } = await resume(await connect(), uris, start)
    expect(told(frames)).toEqual([
      ["patch", "/api/apps/r-own"],
      ["state", "/keys/r-own"],
    ])
    // From none at all it is told what there is, as by a subscribe.
    const fresh = await resume(await connect(), ["/api/apps/r-own", "/api/apps/r-never"])
    expect(fresh.reply.topics[0].reset).toBeUndefined()
    expect(fresh.reply.topics[1]).toMatchObject({ absent: true })
    expect(fresh.frames).toMatchObject([{ event: "state", resource: { data: { n: 2 } } }])
  })

  it("is told which it cannot follow, and why, and follows the others", async () => {
    const since = await position()
    const one = await connect()
    const long = Array.from({ length: 4 }, (_, n) => `/api/apps/${String(n).repeat(500)}?${n}`)
    const many = Array.from({ length: 40 }, (_, n) => `/api/apps/x?${String(n).repeat(250)}`)
    const { reply } = await resume(one, ["/nowhere", "/api/apps/r-good", ...long, ...many], since)
    expect(reply.topics[0]).toMatchObject({ uri: "/nowhere", problem: { code: "unknown_uri" } })
    expect(reply.topics[1]).toMatchObject({ resumed: true })
    expect(reply.topics.at(-1)).toMatchObject({ problem: { code: "too_many_subscriptions" } })
    await send("PUT /api/apps/r-good", { data: {} })
    expect(told(await one.rest())).toContainEqual(["state", "/api/apps/r-good"])
    for (const uris of [[], "x", [{ uri: "/a" }], [7]]) {
      expect(await one.ask({ event: "resume", uris })).toMatchObject({
        problem: { code: "bad_frame" },
      })
    }
  })

  it("gets the state where the journal was trimmed, and what it missed where it was not", async () => {
    await send("PUT /api/apps/r-old", { data: { n: 1 } })
    const old = await position()
    await send("PATCH /api/apps/r-old", { data: { n: 2 } })
    await send("PUT /keys?r-new=1")
    const recent = await position()
    await send("PUT /keys?r-new=2")
    await feed().trim(-1_000, 1)
    const uris = [
      { uri: "/api/apps/r-old", since: old },
      { uri: "/keys/r-new", since: recent },
    ]
    const { reply, frames } = await resume(await connect(), uris)
    expect(reply.topics).toMatchObject([{ reset: true }, { resumed: true }])
    expect(frames).toMatchObject([
      { event: "patch", uri: "/keys/r-new", patch: { "r-new": "2" } },
      { event: "state", uri: "/api/apps/r-old", reset: true, resource: { data: { n: 2 } } },
    ])
  })

  it("gets the state of everything when the database was put back", async () => {
    await send("PUT /api/apps/r-back", { data: { n: 1 } })
    const { revision = 0 } = await send("PATCH /api/apps/r-back", { data: { n: 2 } })
    const since = await position()
    await bindings.DB.batch([
      bindings.DB.prepare("DELETE FROM changes WHERE revision >= ?1").bind(revision),
      bindings.DB.prepare(
        `UPDATE documents SET data = '{"n":1}', revision = ?1 WHERE name = 'r-back'`,
      ).bind(revision - 1),
    ])
    await hub().poke([])
    const { reply, frames } = await resume(await connect(), ["/api/apps/r-back", "/todo/"], since)
    expect(reply.epoch).not.toBe(since.split(".")[0])
    expect(reply.topics).toMatchObject([{ reset: true }, { reset: true }])
    expect(frames).toMatchObject([
      { uri: "/api/apps/r-back", resource: { data: { n: 1 } }, epoch: reply.epoch },
      { uri: "/todo/" },
    ])
  })

  it.each(["subscribe", "resume", "both kinds of position"])(
    "is given the state where its position is one that the journal never came to, also by a hub that read nothing yet: %s",
    async (by) => {
      const [uri, other] = ["/api/apps/beyond", "/api/apps/beyond-not"]
      for (const each of [uri, other]) await send(`PUT ${each}`, { data: { n: 1 } })
      const one = await connect()
      await evictDurableObject(hub())
      const here = await position()
      const since = `${here}0`
      if (by === "subscribe") {
        expect(await one.ask(`subscribe ${uri} since ${since}`)).toMatchObject({ reset: true })
      } else {
        const uris = by === "resume" ? [uri] : [uri, { uri: other, since: here }]
        const { topics } = await one.ask({ event: "resume", since, uris })
        expect(topics[0]).toMatchObject({ reset: true })
        if (topics[1]) expect(topics[1]).toMatchObject({ resumed: true })
      }
      expect(await one.hear()).toMatchObject({ event: "state", uri, resource: { data: { n: 1 } } })
      await send(`PATCH ${uri}`, { data: { n: 2 } })
      expect(await one.hear()).toMatchObject({ event: "patch", uri, patch: { data: { n: 2 } } })
    },
  )

  it("finds the hub asleep, or another one in its place, and misses nothing", async () => {
    await send("PUT /api/apps/r-slept", { data: { n: 0 } })
    let since = await position()
    for (let n = 1; n <= 3; n++) {
      const one = await connect()
      await evictDurableObject(hub())
      await send("PATCH /api/apps/r-slept", { data: { n } })
      if (n === 3) {
        await runInDurableObject(hub(), (_, { storage }) => void storage.kv.delete("cursor"))
        await evictDurableObject(hub())
      }
      const { reply, frames } = await resume(one, ["/api/apps/r-slept", "/todo/"], since)
      expect(frames).toMatchObject([{ event: "patch", patch: { data: { n } } }])
      since = `${reply.epoch}.${reply.position}`
      one.socket.close(1000)
    }
  })
})

describe("a connection that knows more than the hub it comes back to", () => {
  it("is not told again what another hub told it", async () => {
    const other = await connect()
    await other.ask("subscribe /api/apps/slower")
    const before = await position()
    await quiet().apps.put("/api/apps/slower", '{"n":1}')
    const after = await position()
    const one = await connect()
    const { reply, frames } = await resume(one, [
      { uri: "/api/apps/slower", since: after },
      { uri: "/todo/", since: before },
      { uri: "/api/apps/never", since: `${after}0` },
    ])
    const [slower, , never] = reply.topics
    expect(`${reply.epoch}.${slower.position}`).toBe(after)
    // That is nothing that any hub can have told.
    expect(never).toMatchObject({ reset: true })
    expect(frames).toEqual([])
    await hub().poke([])
    expect(await one.rest()).toEqual([])
  })
})
