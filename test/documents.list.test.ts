import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, it } from "vitest"
import { matches, type Candidate } from "../src/documents/list/match.ts"
import { valueAt } from "../src/documents/list/path.ts"
import { parseCursor } from "../src/documents/list/cursor.ts"
import { DocumentLists } from "../src/documents/list/reader.ts"
import * as sql from "../src/documents/list/sql.ts"
import { parseSort } from "../src/documents/list/sort.ts"
import { comparable, compare } from "../src/documents/list/value.ts"
import { parseWhere } from "../src/documents/list/where.ts"
import { Database } from "../src/feed/database.ts"
import { parseExact } from "../src/lib/json.ts"
import { send } from "./helpers.ts"

const put = (name: string, data: unknown) =>
  send(`PUT /api/apps/${encodeURIComponent(name)}`, { data })

const list = (query: Record<string, string | number>, headers = {}) =>
  send(`GET /api/apps/?${new URLSearchParams(query as Record<string, string>)}`, undefined, headers)

const namesOf = (answer: { json: { name: string }[] }) => answer.json.map(({ name }) => name)

/** Every page of a list, by its links. */
async function pagesOf(query: Record<string, string | number>): Promise<string[][]> {
  const pages: string[][] = []
  let uri: string | undefined = `/api/apps/?${new URLSearchParams(query as Record<string, string>)}`
  while (uri) {
    const answer = await send(`GET ${uri}`)
    expect(answer.status, answer.text).toBe(200)
    pages.push(namesOf(answer))
    uri = /^<(.*)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1]
  }
  return pages
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe("the list of documents", () => {
  beforeAll(async () => {
    await put("a-1", { theme: "dark", size: 3, tags: ["x", "y"], user: { name: "Ada", age: 36 } })
    await put("a-2", { theme: "light", size: 12, tags: [] })
    await put("a-3", { theme: "dark", size: 40 })
    await put("b-1", { theme: "dark", size: null })
  })

  it("shows names only, in the order of creation, unless asked otherwise", async () => {
    const answer = await send("GET /api/apps")
    expect(
      answer.text.startsWith('[{"name":"a-1"},{"name":"a-2"},{"name":"a-3"},{"name":"b-1"}'),
    ).toBe(true)
    expect(answer.headers.get("Link")).toBeNull()
  })

  it("is filtered by an expression", async () => {
    const named = async (where: string) => namesOf(await list({ where }))
    expect(
      await named('data.theme eq "dark" and (data.size gt 3 or data.tags contains "x")'),
    ).toEqual(["a-1", "a-3"])
    expect(await named('data.theme eq "dark" and not data.size exists false')).toEqual([
      "a-1",
      "a-3",
      "b-1",
    ])
    expect(await named('data.user.name in ["Ada","Bob"]')).toEqual(["a-1"])
    expect(await named("data.size eq null")).toEqual(["b-1"])
    expect(await named('name gte "a-2" and name lt "b"')).toEqual(["a-2", "a-3"])
  })

  it("is narrowed by the beginning of the names, whatever is in it", async () => {
    for (const name of ["%_1", "%_2", "%a", "日本", "日光"]) await put(name, {})
    expect(namesOf(await list({ prefix: "a-" }))).toEqual(["a-1", "a-2", "a-3"])
    expect(namesOf(await list({ prefix: "%_" }))).toEqual(["%_1", "%_2"])
    expect(namesOf(await list({ prefix: "日", sort: "-name" }))).toEqual(["日本", "日光"])
    expect(namesOf(await list({ prefix: "'" }))).toEqual([])
  })

  it("is sorted by several paths, up and down", async () => {
    const sorted = async (sort: string) => namesOf(await list({ sort, prefix: "a-" }))
    expect(await sorted("-data.size")).toEqual(["a-3", "a-2", "a-1"])
    expect(await sorted("data.theme,-data.size")).toEqual(["a-3", "a-1", "a-2"])
    expect(await sorted("-created")).toEqual(["a-3", "a-2", "a-1"])
    await put("a-1", { theme: "dark", size: 3, tags: ["x", "y"], user: { name: "Ada", age: 36 } })
    expect(await sorted("-revision")).toEqual(["a-1", "a-3", "a-2"])
    expect(await sorted("created")).toEqual(["a-1", "a-2", "a-3"])
  })

  it("shows the fields asked for, and masks hold too", async () => {
    const query = { prefix: "a-1", fields: "name,data.user.name,revision,data.absent" }
    const answer = await list(query)
    const { revision } = await send("GET /api/apps/a-1")
    expect(answer.text).toBe(
      `[{"name":"a-1","data":{"user":{"name":"Ada"}},"revision":${revision}}]`,
    )
    const [whole] = (await list({ prefix: "a-1", fields: "*" })).json
    expect(Object.keys(whole)).toEqual(["name", "data", "revision", "created"])
    expect(whole.data.tags).toEqual(["x", "y"])
    const masked = await list(query, { "X-Fields": "revision" })
    expect(masked.text).toBe(`[{"revision":${revision}}]`)
  })

  it("says on demand how many there are on all pages", async () => {
    const answer = await list({ prefix: "a-", where: 'data.theme eq "dark"', limit: 1, count: 1 })
    expect(answer.headers.get("X-Total-Count")).toBe("2")
    expect(namesOf(answer)).toEqual(["a-1"])
    expect((await list({ prefix: "a-" })).headers.get("X-Total-Count")).toBeNull()
  })

  it("refuses what is wrong with its place, and reads nothing", async () => {
    const cases: [query: Record<string, string>, name: string, position?: number][] = [
      [{ where: "data.theme eq dark" }, "query.where", 15],
      [{ sort: "data.size,nothing" }, "query.sort", 11],
      [{ fields: "name,data[0]" }, "query.fields", 6],
      [{ cursor: "made-up" }, "query.cursor"],
      [{ limit: "0" }, "query.limit"],
      [{ count: "yes" }, "query.count"],
    ]
    for (const [query, name, position] of cases) {
      const answer = await list(query)
      expect(answer, name).toMatchObject({ status: 400, json: { code: "invalid_request" } })
      expect(Object.keys(answer.json.errors)).toEqual([name])
      expect(answer.json.position).toBe(position)
      expect(answer.headers.get("X-Rows-Read")).toBe("0")
    }
  })

  it("takes the widest and deepest expressions that there may be", async () => {
    const chain = Array.from({ length: 100 }, (_, n) => `data.n${n} eq ${n}`)
    expect((await list({ where: chain.join(" or ") })).status).toBe(200)
    expect((await list({ where: chain.join(" and ") })).status).toBe(200)
    // Each level is as long as makes the whole deepest: chains grow a level at 2, 3, 5 and 9 parts.
    for (const parts of [2, 3, 5, 9]) {
      let where = 'data.x contains "a"'
      for (let level = 0, left = 99; level < 12; level++) {
        for (const word of ["and", "or"]) {
          const some = Math.min(parts - 1, left)
          left -= some
          where += ` ${word} data.x in ["a",1,null]`.repeat(some)
        }
        where = `(${where})`
      }
      const answer = await list({ where })
      expect(answer.status, `${parts}: ${answer.text.slice(0, 300)}`).toBe(200)
      // Among many others the prefix is a test more.
      const wish = { collection: "/api/apps/", prefix: "no", after: null, limit: 9, withData: true }
      const among = sql.page({ ...wish, where: parseWhere(where), sort: parseSort("") }, 9, "even")
      expect(await new Database(env.DB).all(among)).toEqual([])
    }
    const negated = `${"not ".repeat(12)} data.x eq 1`
    expect((await list({ where: negated })).status).toBe(200)
    const values = Array.from({ length: 1_000 }, (_, n) => `"v${n}"`).join()
    expect((await list({ where: `data.x in [${values}]` })).status).toBe(200)
  })
})

describe("pages of documents", () => {
  const sizes = [5, 3, null, 5, "b", 1, "a", undefined, 3, 2, true, 5, [1], { a: 1 }, 2.5]

  beforeAll(async () => {
    for (const [n, size] of sizes.entries()) {
      await put(`p-${String((n * 7) % 15).padStart(2, "0")}`, size === undefined ? {} : { size })
    }
  })

  it.each([
    "",
    "name",
    "-name",
    "-created",
    "data.size",
    "-data.size,name",
    "-data.size,-created",
    "revision",
  ])("show each document once, in the order of one long list: sort=%s", async (sort) => {
    const query = { sort, prefix: "p-" }
    const [whole = []] = await pagesOf(query)
    expect(whole).toHaveLength(15)
    for (const limit of [1, 4, 15]) {
      const pages = await pagesOf({ ...query, limit })
      expect(pages.flat()).toEqual(whole)
      expect(pages.every((page) => page.length <= limit && page.length > 0)).toBe(true)
    }
    const some = await pagesOf({ ...query, limit: 2, where: "not data.size eq 5", fields: "*" })
    expect(some.flat()).toHaveLength(12)
    expect(some.flat()).toEqual(whole.filter((name) => some.flat().includes(name)))
  })

  it.each(["", "name", "-data.size"])(
    "stay right while documents come and go: sort=%s",
    async (sort) => {
      const prefix = `c${sort.length}-`
      for (let n = 0; n < 10; n++) await put(`${prefix}${n}`, { size: n % 4 })
      const query = { sort, prefix, limit: "3" }
      const first = await list(query)
      const stay = (await pagesOf({ sort, prefix })).flat()
      // The last of the page, one that comes later and one that was shown go; others come before and after.
      const [shown, , last] = namesOf(first)
      for (const name of [shown, last, stay[6]]) await send(`DELETE /api/apps/${name}`)
      for (const [name, size] of [
        ["!", 9],
        ["5x", 1],
        ["zz", -1],
      ] as const)
        await put(prefix + name, { size })
      const rest = (await pagesOf({ ...query, cursor: linkCursor(first) })).flat()
      expect(new Set(rest).size).toBe(rest.length)
      expect(rest.filter((name) => stay.includes(name))).toEqual(
        stay.slice(3).filter((name) => name !== stay[6]),
      )
    },
  )

  it("end early where the data is large, and the next goes on there", async () => {
    for (let n = 0; n < 7; n++) await put(`large-${n}`, { n, text: "x".repeat(1_800_000) })
    const names = Array.from({ length: 7 }, (_, n) => `large-${n}`)
    for (const sort of ["", "name", "data.n"]) {
      const pages = await pagesOf({ prefix: "large-", fields: "name,data.n", sort })
      expect(pages.map((page) => page.length)).toEqual([5, 2])
      expect(pages.flat()).toEqual(names)
    }
    expect(await pagesOf({ prefix: "large-" })).toEqual([names])
    for (const name of names) await send(`DELETE /api/apps/${name}`)
  })

  it("end early where few of many match; what must be seen whole is refused when there are too many", async () => {
    const lists = new DocumentLists(
      new Database(env.DB),
      { now: Date.now, sweep: async () => {} },
      5,
    )
    const collection = "/api/apps/"
    const base = { collection, limit: 10, withData: false, after: null, prefix: "p-" }
    const where = parseWhere("data.size eq 2.5")
    const page = await lists.page({ ...base, where, sort: parseSort("name") }, false)
    expect(page).toMatchObject({ rows: [], next: expect.any(String) })
    const sorted = { ...base, where: null, sort: parseSort("data.size") }
    await expect(lists.page(sorted, false)).rejects.toMatchObject({
      code: "too_large",
      details: { limit: 5 },
    })
    const counted = { ...base, where: null, sort: parseSort("name"), limit: 2 }
    await expect(lists.page(counted, true)).rejects.toMatchObject({ code: "too_large" })
    const plain = await lists.page({ ...base, where: null, sort: parseSort("name") }, false)
    expect(plain.rows).toHaveLength(10)
  })

  it.each(["created", "-created"])(
    "go on among others that come between, as far as may be looked at: sort=%s",
    async (order) => {
      const options = { now: Date.now, sweep: async () => {} }
      const lists = new DocumentLists(new Database(env.DB), options, 5)
      const sort = parseSort(order)
      const names: string[] = []
      let pages = 0
      for (let next: string | null = ""; next !== null; pages++) {
        const after = next === "" ? null : parseCursor(next, sort)
        const wish = { collection: "/api/apps/", prefix: "p-", where: null, sort, after }
        const page = await lists.page({ ...wish, limit: 2, withData: false }, false)
        names.push(...page.rows.map(({ name }) => name))
        next = page.next
      }
      expect(names).toEqual((await pagesOf({ sort: order, prefix: "p-" })).flat())
      expect(pages).toBeGreaterThan(8)
    },
  )
})

function linkCursor({ headers }: { headers: Headers }): string {
  const uri = /^<(.*)>/.exec(headers.get("Link") ?? "")?.[1] ?? ""
  return new URL(uri, "https://tidemark.test").searchParams.get("cursor") ?? ""
}

describe("what a list costs", () => {
  beforeAll(async () => {
    const rows = `SELECT '/api/apps/' AS collection, 1000000 + value AS created, 'cost-' || printf('%05d', value) AS name,
      1000000 + value AS revision, json_object('n', value % 7, 'text', 'some text of a document') AS data
      FROM json_each(?1)`
    const numbers = JSON.stringify(Array.from({ length: 3_000 }, (_, n) => n))
    await send("GET /api/apps")
    await env.DB.prepare(
      `INSERT INTO documents (collection, created, name, revision, data) ${rows}`,
    )
      .bind(numbers)
      .run()
  })

  it.each([
    ["limit=100", 110],
    ["limit=100&fields=*", 110],
    ["limit=100&fields=*&sort=-created", 110],
    ["limit=100&sort=name&prefix=cost-", 110],
    ["limit=100&sort=-name", 110],
    ["limit=100&sort=name&fields=*", 110],
    ["limit=100&fields=*&where=data.n+lt+7", 200],
    ["prefix=cost-0001&fields=*", 45],
    ["limit=100&sort=-created&prefix=cost-", 210],
    ["limit=100&sort=-created&prefix=cost-&fields=*", 210],
    ["limit=10&prefix=cost-0299", 45],
  ])("is bounded by what it shows: %s reads at most %i rows", async (query, most) => {
    const answer = await send(`GET /api/apps/?${query}`)
    expect(answer.status).toBe(200)
    expect(answer.json.length).toBeGreaterThan(9)
    expect(Number(answer.headers.get("X-Rows-Read"))).toBeLessThanOrEqual(most)
  })
})

describe("where and sort, in the database and in memory", () => {
  const seed = Number(env["SEED" as keyof typeof env] ?? 20_261_121)
  const random = randomFrom(seed)
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item
  const TEXTS = [
    '""',
    '"a"',
    '"ab"',
    '"b"',
    '"é"',
    '"\\uffee"',
    '"😀"',
    '"1"',
    '"a\\u0000b"',
    '"A"',
    '"true"',
  ]
  const NUMBERS = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "1.5",
    "-3",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e400",
    "0.1",
    "1000000000000000100",
  ]
  const MEMBERS = ["a", "b", "odd name", 'q"uote', "a.b", "", "$", "__proto__", "back\\slash", "é"]

  function value(depth: number): string {
    const kind = random()
    if (kind < 0.25) return pick(NUMBERS)
    if (kind < 0.5) return pick(TEXTS)
    if (kind < 0.65) return pick(["true", "false", "null"])
    if (depth === 0) return "7"
    if (kind < 0.8)
      return `[${Array.from({ length: Math.floor(random() * 3) }, () => value(depth - 1)).join()}]`
    return object(depth)
  }

  function object(depth: number): string {
    const members = MEMBERS.filter(() => random() < 0.45)
    return `{${members.map((name) => `${JSON.stringify(name)}:${value(depth - 1)}`).join()}}`
  }

  function path(): string {
    if (random() < 0.08) return pick(["name", "revision", "created"])
    const steps = Array.from({ length: 1 + Math.floor(random() * 2) }, () => {
      if (random() < 0.15) return `[${Math.floor(random() * 3)}]`
      const member = pick(MEMBERS)
      return random() < 0.3
        ? `[${JSON.stringify(member)}]`
        : `.${/^\w+$/.test(member) ? member : JSON.stringify(member)}`
    })
    return `data${steps.join("")}`
  }

  function literal(): string {
    return random() < 0.45
      ? pick(NUMBERS)
      : random() < 0.8
        ? pick(TEXTS)
        : pick(["true", "false", "null"])
  }

  function expression(depth: number): string {
    const kind = random()
    if (depth > 0 && kind < 0.2) return `not ${expression(depth - 1)}`
    if (depth > 0 && kind < 0.55) {
      const parts = Array.from({ length: 2 + Math.floor(random() * 3) }, () =>
        expression(depth - 1),
      )
      return `(${parts.join(pick([" and ", " or "]))})`
    }
    const op = pick([
      "eq",
      "ne",
      "lt",
      "lte",
      "gt",
      "gte",
      "in",
      "contains",
      "exists",
      "exists false",
    ])
    if (op.startsWith("exists")) return `${path()} ${op}`
    if (op === "in")
      return `${path()} in [${Array.from({ length: Math.floor(random() * 4) }, literal).join()}]`
    const isOrder = /^[lg]/.test(op)
    return `${path()} ${op} ${isOrder ? pick(random() < 0.5 ? NUMBERS : TEXTS) : literal()}`
  }

  const documents: Candidate[] = []

  beforeAll(async () => {
    for (let n = 0; n < 60; n++) {
      const text = object(3)
      const sent = await send(`PUT /api/apps/random-${n}`, `{"data":${text}}`, {
        "Content-Type": "application/json",
      })
      expect(sent.status, text).toBe(204)
    }
    const answer = await list({ prefix: "random-", fields: "*" })
    for (const { name, revision, created, data } of parseExact(answer.text) as Candidate[]) {
      documents.push({ name, revision, created, data })
    }
    expect(documents).toHaveLength(60)
  })

  it("are the same, for random documents and expressions", async () => {
    let some = 0
    for (let n = 0; n < 300; n++) {
      const where = expression(3)
      const answer = await list({ prefix: "random-", where })
      expect(answer.status, `${where}\n${answer.text}`).toBe(200)
      const parsed = parseWhere(where)
      const wanted = documents
        .filter((document) => matches(parsed, document))
        .map(({ name }) => name)
      expect(namesOf(answer), `seed ${seed}: ${where}`).toEqual(wanted)
      if (wanted.length > 0 && wanted.length < documents.length) some++
    }
    expect(some).toBeGreaterThan(60)
  })

  it("are the same, for random orders, page by page", async () => {
    for (let n = 0; n < 25; n++) {
      const sort = Array.from(
        { length: 1 + Math.floor(random() * 3) },
        () => pick(["", "-"]) + path(),
      ).join()
      const keys = parseSort(sort)
      const sorted = documents.toSorted((one, other) => {
        for (const { path: at, descending } of keys) {
          const place = (document: Candidate) => comparable(valueAt(document[at.field], at.steps))
          const order = compare(place(one), place(other))
          if (order !== 0) return descending ? -order : order
        }
        return 0
      })
      const pages = await pagesOf({ prefix: "random-", sort, limit: 17 })
      expect(pages.flat(), `seed ${seed}: ${sort}`).toEqual(sorted.map(({ name }) => name))
    }
  })
})
