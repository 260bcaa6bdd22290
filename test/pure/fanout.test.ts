import { describe, expect, it } from "vitest"
import type { Delivery } from "../../src/live/delivery/delivery.ts"
import { GONE, planOf, type Desk, type Reading } from "../../src/live/delivery/fanout.ts"
import { Session } from "../../src/live/session.ts"
import { Topics } from "../../src/live/topics.ts"
import { resolver, sourceOf, tidied } from "../../src/live/uris.ts"
import type { Change } from "../../src/protocol/change.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import { pathOf } from "../../src/protocol/uri.ts"

const get = (path: string, more: object = {}) =>
  ({ method: "GET", path, verb: path.endsWith("/") ? "list" : "get", ...more }) as Endpoint

const resolve = resolver([
  get("/apps/:name", { entryOf: ({ name }: { name: string }) => ({ name }) }),
  get("/apps/", { memberOf: (app: { name: string }) => `/apps/${app.name}` }),
  get("/plain/", { memberOf: ({ id }: { id: string }) => `/plain/${id}` }),
  get("/plain/:id"),
  get("/plain/fixed"),
  get("/vague/"),
  get("/vague/:id"),
])

const deaf = { send: () => {}, close: () => {}, serializeAttachment: () => {} }

function topicsOf(...followed: string[]): Topics {
  const topics = new Topics((topic) => {
    const target = resolve(topic)
    return target ? sourceOf(target) : pathOf(topic)
  })
  for (const topic of followed) topics.add(topic, new Session(deaf, "write"))
  return topics
}

function change(revision: number, event: Change["event"], uri: string, body?: object): Change {
  return { revision, at: 0, uri, event, body: body ? JSON.stringify(body) : null, extra: null }
}

function plan(changes: Change[], topics: Topics, more: Partial<Desk> = {}, most = 9) {
  const through = changes.at(-1)?.revision ?? 0
  const desk = {
    topics,
    resolve,
    floors: new Map(),
    readings: new Map(),
    through,
    known: changes,
    memories: new Map(),
  }
  return planOf(changes, { ...desk, ...more }, most)
}

const framesOf = (deliveries: Delivery[]) =>
  deliveries.map(({ frames }) => frames.map(([topic, text]) => [topic, JSON.parse(text)]))

const read = (entries: Record<string, Reading>) => new Map(Object.entries(entries))

describe("a change becomes", () => {
  it("for a list create, for the item state", () => {
    const changes = [change(5, "create", "/apps/a", { name: "a" })]
    const [[list, item] = []] = framesOf(plan(changes, topicsOf("/apps/", "/apps/a")).deliveries)
    const resource = { name: "a" }
    expect(list).toEqual([
      "/apps/",
      { event: "create", uri: "/apps/", member: "/apps/a", revision: 5, resource, entry: resource },
    ])
    expect(item).toEqual(["/apps/a", { event: "state", uri: "/apps/a", revision: 5, resource }])
  })

  it("one text for all who follow", () => {
    const changes = [change(5, "patch", "/plain/a", { n: 1 })]
    const { deliveries } = plan(changes, topicsOf("/plain/", "/plain/a"))
    const [delivery] = deliveries
    expect(delivery?.frames[0]?.[1]).toBe(delivery?.frames[1]?.[1])
    expect(framesOf(deliveries)[0]?.[0]).toEqual([
      "/plain/",
      { event: "patch", uri: "/plain/a", revision: 5, patch: { n: 1 } },
    ])
  })

  it("nothing where nobody follows", () => {
    const changes = [change(5, "create", "/apps/a", {}), change(6, "patch", "/apps/b/c")]
    expect(plan(changes, topicsOf("/plain/", "/apps/b"))).toMatchObject({
      deliveries: [],
      missing: [],
      covers: 2,
    })
  })

  it("a frame that carries what the store says beside it, and raw numbers", () => {
    const told = { ...change(5, "delete", "/plain/a"), extra: '{"reason":"expired"}' }
    const raw = { ...change(6, "state", "/plain/a"), body: '{"n":1.0,"big":9007199254740993}' }
    const { deliveries } = plan([told, raw], topicsOf("/plain/a"))
    expect(deliveries.map(({ frames }) => frames[0]?.[1])).toEqual([
      '{"event":"delete","uri":"/plain/a","revision":5,"reason":"expired"}',
      '{"event":"state","uri":"/plain/a","revision":6,"resource":{"n":1.0,"big":9007199254740993}}',
    ])
  })
})

describe("what the journal does not tell", () => {
  const topics = topicsOf("/plain/", "/plain/a", "/plain/b")
  const reading = { json: '{"n":9}', revision: 8 }

  it("is read, once for all changes that the reading covers", () => {
    const changes = [
      change(5, "state", "/plain/a"),
      change(6, "patch", "/plain/b", { n: 1 }),
      change(7, "patch", "/plain/a", { n: 7 }),
      change(8, "patch", "/plain/a"),
      change(9, "patch", "/plain/a", { n: 10 }),
    ]
    expect(plan(changes, topics).missing).toEqual(["/plain/a"])
    const { deliveries, missing } = plan(changes, topics, {
      readings: read({ "/plain/a": reading }),
    })
    expect(missing).toEqual([])
    expect(framesOf(deliveries).map((frames) => frames[0]?.[1])).toEqual([
      { event: "state", uri: "/plain/a", revision: 8, position: 5, resource: { n: 9 } },
      { event: "patch", uri: "/plain/b", revision: 6, patch: { n: 1 } },
      { event: "patch", uri: "/plain/a", revision: 9, patch: { n: 10 } },
    ])
  })

  it("is covered beyond the changes known now, by a floor that is kept", () => {
    const { floors } = plan([change(5, "state", "/plain/a")], topics, {
      readings: read({ "/plain/a": reading }),
    })
    expect([...floors]).toEqual([["/plain/a", 8]])
    const later = [change(7, "patch", "/plain/a", { n: 7 }), change(9, "delete", "/plain/a")]
    const { deliveries } = plan(later, topics, { floors })
    expect(deliveries.map(({ revision }) => revision)).toEqual([9])
  })

  it("joins its list where it came to be, also when it was deleted and made again meanwhile", () => {
    const changes = [
      change(5, "state", "/plain/a"),
      change(6, "delete", "/plain/a"),
      change(7, "create", "/plain/b", {}),
      change(8, "create", "/plain/a"),
    ]
    const readings = read({ "/plain/a": reading })
    const { deliveries } = plan(changes, topics, { readings })
    const told = framesOf(deliveries).map((frames) => {
      const { event, member, uri, revision } = frames[0]?.[1] ?? {}
      return [event, member ?? uri, revision]
    })
    const expected = [
      ["delete", "/plain/a", 6],
      ["create", "/plain/b", 7],
      ["create", "/plain/a", 8],
    ]
    expect(told).toEqual(expected)
    // The same when the journal had not come so far when it was read.
    const early = plan(changes.slice(0, 1), topics, { readings, known: changes })
    expect(early.deliveries).toEqual([])
    const rest = plan(changes.slice(1), topics, { readings, floors: early.floors })
    expect(rest.deliveries.map(({ revision }) => revision)).toEqual([6, 7, 8])
  })

  it("is not told when it is gone, and patches neither, until something whole comes", () => {
    const gone = read({ "/plain/a": null })
    const changes = [change(5, "patch", "/plain/a"), change(6, "patch", "/plain/a", { n: 1 })]
    const { deliveries, floors } = plan(changes, topics, { readings: gone })
    expect(deliveries).toEqual([])
    expect([...floors]).toEqual([["/plain/a", GONE]])
    for (const whole of [change(7, "delete", "/plain/a"), change(7, "create", "/plain/a", {})]) {
      const after = plan([whole, change(8, "patch", "/plain/a", { n: 2 })], topics, { floors })
      expect(after.deliveries.map(({ revision }) => revision)).toEqual([7, 8])
      expect(after.floors.size).toBe(0)
    }
    // A patch to something that seemed gone asks again: the reading may have failed.
    const again = plan([change(7, "patch", "/plain/a", { n: 2 })], topics, { floors })
    expect(again.missing).toEqual(["/plain/a"])
  })

  it("is asked for a few at a time", () => {
    const names = ["a", "b", "c", "d", "e"]
    const many = topicsOf(...names.map((name) => `/plain/${name}`))
    const changes = names.map((name, at) => change(at + 1, "state", `/plain/${name}`))
    const { missing, covers } = plan(changes, many, {}, 2)
    expect([missing.length, covers]).toEqual([3, 2])
    const views = topicsOf(...names.map((name) => `/plain/a?v=${name}`))
    expect(plan(changes, views, {}, 2)).toMatchObject({ covers: 1 })
  })
})

describe("a view", () => {
  it("is read again once for all changes known, and told at the first of them", () => {
    const topics = topicsOf("/apps/?limit=1", "/vague/", "/plain/a?x=1")
    const changes = [
      change(5, "create", "/apps/a", {}),
      change(6, "create", "/apps/b", {}),
      change(7, "patch", "/vague/deep/down/x", {}),
      change(8, "patch", "/plain/b", {}),
    ]
    expect(plan(changes, topics).missing).toEqual(["/apps/?limit=1", "/vague/"])
    const readings = read({ "/apps/?limit=1": { json: "[1]", revision: 8 }, "/vague/": null })
    const { deliveries, floors } = plan(changes, topics, { readings })
    expect(framesOf(deliveries).flat()).toEqual([
      [
        "/apps/?limit=1",
        { event: "state", uri: "/apps/?limit=1", revision: 8, view: true, resource: [1] },
      ],
      ["/vague/", { event: "delete", uri: "/vague/", revision: 8, view: true }],
    ])
    expect(plan(changes, topics, { floors }).missing).toEqual([])
  })

  it("and a member of a list may be one URI, and both are told", () => {
    const both = resolver([
      get("/refs/", { memberOf: ({ id }: { id: string }) => `/refs/${id}/` }),
      get("/refs/:id/", { entryOf: ({ id }: { id: string }) => ({ id }) }),
    ])
    const topics = new Topics((topic) => sourceOf(both(topic) as never))
    for (const topic of ["/refs/", "/refs/a/"]) topics.add(topic, new Session(deaf, "write"))
    const readings = read({ "/refs/a/": { json: "[1]", revision: 5 } })
    const { deliveries } = plan([change(5, "create", "/refs/a/")], topics, {
      readings,
      resolve: both,
    })
    expect(framesOf(deliveries).flat()).toMatchObject([
      ["/refs/", { event: "create", member: "/refs/a/", entry: { id: "a" } }],
      ["/refs/a/", { event: "state", view: true, resource: [1] }],
    ])
  })
})

describe("URIs", () => {
  it("are one, however they are written", () => {
    const ways = ["/plain/a%20b", "plain/a b", "//plain//%61%20b/", "/plain/a%20b/"]
    for (const way of ways) expect(resolve(way)?.topic).toBe("/plain/a%20b")
    for (const way of ["/plain", "plain/", "///plain//"])
      expect(resolve(way)?.topic).toBe("/plain/")
    expect(resolve("/plain/a?b=2&a=1&b=1")?.topic).toBe("/plain/a?a=1&b=2&b=1")
    expect(resolve("/plain/a?")?.topic).toBe("/plain/a")
    expect(resolve("/plain/a#b")?.topic).toBe("/plain/a%23b")
    expect(tidied("sum//x y?q=ä")).toBe("/sum/x y?q=%C3%A4")
  })

  it("that match nothing, or have a broken escape, resolve to nothing", () => {
    for (const way of ["/", "", "/plain/a/b", "/plain/%FF", "/nowhere"]) {
      expect(resolve(way)).toBeNull()
    }
  })

  it("prefer a fixed segment, as the router does", () => {
    expect(resolve("/plain/fixed")?.endpoint.path).toBe("/plain/fixed")
    expect(resolve("/plain/fixes")?.endpoint.path).toBe("/plain/:id")
  })
})
