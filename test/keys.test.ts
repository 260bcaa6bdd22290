import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"
import { journalOf, world } from "./keys.world.ts"

const names = (list: { json: object[] }) => list.json.map((entry) => Object.keys(entry)[0])
const encode = encodeURIComponent
const rowsWritten = async (request: string) =>
  Number((await send(request)).headers.get("X-Rows-Written"))

/** What URLs, JSON, SQL, HTML, regular expressions and objects take for their own. */
const ODD_NAMES = [
  ..."/?#%+&= \t\n\0:;*|\"'`\\<>[]{}^~@!$(),é漢😀",
  ..."__proto__ constructor a/../b //x ... .a %2e%2e ä́ ?k=v filter value name NULL".split(" "),
  "x".repeat(512),
]

describe("keys, as flaskvstore's clients know them", () => {
  it("are set by PUT, and set again", async () => {
    const put = await send("PUT /keys?color=red")
    expect([put.status, put.text]).toEqual([200, "success"])
    expect(put.headers.get("Content-Type")).toBe("text/plain; charset=utf-8")
    const got = await send("GET /keys/color")
    expect([got.text, got.revision]).toEqual(['{"color":"red"}', put.revision])
    expect(got.headers.get("Content-Type")).toBe("application/json")
    const again = await send("PUT /keys?color=blue")
    expect(again.revision).toBeGreaterThan(put.revision!)
    expect((await send("GET /keys/color")).json).toEqual({ color: "blue" })
  })

  it.each([
    ["a=1&b=2", "a", "1"],
    ["expire_in=100&c=3", "c", "3"],
    ["d=4&expire_in=100&e=5", "d", "4"],
    ["f=1&f=2", "f", "1"],
    ["g", "g", ""],
    ["h=", "h", ""],
    ["i+j=k+l%20m", "i j", "k l m"],
    ["filter=x", "filter", "x"],
    ["limit=y", "limit", "y"],
    ["%C3%A9=%F0%9F%98%80", "é", "😀"],
    ["a=b=c", "a", "b=c"],
    ["n=100%", "n", "100%"],
    ["__proto__=p", "__proto__", "p"],
  ])(
    "take the first parameter of PUT /keys?%s that is not expire_in",
    async (query, name, value) => {
      expect((await send(`PUT /keys?${query}`)).text).toBe("success")
      const got = await send(`GET /keys/${encode(name)}`)
      expect(got.text).toBe(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`)
    },
  )

  it("ignore the body of a PUT", async () => {
    await send("PUT /keys?bodied=query", "bodied=form", { "Content-Type": "text/whatever" })
    expect((await send("GET /keys/bodied")).json).toEqual({ bodied: "query" })
  })

  it.each(["", "?", "?expire_in=5", "?=v", "?.=v", "?..=v", `?${"x".repeat(513)}=v`])(
    "answer 400 to PUT /keys%s, which names no key",
    async (query) => {
      const put = await send(`PUT /keys${query}`)
      expect(put.json).toMatchObject({ status: 400, code: "invalid_request" })
      expect(put.json.errors.query).toBeTypeOf("string")
    },
  )

  it.each(["", "0", "-5", "1.5", "abc", "1e3", "99999999999999999999", "NaN", "%00"])(
    "answer Bad TTL Parameter to expire_in=%s",
    async (ttl) => {
      const put = await send(`PUT /keys?bad=ttl&expire_in=${ttl}`)
      expect(put.json).toMatchObject({ status: 400, message: "Bad TTL Parameter" })
      expect(put.json.errors["query.expire_in"]).toMatch(/whole seconds from 1/)
      expect((await send("GET /keys/bad")).status).toBe(404)
    },
  )

  it("are listed in order of name, right after a write, and filtered", async () => {
    for (const name of ["wordy", "wood", "wo😀d", "word", "wod", "sword", "wo$d"]) {
      await send(`PUT /keys?${encode(name)}=${encode(name)}`)
    }
    const list = await send("GET /keys?filter=wo")
    expect(list.text).toBe(
      '[{"wo$d":"wo$d"},{"wod":"wod"},{"wood":"wood"},{"word":"word"},{"wordy":"wordy"},{"wo😀d":"wo😀d"}]',
    )
    const some = await send("GET /keys?filter=wo$d")
    expect(names(some)).toEqual(["wo$d", "wood", "word", "wordy", "wo😀d"])
    expect((await send("GET /keys?filter=$word")).json).toEqual([{ sword: "sword" }])
    expect((await send("GET /keys?filter=w.*")).json).toEqual([])
    expect((await send("GET /keys?filter=WORD")).json).toEqual([])
    expect((await send("GET /keys?filter=")).text).toBe((await send("GET /keys/")).text)
    await send("PUT /keys?word=new")
    expect((await send("GET /keys?filter=word")).json[0]).toEqual({ word: "new" })
    await send("DELETE /keys/word")
    expect(names(await send("GET /keys?filter=word"))).toEqual(["wordy"])
  })

  it("do not run the filter as a regular expression", async () => {
    await send(`PUT /keys?${"a".repeat(40)}b=1`)
    const start = Date.now()
    const list = await send(`GET /keys?filter=${encode("(a+)+c(".repeat(50))}`)
    expect(list.json).toEqual([])
    expect(Date.now() - start).toBeLessThan(2_000)
  })

  it("are deleted one by one, also when they are not there", async () => {
    const put = await send("PUT /keys?gone=1")
    const gone = await send("DELETE /keys/gone")
    expect([gone.status, gone.text]).toEqual([200, "Key : gone deleted"])
    expect(gone.revision).toBe(put.revision! + 1)
    expect((await send("GET /keys/gone")).json).toMatchObject({ status: 404, code: "not_found" })
    const again = await send("DELETE /keys/gone")
    expect([again.status, again.text, again.revision]).toEqual([
      200,
      "Key : gone deleted",
      undefined,
    ])
    expect((await journalOf("/keys/gone")).map(({ event }) => event)).toEqual(["create", "delete"])
  })

  it("are asked for by HEAD", async () => {
    await send("PUT /keys?there=1")
    const there = await send("HEAD /keys/there")
    expect([there.status, there.text]).toEqual([200, ""])
    expect((await send("HEAD /keys/nowhere")).status).toBe(404)
    expect((await send("HEAD /keys")).status).toBe(200)
  })

  it("are cleared all at once, one change for each", async () => {
    const cleared = await send("DELETE /keys")
    expect([cleared.status, cleared.text]).toEqual([200, "KEY-VALUE Store Cleared"])
    expect((await send("GET /keys")).text).toBe("[]")
    for (const name of ["one", "two/3"]) await send(`PUT /keys?${encode(name)}=v`)
    const again = await send("DELETE /keys")
    expect(again.text).toBe("KEY-VALUE Store Cleared")
    const changes = (await journalOf()).slice(-2)
    expect(changes).toMatchObject([
      { event: "delete", uri: "/keys/one", body: null, extra: null },
      { event: "delete", uri: "/keys/two%2F3", revision: again.revision },
    ])
    expect((await send("GET /keys/one")).status).toBe(404)
    expect((await send("GET /keys/two%2F3")).status).toBe(404)
    const empty = await send("DELETE /keys")
    expect([empty.status, empty.revision]).toEqual([200, undefined])
  })

  it("know no POST /keys/a", async () => {
    const answer = await send("POST /keys/a", {})
    expect(answer.status).toBe(405)
    expect(answer.headers.get("Allow")).toBe("GET, HEAD, PATCH, DELETE, PUT, OPTIONS")
  })
})

describe("names and values", () => {
  it.each(ODD_NAMES)("keep a key called %j as it is", async (name) => {
    const json = `{${JSON.stringify(name)}:"v"}`
    expect((await send(`PUT /keys?${encode(name)}=v`)).text).toBe("success")
    expect((await send(`GET /keys/${encode(name)}`)).text).toBe(json)
    expect((await send(`GET /keys?filter=${encode(name.replace("$", ""))}`)).text).toContain(json)
    expect(
      (
        await send(`PATCH /keys/${encode(name)}`, `{${JSON.stringify(name)}:"w"}`, {
          "Content-Type": "application/json",
        })
      ).status,
    ).toBe(204)
    expect((await send(`DELETE /keys/${encode(name)}`)).text).toBe(`Key : ${name} deleted`)
    const created = await send("POST /keys/", JSON.stringify({ name, value: "v" }), {
      "Content-Type": "application/json",
    })
    expect([created.status, created.text]).toEqual([201, json])
    const uri = created.headers.get("Location")
    expect((await send(`GET ${uri}`)).text).toBe(json)
    expect((await send(`DELETE ${uri}`)).status).toBe(200)
    expect((await send(`GET ${uri}`)).status).toBe(404)
    const events = (await journalOf(uri!)).map(({ event }) => event)
    expect(events.slice(-5)).toEqual(["create", "patch", "delete", "create", "delete"])
  })

  it.each(["", ".", "..", "x".repeat(513), "é".repeat(257), 5, null])(
    "refuse %j as a name",
    async (name) => {
      const answer = await send("POST /keys/", { name, value: "v" })
      expect(answer.json).toMatchObject({ status: 400, errors: { name: expect.any(String) } })
    },
  )

  it("refuse half a character as a name", async () => {
    const answer = await send("POST /keys/", { name: "\ud800", value: "v" })
    expect(answer.json).toMatchObject({ status: 422, errors: { "/name": expect.any(String) } })
  })

  it("refuse a name in a URI that cannot be one", async () => {
    expect((await send(`GET /keys/${"x".repeat(513)}`)).status).toBe(400)
    expect((await send(`DELETE /keys/${"x".repeat(513)}`)).status).toBe(400)
    expect((await send("GET /keys/%FF")).status).toBe(400)
  })

  it("take a value of a million bytes, and say so when it is larger", async () => {
    const value = "é".repeat(500_000)
    expect((await send("POST /keys/", { name: "large", value })).status).toBe(201)
    expect((await send("GET /keys/large")).json).toEqual({ large: value })
    expect((await send("GET /keys?filter=large")).json).toEqual([{ large: value }])
    const [change] = await journalOf("/keys/large")
    expect(change).toMatchObject({ event: "create", body: null })
    for (const request of ["POST /keys/", "PATCH /keys/large"]) {
      const answer = await send(request, {
        ...(request.startsWith("POST") ? { name: "larger" } : {}),
        value: `${value}x`,
      })
      expect(answer.json).toMatchObject({ status: 413, limit: 1_000_000 })
    }
    expect((await send("POST /keys/", { name: "half", value: "\udc00" })).status).toBe(422)
    await send("DELETE /keys/large")
  })
})

describe("create and patch, which sockets use", () => {
  it("POST creates a key under a name that is free", async () => {
    const made = await send("POST /keys/", { name: "fresh", value: "1", expire_in: 100 })
    expect([made.status, made.text]).toEqual([201, '{"fresh":"1"}'])
    expect(made.headers.get("Location")).toBe("/keys/fresh")
    expect((await send("GET /keys/fresh")).revision).toBe(made.revision)
    const taken = await send("POST /keys/", { name: "fresh", value: "2" })
    expect(taken.json).toMatchObject({ status: 409, errors: { name: "is taken" } })
    expect((await send("GET /keys/fresh")).json).toEqual({ fresh: "1" })
  })

  it.each([
    [{ value: "v" }, "name"],
    [{ name: "n" }, "value"],
    [{ name: "n", value: 5, type: "text/plain" }, "value"],
    [{ name: "n", value: "v", base64: "" }, "base64"],
    [{ name: "n", base64: "?" }, "base64"],
    [{ name: "n", value: "v", type: "image/png" }, "value"],
    [{ name: "n", type: "image/png" }, "type"],
    [{ name: "n", value: "v", type: 5 }, "type"],
    [{ name: "n", value: "v", expire_in: 0 }, "expire_in"],
    [{ name: "n", value: "v", expire_in: "5" }, "expire_in"],
    [{ name: "n", value: "v", expire_in: 1e10 }, "expire_in"],
    [{ name: "n", value: "v", ttl: 5 }, ""],
    [[], ""],
  ])("POST answers 400 to %j", async (body, place) => {
    const answer = await send("POST /keys/", body)
    expect(answer.json).toMatchObject({ status: 400, errors: { [place]: expect.any(String) } })
  })

  it("PATCH changes the value, under `value` or the key's own name", async () => {
    await send("PUT /keys?patched=1")
    const patched = await send("PATCH /keys/patched", { value: "2" })
    expect([patched.status, patched.text]).toEqual([204, ""])
    const got = await send("GET /keys/patched")
    expect([got.text, got.revision]).toEqual(['{"patched":"2"}', patched.revision])
    await send("PATCH /keys/patched", { patched: "3" })
    expect((await send("GET /keys?filter=patched")).json).toEqual([{ patched: "3" }])
    const [last] = (await journalOf("/keys/patched")).slice(-1)
    expect(last).toMatchObject({ event: "patch", body: '{"patched":"3"}', extra: null })
    expect((await send("PATCH /keys/nobody", { value: "2" })).status).toBe(404)
    expect((await send("PATCH /keys/nobody", { expire_in: 5 })).status).toBe(404)
    expect((await send("GET /keys/nobody")).status).toBe(404)
  })

  it.each([
    [{ value: null }, "value"],
    [{ patched: null }, "patched"],
    [{ patched: { a: 5 } }, "patched"],
    [{ inc: 1, value: "1" }, "inc"],
    [{ inc: "1e5" }, "inc"],
    [{ expire_in: 0 }, "expire_in"],
    [{ expire_in: 1.5 }, "expire_in"],
    [{ expires_at: 5 }, "expires_at"],
    [{ value: "1", patched: "2" }, "patched"],
    [JSON.parse('{"__proto__":"x"}'), "__proto__"],
    ["text", ""],
  ])("PATCH answers 400 to %j", async (body, place) => {
    const json = { "Content-Type": "application/merge-patch+json" }
    const answer = await send("PATCH /keys/patched", JSON.stringify(body), json)
    expect(answer.json).toMatchObject({ status: 400, errors: { [place]: expect.any(String) } })
  })

  it("PATCH takes keys whose names are words of its own", async () => {
    for (const name of ["value", "expire_in"]) {
      await send("POST /keys/", { name, value: "1" })
      expect((await send(`PATCH /keys/${name}`, { [name]: "2" })).status).toBe(204)
      expect((await send(`GET /keys/${name}`)).json).toEqual({ [name]: "2" })
    }
    expect((await send("PATCH /keys/expire_in", { expire_in: 50 })).status).toBe(204)
  })
})

describe("a slip", () => {
  it("does not delete everything: URL parsers make /keys/ of the name of a dot", async () => {
    await send("PUT /keys?slip=1")
    for (const uri of ["/keys/", "/keys/.", "/keys/%2e", "/keys/x/.."]) {
      expect((await send(`DELETE ${uri}`)).status, uri).toBe(400)
    }
    expect((await send("GET /keys/slip")).json).toEqual({ slip: "1" })
  })
})

describe("conditions on keys", () => {
  it("If-None-Match: * sets a key only where there is none", async () => {
    const once = { "If-None-Match": "*" }
    expect((await send("PUT /keys?nx=1", undefined, once)).status).toBe(200)
    expect(await send("PUT /keys?nx=2", undefined, once)).toMatchObject({
      status: 412,
      json: { instance: "/keys/nx", current: { nx: "1" } },
    })
    expect((await send("POST /keys/", { name: "nx", value: "3" }, once)).status).toBe(412)
    expect((await send("GET /keys/nx")).json).toEqual({ nx: "1" })
  })

  it("If-Match sets, patches and deletes only what is as it was read", async () => {
    const { revision } = await send("PUT /keys?cas=1")
    const match = { "If-Match": `"${revision}"` }
    const stale = { "If-Match": `"${revision! - 1}"` }
    expect((await send("PUT /keys?cas=x", undefined, stale)).status).toBe(412)
    const refused = await send("PATCH /keys/cas", { value: "x" }, stale)
    expect(refused.json).toMatchObject({ current: { cas: "1" }, etag: `"${revision}"` })
    expect((await send("DELETE /keys/cas", undefined, stale)).status).toBe(412)
    expect((await send("PATCH /keys/cas", { value: "2" }, match)).status).toBe(204)
    expect((await send("DELETE /keys/cas", undefined, match)).status).toBe(412)
    expect((await send("DELETE /keys/cas", undefined, { "If-Match": "*" })).status).toBe(200)
    expect((await send("PATCH /keys/cas", { value: "3" }, { "If-Match": "*" })).status).toBe(412)
    expect(await journalOf("/keys/cas")).toHaveLength(3)
  })

  it("of fifty writers with the same If-Match, one wins", async () => {
    const { revision } = await send("PUT /keys?race=start")
    const match = { "If-Match": `"${revision}"` }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => send(`PUT /keys?race=${at}`, undefined, match)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49)
    expect((await send("GET /keys/race")).json).toEqual({
      race: String(answers.findIndex(({ status }) => status === 200)),
    })
  })

  it("the list is cleared only at the revision that was read", async () => {
    await send("PUT /keys?kept=1")
    const { revision } = await send("GET /keys")
    await send("PUT /keys?kept=2")
    const match = { "If-Match": `"${revision}"` }
    expect((await send("DELETE /keys", undefined, match)).status).toBe(412)
    expect((await send("GET /keys/kept")).json).toEqual({ kept: "2" })
  })

  it("a reader who has the revision is answered 304", async () => {
    const { revision } = await send("PUT /keys?known=1")
    const known = { "If-None-Match": `"${revision}"` }
    expect((await send("GET /keys/known", undefined, known)).status).toBe(304)
    expect((await send("GET /keys", undefined, known)).status).toBe(304)
    await send("PUT /keys?known=2")
    expect((await send("GET /keys/known", undefined, known)).status).toBe(200)
    expect((await send("GET /keys", undefined, known)).status).toBe(200)
  })
})

describe("what keys cost", () => {
  it("a plain set writes two rows, with expiry three; a read at the edge asks D1 nothing", async () => {
    expect(await rowsWritten("PUT /keys?cost=1")).toBe(2)
    expect(await rowsWritten("PUT /keys?cost=2")).toBe(2)
    expect(await rowsWritten("PUT /keys?cost=3&expire_in=100")).toBe(3)
    expect(await rowsWritten("PUT /keys?cost=4&expire_in=100")).toBe(3)
    const { headers } = await send("GET /keys/cost")
    expect(headers.get("Server-Timing")).toContain('"0 queries, 0 rows read')
    expect(await world().ask("GET /keys/cost")).toMatchObject({ queries: 0 })
  })
})

describe("long lists", () => {
  it("are read a page at a time, with the next page in Link", async () => {
    for (let at = 0; at < 7; at++) await send(`PUT /keys?page${at}$=${at}`)
    const found: unknown[] = []
    let uri: string | undefined = "/keys?filter=page&limit=3"
    let pages = 0
    while (uri) {
      const { json, headers } = await send(`GET ${uri}`)
      found.push(...json.flatMap(Object.values))
      uri = /^<(.*)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1]
      pages++
    }
    expect([found, pages]).toEqual([["0", "1", "2", "3", "4", "5", "6"], 3])
    const some = await send("GET /keys?filter=page$&limit=3&cursor=page2$")
    expect(some.json.flatMap(Object.values)).toEqual(["3", "4", "5"])
    expect(some.headers.get("Link")).toContain("filter=page%24")
    expect((await send("GET /keys?limit=0")).status).toBe(400)
    expect((await send("GET /keys?limit=x")).status).toBe(400)
  })
})
