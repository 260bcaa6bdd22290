/** Many keys at once: batches, and deleting by a pattern. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf, kvWith, world } from "./keys.world.ts"

type Given = Record<string, unknown>

const batch = (...operations: Given[]) => send("POST /keys/batch", { operations })
const set = (name: string, value: string, more: Given = {}) => ({ op: "set", name, value, ...more })
const get = (name: string, more: Given = {}) => ({ op: "get", name, ...more })
const remove = (name: string, more: Given = {}) => ({ op: "delete", name, ...more })
const expire = (name: string, expire_in: unknown) => ({ op: "expire", name, expire_in })
const uriOf = (name: string) => `/keys/${encodeURIComponent(name)}`

const dead = async () => {
  throw new Error("KV PUT failed: 500")
}

/** What is at the edge, in the index and in the list must be one thing; answers it, null for no key. */
async function agreed(name: string): Promise<string | null> {
  const [edge, strong] = [world(), world({ consistency: "strong" })]
  const one = await edge.ask(`GET ${uriOf(name)}`)
  const other = await strong.ask(`GET ${uriOf(name)}`)
  expect([one.status, one.text, one.revision]).toEqual([other.status, other.text, other.revision])
  const match = encodeURIComponent(name.replace(/[*?[\\]/g, "\\$&"))
  const list = await edge.ask(`GET /keys?match=${match}`)
  expect(list.text).toBe(one.status === 200 ? `[${one.text}]` : "[]")
  return one.status === 200 ? one.text : null
}

beforeEach(async () => {
  await send("DELETE /keys")
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe("a batch of keys", () => {
  it("sets, gets, expires and deletes, in one run of revisions, and tells what became of each", async () => {
    await batch(set("old", "1"), set("gone", "2"), set("stays", "3"))
    const { status, json, revision } = await batch(
      set("new", "a"),
      set("old", "b", { expire_in: "1h30m" }),
      get("stays"),
      get("nobody"),
      remove("gone"),
      remove("nobody"),
      expire("stays", 60),
      expire("nobody", 60),
    )
    expect(status).toBe(200)
    const at = revision! - 3
    const time = expect.any(Number)
    expect(json).toEqual({
      revision,
      results: [
        { op: "set", name: "new", found: false, revision: at },
        { op: "set", name: "old", found: true, revision: at + 1, expires_at: time },
        { op: "get", name: "stays", found: true, revision: expect.any(Number), value: "3" },
        { op: "get", name: "nobody", found: false },
        { op: "delete", name: "gone", found: true, revision: at + 2 },
        { op: "delete", name: "nobody", found: false },
        { op: "expire", name: "stays", found: true, revision: at + 3, expires_at: time },
        { op: "expire", name: "nobody", found: false },
      ],
    })
    expect((await journalOf()).slice(-4)).toMatchObject([
      { event: "create", uri: "/keys/new", body: '{"new":"a"}', extra: null },
      { event: "patch", uri: "/keys/old", body: '{"old":"b"}' },
      { event: "delete", uri: "/keys/gone", body: null },
      { event: "patch", uri: "/keys/stays", body: '{"stays":"3"}' },
    ])
    expect(await agreed("new")).toBe('{"new":"a"}')
    expect(await agreed("old")).toBe('{"old":"b"}')
    expect(await agreed("gone")).toBeNull()
    expect(await agreed("stays")).toBe('{"stays":"3"}')
  })

  it("does what its operations do one after the other, whatever they are", async () => {
    const name = fc.constantFrom("a", "b", "c", "d")
    const operation = fc.oneof(
      fc.record({ op: fc.constant("set"), name, value: fc.string({ unit: "binary" }) }),
      fc.record({ op: fc.constant("get"), name }),
      fc.record({ op: fc.constant("delete"), name }),
      fc.record({ op: fc.constant("expire"), name, expire_in: fc.constantFrom(50, "2m", null) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 9 }), async (operations) => {
        await batch(set("a", "1"), remove("b"), set("c", "3"), remove("d"))
        const keys = new Map([
          ["a", "1"],
          ["c", "3"],
        ])
        const expected = operations.map((one) => {
          const known = keys.get(one.name)
          const found = known !== undefined
          if (one.op === "set") keys.set(one.name, (one as unknown as { value: string }).value)
          if (one.op === "delete") keys.delete(one.name)
          return { ...(one.op === "get" && found ? { value: known } : {}), op: one.op, found }
        })
        const { json, text } = await batch(...operations)
        expect(json.results, text).toMatchObject(expected)
        for (const one of ["a", "b", "c", "d"]) {
          const value = keys.get(one)
          const wanted = value === undefined ? null : JSON.stringify({ [one]: value })
          expect(await agreed(one)).toBe(wanted)
        }
        const written = json.results.flatMap(({ op, revision }: any) =>
          op !== "get" && revision ? [revision] : [],
        )
        const sorted = written.toSorted((x: number, y: number) => x - y)
        expect(sorted).toEqual(sorted.map((_: number, n: number) => sorted[0] + n))
      }),
      { numRuns: 25, examples: [[[remove("a"), { op: "expire", name: "a", expire_in: 50 }]]] },
    )
  })

  it("keeps odd names and values as they are", async () => {
    const odd = ["\0", "a\0b", "\ud83d\ude00", "__proto__", "a/b", "%2e", "'\"\\", "é", "batch"]
    const set1 = await batch(...odd.map((one) => set(one, `${one}!`)))
    expect(set1.status).toBe(200)
    const got = await batch(...odd.map((one) => get(one)))
    expect(got.json.results.map(({ value }: any) => value)).toEqual(odd.map((one) => `${one}!`))
    for (const one of odd) {
      expect(await agreed(one)).toBe(`{${JSON.stringify(one)}:${JSON.stringify(`${one}!`)}}`)
    }
    const gone = await batch(...odd.map((one) => remove(one)))
    expect(gone.json.results.every(({ found }: any) => found)).toBe(true)
    for (const one of odd) expect(await agreed(one)).toBeNull()
  })

  it("gets what other mouths stored: JSON as itself, of bytes what they are; and expires it", async () => {
    await send("PUT /keys/json", '{"n":12345678901234567890.10,"x":null}', {
      "Content-Type": "application/json",
    })
    await send("PUT /keys/bytes", "bytes", { "Content-Type": "image/png" })
    await send("PUT /keys/blob", "b".repeat(1_500_000), { "Content-Type": "text/plain" })
    await send("POST /keys/count/inc?by=5")
    const names = ["json", "bytes", "blob", "count"]
    const got = await batch(
      ...names.map((name) => get(name)),
      ...names.map((name) => expire(name, 50)),
    )
    expect(got.text).toContain('"value":{"n":12345678901234567890.10,"x":null}')
    const values = got.json.results.slice(1, 4).map(({ value }: any) => value)
    expect(values).toMatchObject([
      { type: "image/png", size: 5, url: "/keys/bytes/value" },
      { size: 1_500_000, url: "/keys/blob/value" },
      "5",
    ])
    const events = async (name: string) => (await journalOf(`/keys/${name}`)).at(-1)
    expect(await events("json")).toMatchObject({ event: "state" })
    for (const name of names) {
      expect(await agreed(name)).toBe((await events(name))!.body)
      expect((await send(`GET /keys/${name}?meta=1`)).json.ttl).toBe(50)
    }
    expect((await send("GET /keys/bytes/value")).text).toBe("bytes")
    const { services } = world()
    await services().feed.trim(0, 0)
    await batch(...names.map((name) => expire(name, null)), set("after", "1"))
    for (const name of names) expect(await agreed(name)).toBe((await events(name))!.body)
    expect((await send("POST /keys/count/inc")).text).toContain("6")
    await batch(set("bytes", "text now"), set("count", "7"))
    expect(await agreed("bytes")).toBe('{"bytes":"text now"}')
    expect((await send("POST /keys/count/inc")).text).toContain("8")
  })

  it("takes values that no change can carry, and gives them back", async () => {
    const value = "v".repeat(900_000)
    await batch(set("large1", value), set("large2", value), set("large3", value), set("small", "1"))
    const { json } = await batch(get("large1"), get("large3"), expire("large2", 50), get("small"))
    expect(json.results.map(({ value: one }: any) => one?.length)).toEqual([
      900_000,
      900_000,
      undefined,
      1,
    ])
    expect(await agreed("large2")).toContain(value)
    const many = await batch(...Array.from({ length: 10 }, (_, n) => get(`large${(n % 3) + 1}`)))
    expect(many.json).toMatchObject({ status: 413, limit: 8_000_000 })
  })

  it("of a thousand operations takes at most 40 queries", async () => {
    const { ask } = world()
    const names = Array.from({ length: 1_000 }, (_, n) => `n${n}`)
    const all = await ask("POST /keys/batch", { operations: names.map((one) => set(one, one)) })
    expect([all.status, all.queries <= 40]).toEqual([200, true])
    expect(all.queries).toBeLessThan(15)
    const operations = names.map((one, n) =>
      n % 4 === 0
        ? get(one)
        : n % 4 === 1
          ? remove(one)
          : n % 4 === 2
            ? expire(one, "1h")
            : set(one, "x"),
    )
    const mixed = await ask("POST /keys/batch", { operations })
    expect(mixed.queries).toBeLessThan(20)
    const { results, revision } = JSON.parse(mixed.text)
    expect(results[996].value).toBe("n996")
    expect(results[999].revision).toBe(revision)
    expect(results[1].revision).toBe(revision - 749)
    expect((await send("GET /keys?keys_only=1&match=n*")).json).toHaveLength(750)
    const more = await send("POST /keys/batch", { operations: [...operations, get("x")] })
    expect(more.status).toBe(400)
  })

  it("of as many keys as it likes may write one so often as fits", async () => {
    const some = await batch(...Array.from({ length: 8 }, (_, n) => set("again", `${n}`)))
    expect(some.status).toBe(200)
    expect(await agreed("again")).toBe('{"again":"7"}')
    expect(await journalOf("/keys/again")).toHaveLength(8)
    const often = await batch(...Array.from({ length: 50 }, (_, n) => set("again", `${n}`)))
    expect(often.json).toMatchObject({ status: 413, limit: 34 })
    expect(await journalOf("/keys/again")).toHaveLength(8)
  })

  it("of several at once leaves one after the other", async () => {
    const names = ["x", "y", "z"]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => batch(...names.map((name) => set(name, `${n}`)))),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const last = answers.toSorted((a, b) => a.revision! - b.revision!).at(-1)!
    const value = (await journalOf("/keys/z")).at(-1)!.body!.match(/\d+/)![0]
    expect(last).toBe(answers[Number(value)])
    for (const name of names) expect(await agreed(name)).toBe(`{"${name}":"${value}"}`)
  })

  it("is told to who follows the keys", async () => {
    const one = await connect()
    await one.ask({ event: "subscribe", uri: "/keys/" })
    await one.hear()
    const { revision } = await batch(set("told", "1"), set("more", "2"), remove("told"))
    const frames = await one.hearAll(3)
    expect(frames).toMatchObject([
      { event: "create", member: "/keys/told", resource: { told: "1" } },
      { event: "create", member: "/keys/more" },
      { event: "delete", uri: "/keys/told", revision },
    ])
  })

  it.each<[Given, string]>([
    [{ op: "set", name: "a" }, "value"],
    [{ op: "set", name: "", value: "1" }, "name"],
    [{ op: "set", name: "a", value: 1, type: "text/plain" }, "value"],
    [{ op: "set", name: "a", value: "1", base64: "MQ==" }, "base64"],
    [{ op: "set", name: "a", base64: "MQ" }, "base64"],
    [{ op: "set", name: "a", value: "1", expire_in: 0 }, "expire_in"],
    [{ op: "set", name: "a", value: "1", expire_in: "soon" }, "expire_in"],
    [{ op: "expire", name: "a" }, "expire_in"],
    [{ op: "expire", name: "a", expire_in: "0s" }, "expire_in"],
    [{ op: "expire", name: "a", expire_in: 5, expire_at: 5 }, "expire_at"],
    [{ op: "get", name: "a", if_match: "x" }, "if_match"],
    [{ op: "increase", name: "a" }, "op"],
    [{ op: "get", name: "a", value: "1" }, ""],
  ])("answers 400 to %j", async (operation, place) => {
    const { json } = await batch(set("before", "1"), operation)
    const at = place === "" ? "operations.1" : `operations.1.${place}`
    expect(json).toMatchObject({ status: 400, errors: { [at]: expect.any(String) } })
    expect(await agreed("before")).toBeNull()
  })

  it("names the operation whose value cannot be stored", async () => {
    const large = await batch(set("a", "1"), set("b", "x".repeat(1_000_001)))
    expect(large.json).toMatchObject({ status: 413, operation: 1 })
    const half = await batch(set("a", "1"), set("b", "\ud800"))
    expect(half.json).toMatchObject({ status: 422, errors: { "/operations/1/value": /./ } })
    expect(await agreed("a")).toBeNull()
  })
})

describe("conditions in a batch of keys", () => {
  it("that do not hold keep all of it from being written, and say which", async () => {
    const { revision } = await batch(set("there", "1"))
    for (const [operation, found] of [
      [set("there", "2", { if_none_match: "*" }), "revision"],
      [set("there", "2", { if_match: revision! - 1 }), "revision"],
      [remove("there", { if_match: `"${revision! + 9}"` }), "revision"],
      [get("there", { if_none_match: revision }), "revision"],
      [set("nobody", "2", { if_match: "*" }), "does not exist"],
      [get("nobody", { if_match: 1 }), "does not exist"],
      [set("first", "2", { if_none_match: "*" }), "before it"],
      [set("first", "2", { if_match: revision }), "before it"],
    ] as [Given, string][]) {
      const { json } = await batch(set("first", "1"), operation, set("last", "1"))
      expect(json).toMatchObject({ status: 412, operation: 1, code: "precondition_failed" })
      expect(json.detail).toContain(found)
      expect(json.current).toEqual(operation["name"] === "there" ? { there: "1" } : null)
    }
    expect(await agreed("first")).toBeNull()
    expect(await journalOf("/keys/last")).toEqual([])
  })

  it("that hold see what the operations before them did", async () => {
    const { revision } = await batch(set("there", "1"))
    const { status, json } = await batch(
      set("there", "2", { if_match: revision }),
      set("fresh", "1", { if_none_match: "*" }),
      set("fresh", "2", { if_match: "*" }),
      remove("fresh", { if_none_match: 1 }),
      set("fresh", "3", { if_none_match: "*" }),
      get("there", { if_none_match: revision }),
    )
    expect([status, json.results.at(-1).value]).toEqual([200, "2"])
    expect(await agreed("fresh")).toBe('{"fresh":"3"}')
  })

  it("let one of many win", async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        batch(set("lock", `${n}`, { if_none_match: "*" }), set("log", `${n}`)),
      ),
    )
    const winners = answers.flatMap(({ status }, n) => (status === 200 ? [n] : []))
    expect(winners).toHaveLength(1)
    expect(await agreed("lock")).toBe(`{"lock":"${winners[0]}"}`)
    expect(await agreed("log")).toBe(`{"log":"${winners[0]}"}`)
  })
})

describe("a batch of keys and time", () => {
  it("treats what has expired as gone, with its event", async () => {
    const { ask, clock } = world()
    const run = (...operations: Given[]) => ask("POST /keys/batch", { operations })
    await run(set("soon", "1", { expire_in: 5 }), set("later", "1", { expire_in: "1m" }))
    clock.now += 5_000
    const { text } = await run(
      get("soon"),
      expire("later", null),
      set("soon", "2", { if_none_match: "*" }),
    )
    expect(JSON.parse(text).results).toMatchObject([
      { found: false },
      { found: true },
      { found: false },
    ])
    const changes = await journalOf("/keys/soon")
    expect(changes.map(({ event, extra }) => [event, extra])).toEqual([
      ["create", expect.stringContaining("expires_at")],
      ["delete", '{"reason":"expired"}'],
      ["create", null],
    ])
    clock.now += 1e9
    expect((await ask("GET /keys/later")).status).toBe(200)
    expect((await journalOf("/keys/later")).at(-1)?.extra).toBe('{"expires_at":null}')
  })

  it("gets and expires what the journal has forgotten", async () => {
    const { services } = world()
    await batch(set("old", "1"), set("older", "2"))
    await services().feed.trim(0, 0)
    await send("PUT /keys?newer=1")
    await services().feed.trim(0, 0)
    const { json } = await batch(get("old"), remove("old"), expire("older", 50), get("older"))
    expect(json.results).toMatchObject([{ value: "1" }, {}, { found: true }, { value: "2" }])
    expect(await agreed("older")).toBe('{"older":"2"}')
    // Workers KV takes one write a second.
    const expiry = async () => (await env.KV.getWithMetadata<any>("older")).metadata?.expiresAt ?? 0
    await vi.waitFor(async () => expect(await expiry()).toBeGreaterThan(Date.now()), 5_000)
    expect((await journalOf("/keys/older")).at(-1)?.body).toBe('{"older":"2"}')
  })
})

describe("a dead Workers KV", () => {
  const broken = () => world({ kv: kvWith({ put: dead, delete: dead }) })

  beforeEach(() => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    const real = setTimeout
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void) =>
      real(run, 0)) as any)
  })

  it("leaves a batch recorded; sent again it is finished, even where it is refused", async () => {
    await batch(set("kept", "1"), set("gone", "1"))
    const operations = [set("kept", "2"), remove("gone"), set("once", "1", { if_none_match: "*" })]
    const half = await broken().ask("POST /keys/batch", { operations })
    expect([half.status, JSON.parse(half.text).detail]).toEqual([
      503,
      expect.stringMatching(/recorded/),
    ])
    expect((await send("GET /keys")).json).toEqual([{ kept: "2" }, { once: "1" }])
    expect((await batch(...operations)).status).toBe(412)
    expect(await agreed("once")).toBe('{"once":"1"}')
    expect(await agreed("kept")).toBe('{"kept":"2"}')
    await batch(remove("gone"))
    expect(await agreed("gone")).toBeNull()
  })

  it("leaves a deletion by pattern recorded; sent again it is finished", async () => {
    await batch(set("d1", "1"), set("d2", "1"), set("e", "1"))
    expect((await broken().ask("DELETE /keys?match=d*")).status).toBe(503)
    expect((await send("GET /keys?keys_only=1")).json).toEqual(["e"])
    expect((await send("GET /keys/d1")).status).toBe(200)
    expect((await send("DELETE /keys?match=d*")).json).toEqual({ deleted: 0 })
    expect(await agreed("d1")).toBeNull()
    expect(await agreed("d2")).toBeNull()
    expect(await agreed("e")).toBe('{"e":"1"}')
  })
})

describe("DELETE /keys with a pattern", () => {
  const left = async () => (await send("GET /keys?keys_only=1")).json

  beforeEach(async () => {
    await batch(...["s:1", "s:2", "s:30", "t:1"].map((name) => set(name, name)))
  })

  it("deletes the keys that match, one change for each, and says how many", async () => {
    const gone = await send("DELETE /keys?match=s:?")
    expect(gone.json).toEqual({ deleted: 2, revision: gone.revision })
    expect(await left()).toEqual(["s:30", "t:1"])
    expect((await journalOf()).slice(-2)).toMatchObject([
      { event: "delete", uri: "/keys/s%3A1", extra: null },
      { event: "delete", uri: "/keys/s%3A2", revision: gone.revision },
    ])
    expect(await agreed("s:1")).toBeNull()
    expect((await send("DELETE /keys?match=s:?")).json).toEqual({ deleted: 0 })
    expect((await send("DELETE /keys?filter=$:")).json).toMatchObject({ deleted: 2 })
  })

  it("deletes nothing when more match than max_affected allows", async () => {
    const refused = await send("DELETE /keys?match=s:*&max_affected=2")
    expect(refused.json).toMatchObject({ status: 409, matched: 3, max_affected: 2 })
    expect((await send("DELETE /keys?match=*&max_affected=0")).json).toMatchObject({ matched: 4 })
    expect((await send("DELETE /keys?max_affected=3")).json).toMatchObject({ matched: 4 })
    expect(await left()).toHaveLength(4)
    expect((await send("DELETE /keys?match=s:*&max_affected=3")).json).toMatchObject({ deleted: 3 })
    expect((await send("DELETE /keys?max_affected=1")).json).toMatchObject({ deleted: 1 })
  })

  it.each([
    "match=",
    "filter=",
    "mtach=s:*",
    "match=s:*&max=3",
    "max_affected=x",
    "max_affected=-1",
  ])("answers 400 to %s, and deletes nothing", async (query) => {
    expect((await send(`DELETE /keys?${query}`)).status).toBe(400)
    expect(await left()).toHaveLength(4)
  })

  it("is subject to the revision of the list", async () => {
    const { revision } = await send("GET /keys")
    await send("PUT /keys?s:1=new")
    const match = { "If-Match": `"${revision}"` }
    expect((await send("DELETE /keys?match=s:*", undefined, match)).status).toBe(412)
    expect(await left()).toHaveLength(4)
  })

  it("counts what has expired as gone", async () => {
    const { ask, clock } = world()
    await ask("PUT /keys?s:4=1&expire_in=5")
    clock.now += 5_000
    const { text } = await ask("DELETE /keys?match=s:*&max_affected=3")
    expect(JSON.parse(text)).toMatchObject({ deleted: 3 })
    expect((await journalOf("/keys/s%3A4")).at(-1)?.extra).toBe('{"reason":"expired"}')
  })

  it("misses no key that comes to be meanwhile: all that match before it are gone", async () => {
    const { ask, services } = world()
    const { feed } = services()
    const commit = Object.getPrototypeOf(feed).commit as (...args: unknown[]) => unknown
    let late = 3
    vi.spyOn(Object.getPrototypeOf(feed), "commit").mockImplementation(async function (
      this: unknown,
      ...args: unknown[]
    ) {
      // Somebody is faster, between the look and the commit.
      if (late-- > 0) await batch(set(`s:late${late}`, "1"), set("t:1", "changed"))
      return commit.apply(this, args)
    })
    const { text } = await ask("DELETE /keys?match=s:*")
    expect(JSON.parse(text)).toMatchObject({ deleted: 6 })
    expect(await left()).toEqual(["t:1"])
  })

  it("deletes thousands in one commit, in at most 40 queries", async () => {
    const rows = JSON.stringify(Array.from({ length: 3_000 }, (_, n) => `many${n}`))
    await env.DB.prepare(
      `INSERT INTO keys (name, uri, revision, type, size)
        SELECT value, '/keys/' || value, 0, 'text/plain', 1 FROM json_each(?)`,
    )
      .bind(rows)
      .run()
    const { ask } = world()
    const { text, queries } = await ask("DELETE /keys?match=many*")
    expect(JSON.parse(text)).toMatchObject({ deleted: 3_000 })
    expect(queries).toBeLessThanOrEqual(40)
    expect(await left()).toHaveLength(4)
  })
})
