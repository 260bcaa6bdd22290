import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { pathOf, pointerOf } from "../../src/lib/pointer.ts"
import { Ambiguous, heightOf, isSame, parseTree, textOf } from "../../src/lib/tree.ts"

/** JSON text whose members stand in any order and whose numbers are written in any way. */
const written = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom("null", "true", "false"),
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc
      .tuple(
        fc.bigInt(),
        fc.constantFrom("", ".0", ".50"),
        fc.constantFrom("", "e5", "E-400", "e+1"),
      )
      .map(([whole, fraction, power]) => `${whole}${fraction}${power}`),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join()}]`),
    fc
      .uniqueArray(
        fc.tuple(
          fc.oneof(
            fc.constantFrom("1", "0", "10", "b", "a", "__proto__", "", "constructor"),
            fc.string(),
          ),
          tie("value"),
        ),
        { maxLength: 5, selector: ([name]) => name },
      )
      .map(
        (members) =>
          `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`,
      ),
  ),
})).value

describe("trees of JSON", () => {
  it("are written as they were read: order of members, digits of numbers, special names", () => {
    fc.assert(
      fc.property(written, (text) => {
        expect(textOf(parseTree(text))).toBe(text)
      }),
    )
  })

  it("are the same as what JSON.parse reads, whatever white space and escapes there are", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, "\t", " \r\n "), (value, space) => {
        const text = JSON.stringify(value, null, space as string).replace(/[b-d]/g, (letter) =>
          text0(letter),
        )
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          expect(() => parseTree(text)).toThrow(SyntaxError)
          return
        }
        expect(JSON.parse(textOf(parseTree(text)))).toEqual(expected)
      }),
    )
  })

  it("are refused wherever JSON.parse refuses, and nowhere else", () => {
    const pieces = fc.constantFrom(
      ...'{ } [ ] , : 1 0 -1 01 1. .5 1e 1e5 + NaN true nul null \u0000 " "a" "\\n" "\\x" "\\u12" \u00a0'.split(
        " ",
      ),
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 7 }), (words) => {
        const text = words.join("")
        const attempt = (run: () => unknown) => {
          try {
            run()
            return "read"
          } catch (error) {
            return error instanceof Ambiguous ? "read" : (error as Error).name
          }
        }
        expect(
          attempt(() => parseTree(text)),
          text,
        ).toBe(attempt(() => JSON.parse(text)))
      }),
      { numRuns: 3000 },
    )
  })

  it("name the place of a member given twice and of half a surrogate pair", () => {
    for (const [text, pointer] of [
      ['{"a":1,"a":1}', "/a"],
      ['{"x":[0,{"a/b":1,"~":2,"a\\u002fb":3}]}', "/x/1/a~1b"],
      ['{"__proto__":1,"__proto__":2}', "/__proto__"],
      ['{"":1,"":2}', "/"],
      ['{"a":{"b":"\\ud800"}}', "/a/b"],
      ['["\\udc00\\ud800"]', "/0"],
      ['"\\ud83d"', ""],
    ] as const) {
      expect(() => parseTree(text), text).toThrow(expect.objectContaining({ pointer }))
    }
    expect(parseTree('"\\ud83c\\udf89"')).toBe('"🎉"')
    expect(() => parseTree('{"\\ud800":1}')).toThrow(Ambiguous)
  })

  it("take text of a million escapes", () => {
    for (const piece of ["\\n", '\\"', "\\\\", "\\u0041", "a\\t"]) {
      const text = `"${piece.repeat(300_000)}"`
      expect(textOf(parseTree(text))).toBe(JSON.stringify(JSON.parse(text)))
    }
  })

  it("know their height", () => {
    expect(
      ["1", "[]", '{"a":[1]}', '[{},{"a":{"b":1}}]'].map((text) => heightOf(parseTree(text))),
    ).toEqual([0, 1, 2, 3])
  })

  it("are the same whatever the order of members", () => {
    expect(isSame(parseTree('{"a":1,"b":[1,{}]}'), parseTree('{"b":[1.0,{}],"a":1}'))).toBe(true)
    expect(isSame(parseTree('{"a":1}'), parseTree('{"b":1}'))).toBe(false)
    expect(isSame(parseTree("[1,2]"), parseTree("[2,1]"))).toBe(false)
    expect(isSame(parseTree("[]"), parseTree("{}"))).toBe(false)
  })
})

describe("JSON pointers", () => {
  it("go there and back", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (path) => {
        expect(pathOf(pointerOf(path))).toEqual(path)
      }),
    )
    for (const wrong of ["a", "/~", "/~2", "#/a"]) expect(pathOf(wrong)).toBeNull()
  })
})

/** The letter as JSON may escape it. */
function text0(letter: string): string {
  return `\\u00${letter.charCodeAt(0).toString(16)}`
}
