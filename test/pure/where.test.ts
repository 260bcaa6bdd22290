import { describe, expect, it } from "vitest"
import { formatCursor, parseCursor, type Place } from "../../src/documents/list/cursor.ts"
import { parseFields, project } from "../../src/documents/list/fields.ts"
import { matches } from "../../src/documents/list/match.ts"
import { formatSort, parseSort } from "../../src/documents/list/sort.ts"
import { countTests, parseWhere } from "../../src/documents/list/where.ts"
import { parseExact } from "../../src/lib/json.ts"
import { Problem } from "../../src/protocol/problem.ts"

const DATA = `{"theme":"dark","size":12,"big":9007199254740993,"huge":1e400,"one":1.0,"tags":["x",1,null,[2]],
  "user":{"name":"Ada","odd name":{"a.b":true},"__proto__":{"x":1}},"none":null,"yes":true,"":"empty","emoji":"a😀b"}`

const holds = (where: string, data = DATA) =>
  matches(parseWhere(where), { name: "todo", revision: 7, created: 3, data: parseExact(data) })

/** What is thrown, as the problem it must be. */
function problemOf(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error("Nothing was thrown")
}

describe("where", () => {
  it.each([
    'data.theme eq "dark"',
    'data.theme ne "light"',
    'name eq "todo" and revision eq 7 and created lt 4',
    "data.size gte 12 and data.size lte 12 and not data.size gt 12 and not data.size lt 12",
    "data.size in [1, 12 ,3]",
    'data.tags contains "x" and data.tags contains 1 and data.tags contains null',
    "not data.tags contains 2",
    'data.theme contains "ark" and data.theme contains ""',
    "data.tags[3][0] eq 2",
    'data.user.name gt "ADA" and data.user.name lt "a"',
    'data.user."odd name"."a.b" eq true',
    'data["user"]["odd name"]["a.b"] eq true',
    'data.user["__proto__"].x eq 1',
    'data."" eq "empty"',
    "data.none exists and data.none eq null and data exists true",
    "data.absent exists false and not data.absent exists",
    "data.one eq 1 and data.one eq 1.0",
    "data.big eq 9007199254740993 and data.big ne 9007199254740992",
    "data.big gt 9007199254740992.0 and data.huge gt 1e308",
    "data.yes exists false or data.yes eq true",
    "data.yes eq false or data.yes eq false or data.yes eq true and data.size eq 12",
    "(data.yes eq true or data.size eq 0) and not (data.yes eq false or data.size eq 0)",
    'data.emoji contains "😀"',
    "not not data.yes eq true",
    "data.size in [] or data.size exists",
  ])("holds: %s", (where) => {
    expect(holds(where)).toBe(true)
  })

  it.each([
    'data.size eq "12"',
    'data.size lt "a" or data.theme gt 1',
    "data.absent eq null",
    "data.absent lt 1 or data.absent gte 1",
    "data.none lt 1 or data.yes gt 0",
    'data.user contains "name"',
    "data.toString exists or data.tags.length exists or data.theme[0] exists",
    "data.user[0] exists or data.tags.0 exists",
    "name eq 1 or revision eq true or name in [null]",
    "data.yes eq 1",
  ])("does not hold: %s", (where) => {
    expect(holds(where)).toBe(false)
  })

  it("takes `ne` for the opposite of `eq`, also where there is nothing", () => {
    expect(holds("data.absent ne 1")).toBe(true)
    expect(holds('data.size ne "12"')).toBe(true)
  })

  it.each([
    ["", 1, "a path"],
    ["data.theme eq", 14, "a value"],
    ["data.theme eq dark", 15, "a value"],
    ["data.theme is 1", 12, "eq, ne, lt"],
    ["data.theme", 11, "eq, ne, lt"],
    ["size gt 1", 1, "a path"],
    ["data. eq 1", 7, "right after the dot"],
    ['data.theme eq "dark', 15, "closing double quote"],
    ['data.theme eq "\\q"', 15, "as JSON writes it"],
    ["data.x eq 1 data.y eq 2", 13, '"and", "or" or the end'],
    ["(data.x eq 1", 13, '"and", "or" or ")"'],
    ["data.x eq 1)", 12, '"and", "or" or the end'],
    ["data.x in 1", 11, "a list"],
    ["data.x in [1", 13, '"," or "]"'],
    ["data.x in [1,]", 14, "a value"],
    ["data.x gt true", 11, "no order"],
    ["data.x eq 01", 11, "a value"],
    ["data.x eq 1.", 11, "a value"],
    ["data.x[-1] eq 1", 7, "number of an element"],
    ["data.x[1 eq 1", 10, '"]"'],
    ["data.x[1234567890] eq 1", 7, "number of an element"],
    ['data."\\u0000" eq 1', 6, "U+0000"],
    ['data."😀" is 1', 10, "eq, ne"],
    ["data.x eq 1 and", 16, "a path"],
    ["not", 4, "a path"],
    ["'; DROP TABLE documents --", 1, "a path"],
  ])("is refused with the place: %s", (where, position, expected) => {
    const problem = problemOf(() => parseWhere(where))
    expect(problem).toMatchObject({ code: "invalid_request", details: { position } })
    expect(problem.details.errors?.["query.where"]).toContain(`at character ${position}: expected`)
    expect(problem.message).toContain(expected)
  })

  it("is bounded in tests and in depth", () => {
    const terms = (count: number) => Array.from({ length: count }, () => "data.x eq 1").join(" or ")
    expect(problemOf(() => parseWhere(terms(101))).message).toContain("at most 100 tests")
    expect(parseWhere(terms(100)).op).toBe("or")
    const nested = (depth: number) => `${"(".repeat(depth)}data.x eq 1${")".repeat(depth)}`
    expect(problemOf(() => parseWhere(nested(100_000))).message).toContain("at most 12")
    expect(problemOf(() => parseWhere("not ".repeat(13) + "data.x eq 1")).message).toContain(
      "at most 12",
    )
    expect(parseWhere(nested(12)).op).toBe("in")
    const deep = (steps: number) => `data${".a".repeat(steps)} eq 1`
    expect(problemOf(() => parseWhere(deep(3_000))).details).toMatchObject({ position: 207 })
    expect(countTests(parseWhere(`not (${terms(99)}) and ${deep(100)}`))).toBe(100)
  })
})

describe("sort", () => {
  it("ends with a key that no two documents share", () => {
    const fields = (sort: string) => parseSort(sort).map(({ path }) => path.field)
    expect(fields("")).toEqual(["created"])
    expect(fields("data.size,-data.theme")).toEqual(["data", "data", "created"])
    expect(fields("-name,data.size")).toEqual(["name"])
  })

  it("is refused with the place", () => {
    expect(problemOf(() => parseSort("data.a,,b")).details).toMatchObject({ position: 8 })
    expect(problemOf(() => parseSort("data.a desc")).details).toMatchObject({ position: 8 })
    expect(problemOf(() => parseSort("data.a,data.b,data.c,data.d,data.e")).message).toContain(
      "at most 4",
    )
  })
})

describe("fields", () => {
  const shown = (fields: string, data = DATA) =>
    project({ name: '"todo"', data, revision: "7", created: "3" }, parseFields(fields))

  it("choose parts in their order, members by path, numbers as they were written", () => {
    expect(shown("revision,name")).toEqual({ revision: "7", name: '"todo"' })
    expect(shown("data.one,data.user.name,data.huge")).toEqual({
      data: '{"one":1.0,"user":{"name":"Ada"},"huge":1e400}',
    })
    expect(shown('data.user."__proto__".x')).toEqual({ data: '{"user":{"__proto__":{"x":1}}}' })
    expect(shown("data.absent,data.theme.inner,data.big.x")).toEqual({ data: "{}" })
    expect(shown("data.user.name,data")).toEqual({ data: DATA })
    expect(Object.keys(shown("*"))).toEqual(["name", "data", "revision", "created"])
  })

  it("are refused with the place", () => {
    expect(problemOf(() => parseFields("name,data.tags[0]")).details).toMatchObject({ position: 6 })
    expect(problemOf(() => parseFields("name,nothing")).details).toMatchObject({ position: 6 })
    expect(problemOf(() => parseFields("name data")).details).toMatchObject({ position: 6 })
  })
})

describe("cursors", () => {
  const sort = parseSort("data.size,-data.theme")
  const place: Place = [
    [4, "9223372036854775807"],
    [5, '"é😀\\u0000"'],
    [4, "12"],
  ]

  it("carry a place in the order exactly", () => {
    const cursor = formatCursor(place, sort)
    expect(cursor).toMatch(/^[\w-]+$/)
    expect(parseCursor(cursor, sort)).toEqual(place)
    const absent: Place = [
      [0, "null"],
      [4, "9.0e+999"],
      [4, "1"],
    ]
    expect(parseCursor(formatCursor(absent, sort), sort)).toEqual(absent)
  })

  it("of another list, or made up, are refused", () => {
    const cursor = formatCursor(place, sort)
    expect(problemOf(() => parseCursor(cursor, parseSort("data.size"))).message).toContain(
      "another order",
    )
    const encoded = (value: unknown) => btoa(JSON.stringify(value))
    const order = formatSort(sort)
    for (const bad of [
      "",
      "!",
      "AAAA",
      "\ud800",
      encoded({}),
      encoded([order]),
      encoded([order, 1, 2, 3]),
      encoded([order, [4, "1"], [4, 1], [4, 1]]),
      encoded([order, [9, 1], [4, 1], [4, 1]]),
    ]) {
      expect(problemOf(() => parseCursor(bad, sort)).code, bad).toBe("invalid_request")
    }
  })
})
