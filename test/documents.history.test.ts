import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { SignedCommitter } from "../src/documents/history/signed.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const FOREVER = 1e12

function services(now = () => Date.now()) {
  const surroundings = { env, now, newId: () => "id", poke: () => {} }
  return createServices(surroundings, new Request("https://tidemark.test/"))
}

/** Keeps the newest changes only. */
async function trim(rows: number): Promise<void> {
  const { feed, journalKeepers } = services()
  await feed.trim(FOREVER, rows, journalKeepers)
}

const bounds = () => services().feed.bounds()

async function put(name: string, data: string, headers = {}): Promise<number> {
  const sent = await send(`PUT /api/apps/${name}`, `{"data":${data}}`, {
    "Content-Type": "application/json",
    ...headers,
  })
  expect(sent.status).toBe(204)
  return sent.revision ?? 0
}

async function patch(name: string, data: string): Promise<number> {
  const sent = await send(`PATCH /api/apps/${name}`, `{"data":${data}}`, {
    "Content-Type": "application/json",
  })
  expect(sent.status).toBe(204)
  return sent.revision ?? 0
}

async function remove(name: string): Promise<number> {
  return (await send(`DELETE /api/apps/${name}`)).revision ?? 0
}

const asOf = (name: string, point: string | number) =>
  send(`GET /api/apps/${name}?as_of=${encodeURIComponent(point)}`)

describe("a document as of a moment", () => {
  it("is what it was at each revision, every number as it was written", async () => {
    const made = await put("past", '{"b":1.50,"1":{"x":null},"n":99999999999999999999}')
    const patched = await patch("past", '{"1":{"y":2.0},"n":null}')
    const replaced = await put("past", '{"c":1e400}')
    const told = async (point: number) => (await asOf("past", point)).text
    const first = await told(made)
    expect(first).toContain('"b":1.50')
    expect(first).toContain('"n":99999999999999999999')
    expect(await told(patched)).toContain('"y":2.0')
    expect(await told(patched)).not.toContain('"n"')
    expect(await told(replaced)).toBe('{"name":"past","data":{"c":1e400}}')
    expect((await asOf("past", patched)).revision).toBe(patched)
    expect((await asOf("past", `"${patched}"`)).revision).toBe(patched)
  })

  it("is found by time, in every form of the grammar", async () => {
    await put("timed", '{"n":1}')
    const [first] = (await send("GET /api/apps/timed/history")).json
    await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(first.at))
    const second = await patch("timed", '{"n":2}')
    for (const point of [first.at, String(Date.parse(first.at))]) {
      expect((await asOf("timed", point)).json, point).toMatchObject({ data: { n: 1 } })
    }
    expect(await asOf("timed", "now")).toMatchObject({ json: { data: { n: 2 } }, revision: second })
    expect((await asOf("timed", "now-1h")).json).toMatchObject({ status: 404, code: "not_found" })
    expect((await asOf("timed", "2020-01-01")).json).toMatchObject({ status: 404 })
  })

  it("is a problem that names the place for what is no moment, or none yet", async () => {
    await put("wrong", "{}")
    const { last } = await bounds()
    for (const point of ["", "yesterday", "-1", "now+1h", "2999-01-01", String(last + 1), "1.5"]) {
      const { json } = await asOf("wrong", point)
      expect(json, point).toMatchObject({ status: 400, code: "invalid_request" })
      expect(Object.keys(json.errors), point).toEqual(["query.as_of"])
    }
  })

  it("is 404 before it was created, while it was deleted, and when there never was one", async () => {
    const first = await put("gone", '{"n":1}')
    const patched = await patch("gone", '{"m":1}')
    const deleted = await remove("gone")
    const again = await put("gone", '{"n":2}')
    expect((await asOf("gone", first - 1)).status).toBe(404)
    expect((await asOf("gone", first)).json.data).toEqual({ n: 1 })
    expect((await asOf("gone", patched)).json.data).toEqual({ n: 1, m: 1 })
    expect((await asOf("gone", deleted)).status).toBe(404)
    expect((await asOf("gone", again)).json.data).toEqual({ n: 2 })
    expect((await asOf("nobody", again)).status).toBe(404)
  })

  it("says so when the journal could not keep it, and has it again from the next whole one on", async () => {
    const large = await put("large", JSON.stringify({ text: "x".repeat(70_000) }))
    expect((await asOf("large", large)).json.data.text).toHaveLength(70_000)
    const patched = await patch("large", '{"n":1}')
    const small = await put("large", '{"n":2}')
    for (const point of [large, patched]) {
      expect((await asOf("large", point)).json).toMatchObject({
        status: 410,
        code: "history_gone",
        limit: 64_000,
      })
    }
    expect((await asOf("large", small)).json.data).toEqual({ n: 2 })
    const [, , entry] = (await send("GET /api/apps/large/history")).json
    expect(entry).toMatchObject({ revision: large, event: "create", resource: null })
  })

  it("is gone once it has expired, and was there before", async () => {
    const { revision = 0 } = await send("PUT /api/apps/brief?expire_in=1h", { data: { n: 1 } })
    const { appHistory } = services(() => Date.now() + 7_200_000)
    const point = { revision: Number.MAX_SAFE_INTEGER, at: Number.MAX_SAFE_INTEGER }
    const now = { ...point, place: "query.as_of", text: "now" }
    await expect(appHistory.at("brief", "/api/apps/brief", now)).rejects.toMatchObject({
      code: "not_found",
    })
    expect((await asOf("brief", revision)).json.data).toEqual({ n: 1 })
    expect((await send("GET /api/apps/brief/history")).json).toMatchObject([
      { event: "delete", reason: "expired" },
      { event: "create", revision },
    ])
  })

  it("takes a mask as the document itself does", async () => {
    const revision = await put("masked", '{"n":1}')
    await put("masked", '{"n":2}')
    const uri = `GET /api/apps/masked?as_of=${revision}`
    const sent = await send(uri, undefined, { "X-Fields": "data" })
    expect(sent.text).toBe('{"data":{"n":1}}')
  })
})

describe("what is kept of the past", () => {
  it("reaches back to where the journal begins, whatever was there before", async () => {
    const old = await put("quiet", '{"n":1.0}')
    await put("busy", '{"n":1.0}')
    const folded = await patch("busy", '{"m":2.0}')
    await put("ended", '{"n":1}')
    const gone = await put("replaced", '{"n":1}')
    await put("mark", "{}")
    await trim(1)
    const horizon = (await bounds()).first - 1
    await patch("busy", '{"n":3}')
    await patch("quiet", '{"n":2}')
    await patch("quiet", '{"n":3}')
    await remove("ended")
    await put("replaced", '{"n":2}')
    for (const [name, data] of [
      ["quiet", { n: 1 }],
      ["busy", { n: 1, m: 2 }],
      ["ended", { n: 1 }],
      ["replaced", { n: 1 }],
    ] as const) {
      const kept = (await bounds()).first
      for (const point of [horizon, kept]) {
        expect((await asOf(name, point)).json.data, `${name} ${point}`).toEqual(data)
      }
    }
    expect((await asOf("quiet", horizon)).text).toContain('"n":1.0')
    expect((await asOf("quiet", horizon)).revision).toBe(old)
    expect((await asOf("busy", horizon)).revision).toBe(folded)
    expect((await asOf("replaced", gone - 1)).json).toMatchObject({
      status: 410,
      code: "history_gone",
      oldest: { revision: horizon },
    })
  })

  it("is told by time as far as trimming let it", async () => {
    await put("when", '{"n":1}')
    const before = (await send("GET /api/apps/when/history")).json[0].at
    await put("other", "{}")
    await trim(1)
    const patched = await patch("when", '{"n":2}')
    expect((await asOf("when", patched - 1)).json.data).toEqual({ n: 1 })
    const earlier = new Date(Date.parse(before) - 1).toISOString()
    expect((await asOf("when", earlier)).json).toMatchObject({ status: 410 })
  })

  it("is nothing of documents that have not changed since, nor of those deleted before", async () => {
    await put("still", '{"n":1}')
    await put("never", '{"n":1}')
    await remove("never")
    await put("moving", "{}")
    await trim(1)
    await patch("moving", '{"n":1}')
    await patch("still", '{"n":2}')
    await put("mark", "{}")
    await trim(1)
    const { db } = services()
    const rows = await db.all<{ name: string }>({
      sql: "SELECT name FROM document_pasts WHERE name IN ('still', 'never', 'moving')",
      params: [],
    })
    expect(rows).toEqual([])
    expect((await asOf("still", (await bounds()).last)).json.data).toEqual({ n: 2 })
  })

  it("costs a write that changes a document no row more than three", async () => {
    const cost = async (request: string) =>
      Number((await send(request, { data: { n: 1 } })).headers.get("X-Rows-Written"))
    expect(await cost("PUT /api/apps/cost")).toBe(3)
    expect(await cost("PUT /api/apps/cost")).toBe(3)
    expect(await cost("PATCH /api/apps/cost")).toBe(3)
  })

  it("is the same as what GET answered then, for any writes and any trimming", async () => {
    const value = fc.oneof(
      fc.constantFrom("1.50", "99999999999999999999", "null", '"x"', "[1,{}]", '{"a":1,"0":2}'),
      fc.constantFrom('{"a":null}', '{"0":{"b":1.0}}', "[]", '{"\\u0001":-0}'),
    )
    const member = fc.tuple(fc.constantFrom("a", "b", "0", "é", "__proto__"), value)
    const object = fc
      .uniqueArray(member, { selector: ([name]) => name, maxLength: 3 })
      .map((members) => `{${members.map(([name, text]) => `"${name}":${text}`).join()}}`)
    const step = fc.record({
      verb: fc.constantFrom("put", "patch", "patch", "patch", "remove", "trim"),
      data: object,
      name: fc.constantFrom("x", "y"),
      rows: fc.integer({ min: 1, max: 6 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        run++
        const was = new Map<string, Map<number, string>>()
        for (const { verb, data, name: letter, rows } of steps) {
          const name = `model-${run}-${letter}`
          const states = was.get(name) ?? new Map<number, string>()
          was.set(name, states)
          if (verb === "trim") await trim(rows)
          else {
            const method = { put: "PUT", patch: "PATCH", remove: "DELETE" }[verb] ?? ""
            const body = verb === "remove" ? undefined : `{"data":${data}}`
            const json = { "Content-Type": "application/json" }
            const { revision } = await send(`${method} /api/apps/${name}`, body, json)
            if (revision === undefined) continue
            const now = await send(`GET /api/apps/${name}`)
            states.set(revision, now.status === 404 ? "" : now.text)
          }
        }
        const { first, last } = await bounds()
        for (const [name, states] of was) {
          for (let point = first - 1; point <= last; point++) {
            const revision = [...states.keys()].filter((at) => at <= point).at(-1) ?? 0
            const sent = await asOf(name, point)
            const expected = states.get(revision) ?? ""
            expect(sent.status === 404 ? "" : sent.text, `${name} at ${point}`).toBe(expected)
            if (expected !== "") expect(sent.revision).toBe(revision)
          }
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe("the history of a document", () => {
  it("tells who changed what when, newest first, also before it was deleted", async () => {
    await put("told", '{"n":1.0}', { From: "ann@example.org" })
    await patch("told", '{"m":2}')
    await remove("told")
    const last = await put("told", '{"n":3}', { From: "Bo" })
    await put("told", '{"n":4}')
    const { json, text, revision } = await send("GET /api/apps/told/history")
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(json).toEqual([
      { revision: last + 1, at, event: "state", resource: { name: "told", data: { n: 4 } } },
      { revision: last, at, event: "create", by: "Bo", resource: { name: "told", data: { n: 3 } } },
      { revision: last - 1, at, event: "delete" },
      { revision: last - 2, at, event: "patch", patch: { data: { m: 2 } } },
      {
        revision: last - 3,
        at,
        event: "create",
        by: "ann@example.org",
        resource: { name: "told", data: { n: 1 } },
      },
    ])
    expect(text).toContain('"n":1.0')
    expect(revision).toBe(last + 1)
  })

  it("comes in pages that follow each other without gap", async () => {
    await put("paged", "{}")
    for (let n = 0; n < 3; n++) await patch("paged", `{"n":${n}}`)
    await remove("paged")
    await put("paged", "{}")
    await patch("paged", '{"n":1}')
    const all = (await send("GET /api/apps/paged/history")).json
    expect(all).toHaveLength(7)
    for (const limit of [1, 2, 3, 6]) {
      const seen: object[] = []
      let next: string | undefined = `/api/apps/paged/history?limit=${limit}`
      while (next !== undefined) {
        const page = await send(`GET ${next}`)
        expect(page.json.length).toBeLessThanOrEqual(limit)
        seen.push(...page.json)
        next = /<(.*)>; rel="next"/.exec(page.headers.get("Link") ?? "")?.[1]
      }
      expect(seen, String(limit)).toEqual(all)
    }
  })

  it("is 404 for what never was, and empty for what has not changed since the journal begins", async () => {
    expect((await send("GET /api/apps/unheard/history")).status).toBe(404)
    await put("silent", "{}")
    await put("mark", "{}")
    await trim(1)
    expect((await send("GET /api/apps/silent/history")).json).toEqual([])
  })

  it("refuses a From that is no name, and nothing is written", async () => {
    const answer = await send("PUT /api/apps/from", { data: {} }, { From: "x".repeat(255) })
    expect(answer).toMatchObject({ status: 400, json: { errors: { From: expect.any(String) } } })
    expect((await send("GET /api/apps/from")).status).toBe(404)
  })

  it("has the name of who wrote, whatever is in it and however the change is made", async () => {
    const by = "O'Neill ? ?1"
    const changes = await new SignedCommitter(services().feed, () => by).commit({
      drafts: [
        { uri: "/signed/1", event: "delete", extra: { reason: "x" } },
        { each: { sql: "SELECT ?1, '/signed/2', 'delete', NULL, '{\"n\":1}'", params: [1] } },
        { each: { sql: "SELECT ?, '/signed/3', 'delete', NULL, NULL", params: [1] } },
      ],
      writes: [],
    })
    expect(changes.map(({ extra }) => JSON.parse(extra ?? ""))).toEqual([
      { reason: "x", by },
      { n: 1, by },
      { by },
    ])
  })

  it("is told to subscribers with the change", async () => {
    const talker = await connect()
    await put("heard", "{}")
    await talker.ask("subscribe /api/apps/heard")
    await talker.hear()
    await put("heard", '{"n":1}', { From: "ann" })
    expect(await talker.hear()).toMatchObject({ event: "state", by: "ann" })
  })

  it("survives the trimming of more changes than one step folds", async () => {
    await put("folded", '{"n":0.0}')
    const { feed } = services()
    // What that many patches leave behind.
    await feed.commit({
      drafts: [],
      writes: [
        {
          sql: `WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 6000)
            INSERT INTO changes (at, uri, event, body)
            SELECT ?1, '/api/apps/folded', 'patch', '{"data":{"n' || (n % 7) || '":' || n || '.0}}' FROM counted`,
          params: [Date.now()],
        },
      ],
    })
    const last = await patch("folded", '{"end":true}')
    await trim(1)
    expect((await bounds()).first).toBe(last)
    const sent = await asOf("folded", last - 1)
    expect(sent.text).toContain('"n1":6000.0')
    expect(Object.keys(sent.json.data)).toHaveLength(8)
  })
})

describe("the difference of two moments", () => {
  it("is a JSON Patch with the numbers of the later one", async () => {
    const from = await put("diff", '{"keep":1.50,"a/b":[1,2,3],"gone":1,"x":{"10":1,"2":1}}')
    const to = await put("diff", '{"keep":1.50,"a/b":[1,9.0,2,3],"new":1e400,"x":{"10":1,"2":2.0}}')
    const sent = await send(`GET /api/apps/diff/diff?from=${from}&to=${to}`)
    expect(sent.headers.get("Content-Type")).toBe("application/json-patch+json")
    expect(sent.text).toBe(
      '[{"op":"remove","path":"/data/gone"},{"op":"add","path":"/data/a~1b/1","value":9.0},' +
        '{"op":"add","path":"/data/new","value":1e400},{"op":"replace","path":"/data/x/2","value":2.0}]',
    )
    expect((await send(`GET /api/apps/diff/diff?from=${to}`)).text).toBe("[]")
    expect(sent.revision).toBe(to)
  })

  it("needs both of them", async () => {
    const revision = await put("half", "{}")
    const from = await send("GET /api/apps/half/diff")
    expect(from).toMatchObject({
      status: 400,
      json: { errors: { "query.from": expect.any(String) } },
    })
    expect((await send(`GET /api/apps/half/diff?from=${revision - 1}`)).status).toBe(404)
    const to = await send(`GET /api/apps/half/diff?from=${revision}&to=x`)
    expect(to).toMatchObject({ status: 400, json: { errors: { "query.to": expect.any(String) } } })
  })
})

describe("a document that is restored", () => {
  it("is what it was, by a write of its own that can be undone", async () => {
    const first = await put("back", '{"n":1.50,"10":1,"2":1}')
    const was = (await asOf("back", first)).text
    const second = await put("back", '{"n":2}')
    const restored = await send("POST /api/apps/back/restore", { as_of: String(first) })
    expect(restored).toMatchObject({ status: 200, text: was })
    expect(restored.revision).toBeGreaterThan(second)
    expect(await send("GET /api/apps/back")).toMatchObject({
      text: was,
      revision: restored.revision,
    })
    await send("POST /api/apps/back/restore", { as_of: second })
    expect((await send("GET /api/apps/back")).json.data).toEqual({ n: 2 })
  })

  it("comes back from deletion, as a creation", async () => {
    const revision = await put("deleted", '{"n":1}')
    await remove("deleted")
    await send("POST /api/apps/deleted/restore", { as_of: revision }, { "If-None-Match": "*" })
    expect((await send("GET /api/apps/deleted")).json.data).toEqual({ n: 1 })
    expect((await send("GET /api/apps/deleted/history?limit=1")).json).toMatchObject([
      { event: "create" },
    ])
  })

  it("stays as it is when a condition does not hold, or there is nothing to restore", async () => {
    const first = await put("held", '{"n":1}')
    const second = await put("held", '{"n":2}')
    const headers = { "If-Match": `"${first}"` }
    const refused = await send("POST /api/apps/held/restore", { as_of: first }, headers)
    expect(refused).toMatchObject({
      status: 412,
      revision: second,
      json: { current: { data: { n: 2 } } },
    })
    for (const [body, status] of [
      [{ as_of: first - 1 }, 404],
      [{ as_of: "tomorrow" }, 400],
      [{}, 400],
    ] as const) {
      expect((await send("POST /api/apps/held/restore", body)).status).toBe(status)
    }
    expect((await send("GET /api/apps/held")).revision).toBe(second)
  })
})

describe("views of the past", () => {
  it("follow the document: its history grows, a moment stays, until the journal has lost it", async () => {
    const first = await put("viewed", '{"n":1}')
    const talker = await connect()
    await talker.ask("subscribe /api/apps/viewed/history?limit=1")
    await talker.ask(`subscribe /api/apps/viewed?as_of=${first}`)
    await talker.hearAll(2)
    const second = await put("viewed", '{"n":2}')
    const frames = await talker.hearAll(2)
    const history = frames.find(({ uri }) => uri.includes("history"))
    expect(history).toMatchObject({ event: "state", resource: [{ revision: second }] })
    const moment = frames.find(({ uri }) => uri.includes("as_of"))
    expect(moment).toMatchObject({ event: "state", resource: { data: { n: 1 } } })
    await put("mark", "{}")
    await trim(1)
    await put("viewed", '{"n":3}')
    const later = await talker.hearAll(2)
    expect(later.find(({ uri }) => uri.includes("as_of"))).toMatchObject({ event: "delete" })
    const again = await talker.ask(`subscribe /api/apps/viewed?as_of=${first}`)
    expect(again).toMatchObject({ ok: false, problem: { code: "history_gone" } })
  })

  it("tell who comes back that something above them has changed", async () => {
    await put("returned", '{"n":1}')
    const talker = await connect()
    const uri = "/api/apps/returned/history?limit=1"
    const { epoch, position } = await talker.ask(`subscribe ${uri}`)
    await talker.ask(`unsubscribe ${uri}`)
    await put("returned", '{"n":2}')
    const reply = await talker.ask(`subscribe ${uri} since ${epoch}.${position}`)
    expect(reply).toMatchObject({ ok: true, reset: true })
  })
})
