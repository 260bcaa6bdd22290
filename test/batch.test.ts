/** Many writes as one: what is written, what is refused, and what those who follow hear of it. */
import { describe, expect, it } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { journalOf } from "./keys.world.ts"

type Operation = Record<string, unknown>

const batch = (...operations: Operation[]) => send("POST /api/batch", { operations })
const put = (name: string, data: unknown, more = {}) => ({
  method: "PUT",
  uri: `/api/apps/${name}`,
  body: { data },
  ...more,
})
const data = async (name: string) => (await send(`GET /api/apps/${name}`)).json.data

describe("a batch", () => {
  it("writes documents, series and resources of one's own under one run of revisions", async () => {
    await send("PUT /api/apps/b-old", { data: {} })
    const before = (await journalOf()).length
    const { status, json, revision } = await batch(
      put("b-one", { a: 1 }),
      { method: "POST", uri: "/api/apps/", body: { name: "b two", data: { b: 2 } } },
      { method: "PATCH", uri: "/api/apps/b-one", body: { data: { c: 3 } } },
      { method: "DELETE", uri: "/api/apps/b-old" },
      { method: "DELETE", uri: "/api/apps/b-never" },
      { method: "POST", uri: "/todo/", body: { text: "swim" } },
      {
        method: "PUT",
        uri: "/api/store/batch/s?orient=split&mode=append",
        body: { columns: ["x"], index: ["2026-01-01"], data: [[1]] },
      },
      {
        method: "PUT",
        uri: "/api/store/batch/t",
        type: "text/csv",
        body: "date,y\n2026-01-01,2\n",
      },
    )
    expect(status).toBe(200)
    const statuses = json.results.map((result: any) => result.status)
    expect(statuses).toEqual([204, 201, 204, 204, 204, 201, 200, 200])
    const told = (await journalOf()).slice(before)
    expect(told.map(({ revision: at }) => at)).toEqual(told.map((_, at) => told[0]!.revision + at))
    expect(revision).toBe(told.at(-1)!.revision)
    expect(json.revision).toBe(revision)
    expect(json.results[1]).toMatchObject({
      uri: "/api/apps/",
      headers: { location: "/api/apps/b%20two" },
      body: { name: "b two", data: { b: 2 } },
    })
    expect(json.results[4]).toEqual({ status: 204, uri: "/api/apps/b-never" })
    for (const at of [0, 1, 2, 3, 5, 6, 7]) {
      const uris = told.filter((change) => change.revision === json.results[at].revision)
      expect(
        uris.map(({ uri }) => uri),
        `operation ${at}`,
      ).toEqual([json.results[at].headers?.location ?? json.results[at].uri.split("?")[0]])
    }
    expect(await data("b-one")).toEqual({ a: 1, c: 3 })
    expect((await send("GET /api/apps/b-one")).revision).toBe(json.results[2].revision)
    expect((await send("GET /api/apps/b-old")).status).toBe(404)
    const todo = json.results[5]
    expect((await send(`GET ${todo.headers.location}`)).json).toEqual(todo.body)
    expect(json.results[6].body).toMatchObject({ status: true, revision: json.results[6].revision })
    expect((await send("GET /api/store/batch/t?orient=records")).json).toMatchObject([{ y: 2 }])
  })

  it("of forty operations writes nothing when the last is refused, and says which", async () => {
    const before = await journalOf()
    const names = Array.from({ length: 39 }, (_, at) => `none-${at}`)
    const refused = await batch(...names.map((name) => put(name, {})), {
      method: "PATCH",
      uri: "/api/apps/nobody",
      body: { data: {} },
    })
    expect(refused).toMatchObject({ status: 404, json: { code: "not_found", operation: 39 } })
    expect(refused.json.problem).toMatchObject({ code: "not_found", status: 404 })
    expect(refused.json.detail).toContain("Operation 39 (PATCH /api/apps/nobody)")
    expect(await journalOf()).toEqual(before)
    expect((await send("GET /api/apps/none-0")).status).toBe(404)
  })

  it("of forty operations writes all, with as many queries as D1 allows round trips", async () => {
    const stored = await batch(...Array.from({ length: 40 }, (_, at) => put(`all-${at}`, { at })))
    expect(stored.status).toBe(200)
    expect(await data("all-39")).toEqual({ at: 39 })
    const first = stored.json.results[0].revision
    expect(stored.json.results.map((result: any) => result.revision - first)).toEqual(
      Array.from({ length: 40 }, (_, at) => at),
    )
  })

  it("lets an operation see what those before it did", async () => {
    const { json } = await batch(
      put("seq", { n: 1 }),
      { method: "PATCH", uri: "/api/apps/seq", body: { data: { m: 2 } }, if_match: "*" },
      { method: "DELETE", uri: "/api/apps/seq" },
      put("seq", { again: true }, { if_none_match: "*" }),
    )
    expect(json.results.map((result: any) => result.status)).toEqual([204, 204, 204, 204])
    expect((await journalOf("/api/apps/seq")).map(({ event }) => event)).toEqual([
      "create",
      "patch",
      "delete",
      "create",
    ])
    expect(await data("seq")).toEqual({ again: true })
  })

  it.each([
    ["a deleted document", [{ method: "DELETE" }, { method: "PATCH", body: { data: {} } }], 404],
    ["a condition on what was before", [put("", { n: 2 }), put("", {}, { if_match: -1 })], 412],
    ["a document that must be new", [put("", {}), put("", {}, { if_none_match: "*" })], 412],
  ] as const)(
    "refuses what does not hold after the operations before it: %s",
    async (_, operations, status) => {
      const { revision } = await send("PUT /api/apps/mid", { data: { kept: 1 } })
      const refused = await batch(
        ...operations.map((operation: any) => ({
          ...operation,
          uri: "/api/apps/mid",
          ...(operation.if_match === undefined ? {} : { if_match: revision }),
        })),
      )
      expect(refused).toMatchObject({ status, json: { operation: 1 } })
      expect(await data("mid")).toEqual({ kept: 1 })
    },
  )

  it("adds up numbers that operations before it set, and applies what only code can to what was there", async () => {
    const patch = (name: string, ...body: unknown[]) => {
      return {
        method: "PATCH",
        uri: `/api/apps/${name}`,
        type: "application/json-patch+json",
        body,
      }
    }
    const inc = { op: "inc", path: "/data/n", value: 2 }
    await send("PUT /api/apps/b-list", { data: { list: [2] } })
    const { status, json } = await batch(
      put("b-sum", { n: 1 }),
      patch("b-sum", inc),
      patch("b-sum", inc),
      patch("b-list", { op: "add", path: "/data/list/0", value: 1 }),
      { method: "PUT", uri: "/api/apps/b-sum/data/m", body: 7 },
    )
    expect(status, JSON.stringify(json)).toBe(200)
    expect(await data("b-sum")).toEqual({ n: 5, m: 7 })
    expect(await data("b-list")).toEqual({ list: [1, 2] })
    const refused = await batch(put("b-sum", { n: "no number" }), patch("b-sum", inc))
    expect(refused).toMatchObject({ status: 409, json: { operation: 1 } })
    expect(await data("b-sum")).toEqual({ n: 5, m: 7 })
    // Who meant what the batch itself writes is told what was looked at.
    const append = { method: "PUT", uri: "/api/apps/b-sum/data/new/-", body: 1 }
    for (const operation of [append, patch("b-sum", { op: "remove", path: "/data/new/0" })]) {
      const unseen = await batch(put("b-sum", { new: [0] }), operation)
      expect(unseen).toMatchObject({ json: { operation: 1 } })
      expect(unseen.json.problem.detail).toMatch(/, as it was before the batch$/)
    }
    const alone = await send("PUT /api/apps/b-sum/data/new/-", "1", {
      "Content-Type": "application/json",
    })
    expect(alone.json.detail).toBe('There is nothing at "/data/new" in this document')
  })

  it("carries in a 412 what is there, as the call alone would", async () => {
    const { revision } = await send("PUT /api/apps/stale", { data: { now: true } })
    const changed = await send("PATCH /api/apps/stale", { data: { n: 1 } })
    const part = { method: "PUT", uri: "/api/apps/stale/data/n", body: 2, if_match: revision }
    for (const operation of [put("stale", {}, { if_match: revision }), part]) {
      const refused = await batch(put("fresh", {}), operation)
      expect(refused).toMatchObject({ status: 412, json: { operation: 1 } })
      const { method, uri, body } = operation as typeof part
      const alone = await send(`${method} ${uri}`, JSON.stringify(body), {
        "Content-Type": "application/json",
        "If-Match": `"${revision}"`,
      })
      expect(refused.json.problem).toEqual(alone.json)
      expect(alone.json).toMatchObject({
        etag: `"${changed.revision}"`,
        changes: [{ revision: changed.revision, event: "patch", patch: { data: { n: 1 } } }],
      })
    }
    expect((await send("GET /api/apps/fresh")).status).toBe(404)
  })

  it("says of a condition that those before it broke what is there without them", async () => {
    const { revision } = await send("PUT /api/apps/broken", { data: { n: 1 } })
    const again = { method: "PUT", uri: "/api/apps/broken/data/x", body: 1, if_none_match: "*" }
    for (const operations of [
      [put("broken", {}), put("broken", {}, { if_match: revision })],
      [{ ...again, if_none_match: undefined }, again],
    ]) {
      const { status, json } = await batch(...operations)
      expect([status, json.operation]).toEqual([412, 1])
      expect(json.problem.detail).toMatch(/is in another state$/)
    }
    expect((await send("GET /api/apps/broken")).revision).toBe(revision)
  })

  it("is told with the name of who made it", async () => {
    const operations = [put("signed", {}), { method: "DELETE", uri: "/api/apps/signed" }]
    await send("POST /api/batch", { operations }, { From: "ann" })
    const { json } = await send("GET /api/apps/signed/history")
    expect(json.map(({ event, by }: any) => [event, by])).toEqual([
      ["delete", "ann"],
      ["create", "ann"],
    ])
    const refused = await send("POST /api/batch", { operations }, { From: "x".repeat(255) })
    expect(refused).toMatchObject({
      status: 400,
      json: { problem: { errors: { From: expect.any(String) } } },
    })
  })

  it("takes a revision, an ETag or a star as the condition", async () => {
    const { revision } = await send("PUT /api/apps/tags", { data: {} })
    for (const tag of [`W/"${revision}"`, `"${revision! + 1}", "7"`, revision! + 2, "*"]) {
      expect((await batch(put("tags", {}, { if_match: tag }))).status, String(tag)).toBe(200)
    }
  })

  it("keeps bodies as they were written", async () => {
    const text = '{"z":1.0,"big":12345678901234567890,"a":"},]\\"{","e":[ ]}'
    const body = `{ "operations" : [ {"method":"PUT","uri":"/api/apps/exactly" , "body" :{"data":${text}} } ] }`
    const type = { "Content-Type": "application/json" }
    expect((await send("POST /api/batch", body, type)).status).toBe(200)
    await send("PUT /api/apps/alone", `{"data":${text}}`, type)
    const [got, alone] = [await send("GET /api/apps/exactly"), await send("GET /api/apps/alone")]
    expect(got.text).toBe(alone.text.replace("alone", "exactly"))
  })

  it.each([
    [{ method: "PUT", uri: "/keys?color=red" }, 422, /Workers KV/],
    [{ method: "DELETE", uri: "/keys" }, 422, /Workers KV/],
    [{ method: "POST", uri: "/api/batch", body: { operations: [] } }, 422, /cannot be part/],
    [{ method: "POST", uri: "/sum", body: {} }, 422, /Only writes/],
    [{ method: "PUT", uri: "/nowhere", body: {} }, 404, /No route/],
    [{ method: "PUT", uri: "/api/apps/", body: {} }, 405, /not among the methods/],
    [{ method: "PUT", uri: "/api/apps/x", body: { data: 1 } }, 400, /must be an object/],
    [{ method: "PUT", uri: "/api/apps/x" }, 415, /Content-Type/],
    [{ method: "PUT", uri: "/api/apps/x", body: "{", type: "text/plain" }, 415, /Content-Type/],
  ])("refuses what it cannot hold: %j", async (operation, status, detail) => {
    const refused = await batch(put("beside", {}), operation)
    expect(refused).toMatchObject({ status, json: { operation: 1, problem: { status } } })
    expect(refused.json.detail).toMatch(detail)
    expect((await send("GET /api/apps/beside")).status).toBe(404)
  })

  it.each([
    [{}, "operations"],
    [{ operations: [] }, "operations"],
    [{ operations: Array.from({ length: 41 }, () => put("many", {})) }, "operations"],
    [{ operations: [{ method: "GET", uri: "/api/apps/" }] }, "operations.0.method"],
    [{ operations: [{ method: "PUT" }] }, "operations.0.uri"],
    [{ operations: [{ method: "PUT", uri: "//other.test/api" }] }, "operations.0.uri"],
    [{ operations: [{ method: "PUT", uri: "https://other.test/" }] }, "operations.0.uri"],
    [{ operations: [put("x", {}), put("y", {}, { if_match: "a\nb" })] }, "operations.1.if_match"],
    [{ operations: [put("x", {}, { type: "a\nb" })] }, "operations.0.type"],
    [{ operations: [put("x", {}, { headers: {} })] }, "operations.0"],
  ])("names what is wrong in %j", async (body, place) => {
    const refused = await send("POST /api/batch", body)
    expect(refused).toMatchObject({ status: 400, json: { code: "invalid_request" } })
    expect(Object.keys(refused.json.errors)).toContain(place)
  })

  it("tells everybody who follows all of it, in order", async () => {
    await send("PUT /api/apps/live-b", { data: { n: 0 } })
    const [item, list, todos] = [await connect(), await connect(), await connect()]
    await item.ask("subscribe /api/apps/live-b")
    await list.ask("subscribe /api/apps/")
    await todos.ask("subscribe /todo/")
    for (const talker of [item, list, todos]) await talker.hear()
    const { json } = await batch(
      { method: "PATCH", uri: "/api/apps/live-b", body: { data: { n: 1 } } },
      put("live-a", { new: true }),
      { method: "POST", uri: "/todo/", body: { text: "tea" } },
      { method: "PATCH", uri: "/api/apps/live-b", body: { data: { n: 2 } } },
      { method: "DELETE", uri: "/api/apps/live-a" },
    )
    const [r0, r1, r2, r3, r4] = json.results.map((result: any) => result.revision)
    expect(await item.rest()).toMatchObject([
      { event: "patch", revision: r0, patch: { data: { n: 1 } } },
      { event: "patch", revision: r3, patch: { data: { n: 2 } } },
    ])
    expect((await list.rest()).map(({ event, revision }) => [event, revision])).toEqual([
      ["patch", r0],
      ["create", r1],
      ["patch", r3],
      ["delete", r4],
    ])
    expect(await todos.rest()).toMatchObject([{ event: "create", revision: r2 }])
  })

  it("of fifty at once with one condition lets one through, whole", async () => {
    const { revision } = await send("PUT /api/apps/race", { data: { by: null } })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, by) =>
        batch(put(`race-${by}`, {}), put("race", { by }, { if_match: revision }), {
          method: "PATCH",
          uri: "/api/apps/race",
          body: { data: { whole: by } },
        }),
      ),
    )
    expect(answers.map(({ status }) => status).filter((status) => status !== 412)).toEqual([200])
    const winner = answers.findIndex(({ status }) => status === 200)
    expect(await data("race")).toEqual({ by: winner, whole: winner })
    const names = (await send("GET /api/apps/")).json.map((entry: any) => entry.name)
    expect(names.filter((name: string) => name.startsWith("race-"))).toEqual([`race-${winner}`])
  })

  it("of fifty at once on the same documents loses none, and tears none", async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, by) =>
        batch(
          { method: "PUT", uri: "/api/apps/left", body: { data: { by } } },
          { method: "PUT", uri: "/api/apps/right", body: { data: { by } } },
        ),
      ),
    )
    const changes = (await journalOf()).filter(({ uri }) => /\/(left|right)$/.test(uri))
    expect(changes).toHaveLength(100)
    for (let at = 0; at < 100; at += 2) {
      const [left, right] = [changes[at]!, changes[at + 1]!]
      expect(right.revision).toBe(left.revision + 1)
      expect(right.body).toBe(left.body!.replace("left", "right"))
    }
  })

  it("appends to series in order, tries again where one must, and refuses what is late", async () => {
    const row = (date: string) => ({
      method: "PUT",
      uri: "/api/store/batch/log?orient=split&mode=append",
      body: { columns: ["x"], index: [date], data: [[1]] },
    })
    expect((await batch(row("2026-01-01"), row("2026-01-02"))).status).toBe(200)
    const late = await batch(row("2026-01-03"), row("2026-01-02"))
    expect(late).toMatchObject({ status: 409, json: { operation: 1 } })
    const removed = { removed: [["2026-01-02", "2026-01-02"]] }
    // Now the row of the series knows no more than a bound, so the append has to look, and comes again.
    expect((await send("PATCH /api/store/batch/log", removed)).status).toBe(200)
    expect((await batch(put("beside-log", {}), row("2026-01-02"))).status).toBe(200)
    const { json } = await send("GET /api/store/batch/log?orient=split")
    expect(json.index).toHaveLength(2)
  })
})
