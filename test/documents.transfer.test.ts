import { env, exports } from "cloudflare:workers"
import fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import worker from "../src/index.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

function services(now = () => Date.now()) {
  const surroundings = { env, now, newId: () => crypto.randomUUID(), poke: () => {} }
  return createServices(surroundings, new Request("https://tidemark.test/"))
}

/** Every document is deleted, as a caller would. */
async function clear(): Promise<void> {
  for (const { name } of (await send("GET /api/apps/")).json) {
    await send(`DELETE /api/apps/${encodeURIComponent(name)}`)
  }
}

const importing = (body: string, query = "", headers = {}) =>
  send(`POST /api/import/apps${query}`, body, {
    "Content-Type": "application/x-ndjson",
    ...headers,
  })

const exported = async (query = "") => (await send(`GET /api/export/apps${query}`)).text

const staged = () => services().db.all({ sql: "SELECT import FROM document_imports", params: [] })

const line = (name: string, data: string) => `{"name":${JSON.stringify(name)},"data":${data}}\n`

beforeEach(clear)

describe("an export", () => {
  it("has a line for each document, in the order of creation, every number as it was written", async () => {
    await send("PUT /api/apps/b", '{"data":{"n":1.50,"big":99999999999999999999}}', {
      "Content-Type": "application/json",
    })
    await send("PUT /api/apps/a%2Fb", { data: { text: 'line\n"quote"' } })
    const sent = await send("GET /api/export/apps")
    expect(sent.text).toBe(
      '{"name":"b","data":{"n":1.50,"big":99999999999999999999}}\n' +
        '{"name":"a/b","data":{"text":"line\\n\\"quote\\""}}\n',
    )
    expect(sent.headers.get("Content-Type")).toBe("application/x-ndjson")
    const { revision } = sent
    const headers = { "If-None-Match": `"${revision}"` }
    expect((await send("GET /api/export/apps", undefined, headers)).status).toBe(304)
  })

  it("is empty where there is nothing", async () => {
    expect(await exported()).toBe("")
  })

  it("comes in parts that follow each other, when the caller wants it", async () => {
    await importing(["a", "b", "c", "d", "e"].map((name) => line(name, "{}")).join(""))
    const all = await exported()
    for (const limit of [1, 2, 5, 6]) {
      let text = ""
      for (let cursor: string | undefined = "0"; cursor !== undefined;) {
        const part: string = await exported(`?limit=${limit}&cursor=${cursor}`)
        cursor = /\{"next":"(\d+)"\}\n$/.exec(part)?.[1]
        text += part
      }
      expect(text.replace(/\{"next":.*\n/g, ""), String(limit)).toBe(all)
      expect(await importing(text)).toMatchObject({ status: 200, json: { replaced: 5 } })
    }
    expect(await exported()).toBe(all)
  })

  it("reads pages of documents whatever their sizes are, each in one query", async () => {
    const sizes = [10, 5_000, 10, 10, 9_000, 10, 4_000, 10]
    const body = sizes.map((size, at) => line(`s${at}`, `{"t":"${"x".repeat(size)}"}`)).join("")
    await importing(body)
    const { appExporter, db } = services()
    const { lines } = await appExporter.read(0, Infinity, 5_000)
    let text = ""
    for await (const piece of lines) text += piece
    expect(text).toBe(body)
    expect(db.cost.queries).toBe(7)
  })

  it("refuses a cursor that is none", async () => {
    expect((await send("GET /api/export/apps?cursor=x")).json.errors).toHaveProperty("query.cursor")
    expect((await send("GET /api/export/apps?limit=0")).json.errors).toHaveProperty("query.limit")
  })
})

describe("an import", () => {
  it("writes each document with a change of its own, in order, and tells subscribers", async () => {
    await send("PUT /api/apps/there", { data: { old: true } })
    const talker = await connect()
    await talker.ask("subscribe /api/apps/")
    await talker.hear()
    const body = line("one", '{"n":1.0}') + line("there", '{"n":2}') + line("two", "{}")
    const sent = await importing(body, "", { From: "ann" })
    const revision = sent.revision ?? 0
    expect(sent.json).toEqual({ revision, documents: 3, created: 2, replaced: 1, skipped: 0 })
    expect(await talker.hearAll(3)).toMatchObject([
      { event: "create", member: "/api/apps/one", revision: revision - 2, by: "ann" },
      { event: "state", uri: "/api/apps/there", revision: revision - 1 },
      { event: "create", member: "/api/apps/two", revision, by: "ann" },
    ])
    expect(await send("GET /api/apps/one")).toMatchObject({
      text: '{"name":"one","data":{"n":1.0}}',
      revision: revision - 2,
    })
    expect((await send("GET /api/apps/there")).revision).toBe(revision - 1)
    expect((await send("GET /api/apps/")).json).toEqual([
      { name: "there" },
      { name: "one" },
      { name: "two" },
    ])
    expect((await send("GET /api/apps/there/history?limit=1")).json).toMatchObject([
      { revision: revision - 1, event: "state", by: "ann" },
    ])
    expect((await send(`GET /api/apps/there?as_of=${revision - 3}`)).json.data).toEqual({
      old: true,
    })
    expect(await staged()).toEqual([])
  })

  it("of an export gives the same documents in the same order", async () => {
    const number = fc.constantFrom("0", "-0", "1.50", "1e400", "99999999999999999999", "0.1E-7")
    const value = fc.oneof(
      number,
      fc.string().map((text) => JSON.stringify(text)),
      fc.constantFrom('{"10":1,"2":{},"__proto__":null}', "[[],{}]", "null", '"\\u0000 é 日本 😀"'),
    )
    const named = fc.record({
      name: fc
        .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
        .filter((name) => name !== "." && name !== ".." && name.isWellFormed()),
      members: fc.uniqueArray(fc.tuple(fc.constantFrom("b", "a", "1", "0", "é"), value), {
        selector: ([name]) => name,
        maxLength: 4,
      }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(named, { selector: ({ name }) => name, maxLength: 8 }),
        async (documents) => {
          await clear()
          for (const { name, members } of documents) {
            const data = `{${members.map(([key, text]) => `"${key}":${text}`).join()}}`
            const sent = await importing(line(name, data))
            expect(sent.status).toBe(200)
          }
          const before = await exported()
          expect(before.split("\n")).toHaveLength(documents.length + 1)
          await clear()
          expect((await importing(before)).status).toBe(200)
          expect(await exported()).toBe(before)
        },
      ),
      { numRuns: 25 },
    )
  })

  it("takes a zipped body, a byte order mark, CRLF and blank lines", async () => {
    const text = `\ufeff${line("a", "{}").trim()}\r\n\r\n  \n${line("b", "{}").trim()}`
    const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))
    const response = await exports.default.fetch("https://tidemark.test/api/import/apps", {
      method: "POST",
      body: await new Response(zipped).arrayBuffer(),
      headers: { "Content-Encoding": "gzip" },
    })
    expect(await response.json()).toMatchObject({ created: 2 })
  })

  it("replaces, skips or refuses what is there already, as the caller wants", async () => {
    await send("PUT /api/apps/b", { data: { old: true } })
    const body = line("a", "{}") + line("b", '{"new":true}') + line("c", "{}")
    const refused = await importing(body, "?on_conflict=error")
    expect(refused).toMatchObject({
      status: 409,
      json: { code: "conflict", errors: { b: "is taken" } },
    })
    expect(await exported()).toBe(line("b", '{"old":true}'))
    const skipped = await importing(body, "?on_conflict=skip")
    expect(skipped.json).toMatchObject({ documents: 2, created: 2, replaced: 0, skipped: 1 })
    expect(await exported()).toBe(line("b", '{"old":true}') + line("a", "{}") + line("c", "{}"))
    const again = await importing(body, "?on_conflict=skip")
    expect(again.json).toEqual({ documents: 0, created: 0, replaced: 0, skipped: 3 })
    const replaced = await importing(body, "?on_conflict=replace")
    expect(replaced.json).toMatchObject({ documents: 3, created: 0, replaced: 3 })
    expect(await exported()).toBe(line("b", '{"new":true}') + line("a", "{}") + line("c", "{}"))
    expect(await staged()).toEqual([])
  })

  it("makes a document that was to expire stay, and tells so; what has expired is in no export", async () => {
    await send("PUT /api/apps/brief?expire_in=1h", { data: { n: 1 } })
    const talker = await connect()
    await talker.ask("subscribe /api/apps/brief")
    await talker.hear()
    await importing(line("brief", '{"n":2}'))
    expect(await talker.hear()).toMatchObject({ event: "state", expires_at: null })
    expect((await send("GET /api/apps/brief")).headers.get("X-Expires-At")).toBeNull()
    await send("PUT /api/apps/over?expire_in=1h", { data: {} })
    const later = services(() => Date.now() + 7_200_000)
    let text = ""
    for await (const piece of (await later.appExporter.read(0)).lines) text += piece
    expect(text).toBe(line("brief", '{"n":2}'))
  })

  it("keeps when documents expire, and tells so; what expires of it goes by itself", async () => {
    await send("PUT /api/apps/later?expire_in=1h", { data: { n: 1 } })
    await send("PUT /api/apps/never", { data: {} })
    const text = await exported()
    const expiry = (await send("GET /api/apps/later")).headers.get("X-Expires-At") as string
    expect(text).toContain(`{"name":"later","data":{"n":1},"expires_at":"${expiry}"}\n`)
    for (const name of ["later", "never"]) await send(`DELETE /api/apps/${name}`)
    const talker = await connect()
    for (const name of ["later", "soon"]) await talker.ask(`subscribe /api/apps/${name}`)
    const soon = new Date(Date.now() + 1_500).toISOString()
    const brief = `{"name":"soon","data":{},"expires_at":"${soon}"}\n`
    // Not as the last one, whose change is told.
    expect((await importing(brief + text)).status).toBe(200)
    expect((await send("GET /api/apps/later")).headers.get("X-Expires-At")).toBe(expiry)
    expect((await send("GET /api/apps/never")).headers.get("X-Expires-At")).toBeNull()
    expect(await talker.hear()).toMatchObject({ uri: "/api/apps/soon", event: "state" })
    expect(await talker.hear()).toMatchObject({
      uri: "/api/apps/later",
      expires_at: Date.parse(expiry),
    })
    expect(await talker.hear()).toMatchObject({
      uri: "/api/apps/soon",
      event: "delete",
      reason: "expired",
    })
    expect(await exported()).toBe(text)
    for (const wrong of ['"soon"', "5", '"2015-01-31"', '"2015-01-31T12:00:00"', "{}"]) {
      const answer = await importing(`{"name":"wrong","data":{},"expires_at":${wrong}}`)
      expect(answer, wrong).toMatchObject({
        status: 422,
        json: { errors: { "line.1": expect.stringMatching(/a time with its zone/) } },
      })
    }
  })

  it("refuses all for one bad line, with its number and what is wrong, unless it may keep the others", async () => {
    const bad = [
      "{",
      "[]",
      '{"name":"x"}',
      '{"name":"x","data":[]}',
      '{"name":1,"data":{}}',
      '{"name":"","data":{}}',
      '{"name":"..","data":{}}',
      `{"name":"${"n".repeat(513)}","data":{}}`,
      '{"name":"x","data":{"a":1,"a":2}}',
      '{"name":"x","data":{"a":"\\ud800"}}',
      '{"name":"x","data":{"a":NaN}}',
      '{"name":"good","data":{"twice":true}}',
      `{"name":"x","data":${'{"a":'.repeat(100)}1${"}".repeat(100)}}`,
      `{"name":"x","data":{"a":"${"x".repeat(1_900_000)}"}}`,
      `{"name":"x","data":{"a":"${"x".repeat(2_000_000)}"}}`,
    ]
    const body = line("good", '{"n":1}') + bad.join("\n")
    const refused = await importing(body)
    expect(refused).toMatchObject({ status: 422, json: { bad_total: bad.length } })
    expect(refused.json.bad_lines.map((one: { line: number }) => one.line)).toEqual(
      bad.map((_, at) => at + 2),
    )
    expect(refused.json.bad_lines[11].reason).toMatch(/line 1 has named already/)
    expect(await exported()).toBe("")
    const kept = await importing(body, "?partial=true")
    expect(kept.json).toMatchObject({ documents: 1, bad_total: bad.length })
    expect(await exported()).toBe(line("good", '{"n":1}'))
    expect((await importing("{\n", "?partial=true")).status).toBe(422)
  })

  it("writes nothing for an empty body", async () => {
    const sent = await importing("")
    expect(sent.json).toEqual({ documents: 0, created: 0, replaced: 0, skipped: 0 })
  })

  it("holds documents as large as they may be, in parts that it stages", async () => {
    const large = (name: string, size: number) => line(name, `{"t":"${"é".repeat(size / 2)}"}`)
    const body = [large("a", 1_899_000), large("b", 1_000_000), large("c", 1_000_000)].join("")
    const more = Array.from({ length: 6 }, (_, at) => large(`m${at}`, 1_800_000)).join("")
    const sent = await importing(body + more)
    expect(sent.json).toMatchObject({ created: 9 })
    expect(Number(/(\d+) queries/.exec(sent.headers.get("Server-Timing") ?? "")?.[1])).toBeLessThan(
      15,
    )
    expect(await exported()).toBe(body + more)
    expect(await staged()).toEqual([])
  })

  it("leaves nothing behind when it is broken off, and what died on the way is swept", async () => {
    const large = line("large", `{"t":"${"x".repeat(1_800_000)}"}`)
    const parts = Array.from({ length: 6 }, (_, at) => large.replace("large", `l${at}`)).join("")
    expect((await importing(`${parts}{`)).status).toBe(422)
    expect(await staged()).toEqual([])
    const { feed } = services()
    const write = (at: number) => ({
      sql: "INSERT INTO document_imports VALUES (?1, 0, ?2, 0, '[]')",
      params: [`died ${at}`, at],
    })
    const recent = Date.now() - 1_000
    await feed.commit({ drafts: [], writes: [write(Date.now() - 7_200_000), write(recent)] })
    const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} }
    await worker.scheduled?.({} as ScheduledController, env, context as never)
    expect(await staged()).toEqual([{ import: `died ${recent}` }])
    await feed.commit({ drafts: [], writes: [{ sql: "DELETE FROM document_imports", params: [] }] })
  })

  it("needs few rows and queries for many documents", async () => {
    const body = Array.from({ length: 2_000 }, (_, at) => line(`many-${at}`, `{"n":${at}}`)).join(
      "",
    )
    const sent = await importing(body)
    const rows = Number(sent.headers.get("X-Rows-Written"))
    expect(sent.json).toMatchObject({ created: 2_000 })
    expect(rows).toBeLessThanOrEqual(3 * 2_000 + 2)
    const listed = await exported()
    expect(listed).toBe(body)
    await services().feed.commit({
      drafts: [],
      writes: [{ sql: "DELETE FROM documents WHERE name LIKE 'many-%'", params: [] }],
    })
  })

  it("cannot be watched, as little as an export", async () => {
    const talker = await connect()
    const reply = await talker.ask("subscribe /api/export/apps")
    expect(reply).toMatchObject({ ok: false, problem: { code: "unknown_uri" } })
  })
})
