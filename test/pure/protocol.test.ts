import { describe, expect, it } from "vitest"
import * as fc from "fast-check"
import { depthOf, parseExact } from "../../src/lib/json.ts"
import { formatPosition, parsePosition } from "../../src/protocol/change.ts"
import { Problem, PROBLEMS, type ProblemCode } from "../../src/protocol/problem.ts"
import { fill, isList, listOf, match, pathOf } from "../../src/protocol/uri.ts"

describe("URIs", () => {
  it("know their list: up to the last slash before their own segment", () => {
    expect(listOf("/api/apps/todo")).toBe("/api/apps/")
    expect(listOf("/api/store/weather/")).toBe("/api/store/")
    expect(listOf("/api/apps/?limit=3")).toBe("/api/")
    expect(listOf("/")).toBeNull()
    expect(isList("/todo/?x=/y")).toBe(true)
    expect(isList("/todo/7")).toBe(false)
    expect(pathOf("/a?b=c?d")).toBe("/a")
  })

  it("match a pattern with or without the slash at the end, and never with empty segments", () => {
    expect(match("/api/apps/", "/api/apps")).toEqual({})
    expect(match("/keys/:id", "/keys/a%2Fb/")).toEqual({ id: "a/b" })
    for (const path of ["/keys", "/keys/", "/keys//", "/keys/a/b", "//keys/a", "/Keys/a"]) {
      expect(match("/keys/:id", path), path).toBeNull()
    }
    expect(() => match("/keys/:id", "/keys/%E0%A4%A")).toThrow(URIError)
  })

  it("come back from what they were filled with, whatever the name", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" })
    fc.assert(
      fc.property(name, name, (reference, symbol) => {
        const uri = fill("/api/store/:reference/:symbol", { reference, symbol })
        expect(match("/api/store/:reference/:symbol", uri)).toEqual({ reference, symbol })
      }),
    )
  })
})

describe("positions", () => {
  it("read as they were written, and nothing else reads as one", () => {
    const position = { epoch: "0123456789abcdef", revision: 42 }
    expect(parsePosition(formatPosition(position))).toEqual(position)
    for (const text of ["", "42", "abc.", ".1", "xyz.1", "ab.-1", "ab.1.2", "ab.1e3"]) {
      expect(parsePosition(text), text).toBeNull()
    }
  })
})

describe("problems", () => {
  it("have a status, a close code of their own and a sentence", () => {
    const rows = Object.values(PROBLEMS)
    for (const [status, closeCode, title] of rows) {
      expect(status).toBeGreaterThanOrEqual(400)
      expect(closeCode).toBeGreaterThanOrEqual(4000)
      expect(title).toMatch(/^[A-Z].*[^.]$/)
    }
    const retry = (code: ProblemCode) => PROBLEMS[code][1] < 4500
    expect([retry("internal"), retry("overloaded"), retry("not_found")]).toEqual([
      true,
      true,
      false,
    ])
  })

  it("are written as RFC 9457 says, with the place of what is wrong", () => {
    const problem = new Problem("unprocessable", "It is too far", { errors: { "a.b": "is 7" } })
    expect(JSON.parse(JSON.stringify(problem))).toEqual({
      type: "urn:tidemark:problem:unprocessable",
      title: PROBLEMS.unprocessable[2],
      status: 422,
      code: "unprocessable",
      detail: "It is too far",
      errors: { "a.b": "is 7" },
    })
  })
})

describe("exact JSON", () => {
  it("writes any JSON text without spaces as it was, numbers included", () => {
    const numbers = ["1", "1.0", "1e5", "-0", "0.10", "123456789012345678901234567890", "1E400"]
    const number = fc.constantFrom(...numbers)
    const leaf = fc.oneof(
      number,
      fc.json({ maxDepth: 2 }).map((text) => JSON.stringify(JSON.parse(text))),
    )
    const text = fc.array(leaf).map((parts) => `[${parts.join()}]`)
    fc.assert(
      fc.property(text, (json) => {
        expect(JSON.stringify(parseExact(json))).toBe(json)
      }),
    )
  })

  it("counts how deep a text nests, strings left out", () => {
    expect(depthOf("1")).toBe(0)
    expect(depthOf('{"a":[1,{"b":[]}]}')).toBe(4)
    expect(depthOf('["[[[{{{", "\\"[[", "\\\\", [1]]')).toBe(2)
    expect(depthOf('"[[[ unterminated')).toBe(0)
  })

  it("counts as deep as JavaScript finds a value", () => {
    const deep = (value: unknown): number =>
      typeof value === "object" && value !== null
        ? 1 + Math.max(0, ...Object.values(value).map(deep))
        : 0
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(depthOf(JSON.stringify(value))).toBe(deep(value))
      }),
    )
  })
})
