import { describe, expect, it } from "vitest"
import {
  Command,
  createText,
  deleteText,
  doneText,
  patchText,
  refusedText,
  stateText,
} from "../../src/protocol/frames.ts"

describe("a command", () => {
  it("is read, with what it leaves out", () => {
    const parse = (value: unknown) => Command.parse(value)
    expect(parse({ event: "subscribe", uri: "/a" })).toEqual({
      id: null,
      event: "subscribe",
      uri: "/a",
    })
    expect(parse({ id: 1, event: "create", uri: "/a/" })).toMatchObject({ attributes: {} })
    expect(parse({ id: "x", event: "patch", uri: "/a" })).toMatchObject({ patch: {} })
    expect(parse({ id: 1, event: "create", uri: "/a/", attributes: null })).toMatchObject({
      attributes: null,
    })
    const since = { id: 1, event: "subscribe", uri: "/a", since: "ab.5" }
    expect(parse({ ...since, more: 1 })).toEqual(since)
  })

  it("of another form is refused", () => {
    const wrong = [
      null,
      [],
      "subscribe",
      {},
      { event: "subscribe" },
      { uri: "/a" },
      { event: "state", uri: "/a" },
      { event: "delete", uri: "" },
      { event: "delete", uri: "x".repeat(8_193) },
      { event: "delete", uri: 7 },
      { id: 1.5, event: "delete", uri: "/a" },
      { id: "x".repeat(101), event: "delete", uri: "/a" },
      { event: "subscribe", uri: "/a", since: 5 },
    ]
    for (const value of wrong) expect(Command.safeParse(value).success).toBe(false)
  })
})

describe("what is said", () => {
  const place = { uri: "/a", revision: 5 }

  it("holds resources as the text that they are", () => {
    const resource = '{"big":9007199254740993,"exact":1.0}'
    expect(stateText({ ...place, resource })).toBe(
      `{"event":"state","uri":"/a","revision":5,"resource":${resource}}`,
    )
    expect(doneText(1, { uri: "/a", revision: 5, member: "/a/7" }, resource)).toBe(
      `{"id":1,"ok":true,"uri":"/a","revision":5,"member":"/a/7","resource":${resource}}`,
    )
    expect(refusedText(null, '{"code":"conflict"}')).toBe(
      '{"id":null,"ok":false,"problem":{"code":"conflict"}}',
    )
  })

  it("is as the design shows it", () => {
    const create = { uri: "/todo/", revision: 43, member: "/todo/7", resource: "{}" }
    expect(JSON.parse(createText(create))).toEqual({ event: "create", ...create, resource: {} })
    expect(patchText({ uri: "/todo/7", revision: 44, patch: '{"n":1}' })).toBe(
      '{"event":"patch","uri":"/todo/7","revision":44,"patch":{"n":1}}',
    )
    expect(deleteText({ ...place, extra: '{"reason":"expired"}' })).toBe(
      '{"event":"delete","uri":"/a","revision":5,"reason":"expired"}',
    )
  })

  it("leaves out what is not there", () => {
    const nothing = { resource: "[]", entry: null, extra: null, members: null }
    expect(stateText({ ...place, ...nothing })).toBe(
      '{"event":"state","uri":"/a","revision":5,"resource":[]}',
    )
    expect(deleteText({ ...place, extra: "{}" })).toBe('{"event":"delete","uri":"/a","revision":5}')
    expect(doneText("x", { uri: "/a" })).toBe('{"id":"x","ok":true,"uri":"/a"}')
  })
})
