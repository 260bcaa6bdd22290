import * as fc from "fast-check"
import { Decoder, Encoder, PacketType } from "socket.io-parser"
import { describe, expect, it, vi } from "vitest"
import { parseTree } from "../../src/lib/tree.ts"
import { stateText } from "../../src/protocol/frames.ts"
import { commandOf } from "../../src/live/socketio/command.ts"
import { failureOf } from "../../src/live/socketio/failure.ts"
import { ackText, eventText, readPacket } from "../../src/live/socketio/packet.ts"
import { ackOf, Events } from "../../src/live/socketio/translate.ts"
import { PROBLEMS, Problem, type ProblemCode } from "../../src/protocol/problem.ts"

const SEED = 20160711
const TYPES = { connect: 0, disconnect: 1, event: 2, ack: 3 } as const

/** What the official parser reads; null when it refuses. */
function officially(text: string) {
  const decoder = new Decoder()
  let read: { type: PacketType; nsp: string; id?: number; data?: unknown } | null = null
  decoder.on("decoded", (packet: any) => {
    read = packet
  })
  try {
    decoder.add(text)
  } catch {
    return null
  }
  return read as null | { type: PacketType; nsp: string; id?: number; data?: unknown }
}

const namespaces = fc.constantFrom("/", "/api", "/a-b/c")
const names = fc.constantFrom("subscribe", "create", "state", "x,y", "[")
const ids = fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined })

describe("packets", () => {
  it("are read as the official parser writes them", () => {
    const packet = fc.record({
      type: fc.constantFrom(PacketType.EVENT, PacketType.ACK),
      nsp: namespaces,
      id: ids,
      data: fc.tuple(names, fc.jsonValue()),
    })
    fc.assert(
      fc.property(packet, ({ type, nsp, id = type === PacketType.ACK ? 0 : undefined, data }) => {
        const [text = ""] = new Encoder().encode({ type, nsp, id, data } as never) as string[]
        const read = readPacket(text)
        expect(read && TYPES[read.type as "event"]).toBe(type)
        expect(read).toMatchObject({ namespace: nsp, id: id === undefined ? null : String(id) })
        expect(JSON.parse(read?.json ?? "")).toEqual(JSON.parse(JSON.stringify(data)))
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it("are written as the official parser reads them", () => {
    fc.assert(
      fc.property(namespaces, names, fc.jsonValue(), fc.nat(), (nsp, name, value, id) => {
        const json = JSON.stringify(value)
        const said = JSON.parse(json)
        const event = officially(eventText(nsp, name, json).slice(1))
        expect(event).toMatchObject({ type: PacketType.EVENT, nsp, data: [name, said] })
        const ack = officially(ackText(nsp, String(id), json).slice(1))
        expect(ack).toMatchObject({ type: PacketType.ACK, nsp, id, data: [said] })
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it("that the official parser takes are taken, and what they say is the same", () => {
    const part = fc.constantFrom(
      "0",
      "1",
      "2",
      "3",
      "4",
      "5",
      "/",
      "/a",
      ",",
      "12",
      "-",
      '["a"]',
      "{}",
      "[",
      "x",
      '{"sid":1}',
    )
    const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""))
    let taken = 0
    fc.assert(
      fc.property(text, (packet) => {
        const official = officially(packet)
        if (packet === "" || !official || official.type === PacketType.CONNECT_ERROR) return
        const { type, id, data } = official
        // It lets these pass although nobody could do anything with them.
        if (type >= PacketType.EVENT && data === undefined) return
        if (type === PacketType.ACK && id === undefined) return
        const read = readPacket(packet)
        taken++
        expect(read, packet).not.toBeNull()
        expect(read && TYPES[read.type as "event"], packet).toBe(official.type)
        expect(read?.namespace, packet).toBe(official.nsp)
      }),
      { seed: SEED, numRuns: 20_000 },
    )
    expect(taken).toBeGreaterThan(100)
  })
})

describe("frames as events", () => {
  const frame = stateText({ uri: "/todo/", revision: 7, resource: '[{"uri":"/x","n":1.0}]' })

  it("keep their text, and lose the first slash of their own URI where that is asked", () => {
    const events = new Events("/")
    const rest = '"revision":7,"resource":[{"uri":"/x","n":1.0}]}]'
    expect(events.of(frame, false)).toBe(`42["state",{"uri":"/todo/",${rest}`)
    expect(events.of(frame, true)).toBe(`42["state",{"uri":"todo/",${rest}`)
    expect(events.of(frame, false)).toBe(`42["state",{"uri":"/todo/",${rest}`)
    expect(new Events("/api").of(frame, false)).toBe(`42/api,["state",{"uri":"/todo/",${rest}`)
  })

  it("of one text are made once for however many sockets, and anew for the next", () => {
    const events = new Events("/")
    const cuts = vi.spyOn(String.prototype, "slice")
    try {
      for (let n = 0; n < 100; n++) events.of(frame, false)
      const once = cuts.mock.calls.length
      events.of(`${frame} `, false)
      expect([once > 0, cuts.mock.calls.length]).toEqual([true, 2 * once])
    } finally {
      cuts.mockRestore()
    }
  })

  it("replies lose their id, and problems keep their URIs", () => {
    expect(ackOf("/", "5", '{"id":null,"ok":true,"uri":"/a"}', true)).toBe(
      '435[{"ok":true,"uri":"a"}]',
    )
    const refused = '{"id":null,"ok":false,"problem":{"uri":"/a"}}'
    expect(ackOf("/", "5", refused, true)).toBe('435[{"ok":false,"problem":{"uri":"/a"}}]')
  })
})

describe("an event", () => {
  const commanded = (...args: unknown[]) => commandOf(parseTree(JSON.stringify(args)))

  it("becomes the command, and nothing in its payload changes which", () => {
    const alone = commanded("subscribe", "/a")
    expect(alone).toMatchObject({ event: "subscribe", uri: "/a" })
    expect(JSON.parse(alone?.frame ?? "")).toEqual({ event: "subscribe", uri: "/a", id: null })
    const payload = { uri: "/a", since: "x.1", event: "delete", id: 5 }
    const frame = JSON.parse(commanded("subscribe", payload)?.frame ?? "")
    expect(frame).toEqual({ event: "subscribe", uri: "/a", since: "x.1", id: null })
    expect(commanded("state", "/a")).toBeNull()
    expect(commanded()).toBeNull()
    expect(commanded(5, "/a")).toBeNull()
  })

  it("carries what it carries as it was written", () => {
    const text = '{"uri":"/a","patch":{"2":1.0,"1":9007199254740993,"__proto__":-0}}'
    const frame = commandOf(parseTree(`["patch",${text}]`))?.frame
    expect(frame).toBe(`${text.slice(0, -1)},"event":"patch","id":null}`)
  })

  it("that is refused has a name of the original's, whatever the problem", () => {
    for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
      const problem = new Problem(code, "The detail")
      const { event, error, message } = failureOf(JSON.stringify(problem), "subscribe", "/a")
      expect(event).toBe(problem.status >= 500 ? "server_error" : "api_error")
      expect(message).toBe(problem.status >= 500 ? null : "The detail")
      expect(error).toMatch(/^(InvalidRequest|NotFound|SocketAPI|Server)Error$/)
    }
  })
})
