import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Ambiguous, parseTree } from "../../src/lib/tree.ts"
import { twiceIn } from "../../src/lib/twice.ts"

describe("members that are there twice", () => {
  it.each([
    ['{"a":1,"a":2}', ["a"]],
    ['{"a":{"b":1,"c":2},"b":{"b":1,"\\u0062":2}}', ["b", "b"]],
    ['[{"a":"a"},{"a":[1,{"x":"{","y":"\\"x\\":","x":2}]}]', ["1", "a", "1", "x"]],
    ['{"":{"":1} , "" : 2}', [""]],
  ])("are found in %s", (text, path) => expect(twiceIn(text)).toEqual(path))

  it.each([
    "1",
    '"a"',
    "[]",
    '["a","a"]',
    '{"a":["a","b","a"],"b":{"a":"b"}}',
    '{"a":"\\"a\\":1"}',
  ])("are none in %s", (text) => expect(twiceIn(text)).toBeNull())

  it("may be where they are free", () => {
    const text = '{"a":{"x":1,"x":2},"b":{"x":1}}'
    expect(twiceIn(text, (depth) => depth === 2)).toBeNull()
    expect(twiceIn(text, (depth) => depth === 1)).toEqual(["a", "x"])
  })

  it("are where the reader of documents finds them", () => {
    const name = fc.constantFrom("a", "b", '"', "\\", "{", ",")
    const value = fc.letrec<{ value: string }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom("1", "null", '"a"', '"\\",{"'),
        fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(" , ")}]`),
        fc
          .array(fc.tuple(name, tie("value")), { maxLength: 3 })
          .map((all) => `{${all.map(([key, one]) => `${JSON.stringify(key)} :${one}`).join()}}`),
      ),
    })).value
    fc.assert(
      fc.property(value, (text) => {
        let pointer: string | null = null
        try {
          parseTree(text)
        } catch (error) {
          pointer = (error as Ambiguous).pointer
        }
        const found = twiceIn(text)
        expect(found && found.map((one) => `/${one}`).join("")).toBe(pointer)
      }),
      { seed: 11, numRuns: 2_000 },
    )
  })
})
