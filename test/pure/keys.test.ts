import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { nameOf, place, toJson, uriOf, valueOf } from "../../src/keys/entry.ts"
import { expired } from "../../src/feed/expiry.ts"
import { keepSeconds, momentOf, ttlOf } from "../../src/keys/expiry.ts"
import { scaledOf, shortest } from "../../src/lib/scaled.ts"
import type { FullRow } from "../../src/keys/sql.ts"
import { kindOf, readType, textValue, valueOfBytes, type Value } from "../../src/keys/value.ts"
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
    ["5m", 300],
    ["1h30m", 5_400],
    ["1500ms", 1.5],
    [5, 5],
  ])("reads %j as %d seconds", (given, seconds) => {
    expect(ttlOf(given)).toBe(seconds * 1_000)
  })

  it.each([
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "abc",
    "1e3",
    "0x10",
    "1000000001",
    "9".repeat(400),
    "++1",
    "0s",
    "1us",
    "5x",
    "5 m",
    1.5,
    0,
    null,
    {},
  ])("refuses %j", (given) => {
    expect(ttlOf(given)).toBeNull()
  })

  it.each([
    ["2030-01-01", "2030-01-01T00:00:00.000Z"],
    ["2030-01-01T12:00Z", "2030-01-01T12:00:00.000Z"],
    ["2030-01-01t12:00:00.25+02:00", "2030-01-01T10:00:00.250Z"],
    ["1893456000", "2030-01-01T00:00:00.000Z"],
    [1_893_456_000.5, "2030-01-01T00:00:00.500Z"],
  ])("takes %j for the moment %s", (given, moment) => {
    expect(momentOf(given, Date.parse("2029-12-31"))).toBe(Date.parse(moment))
  })

  it.each([
    "",
    "soon",
    "2030-02-30",
    "2030-01-01T12:00",
    "2030-01-01T25:00Z",
    "2029-12-31",
    "2029-01-01",
    "1861920000",
    "1893456000000",
    "9999-01-01",
    "-5",
    "1e9",
    null,
    true,
    Number.NaN,
  ])("takes %j for no moment ahead", (given) => {
    expect(momentOf(given, Date.parse("2029-12-31"))).toBeNull()
  })

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

/** A row of the index with what place says of the value. */
const rowOf = (name: string, value: Value): FullRow => {
  const { body, stored } = place(name, value)
  return { name, revision: 1, expiresAt: null, body, ...stored }
}

describe("a key with its value", () => {
  it("comes back from its row and its URI, whatever they are", () => {
    fc.assert(
      fc.property(text, text, (name, value) => {
        fc.pre(value.isWellFormed())
        expect(valueOf(rowOf(name, textValue(value)))).toEqual(textValue(value))
        expect(nameOf(uriOf(name))).toBe(name)
      }),
    )
    fc.assert(
      fc.property(text, fc.json(), fc.uint8Array(), (name, json, bytes) => {
        for (const type of ["application/json", "image/png"]) {
          const content = type === "image/png" ? bytes : new TextEncoder().encode(json)
          const value = valueOfBytes(content, type)
          expect(valueOf(rowOf(name, value))).toEqual(value)
        }
      }),
    )
    expect(toJson("__proto__", textValue("x"))).toBe('{"__proto__":"x"}')
  })

  it("is named by its element of the list", () => {
    expect(memberOf('{"a/b c":"v"}')).toBe("/keys/a%2Fb%20c")
    expect(memberOf('{"__proto__":"v"}')).toBe("/keys/__proto__")
  })

  it("goes into the change where it fits, else into the index", () => {
    const small = textValue("x".repeat(CHANGE_BODY_MAX_BYTES - '{"k":""}'.length))
    expect(place("k", small)).toMatchObject({ body: expect.any(String), stored: { value: null } })
    const large = textValue("x".repeat(CHANGE_BODY_MAX_BYTES))
    expect(place("k", large)).toMatchObject({ body: null, stored: { size: CHANGE_BODY_MAX_BYTES } })
    for (const value of [small, large]) expect(valueOf(rowOf("k", value))).toEqual(value)
    expect(valueOf({ ...rowOf("k", small), body: null })).toBeNull()
    expect(valueOf({ ...rowOf("k", textValue("5")), body: null })).toEqual(textValue("5"))
  })

  it("is refused when it is too large or no text", () => {
    expect(() => place("k", textValue("x".repeat(KEY_VALUE_MAX_BYTES)))).not.toThrow()
    expect(() => place("k", textValue("é".repeat(KEY_VALUE_MAX_BYTES / 2 + 1)))).toThrow(/1000000/)
    expect(() => place("k", textValue("\ud800"))).toThrow(/UTF-8/)
  })
})

describe("a value's type", () => {
  it.each([
    [null, "application/octet-stream", "bytes"],
    ["text/plain;charset=UTF-8", "text/plain", "text"],
    ["Text/HTML", "text/html", "text"],
    ['text/csv; header=present; charset="utf-8"', "text/csv; header=present", "text"],
    ["text/plain; charset=latin1", "text/plain; charset=latin1", "bytes"],
    ["application/json; charset=utf-8", "application/json", "json"],
    ["application/problem+json", "application/problem+json", "json"],
    ["application/x-www-form-urlencoded", "text/plain", "text"],
    ["image/svg+xml", "image/svg+xml", "bytes"],
    ["multipart/form-data; boundary=Ab", "multipart/form-data; boundary=Ab", "bytes"],
  ])("of %j is %j, which is %s", (header, type, kind) => {
    expect(readType(header)).toBe(type)
    expect(kindOf({ type, blob: null })).toBe(kind)
    expect(kindOf({ type, blob: "b" })).toBe("bytes")
  })

  it.each(["text", "/plain", "text/plain/x", "te xt/plain", "text/\u00e9", `a/${"b".repeat(200)}`])(
    "is refused: %j",
    (header) => expect(() => readType(header)).toThrow(/media type/),
  )

  it("decides how bytes are read", () => {
    const bytes = (given: string) => new TextEncoder().encode(given)
    expect(
      valueOfBytes(bytes('{ "a": 1.0,\n"b":[12345678901234567890] }'), "application/json").text,
    ).toBe('{"a":1.0,"b":[12345678901234567890]}')
    expect(() => valueOfBytes(bytes("{"), "application/json")).toThrow(/must be JSON/)
    expect(() => valueOfBytes(bytes("[".repeat(500)), "application/json")).toThrow(/levels deep/)
    expect(() => valueOfBytes(Uint8Array.of(0xff), "text/plain")).toThrow(/UTF-8/)
    expect(valueOfBytes(Uint8Array.of(0xff), "image/x")).toMatchObject({ size: 1, text: "/w==" })
  })
})

describe("a number that can be counted", () => {
  it.each([
    ["0", "0", 0],
    ["-1.50", "-150", 2],
    ["9223372036854775807", "9223372036854775807", 0],
    ["0.000000000000000001", "1", 18],
  ])("%s is %s with %d places", (given, digits, scale) => {
    expect(scaledOf(given)).toEqual({ digits, scale })
  })

  it.each([
    "",
    " 1",
    "+1",
    "01",
    "1.",
    ".5",
    "1e3",
    "0x1",
    "9223372036854775808",
    "0.1234567890123456789",
    "1,5",
    "NaN",
  ])("%j is none", (given) => expect(scaledOf(given)).toBeNull())

  it("is written in fewest characters", () => {
    expect(["1.50", "2.00", "-0", "-0.0", "100", "0.10"].map(shortest)).toEqual([
      "1.5",
      "2",
      "0",
      "0",
      "100",
      "0.1",
    ])
  })
})
