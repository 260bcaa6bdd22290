/** Frames that say what will be: told once, in no state, and no part of any copy. */
import { describe, expect, it, vi } from "vitest"
import { PatternReplica } from "../../src/client/replica-pattern.ts"
import { Replica } from "../../src/client/replica.ts"
import { folded } from "../../src/live/outlet/conflate.ts"
import { expiryOf } from "../../src/live/expiry.ts"
import { planOf, type Desk } from "../../src/live/delivery/fanout.ts"
import { pokeHubs } from "../../src/live/hubs.ts"
import { Session } from "../../src/live/session.ts"
import { Topics } from "../../src/live/topics.ts"
import { resolver, sourceOf } from "../../src/live/uris.ts"
import type { Change } from "../../src/protocol/change.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import { POKE_MAX_BYTES } from "../../src/protocol/live-limits.ts"
import {
  createText,
  deleteText,
  expiringText,
  patchText,
  stateText,
  type Frame,
} from "../../src/protocol/frames.ts"
import { parsePattern } from "../../src/protocol/pattern.ts"
import { pathOf } from "../../src/protocol/uri.ts"

const uri = "/l/a"
const extra = '{"expires_at":9}'
const warning = (revision: number) => expiringText({ uri, revision, extra })
const frame = (text: string) => JSON.parse(text) as Frame

describe("what a hub tells", () => {
  const resolve = resolver([
    { method: "GET", path: "/l/", verb: "list", memberOf: ({ id }: { id: string }) => `/l/${id}` },
    { method: "GET", path: "/l/:id", verb: "get" },
  ] as unknown as Endpoint[])

  function planFor(topic: string, changes: Change[], more: Partial<Desk>) {
    const topics = new Topics((each) => {
      const target = resolve(each)
      return target ? sourceOf(target) : pathOf(each)
    })
    topics.add(topic, new Session({ send() {}, close() {}, serializeAttachment() {} }, "write"))
    const through = changes.at(-1)!.revision
    const desk = {
      topics,
      resolve,
      floors: new Map(),
      readings: new Map(),
      through,
      known: changes,
    }
    return planOf(changes, { ...desk, memories: new Map(), ...more } as Desk, 9)
  }

  const change = (revision: number, event: Change["event"], body: string | null): Change => {
    return { revision, at: 0, uri, event, body, extra: event === "expiring" ? extra : null }
  }
  const changes = [change(5, "state", null), change(6, "expiring", null), change(7, "state", null)]

  it("of a resource that was read again are all warnings, behind the state that is newer", () => {
    const readings = new Map([[uri, { json: '{"n":7}', revision: 7 }]])
    const { deliveries, missing } = planFor(uri, changes, { readings })
    expect(missing).toEqual([])
    expect(deliveries.map(({ frames }) => frame(frames[0]![1]))).toEqual([
      { event: "state", uri, revision: 7, position: 5, resource: { n: 7 } },
      { event: "expiring", uri, revision: 6, expires_at: 9 },
    ])
  })

  it("of a view that was read again, too; who comes back begins before them", () => {
    const view = "/l/?x=1"
    const readings = new Map([[view, { json: "[]", revision: 7 }]])
    const { deliveries } = planFor(view, changes, { readings })
    expect(deliveries.map(({ frames }) => frame(frames[0]![1]))).toEqual([
      { event: "state", uri: view, revision: 7, position: 5, view: true, resource: [] },
      { event: "expiring", uri, list: view, view: true, revision: 6, expires_at: 9 },
    ])
    // Nothing is read for a warning alone.
    expect(planFor(view, [changes[1]!], {})).toMatchObject({ missing: [], deliveries: [{}] })
  })
})

describe("a copy", () => {
  const begin = (replica: Replica | PatternReplica, frames: string[], position: number) => {
    replica.begin({ id: 1, ok: true, uri: replica.uri, revision: position, epoch: "ab" })
    for (const text of frames) replica.take(frame(text))
    replica.settle(position)
  }

  it("stays as it is, and goes on from behind the warning", () => {
    const replica = new Replica(uri)
    begin(replica, [stateText({ uri, revision: 5, resource: '{"n":1}' })], 5)
    expect(replica.take(frame(warning(6)))).toBe("warned")
    expect([replica.value, replica.revision, replica.since]).toEqual([{ n: 1 }, 5, "ab.6"])
    expect(replica.take(frame(warning(6)))).toBe("ignored")
    expect(replica.take(frame(patchText({ uri, revision: 7, patch: '{"n":2}' })))).toBe("changed")
  })

  it.each([["/l/a"], ["/l/"], ["/l/*"]])(
    "of %s takes one that is older than its state",
    (topic) => {
      const pattern = parsePattern(topic)
      const replica = topic.includes("*") ? new PatternReplica(pattern!) : new Replica(topic)
      const members = topic === "/l/" ? { members: [uri] } : {}
      const own = stateText({
        uri: topic,
        revision: 4,
        resource: topic === "/l/" ? "[1]" : "1",
        ...members,
      })
      begin(replica, topic.includes("*") ? [] : [own], 4)
      expect(replica.take(frame(stateText({ uri, revision: 7, position: 5, resource: "2" })))).toBe(
        "changed",
      )
      const { value } = replica
      expect(replica.take(frame(warning(6)))).toBe("warned")
      expect(replica.take(frame(warning(3)))).toBe("ignored")
      expect(replica.value).toEqual(value)
      expect(replica.since).toBe("ab.6")
      // Another database counts anew.
      const reset = { reset: true, epoch: "cd", revision: 1, position: 1 } as const
      if (topic !== "/l/*")
        replica.take(frame(stateText({ uri: topic, ...reset, resource: "[]", ...members })))
      else replica.take(frame(deleteText({ uri: topic, ...reset })))
      expect(replica.take(frame(warning(2)))).toBe("warned")
    },
  )
})

describe("frames that wait", () => {
  const told = (...frames: string[]) =>
    folded(frames).map((text) => [frame(text).event, frame(text).revision])
  const create = createText({ uri: "/l/", member: uri, revision: 1, resource: "{}" })

  it("keep all warnings, before what took the place of the others", () => {
    const patch = patchText({ uri, revision: 3, patch: '{"n":1}' })
    expect(told(create, warning(2), patch, warning(4))).toEqual([
      ["expiring", 2],
      ["create", 3],
      ["expiring", 4],
    ])
    const gone = deleteText({ uri, revision: 5 })
    expect(told(create, warning(2), patch, warning(4), gone)).toEqual([
      ["expiring", 2],
      ["expiring", 4],
      ["delete", 5],
    ])
    const view = { uri, list: "/l/?x=1", view: true } as const
    const seen = expiringText({ ...view, revision: 2, extra })
    expect(
      told(seen, stateText({ uri: "/l/?x=1", view: true, revision: 3, resource: "[]" })),
    ).toEqual([
      ["expiring", 2],
      ["state", 3],
    ])
  })
})

describe("the clock", () => {
  const change = (revision: number, body: string, more: object = {}): Change => {
    return { revision, at: 0, uri, event: "state", body, extra: JSON.stringify(more) }
  }

  it("is set to what comes first, the warning or the end", () => {
    expect(expiryOf([change(1, "", { expires_at: 50, warn_at: 40 })])).toBe(40)
    const all = [change(1, "", { expires_at: 50, warn_at: 40 }), change(2, "", { expires_at: 30 })]
    expect(expiryOf(all)).toBe(30)
    expect(expiryOf([change(1, "", { reason: "expired" })])).toBeNull()
  })

  it("is told of what does not ride along with a poke", async () => {
    const calls = { poke: vi.fn(async () => {}), ringBy: vi.fn(async () => {}) }
    const large = "x".repeat(POKE_MAX_BYTES)
    const changes = [change(1, large), change(2, "x", { expires_at: 50 }), change(3, "x")]
    await pokeHubs(() => calls, changes, ["hub-0"])
    expect(calls.poke).toHaveBeenCalledWith([changes[0], changes[2]])
    expect(calls.ringBy).toHaveBeenCalledExactlyOnceWith(50)
    await pokeHubs(() => calls, changes.slice(1), ["hub-0"])
    expect(calls.ringBy).toHaveBeenCalledTimes(1)
  })
})
