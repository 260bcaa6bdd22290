/** The list of keys: globs, names alone, counts, pages, and what they cost. */
import { env } from "cloudflare:workers"
import { beforeEach, describe, expect, it } from "vitest"
import { Replica } from "../src/client/replica.ts"
import { EdgeCopies } from "../src/keys/edge.ts"
import { KeyReader } from "../src/keys/reader.ts"
import type { Row } from "../src/keys/sql.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf, kvWith, world } from "./keys.world.ts"

/** Stores keys at once, without values or changes. */
async function load(names: string[], expiresAt: number | null = null): Promise<void> {
  const rows = JSON.stringify(names.map((name) => [name, `/keys/${encodeURIComponent(name)}`]))
  await env.DB.prepare(
    `INSERT INTO keys (name, uri, revision, expires_at, type, size)
      SELECT value->>0, value->>1, 0, ?2, 'text/plain', 1 FROM json_each(?1)`,
  )
    .bind(rows, expiresAt)
    .run()
}

const uriOf = (query: Record<string, string>) => `/keys/?${new URLSearchParams(query)}`
const list = (query: Record<string, string>) => send(`GET ${uriOf(query)}`)
const names = async (query: Record<string, string>): Promise<string[]> =>
  (await list({ keys_only: "1", ...query })).json
const nextOf = (headers: Headers) => /^<(.*)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1]
const total = (headers: Headers) => headers.get("X-Total-Count")

/** All pages, as GET answers them one after the other. */
async function pages(query: Record<string, string>): Promise<any[][]> {
  const found: any[][] = []
  for (let uri: string | undefined = uriOf(query); uri;) {
    const { json, headers }: Awaited<ReturnType<typeof send>> = await send(`GET ${uri}`)
    found.push(json)
    uri = nextOf(headers)
  }
  return found
}

beforeEach(async () => {
  await send("DELETE /keys")
})

describe("match", () => {
  it("lists the keys whose whole name it takes, with their values, right after a write", async () => {
    for (const name of ["user:1", "user:1:name", "user:20", "User:1", "xuser:1", "user:é"]) {
      await send("POST /keys/", { name, value: name })
    }
    const found = async (match: string) => (await list({ match })).json.flatMap(Object.values)
    expect(await found("user:?")).toEqual(["user:1", "user:é"])
    expect(await found("user:*")).toEqual(["user:1", "user:1:name", "user:20", "user:é"])
    expect(await found("*user:[0-9]")).toEqual(["user:1", "xuser:1"])
    expect(await found("[^u]*")).toEqual(["User:1", "xuser:1"])
    expect(await found("user:1")).toEqual(["user:1"])
    expect(await found("user")).toEqual([])
    await send("PUT /keys?user:3=new")
    expect(await found("user:[3]")).toEqual(["new"])
    await send("DELETE /keys/user:3")
    expect(await found("user:[3]")).toEqual([])
  })

  it("and filter together take what both take", async () => {
    await load(["abc", "abd", "xbc"])
    expect(await names({ match: "*c", filter: "a$" })).toEqual(["abc"])
    expect(await names({ match: "x*", filter: "a" })).toEqual([])
  })

  it("takes special characters by their escape", async () => {
    const odd = ["*", "?", "[a]", "\\", "a*b", "%", "_", "'"]
    await load([...odd, "a", "axb"])
    for (const name of odd) {
      expect(await names({ match: name.replace(/[*?[\\]/g, "\\$&") })).toEqual([name])
    }
  })

  it.each([
    [{ match: "" }, "query.match"],
    [{ match: "x".repeat(1_025) }, "query.match"],
    [{ filter: "x".repeat(1_025) }, "query.filter"],
    [{ keys_only: "maybe" }, "query.keys_only"],
    [{ count: "2" }, "query.count"],
    [{ limit: "10001" }, "query.limit"],
  ])("answers 400 to what is none: %#", async (query, place) => {
    const { json } = await list(query as unknown as Record<string, string>)
    expect(json).toMatchObject({ status: 400, errors: { [place]: expect.any(String) } })
  })

  it("comes to an end whatever the pattern", async () => {
    await load(Array.from({ length: 200 }, (_, n) => "a".repeat(300) + n))
    expect(await names({ match: "*a".repeat(400) + "b" })).toEqual([])
  })
})

describe("keys_only and count", () => {
  it("answer names as texts, and how many there are on all pages in a header", async () => {
    await load(["a1", "a2", "a3", "b", "__proto__", 'q"'])
    const some = await list({ keys_only: "1", count: "1", limit: "2" })
    expect([some.json, total(some.headers)]).toEqual([["__proto__", "a1"], "6"])
    const matching = await list({ match: "*[13]", keys_only: "1", count: "1", limit: "1" })
    expect([matching.json, total(matching.headers)]).toEqual([["a1"], "2"])
    const last = await send(`GET ${nextOf(matching.headers)}`)
    expect([last.json, total(last.headers), nextOf(last.headers)]).toEqual([["a3"], "2", undefined])
    const whole = await list({ match: "b", count: "1", keys_only: "0" })
    expect(total(whole.headers)).toBe("1")
    const head = await send("HEAD /keys?count=1&filter=a")
    expect([head.text, total(head.headers)]).toEqual(["", "3"])
    expect((await list({})).headers.has("X-Total-Count")).toBe(false)
  })

  it("leave out what has expired, and say so by the revision", async () => {
    const { ask, clock } = world()
    await ask("PUT /keys?stays=1")
    await ask("PUT /keys?goes=1&expire_in=5")
    const before = await ask("GET /keys?keys_only=1&count=1&match=s*")
    clock.now += 5_000
    const after = await ask("GET /keys?keys_only=1&count=1")
    expect([after.text, total(after.headers)]).toEqual(['["stays"]', "1"])
    expect(after.revision).toBeGreaterThan(before.revision)
    const known = { "If-None-Match": `"${before.revision}"` }
    expect((await ask("GET /keys?match=s*", undefined, known)).status).toBe(200)
    expect((await journalOf("/keys/goes")).at(-1)).toMatchObject({ extra: '{"reason":"expired"}' })
  })
})

describe("pages", () => {
  const all = Array.from({ length: 700 }, (_, n) => `k${String(n).padStart(3, "0")}`)

  it.each<[Record<string, string>, (name: string) => boolean]>([
    [{ match: "k*7" }, (name) => name.endsWith("7")],
    [{ match: "*[05]", filter: "k$2" }, (name) => name[2] === "2" && /[05]$/.test(name)],
    [{ match: "k6*" }, (name) => name.startsWith("k6")],
    [{ match: "k699" }, (name) => name === "k699"],
    [{ match: "*z" }, () => false],
    [{ match: "?*" }, () => true],
    [{}, () => true],
  ])(
    "of %j hold every key once, in order, and none is empty but the only one",
    async (query, want) => {
      await load(all)
      const isMany = all.filter(want).length > 100
      for (const limit of [isMany ? "90" : "1", "7", "699", "700", "701"]) {
        const found = await pages({ ...query, keys_only: "1", limit })
        expect(found.flat()).toEqual(all.filter(want))
        expect(found.filter((page) => page.length === 0).length).toBe(found.flat().length ? 0 : 1)
        if (limit === "1" && all.filter(want).length > 100) break
      }
    },
  )

  it("skip nothing that stays while others come and go", async () => {
    await load(all)
    const seen: string[] = []
    for (let uri: string | undefined = "/keys?match=k*[05]&keys_only=1&limit=20", n = 0; uri; n++) {
      const { json, headers }: Awaited<ReturnType<typeof send>> = await send(`GET ${uri}`)
      seen.push(...json)
      uri = nextOf(headers)
      await send(`DELETE /keys/${json.at(-1)}`)
      await send(`PUT /keys?k${n}00a5=new`)
    }
    const stayed = all.filter((name) => /[05]$/.test(name))
    expect(seen.filter((name) => all.includes(name))).toEqual(stayed)
  })

  it("are in order of UTF-8, for cursors too", async () => {
    const odd = ["\uFFFD", "😀", "é", "z", "\u{10FFFF}", "a\0", "a", "a b"]
    await load(odd)
    const bytes = (name: string) => Buffer.from(name).toString("hex")
    const wanted = odd.toSorted((a, b) => (bytes(a) < bytes(b) ? -1 : 1))
    expect((await pages({ keys_only: "1", limit: "1" })).flat()).toEqual(wanted)
    expect((await pages({ keys_only: "1", limit: "1", match: "?*" })).flat()).toEqual(wanted)
  })
})

describe("what lists cost", () => {
  it("10,000 keys by name take four queries; those that match take a row read for each key that begins so", async () => {
    const { ask } = world()
    await load(Array.from({ length: 10_000 }, (_, n) => `key:${n}`))
    await load(Array.from({ length: 1_000 }, (_, n) => `other:${n}`))
    const all = await ask("GET /keys?match=key:*&keys_only=1")
    expect(JSON.parse(all.text)).toHaveLength(10_000)
    expect(all.queries).toBeLessThanOrEqual(4)
    const some = await ask("GET /keys?match=other:*7&keys_only=1&count=1")
    expect(JSON.parse(some.text)).toHaveLength(100)
    expect(total(some.headers)).toBe("100")
    expect(Number(some.headers.get("X-Rows-Read"))).toBeLessThan(2_100)
    const none = await ask("GET /keys?match=*nothing&keys_only=1")
    expect(none.text).toBe("[]")
    expect(none.queries).toBeLessThanOrEqual(8)
  })

  it("values that the journal forgot are read from Workers KV, a hundred at a time", async () => {
    const many = Array.from({ length: 120 }, (_, n) => `old${n}`).toSorted()
    await load(many)
    await Promise.all(
      many.map((name) => env.KV.put(name, name, { metadata: { revision: 0, expiresAt: null } })),
    )
    const asked: number[] = []
    const kv = kvWith({
      getWithMetadata: (wanted, type) => {
        asked.push(Array.isArray(wanted) ? wanted.length : 0)
        return env.KV.getWithMetadata(wanted as string[], type as "text")
      },
    })
    const { text } = await world({ kv }).ask(`GET ${uriOf({ match: "old*" })}`)
    expect(JSON.parse(text)).toEqual(many.map((name) => ({ [name]: name })))
    expect(asked).toEqual([100, 20])
  })
})

describe("a key that is written while a list is read", () => {
  it.each([
    ["text/plain", "new", { torn: "new" }],
    ["application/json", "[1]", { torn: [1] }],
    ["image/x", "new", { torn: { type: "image/x", size: 3, url: "/keys/torn/value" } }],
  ])("has a value and a type that belong together: %s", async (type, value, expected) => {
    const { clock, give, services } = world()
    const edge = new EdgeCopies(env.KV, { now: Date.now, background: () => {} })
    for (const old of ["application/json", "text/plain"]) {
      clock.now += 2_000
      await give("PUT /keys/torn", "7", { "Content-Type": old })
      const row = await env.DB.prepare(
        "SELECT name, revision, expires_at AS expiresAt, type, size, blob FROM keys WHERE name = 'torn'",
      ).first<Row>()
      clock.now += 2_000
      await give("PUT /keys/torn", value, { "Content-Type": type })
      await env.DB.prepare("DELETE FROM changes").run()
      const texts = await new KeyReader(services().db, edge).entries(row ? [row] : [])
      expect(texts.map((text) => JSON.parse(text))).toEqual([expected])
    }
  })
})

describe("a subscriber of a list with match or filter", () => {
  it.each<Record<string, string>>([
    { match: "v1:*[02468]" },
    { filter: "v2:1$" },
    { match: "v3:*", filter: "v3:1", keys_only: "1" },
    { match: "v4:?", limit: "3" },
  ])("holds what GET answers, whatever is written: %o", async (query) => {
    const prefix = (query["match"] ?? query["filter"] ?? "").slice(0, 3)
    const one = await connect()
    const reply = await one.ask({ event: "subscribe", uri: uriOf(query) })
    expect(reply).toMatchObject({ ok: true })
    const { uri } = reply
    const replica = new Replica(uri)
    replica.begin(reply)
    const frames = [await one.hear()]
    expect(frames[0]).toMatchObject({ event: "state", resource: [] })
    replica.take(frames[0])
    for (let n = 0; n < 30; n++) {
      const name = `${prefix}${(n * 7) % 13}`
      if (n % 5 === 4) await send(`DELETE /keys/${name}`)
      else if (n % 7 === 6) await send(`PUT /keys?outside${n}=1`)
      else if (n === 20) await send(`DELETE /keys?match=${prefix}1*`)
      else await send(`PUT /keys?${name}=${n}`)
      for (const frame of await one.rest()) {
        frames.push(frame)
        expect(replica.take(frame)).not.toBe("lost")
      }
      const got = await send(`GET ${uri}`)
      expect(replica.value, `after write ${n}`).toEqual(got.json)
    }
    expect(frames.length).toBeGreaterThan(4)
  })

  it("hears nothing of keys that cannot be in it", async () => {
    const one = await connect()
    await one.ask({ event: "subscribe", uri: "/keys/?match=mine:*&keys_only=1" })
    await one.hear()
    await send("PUT /keys?yours:1=1")
    await send("PUT /keys?mine=1")
    expect(await one.rest()).toEqual([])
    await send("PUT /keys?mine:1=1")
    expect(await one.hear()).toMatchObject({ event: "create", resource: "mine:1" })
    await send("PUT /keys?mine:1=2")
    expect(await one.rest()).toEqual([])
  })
})
