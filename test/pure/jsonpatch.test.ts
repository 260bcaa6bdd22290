/** JSON Patch against the public test suite, and merge patches against RFC 7396's appendix. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applied, operationsOf } from "../../src/documents/jsonpatch.ts"
import { merged, mergeBetween } from "../../src/lib/merge.ts"
import { isSame, parseTree, textOf } from "../../src/lib/tree.ts"
import { JsonPatch } from "../../src/protocol/jsonpatch.ts"
import { MERGES } from "../merges.ts"

const ROOT = join(import.meta.dirname, "../..")

interface Case {
  comment?: string
  doc: unknown
  patch: unknown
  expected?: unknown
  error?: string
  disabled?: boolean
}

const casesOf = (name: string) =>
  JSON.parse(
    readFileSync(join(ROOT, `node_modules/json-patch-test-suite/${name}.json`), "utf8"),
  ) as Case[]

function patched(doc: string, patch: string): string {
  JsonPatch.parse(JSON.parse(patch))
  return textOf(applied(parseTree(doc), operationsOf(parseTree(patch)), 1_000_000))
}

describe("the public suite of JSON Patch", () => {
  for (const name of ["tests", "spec_tests"]) {
    for (const [at, { comment, doc, patch, expected, error, disabled }] of casesOf(
      name,
    ).entries()) {
      // A member given twice, which the parser that reads the suite does not tell: below, as text.
      if (disabled && error !== undefined) continue
      it(`${name} ${at}: ${comment ?? error ?? "applies"}`, () => {
        const run = () => JSON.parse(patched(JSON.stringify(doc), JSON.stringify(patch)))
        if (error !== undefined) expect(run).toThrow()
        else if (expected === undefined) run()
        else expect(run()).toEqual(expected)
      })
    }
  }

  it("has two cases that say an operation twice", () => {
    const all = [...casesOf("tests"), ...casesOf("spec_tests")]
    const twice = all.filter(({ disabled, error }) => disabled && error !== undefined)
    expect(twice.map(({ comment }) => comment)).toEqual([
      "duplicate ops",
      "A.13 Invalid JSON Patch Document",
    ])
    const patch = '[{"op":"add","path":"/baz","value":"qux","op":"move","from":"/foo"}]'
    expect(() => patched('{"foo":"bar"}', patch)).toThrow(/twice/)
  })
})

describe("JSON patches", () => {
  it("keep the order of members and the digits of numbers", () => {
    const doc = '{"b":1.0,"10":12345678901234567890,"1":{"__proto__":1e400}}'
    expect(patched(doc, '[{"op":"replace","path":"/10","value":2.50}]')).toBe(
      doc.replace("12345678901234567890", "2.50"),
    )
    expect(patched(doc, '[{"op":"copy","from":"/1/__proto__","path":"/0"}]')).toBe(
      `${doc.slice(0, -1)},"0":1e400}`,
    )
  })

  it("test numbers by their value, whatever way they are written", () => {
    const same = ["1", "1.0", "10e-1", "0.1E+1", "100e-2"]
    for (const one of same) {
      for (const other of same) {
        patched(`{"n":${one}}`, `[{"op":"test","path":"/n","value":${other}}]`)
      }
      for (const other of ["-1", "1.01", "10", "true", '"1"', "1e400"]) {
        expect(
          () => patched(`{"n":${one}}`, `[{"op":"test","path":"/n","value":${other}}]`),
          `${one} and ${other}`,
        ).toThrow(/tested/)
      }
    }
    expect(isSame("0", "-0.0e5")).toBe(true)
    expect(isSame("12345678901234567890", "12345678901234567891")).toBe(false)
  })

  it("increase integers and decimals exactly, others as doubles, and refuse what would be none", () => {
    const inc = (n: string, by: string) =>
      patched(`{"n":${n}}`, `[{"op":"inc","path":"/n","value":${by}}]`).slice(5, -1)
    expect(inc("9007199254740993", "2")).toBe("9007199254740995")
    expect(inc("9223372036854775806", "1")).toBe("9223372036854775807")
    expect(inc("0.1", "0.2")).toBe("0.3")
    expect(inc("-0.05", "0.2")).toBe("0.15")
    expect(inc("1.50", "-2")).toBe("-0.5")
    expect(inc("0.123456789012345678", "1")).toBe("1.123456789012345678")
    expect(inc("2.5", "0.5")).toBe("3")
    expect(inc("1e-1", "0.2")).toBe("0.30000000000000004")
    expect(inc("0.1234567890123456789", "1")).toBe("1.1234567890123457")
    expect(inc("-1", "1")).toBe("0")
    for (const [n, by] of [
      ["9223372036854775807", "1"],
      ["-9223372036854775808", "-1"],
      ["1.7e308", "1.7e308"],
      ['"1"', "1"],
      ["null", "1"],
      ["[1]", "1"],
    ] as const) {
      expect(() => inc(n, by), n).toThrow()
    }
    expect(patched("{}", '[{"op":"inc","path":"/n","value":3}]')).toBe('{"n":3}')
    expect(() => patched("{}", '[{"op":"inc","path":"/a/n","value":3}]')).toThrow(/not there/)
  })

  it("cannot fill the memory with copies", () => {
    const double = '{"op":"copy","from":"","path":"/a/-"}'
    expect(() => patched('{"a":[1]}', `[${Array.from({ length: 60 }, () => double)}]`)).toThrow(
      /too large/,
    )
  })
})

describe("merge patches", () => {
  it("do what the appendix of RFC 7396 says", () => {
    for (const [target, patch, result] of MERGES) {
      expect(textOf(merged(parseTree(target), parseTree(patch))), patch).toBe(result)
    }
  })

  it("are found between any two documents, or there is none because a member becomes null", () => {
    const json = fc.json({ maxDepth: 4 })
    fc.assert(
      fc.property(json, json, (one, other) => {
        const [before, after] = [parseTree(one), parseTree(other)]
        const patch = mergeBetween(before, after)
        if (patch === null) expect(other).toContain("null")
        else expect(isSame(merged(before, patch), after)).toBe(true)
      }),
    )
  })
})
