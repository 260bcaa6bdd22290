import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromJson, nameOf, place, toJson, uriOf, valueOf } from "../../src/keys/entry.ts"
import { expired } from "../../src/feed/expiry.ts"
import { keepSeconds, parseTtlSeconds } from "../../src/keys/expiry.ts"
import { parseFilter } from "../../src/keys/list/filter.ts"
import { keyEndpoints } from "../../src/protocol/keys.ts"
import { CHANGE_BODY_MAX_BYTES, KEY_VALUE_MAX_BYTES } from "../../src/protocol/limits.ts"

const text = fc.string({ unit: "binary" })

const matching = (filter: string, names: string[]) =>
  names.filter((name) => parseFilter(filter).matches(name))
const memberOf = (json: string) => keyEndpoints["keys.list"].memberOf(JSON.parse(json))

describe("a key's expiry", () => {
  it("is over the millisecond it names, and never without one", () => {
    expect([999, 1_000, 1_001].map((now) => expired(1_000, now))).toEqual([false, true, true])
    expect(expired(null, Number.MAX_SAFE_INTEGER)).toBe(false)
  })

  it.each([
    ["1", 1],
    [" 5 ", 5],
    ["+5", 5],
    ["007", 7],
    ["1000000000", 1_000_000_000],
  ])("reads %j as %d seconds", (given, seconds) => {
    expect(parseTtlSeconds(given)).toBe(seconds)
  })

  it.each(["", " ", "0", "-1", "1.5", "abc", "1e3", "0x10", "1000000001", "9".repeat(400), "++1"])(
    "refuses %j",
    (given) => {
      expect(parseTtlSeconds(given)).toBeNull()
    },
  )

  it("has Workers KV keep an entry until then, and a minute at least", () => {
    expect(keepSeconds(10_000, 9_000)).toBe(60)
    expect(keepSeconds(100_001, 0)).toBe(101)
    expect(keepSeconds(0, 10_000)).toBe(60)
  })
})

describe("the filter", () => {
  it("takes every $ for exactly one character, at the beginning of the name", () => {
    const names = ["word", "wood", "wordy", "wo$d", "wod", "sword", "WORD", "wo😀d", "wo\nd"]
    expect(matching("wo$d", names)).toEqual(["word", "wood", "wordy", "wo$d", "wo😀d", "wo\nd"])
    expect(matching("$$$$$", names)).toEqual(["wordy", "sword"])
    expect(matching("", names)).toEqual(names)
  })

  it("takes everything else for itself", () => {
    for (const character of String.raw`\^.*+?()[]{}|/-,#&'"<> `) {
      expect(matching(`a${character}`, ["a", "ab", `a${character}`, `a${character}b`])).toEqual([
        `a${character}`,
        `a${character}b`,
      ])
    }
  })

  it("without a $ is startsWith, whatever the text, and each name passes its own", () => {
    fc.assert(
      fc.property(text, text, (filter, name) => {
        const { matches, prefix } = parseFilter(filter.replaceAll("$", ""))
        expect(matches(name)).toBe(name.startsWith(filter.replaceAll("$", "")))
        expect(matches(prefix + name)).toBe(true)
        expect(parseFilter(name).matches(name)).toBe(true)
      }),
    )
  })

  it("says what an index can look for", () => {
    expect(parseFilter("wo$d")).toMatchObject({ prefix: "wo", isExact: false })
    expect(parseFilter("wo")).toMatchObject({ prefix: "wo", isExact: true })
    expect(parseFilter("$o")).toMatchObject({ prefix: "", isExact: false })
  })
})

describe("a key with its value", () => {
  it("comes back from its JSON and its URI, whatever they are", () => {
    fc.assert(
      fc.property(text, text, (name, value) => {
        expect(fromJson(toJson(name, value))).toBe(value)
        expect(nameOf(uriOf(name))).toBe(name)
      }),
    )
    expect(toJson("__proto__", "x")).toBe('{"__proto__":"x"}')
    expect(fromJson('{"__proto__":"x"}')).toBe("x")
  })

  it("is named by its element of the list", () => {
    expect(memberOf('{"a/b c":"v"}')).toBe("/keys/a%2Fb%20c")
    expect(memberOf('{"__proto__":"v"}')).toBe("/keys/__proto__")
  })

  it("goes into the change where it fits, else into the index", () => {
    const small = place("k", "x".repeat(CHANGE_BODY_MAX_BYTES - '{"k":""}'.length))
    expect(small).toMatchObject({ body: expect.any(String), stored: { value: null } })
    const large = place("k", "x".repeat(CHANGE_BODY_MAX_BYTES))
    expect(large).toMatchObject({ body: null, stored: { size: CHANGE_BODY_MAX_BYTES } })
    for (const { body, stored } of [small, large]) {
      expect(valueOf({ body, value: stored.value })).toHaveLength(stored.size)
    }
    expect(valueOf({ body: null, value: null })).toBeNull()
  })

  it("is refused when it is too large or no text", () => {
    expect(() => place("k", "x".repeat(KEY_VALUE_MAX_BYTES))).not.toThrow()
    expect(() => place("k", "é".repeat(KEY_VALUE_MAX_BYTES / 2 + 1))).toThrow(/1000000 bytes/)
    expect(() => place("k", "\ud800")).toThrow(/UTF-8/)
  })
})
