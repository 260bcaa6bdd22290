/** Patterns over URIs. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isPattern, parsePattern } from "../../src/protocol/pattern.ts"
import { encodeSegment } from "../../src/protocol/uri.ts"

const matches = (pattern: string, uri: string) => parsePattern(pattern)?.matches(uri)

describe("a pattern", () => {
  it.each([
    ["/api/apps/todo", "/api/apps/todo", true],
    ["/api/apps/todo", "/api/apps/todos", false],
    ["/api/apps/", "/api/apps/", true],
    ["/api/apps/", "/api/apps/todo", false],
    ["/api/store/weather/*", "/api/store/weather/oslo", true],
    ["/api/store/weather/*", "/api/store/weather/", false],
    ["/api/store/weather/*", "/api/store/tides/oslo", false],
    ["/api/store/weather/*", "/api/store/weather/oslo/more", false],
    ["/api/store/*/oslo", "/api/store/weather/oslo", true],
    ["/api/**", "/api/apps/todo", true],
    ["/api/**", "/api/store/weather/oslo", true],
    ["/api/**", "/keys/a", false],
    ["/todo/7/**", "/todo/7", false],
    ["/todo/7/**", "/todo/7/", true],
    ["/**", "/keys/a", true],
    ["**", "/keys/a", true],
    ["/**/oslo", "/oslo", true],
    ["/**/oslo", "/api/store/weather/oslo", true],
    ["/api/**/oslo", "/api/oslo", true],
    ["/a/**/b/**/c", "/a/x/b/b/y/c", true],
    ["/a/**/b/**/c", "/a/x/y/c", false],
    ["/a/**/b", "/a", false],
    ["/keys/session:*", "/keys/session%3A42", true],
    ["/keys/session%3A*", "/keys/session%3A42", true],
    ["/keys/session:*", "/keys/session", false],
    ["/keys/*a*b*", "/keys/xaxbx", true],
    ["/keys/*a*b*", "/keys/bxa", false],
    ["/keys/a*a", "/keys/a", false],
    ["/keys/a**b", "/keys/axb", true],
    ["/api/**/", "/api/store/weather/", true],
    ["/api/**/", "/api/store/weather", false],
    ["/keys/2%2A2", "/keys/2%2A2", true],
    ["/keys/2%2A2", "/keys/222", false],
    ["//api//apps/*", "/api/apps/a", true],
    ["/keys/*", "/keys/a?x=/b/c", true],
  ])("%s on %s is %s", (pattern, uri, expected) => {
    expect(matches(pattern, uri)).toBe(expected)
  })

  it("has one text however it was encoded, which is a pattern of the same meaning", () => {
    expect(parsePattern("api//apps/%61*%C3%A9")?.text).toBe("/api/apps/a*%C3%A9")
    expect(parsePattern("/keys/é:*")?.text).toBe("/keys/%C3%A9%3A*")
    expect(parsePattern("/keys/2%2A2")?.text).toBe("/keys/2%2A2")
    expect(parsePattern("/**/a/**/b/")?.text).toBe("/**/a/**/b/")
    for (const text of ["/**", "/a/**", "/**/a", "/"]) expect(parsePattern(text)?.text).toBe(text)
  })

  it("is none with a query or a broken percent escape", () => {
    for (const text of ["/keys/*?a=1", "/keys/%", "/keys/%C3*%A9"])
      expect(parsePattern(text)).toBe(null)
  })

  it("is told from a URI by its stars", () => {
    expect(["/api/**", "/a/b*"].map(isPattern)).toEqual([true, true])
    expect(["/api/apps/2%2A2", "/api/apps?fields=*"].map(isPattern)).toEqual([false, false])
  })

  it("matches what a regular expression would, for any patterns and URIs", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "*", "é"), maxLength: 5 })
    const segment = fc.oneof({ weight: 4, arbitrary: word }, fc.constant("**"))
    const pattern = fc.array(segment, { minLength: 1, maxLength: 5 })
    const name = fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 4 })
    const uri = fc.array(name, { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(pattern, uri, (words, names) => {
        // Empty segments before the last are no segments.
        const wanted = words.filter((text, at) => text !== "" || at === words.length - 1)
        const found = names.filter((text, at) => text !== "" || at === names.length - 1)
        const path = `/${found.map(encodeSegment).join("/")}`
        expect(matches(`/${words.join("/")}`, path)).toBe(regexOf(wanted).test(path))
      }),
      { numRuns: 2_000 },
    )
  })

  it("takes no longer for patterns made to be slow", () => {
    const long = `/${"a".repeat(4_000)}`
    expect(matches(`/${"*a".repeat(2_000)}*b`, long)).toBe(false)
    expect(matches(`${"/**/a".repeat(1_000)}/b`, "/a".repeat(4_000))).toBe(false)
  })
})

function regexOf(words: readonly string[]): RegExp {
  let text = ""
  words.forEach((word, at) => {
    const last = at === words.length - 1
    if (word === "**") text += last ? "(/[^/]*)+" : "(/[^/]*)*"
    else if (/^\*+$/.test(word)) text += "/[^/]+"
    else text += `/${word.split(/\*+/).map(encodeSegment).join("[^/]*")}`
  })
  return new RegExp(`^${text}$`)
}
