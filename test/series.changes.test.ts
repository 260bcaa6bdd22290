/** Series: patches, lists, conditions, and what a write tells others. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applyPatch, type SeriesState } from "../src/client/replica-series.ts"
import type { Change } from "../src/protocol/change.ts"
import { send } from "./helpers.ts"

const day = (date: number) => `2015-01-${String(date).padStart(2, "0")}`
const iso = (date: number) => `${day(date)}T00:00:00.000`
const days = (cells: Record<number, unknown>) =>
  JSON.stringify({
    v: Object.fromEntries(Object.entries(cells).map(([date, cell]) => [day(Number(date)), cell])),
  })

async function changes(uri: string): Promise<Pick<Change, "event" | "body">[]> {
  const sql = "SELECT event, body FROM changes WHERE uri = ? ORDER BY revision"
  return (await env.DB.prepare(sql).bind(uri).all<Change>()).results
}

const parsed = (text: string | null) => (text === null ? null : JSON.parse(text))

const ones = (index: unknown[]) => ({ columns: ["v"], index, data: index.map(() => [1]) })

describe("a patch", () => {
  it("takes ranges away, both ends inclusive, then puts rows over rows", async () => {
    const uri = "/api/store/patch/one"
    await send(`PUT ${uri}`, days({ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6 }))
    const patch = {
      removed: [
        [day(2), day(3)],
        [iso(5), `${day(5)}T12:00`],
      ],
      rows: {
        columns: ["w", "v"],
        index: [day(3), day(6)],
        data: [
          ["x", 30],
          ["y", null],
        ],
      },
    }
    const answer = await send(`PATCH ${uri}`, patch)
    expect(answer.json).toEqual({ status: true, revision: answer.revision, rows: 2 })
    expect((await send(`GET ${uri}`)).json).toEqual({
      v: { [iso(1)]: 1, [iso(3)]: 30, [iso(4)]: 4, [iso(6)]: null },
      w: { [iso(1)]: null, [iso(3)]: "x", [iso(4)]: null, [iso(6)]: "y" },
    })
    expect(parsed((await changes(uri)).at(-1)?.body ?? null)).toEqual({
      removed: [
        [iso(2), `${day(3)}T23:59:59.999`],
        [iso(5), `${day(5)}T12:00:00.000`],
      ],
      rows: {
        columns: ["w", "v"],
        index: [iso(3), iso(6)],
        data: [
          ["x", 30],
          ["y", null],
        ],
      },
    })
  })

  it("may have one part only, and integers for an integer index", async () => {
    const uri = "/api/store/patch/integers"
    await send(`PUT ${uri}`, '{"v":{"1":1,"2":2,"1420070400000":3}}')
    await send(`PATCH ${uri}`, { removed: [[2, 1_420_070_400_000]] })
    expect((await send(`GET ${uri}`)).json).toEqual({ v: { 1: 1 } })
    await send(`PATCH ${uri}`, { rows: { columns: ["v"], index: [0, 1], data: [[0], [10]] } })
    expect((await send(`GET ${uri}`)).json).toEqual({ v: { 0: 0, 1: 10 } })
    await send(`PATCH ${uri}`, {})
    expect((await send(`GET ${uri}`)).json).toEqual({ v: { 0: 0, 1: 10 } })
  })

  it("is refused as a whole", async () => {
    const uri = "/api/store/patch/refused"
    expect((await send("PATCH /api/store/patch/absent", {})).status).toBe(404)
    await send(`PUT ${uri}`, days({ 1: 1 }))
    const before = await send(`GET ${uri}`)
    for (const [patch, status, place] of [
      ["[]", 400, ""],
      [{ more: 1 }, 400, "more"],
      [{ removed: {} }, 400, "removed"],
      [{ removed: [[day(1)]] }, 400, "removed.0"],
      [{ removed: [[day(2), day(1)]] }, 400, "removed.0"],
      [{ removed: [[day(1), "soon"]] }, 400, "removed.0.1"],
      [{ removed: Array.from({ length: 1_001 }, () => [day(1), day(1)]) }, 400, "removed"],
      [{ rows: ones(["soon"]) }, 400, "index.0"],
      [{ rows: ones([1]) }, 422, "index"],
      [{ rows: ones(["2015-01-01Z"]) }, 400, "index.0"],
      [{ rows: ones(["2015-01-01T00:00Z"]) }, 422, "index"],
    ] as const) {
      const answer = await send(`PATCH ${uri}`, patch as object)
      expect([patch, answer.status, Object.keys(answer.json.errors ?? {})]).toEqual([
        patch,
        status,
        [place],
      ])
    }
    expect((await send(`GET ${uri}`)).revision).toBe(before.revision)
  })
})

describe("DELETE of a range", () => {
  const uri = "/api/store/delete/range"

  it("takes away the rows between its ends, and tells so", async () => {
    await send(`PUT ${uri}`, days({ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 }))
    const answer = await send(`DELETE ${uri}?start=${day(2)}&end=${day(3)}`)
    expect(answer.json).toEqual({ status: true, revision: answer.revision })
    const got = await send(`GET ${uri}`)
    expect(got).toMatchObject({
      revision: answer.revision,
      json: { v: { [iso(1)]: 1, [iso(4)]: 4, [iso(5)]: 5 } },
    })
    expect(parsed((await changes(uri)).at(-1)?.body ?? null)).toMatchObject({
      removed: [[iso(2), `${day(3)}T23:59:59.999`]],
    })
    await send(`DELETE ${uri}?start=${day(5)}`)
    await send(`DELETE ${uri}?end=${day(1)}`)
    expect((await send(`GET ${uri}`)).json).toEqual({ v: { [iso(4)]: 4 } })
    expect((await send(`DELETE ${uri}-none?start=${day(5)}`)).json).toEqual({ status: true })
  })

  it("takes integers where the index has them, and conditions", async () => {
    const integers = "/api/store/delete/integers"
    const { revision } = await send(`PUT ${integers}`, '{"v":{"1":1,"2":2,"3":3}}')
    const stale = { "If-Match": `"${revision! - 1}"` }
    expect((await send(`DELETE ${integers}?start=2`, undefined, stale)).status).toBe(412)
    const none = await send("DELETE /api/store/delete/none?start=2", undefined, stale)
    expect(none.status).toBe(412)
    await send(`DELETE ${integers}?start=2&end=2`, undefined, { "If-Match": `"${revision}"` })
    expect((await send(`GET ${integers}`)).json).toEqual({ v: { 1: 1, 3: 3 } })
  })

  it("deletes nothing where it is mistyped", async () => {
    const { revision } = await send(`PUT ${uri}`, days({ 1: 1, 2: 2 }))
    for (const [query, place] of [
      ["start=", "query.start"],
      [`strat=${day(1)}`, "query"],
      ["start=soon", "query.start"],
      [`start=${day(2)}&end=${day(1)}`, "query.end"],
    ] as const) {
      const answer = await send(`DELETE ${uri}?${query}`)
      expect(answer, query).toMatchObject({ status: 400, json: { code: "invalid_request" } })
      expect(Object.keys(answer.json.errors), query).toEqual([place])
    }
    expect((await send(`GET ${uri}`)).revision).toBe(revision)
  })
})

const list = async () => (await send("GET /api/store/lists")).json

describe("the lists", () => {
  it("name references, and series with how far they reach", async () => {
    await send("PUT /api/store/lists/b", days({ 3: 1.5, 5: 1 }))
    await send("PUT /api/store/lists/a", '{"n":{"7":true}}')
    await send("PUT /api/store/lists/empty", "{}")
    expect(await list()).toMatchObject([
      { symbol: "a", columns: [{ name: "n", kind: "boolean" }], first: 7, last: 7 },
      { symbol: "b", columns: [{ name: "v", kind: "float64" }], first: iso(3), last: iso(5) },
      { symbol: "empty", columns: [] },
    ])
    expect((await send("GET /api/store")).json).toContainEqual({ reference: "lists" })
    expect((await send("GET /api/store/nobody/")).text).toBe("[]")
    const b = async () => (await list())[1]
    await send("PUT /api/store/lists/b", days({ 1: 1, 4: 1 }))
    expect(await b()).toMatchObject({ first: iso(1), last: iso(5) })
    await send("PATCH /api/store/lists/b", { removed: [[day(5), day(9)]] })
    expect(await b()).toMatchObject({ first: iso(1), last: iso(4), count: 2 })
    await send("PATCH /api/store/lists/b", { removed: [["1900-01-01", "2100-01-01"]] })
    expect(await b()).not.toHaveProperty("first")
    await send("PUT /api/store/lists/b", days({ 2: 1 }))
    expect(await b()).toMatchObject({ first: iso(2), last: iso(2) })
  })

  it("take a new series under a symbol that is free", async () => {
    const frame = { columns: ["v"], index: [day(1)], data: [[1]] }
    const created = await send("POST /api/store/new/", { symbol: "a b", orient: "split", frame })
    expect(created).toMatchObject({ status: 201, json: { status: true, rows: 1 } })
    expect(created.headers.get("Location")).toBe("/api/store/new/a%20b")
    expect((await send("GET /api/store/new/a%20b?orient=values")).text).toBe("[[1]]")
    expect(
      await send("POST /api/store/new/", { symbol: "a b", frame: { v: { 7: 1 } } }),
    ).toMatchObject({
      status: 409,
      json: { code: "conflict", errors: { symbol: "is taken" } },
    })
    for (const [body, place] of [
      [{ frame: {} }, "symbol"],
      [{ symbol: "", frame: {} }, "symbol"],
      [{ symbol: "..", frame: {} }, "symbol"],
      [{ symbol: "x" }, "frame"],
      [{ symbol: "x", frame: {}, orient: "bogus" }, "orient"],
      [{ symbol: "x", frame: {}, more: 1 }, "more"],
    ] as const) {
      const answer = await send("POST /api/store/new/", body)
      expect([body, answer.status, Object.keys(answer.json.errors ?? {})]).toEqual([
        body,
        400,
        [place],
      ])
    }
  })
})

describe("conditions", () => {
  const uri = "/api/store/conditions/s"

  it("are checked inside the commit, on every write", async () => {
    expect((await send(`PUT ${uri}`, days({ 1: 1 }), { "If-Match": "*" })).status).toBe(412)
    const first = await send(`PUT ${uri}`, days({ 1: 1 }), { "If-None-Match": "*" })
    const tag = `"${first.revision}"`
    expect(first.status).toBe(200)
    expect((await send(`PUT ${uri}`, days({ 1: 1 }), { "If-None-Match": "*" })).status).toBe(412)
    expect((await send(`GET ${uri}`, undefined, { "If-None-Match": tag })).status).toBe(304)
    for (const [method, body] of [
      ["PUT", days({ 2: 2 })],
      ["POST", days({ 2: 2 })],
      ["PATCH", "{}"],
      ["DELETE", undefined],
    ] as const) {
      const refused = await send(`${method} ${uri}`, body, { "If-Match": '"1"' })
      expect([refused.status, refused.json.current], method).toEqual([412, { v: { [iso(1)]: 1 } }])
    }
    const second = await send(`PATCH ${uri}`, "{}", { "If-Match": tag })
    expect(second.status).toBe(200)
    expect(
      (await send(`DELETE ${uri}`, undefined, { "If-Match": `"${second.revision}"` })).status,
    ).toBe(200)
  })

  it("let one of ten writers win", async () => {
    const { revision } = await send(`PUT ${uri}`, days({ 1: 0 }))
    const tries = Array.from({ length: 10 }, (_, at) =>
      send(`PUT ${uri}`, days({ 1: at }), { "If-Match": `"${revision}"` }),
    )
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 412)])
  })
})

describe("what a write tells others", () => {
  it("is a create, patches that say it exactly, and a delete; the reference comes and goes too", async () => {
    const uri = "/api/store/told/s"
    await send(`PUT ${uri}`, days({ 1: 1.5 }))
    await send(`PUT ${uri}`, days({ 2: 2.5, 3: 3 }))
    await send("PUT /api/store/told/other", "{}")
    await send(`DELETE ${uri}`)
    await send(`DELETE ${uri}`)
    await send("DELETE /api/store/told/other")
    expect((await changes(uri)).map(({ event, body }) => [event, parsed(body)])).toEqual([
      ["create", null],
      [
        "patch",
        {
          removed: [[iso(2), iso(3)]],
          rows: { columns: ["v"], index: [iso(2), iso(3)], data: [[2.5], [3]] },
        },
      ],
      ["delete", null],
    ])
    expect((await changes("/api/store/told/")).map(({ event }) => event)).toEqual([
      "create",
      "delete",
    ])
  })

  it("has no body where a patch would not say it: finer stamps, wider kinds, too much, columns before which rows were unseen", async () => {
    const uri = "/api/store/untold/s"
    const last = async (body: string) => {
      await send(`PUT ${uri}`, body)
      return parsed((await changes(uri)).at(-1)?.body ?? null)
    }
    await last(days({ 1: 1, 2: 2 }))
    expect(await last(days({ 3: 3 }))).not.toBeNull()
    expect(await last(days({ 4: 1.5 }))).toBeNull()
    expect(await last(days({ 5: 5 }))).not.toBeNull()
    expect(await last('{"v":{"2015-01-06T00:00:00.000001":6}}')).toBeNull()
    // Coarser stamps are told as the series now writes them.
    expect(await last(days({ 7: 7 }))).toMatchObject({
      rows: { index: [`${day(7)}T00:00:00.000000`] },
    })
    const large = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, at) => [1_420_070_400 + at, at]),
    )
    expect(await last(JSON.stringify({ v: large }))).toBeNull()
    const bare = "/api/store/untold/bare"
    await send(`PUT ${bare}?orient=split`, '{"columns":[],"index":[1],"data":[[]]}')
    await send(`PUT ${bare}`, '{"v":{"2":1}}')
    expect((await changes(bare)).map(({ body }) => body)).toEqual([null, null])
  })
})

describe("a copy", () => {
  const stamp = fc.integer({ min: 1, max: 28 })
  const cell = fc.oneof(
    fc.constantFrom<unknown>(null, true, "x", 1, 2.5, -0, 1e300, [1]),
    fc.integer(),
  )
  const rows = fc.record({
    columns: fc.uniqueArray(fc.constantFrom("a", "b", "c", "__proto__", "7"), { minLength: 0 }),
    index: fc.uniqueArray(stamp, { maxLength: 5 }),
    cells: fc.array(cell, { minLength: 25, maxLength: 25 }),
    fine: fc.nat(20),
  })
  const write = fc.oneof(
    fc.record({ put: rows }),
    fc.record({
      removed: fc.array(fc.tuple(stamp, fc.nat(6)), { maxLength: 2 }),
      rows: fc.option(rows, { nil: undefined }),
    }),
  )
  type Rows = typeof rows extends fc.Arbitrary<infer R> ? R : never

  function frame({ columns, index, cells, fine }: Rows, kind: string) {
    return {
      columns,
      index: index.map((date) =>
        kind === "integer"
          ? date - 14
          : fine === 7
            ? `${day(date)}T00:00:00.000001${kind}`
            : `${day(date)}T00:00${kind}`,
      ),
      data: index.map((_date, row) => columns.map((_name, column) => cells[row * 5 + column])),
    }
  }

  it.each(["", "Z", "integer"])(
    "that follows the patches equals what GET answers (%s)",
    async (kind) => {
      let run = 0
      const property = fc.asyncProperty(
        fc.array(write, { minLength: 2, maxLength: 8 }),
        async (writes) => {
          const uri = `/api/store/copies/${kind || "naive"}${++run}`
          const get = async () => (await send(`GET ${uri}`)).json as SeriesState
          await send(`PUT ${uri}`, "{}")
          let copy = await get()
          let seen = 1
          for (const one of writes) {
            if ("put" in one) await send(`PUT ${uri}?orient=split`, frame(one.put, kind))
            else {
              const label = (date: number) => (kind === "integer" ? date - 14 : day(date))
              const removed = one.removed.map(([from, length]) => [
                label(from),
                label(Math.min(28, from + length)),
              ])
              await send(`PATCH ${uri}`, {
                removed,
                ...(one.rows ? { rows: frame(one.rows, kind) } : {}),
              })
            }
            const news = (await changes(uri)).slice(seen)
            seen += news.length
            for (const { body } of news)
              copy = body === null ? await get() : applyPatch(copy, JSON.parse(body))
            const now = await get()
            expect(copy).toEqual(now)
            for (const [name, values] of Object.entries(now)) {
              expect(Object.keys(copy[name] ?? {})).toEqual(Object.keys(values))
            }
          }
        },
      )
      await fc.assert(property, { seed: 7, numRuns: 25, endOnFailure: true })
    },
    60_000,
  )
})
