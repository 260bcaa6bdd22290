/** What views cost: what has to be read for a change, however many watch. */
import { describe, expect, it } from "vitest"
import { documentsView } from "../../src/documents/list/view.ts"
import { keysView } from "../../src/keys/view.ts"
import { GONE, planOf, type Desk, type Reading } from "../../src/live/delivery/fanout.ts"
import { Session } from "../../src/live/session.ts"
import { Topics } from "../../src/live/topics.ts"
import { resolver, sourceOf } from "../../src/live/uris.ts"
import type { Memory } from "../../src/live/delivery/views.ts"
import type { Change } from "../../src/protocol/change.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import type { View } from "../../src/protocol/view.ts"
import { seriesView } from "../../src/series/view/view.ts"

const line = (path: string, verb: "get" | "list", view: View) =>
  ({ method: "GET", path, verb, view }) as unknown as Endpoint
const resolve = resolver([
  line("/api/store/:reference/:symbol", "get", seriesView),
  line("/api/apps/", "list", documentsView),
  line("/keys/", "list", keysView),
])
const deaf = { send: () => {}, close: () => {}, serializeAttachment: () => {} }

const SERIES = "/api/store/r/s"
const label = (n: number, hour = "00") => `2015-01-0${n}T${hour}:00:00.000`

/** Many watch each of the topics, and `memories` are of them. */
function desk(memories: Record<string, unknown>, readings: Record<string, Reading> = {}) {
  const topics = new Topics((topic) => {
    const target = resolve(topic)
    return target && sourceOf(target)
  })
  for (const topic of Object.keys(memories)) {
    for (let n = 0; n < 50; n++) topics.add(topic, new Session(deaf, "write"))
  }
  const kept = Object.entries(memories).map(([topic, value]): [string, Memory] => [
    topic,
    { floor: 0, value },
  ])
  const found = new Map(Object.entries(readings))
  return { topics, resolve, floors: new Map(), readings: found, memories: new Map(kept) }
}

function plan(changes: Change[], from: Omit<Desk, "through" | "known">) {
  const through = changes.at(-1)?.revision ?? 0
  const { deliveries, ...rest } = planOf(changes, { ...from, through, known: changes }, 9)
  const frames = deliveries.flatMap(({ frames: all }) => all.map(([, text]) => JSON.parse(text)))
  return { ...rest, frames }
}

function rows(revision: number, points: Record<string, number>): Change {
  const told = {
    columns: ["v"],
    index: Object.keys(points),
    data: Object.values(points).map((value) => [value]),
  }
  const body = JSON.stringify({ removed: [], rows: told })
  return { revision, at: 0, uri: SERIES, event: "patch", body, extra: null }
}

describe("a change of a series", () => {
  it("is told to who watches a range of it without a reading", () => {
    const memories = {
      [`${SERIES}?start=2015-01-02`]: { columns: ["v"] },
      [`${SERIES}?columns=v&end=2015-01-03&orient=split`]: { columns: ["v"] },
      "/keys/?filter=a": true,
    }
    const { frames, missing } = plan([rows(5, { [label(2)]: 2 })], desk(memories))
    expect([frames.length, missing]).toEqual([2, []])
  })

  it("is one reading of the buckets that it touches, for all who watch them", () => {
    const topic = `${SERIES}?every=1d`
    const memory = {
      first: Date.UTC(2015, 0, 1) * 1_000,
      last: Date.UTC(2015, 0, 4) * 1_000,
      columns: ["v"],
      seen: ["v"],
    }
    const changes = [rows(5, { [label(2, "07")]: 2 }), rows(6, { [label(2, "08")]: 3 })]
    const { missing } = plan(changes, desk({ [topic]: memory }))
    expect(
      missing.map((uri) => Object.fromEntries(new URLSearchParams(uri.split("?")[1]))),
    ).toEqual([
      {
        every: "1d",
        orient: "split",
        start: "2015-01-02T00:00:00.000000",
        end: "2015-01-02T23:59:59.999999",
      },
    ])
    const json = `{"columns":["v"],"index":["${label(2)}"],"data":[[2.5]]}`
    const found = { [missing[0] ?? ""]: { json, revision: 6 } }
    const told = plan(changes, desk({ [topic]: memory }, found))
    expect(told.missing).toEqual([])
    expect(told.frames).toEqual([
      {
        event: "patch",
        uri: topic,
        revision: 6,
        position: 5,
        view: true,
        final: true,
        patch: { removed: [[label(2), label(2)]], rows: JSON.parse(json) },
      },
    ])
  })

  it("is told by all of it again where it seemed gone, until something whole or its delete has come", () => {
    const topic = `${SERIES}?start=2015-01-02`
    const memory = { [topic]: { columns: ["v"] } }
    const [large, gone] = [rows(5, {}), rows(7, {})].map((one) => ({ ...one, body: null }))
    const first = plan([large!], desk(memory, { [topic]: null }))
    expect(first.frames).toMatchObject([{ event: "delete", revision: 5 }])
    const from = { ...desk(memory), floors: first.floors }
    const told = rows(6, { [label(2)]: 2 })
    const known = plan([large!, { ...gone!, event: "delete" }], desk(memory, { [topic]: null }))
    expect(known.frames).toMatchObject([{ event: "delete", revision: 7 }])
    const deleted: Change = { ...gone!, event: "delete" }
    expect(plan([told, deleted], from).missing).toEqual([topic])
    const there = { json: `{"v":{"${label(2)}":3}}`, revision: 6 }
    const back = plan([told], { ...from, readings: new Map([[topic, there]]) })
    expect(back.frames).toMatchObject([{ event: "state", revision: 6 }])
    const still = plan([told], { ...from, readings: new Map([[topic, null]]) })
    expect(still.frames).toMatchObject([{ event: "delete", revision: 6 }])
    const both = plan([large!, told], desk(memory, { [topic]: null }))
    expect(both.frames).toMatchObject([{ event: "delete", revision: 6 }])
    const end = plan([deleted], { ...from, floors: still.floors })
    expect(end.frames).toMatchObject([{ event: "delete", revision: 7 }])
    expect([end.missing, [...end.floors.values()].includes(GONE)]).toEqual([[], false])
  })

  it("of two far stretches is two readings, and of many one", () => {
    const topic = `${SERIES}?every=1h`
    const memory = { first: 0, last: Date.UTC(2016, 0) * 1_000, columns: ["v"], seen: ["v"] }
    const far = rows(5, { [label(2)]: 1, [label(4)]: 1 })
    const many = rows(5, Object.fromEntries([1, 3, 5, 7, 9].map((n) => [label(n), n])))
    expect(plan([far], desk({ [topic]: memory })).missing).toHaveLength(2)
    expect(plan([many], desk({ [topic]: memory })).missing).toHaveLength(1)
  })

  it("is no reading of a view that is full where it comes behind its last row", () => {
    const copy = {
      columns: ['"v"'],
      index: [2, 3].map((n) => `"${label(n)}"`),
      rows: [],
      open: null,
    }
    const { missing, frames } = plan(
      [rows(5, { [label(4)]: 4 }), rows(6, { [label(1)]: 1 })],
      desk({ [`${SERIES}?limit=2`]: { copy }, [`${SERIES}?latest=2`]: { copy } }),
    )
    expect([missing, frames]).toEqual([[`${SERIES}?latest=2`, `${SERIES}?limit=2`], []])
    const behind = plan([rows(5, { [label(4)]: 4 })], desk({ [`${SERIES}?limit=2`]: { copy } }))
    expect([behind.missing, behind.frames]).toEqual([[], []])
    const wider = {
      ...rows(5, { [label(4)]: 4 }),
      body: rows(5, { [label(4)]: 4 }).body!.replace('"v"', '"w"'),
    }
    expect(plan([wider], desk({ [`${SERIES}?limit=2`]: { copy } })).missing).toHaveLength(1)
  })

  it("is one narrow reading of a line that goes on, and of all of it where it may bend", () => {
    const topic = `${SERIES}?every=1d&fill=linear`
    const memory = {
      first: Date.UTC(2015, 0, 1) * 1_000,
      last: Date.UTC(2015, 0, 4) * 1_000,
      isWhole: true,
      isSolid: true,
      columns: ["v"],
      seen: ["v"],
    }
    for (const [stamp, known, isNarrow] of [
      [label(5), {}, true],
      [label(4, "01"), {}, true],
      [label(4, "01"), { isSolid: false }, false],
      [label(5), { isWhole: false }, false],
      [label(3), {}, false],
    ] as const) {
      const { missing } = plan(
        [rows(5, { [stamp]: 2 })],
        desk({ [topic]: { ...memory, ...known } }),
      )
      expect([stamp, known, missing.length]).toEqual([stamp, known, 1])
      expect([stamp, known, missing[0] !== topic]).toEqual([stamp, known, isNarrow])
    }
  })

  it("is all of the view again where the parts do not tell it", () => {
    const topics = [
      `${SERIES}?latest=2`,
      `${SERIES}?since=1`,
      `${SERIES}?max_points=9`,
      `${SERIES}?orient=records`,
      `${SERIES}?every=1d&fill=null&start=now-1h`,
      `${SERIES}?end=now`,
      `${SERIES}?every=1d&fill=linear`,
      `${SERIES}?unknown=1`,
    ]
    const memory = { first: 0, last: 0, columns: ["v"], seen: ["v"] }
    const memories = Object.fromEntries(topics.map((topic) => [topic, memory]))
    const { missing } = plan([rows(5, { [label(2)]: 1 })], desk(memories))
    expect(missing).toEqual(topics)
  })
})

describe("a change of a document", () => {
  const topic = "/api/apps/?where=data.n+gt+1"
  const change = (event: Change["event"], body: object | null, name = "a"): Change => ({
    revision: 5,
    at: 0,
    uri: `/api/apps/${name}`,
    event,
    body: body && JSON.stringify(body),
    extra: null,
  })

  it("that makes it needs no reading, nor one that takes it away", () => {
    const made = change("create", { name: "a", data: { n: 2 } })
    const members = new Set(["/api/apps/b"])
    const { frames, memories, missing } = plan([made], desk({ [topic]: members }))
    expect(missing).toEqual([])
    expect(frames).toMatchObject([{ event: "create", uri: topic, resource: { name: "a" } }])
    expect(memories.get(topic)?.value).toEqual(new Set(["/api/apps/b", "/api/apps/a"]))
    for (const name of ["a", "b"]) {
      const gone = plan([change("delete", null, name)], desk({ [topic]: members }))
      expect([gone.frames.length, gone.missing]).toEqual([name === "b" ? 1 : 0, []])
    }
  })

  it("that patches it is one reading of it", () => {
    const patched = change("patch", { data: { n: 0 } })
    const members = new Set(["/api/apps/a"])
    const { missing } = plan([patched], desk({ [topic]: members }))
    expect(missing).toHaveLength(1)
    const found = { [missing[0] ?? ""]: { json: "[]", revision: 5 } }
    const { frames, memories } = plan([patched], desk({ [topic]: members }, found))
    expect(frames).toEqual([
      {
        event: "delete",
        uri: "/api/apps/a",
        list: topic,
        revision: 5,
        view: true,
        reason: "left",
      },
    ])
    expect(memories.get(topic)?.value).toEqual(new Set())
  })
})
