import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseGlob } from "../../src/keys/list/glob.ts"
import { Scan } from "../../src/keys/list/scan.ts"
import { KEY_LIST_MAX_STEPS } from "../../src/protocol/limits.ts"
import { patternOf } from "../../src/keys/list/pattern.ts"
import { isListTouched } from "../../src/keys/list/touch.ts"
import { uriOf } from "../../src/keys/entry.ts"
import type { ChangeEvent } from "../../src/protocol/change.ts"

const matches = (glob: string, name: string) => parseGlob(glob).matches(name)

/** The rules, one after the other, by trying everything. */
function naive(glob: readonly string[], name: readonly string[]): boolean {
  const [sign, ...rest] = glob
  const [first, ...others] = name
  if (sign === undefined) return first === undefined
  if (sign === "*") return naive(rest, name) || (first !== undefined && naive(glob, others))
  if (first === undefined) return false
  if (sign === "?") return naive(rest, others)
  if (sign === "[") {
    const [among, after] = bracket(rest, first)
    return among && naive(after, others)
  }
  const isEscape = sign === "\\" && rest.length > 0
  return (isEscape ? rest[0] : sign) === first && naive(isEscape ? rest.slice(1) : rest, others)
}

/** Whether the character is among those in the bracket, and what comes behind it. */
function bracket(glob: readonly string[], character: string): [boolean, readonly string[]] {
  const isNot = glob[0] === "^"
  let rest = isNot ? glob.slice(1) : glob
  let among = false
  while (rest.length > 0 && rest[0] !== "]") {
    const [one = "", dash, end = ""] = rest
    if (one === "\\" && dash !== undefined) {
      among ||= dash === character
      rest = rest.slice(2)
    } else if (dash === "-" && rest.length >= 3) {
      const points = [one, end, character].map((text) => text.codePointAt(0) ?? 0)
      const [from = 0, to = 0, at = 0] = points
      among ||= at >= Math.min(from, to) && at <= Math.max(from, to)
      rest = rest.slice(3)
    } else {
      among ||= one === character
      rest = rest.slice(1)
    }
  }
  return [among !== isNot, rest.slice(1)]
}

describe("a glob", () => {
  it.each<[string, string[], string[]]>([
    ["h?llo", ["hello", "hallo", "h😀llo", "h\nllo"], ["hllo", "heello", "hello "]],
    ["h*llo", ["hllo", "heeeello", "h\n*llo"], ["hell", "ahllo"]],
    ["h[ae]llo", ["hello", "hallo"], ["hillo", "haello"]],
    ["h[^e]llo", ["hallo", "hbllo", "h^llo"], ["hello", "hllo"]],
    ["h[a-b]llo", ["hallo", "hbllo"], ["hcllo", "h-llo"]],
    ["[z-x]", ["x", "y", "z"], ["w"]],
    ["[а-я]*", ["да"], ["DA", "Да"]],
    ["\\*\\?\\[a]\\\\", ["*?[a]\\"], ["x?[a]\\"]],
    ["[\\]\\-\\^]", ["]", "-", "^"], ["\\", "a"]],
    ["a\\", ["a\\"], ["a"]],
    ["[abc", ["a", "b", "c"], ["[abc", "d"]],
    ["[", [], ["[", "a"]],
    ["[]", [], ["]", ""]],
    ["[^]", ["a", "^", "😀"], ["", "ab"]],
    ["***", ["", "x"], []],
    ["", [], ["a"]],
    ["key", ["key"], ["keys", "Key", "ke"]],
    ["a**b*", ["ab", "axb", "abb", "aabx"], ["ba"]],
  ])("%s takes %j and not %j", (glob, yes, no) => {
    expect(yes.filter((name) => !matches(glob, name))).toEqual([])
    expect(no.filter((name) => matches(glob, name))).toEqual([])
  })

  it("takes what the rules take, whatever the pattern", () => {
    const few = (characters: string) => fc.string({ unit: fc.constantFrom(...characters) })
    fc.assert(
      fc.property(few("*?[]^-\\ab😀"), few("ab-^]\\😀c"), (glob, name) => {
        expect(matches(glob, name)).toBe(naive([...glob], [...name]))
      }),
      { numRuns: 20_000 },
    )
  })

  it("of a name with its special characters escaped is that name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, other) => {
        const escaped = name.replace(/[*?[\\]/g, "\\$&")
        expect(parseGlob(escaped)).toMatchObject({ prefix: name, isWhole: true, isExact: true })
        expect(matches(escaped, name)).toBe(true)
        expect(matches(escaped, other)).toBe(other === name)
        expect(parseGlob(`${escaped}*`)).toMatchObject({
          prefix: name,
          isWhole: false,
          isExact: true,
        })
        expect(matches(`${escaped}*`, name + other)).toBe(true)
      }),
    )
  })

  it("says in which range of an index to look, and when that is all there is to look for", () => {
    expect(parseGlob("user:*:name")).toMatchObject({ prefix: "user:", isExact: false })
    expect(parseGlob("user:?")).toMatchObject({ prefix: "user:", isExact: false })
    expect(parseGlob("u[s]er")).toMatchObject({ prefix: "u", isExact: false })
    expect(parseGlob("u\\*r**")).toMatchObject({ prefix: "u*r", isExact: true, isWhole: false })
    expect(parseGlob("*")).toMatchObject({ prefix: "", isExact: true, isWhole: false })
  })

  it("answers where trying everything never ends", () => {
    // A matcher that tried everything would not come back.
    const name = "a".repeat(512)
    for (const glob of [
      "*a".repeat(500) + "b",
      "*".repeat(1_000) + "b",
      "*?".repeat(400) + "[^a]",
    ]) {
      expect(matches(glob, name)).toBe(false)
      expect(matches(glob.slice(0, -4), name)).toBe(true)
    }
  })
})

describe("a scan", () => {
  it("ends in the middle of what was read when names and pattern together cost too much", () => {
    const costly = { ...parseGlob("*x"), cost: KEY_LIST_MAX_STEPS / 10, matches: () => true }
    const rows = Array.from({ length: 300 }, (_, n) => ({
      name: `${100 + n}`,
      revision: 1,
      expiresAt: null,
      type: "text/plain",
      size: 1,
      blob: null,
    }))
    // It is given what was read, and asks nobody for more.
    const scan = new Scan(null as never, costly, "", 300, 0)
    const found = scan.take(rows)
    expect(found.map(({ name }) => name)).toEqual(["100", "101", "102", "103"])
    expect([scan.isLong, scan.isOver, scan.after]).toEqual([true, false, "103"])
  })
})

describe("filter and match together", () => {
  const both = (filter: string, match: string) => patternOf({ filter, match })

  it("take the names that each of them takes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "$", "*") })
    const names = fc.string({ unit: fc.constantFrom("a", "b", "$", "*"), maxLength: 6 })
    fc.assert(
      fc.property(text, text, names, (filter, match, name) => {
        const { prefix, isWhole, isExact, matches: takes } = both(filter, match)
        const wanted = patternOf({ filter }).matches(name) && naive([...match], [...name])
        expect(takes(name)).toBe(wanted)
        const isInRange = isWhole ? name === prefix : name.startsWith(prefix)
        // All that match are in the range; and nothing else, where the range is said to be exact.
        if (wanted) expect(isInRange).toBe(true)
        if (isExact) expect(isInRange).toBe(wanted)
      }),
      { numRuns: 5_000 },
    )
  })

  it("are looked for in the narrower of their ranges", () => {
    expect(both("us", "user:*")).toMatchObject({ prefix: "user:", isExact: true })
    expect(both("user", "us*")).toMatchObject({ prefix: "user", isExact: true })
    expect(both("us", "user")).toMatchObject({ prefix: "user", isWhole: true, isExact: true })
    expect(both("x", "user*")).toMatchObject({ isExact: false })
    expect(patternOf({})).toMatchObject({ prefix: "", isExact: true })
    expect(patternOf({ filter: "" })).toMatchObject({ prefix: "", isExact: true })
  })
})

describe("a watched list of keys", () => {
  const touched = (query: string, name: string, event: ChangeEvent = "create") =>
    isListTouched(new URLSearchParams(query), {
      revision: 1,
      at: 0,
      uri: uriOf(name),
      event,
      body: null,
      extra: null,
    })

  it("is read again only when a name that it wants has changed", () => {
    expect(touched("match=a*", "a/b")).toBe(true)
    expect(touched("match=a*", "b")).toBe(false)
    expect(touched("match=a*&filter=b", "ab")).toBe(false)
    expect(touched("limit=3", "b")).toBe(true)
    expect(touched("match=a*", "a", "patch")).toBe(true)
    expect(touched("match=a*&keys_only=1", "a", "patch")).toBe(false)
    expect(touched("match=a*&keys_only=1", "a", "delete")).toBe(true)
  })
})
