import { describe, expect, it } from "vitest"
import { applyPatch, type SeriesState } from "../../src/client/replica-series.ts"
import { Replica } from "../../src/client/replica.ts"
import { folded } from "../../src/live/outlet/conflate.ts"
import type { Delivery } from "../../src/live/delivery/delivery.ts"
import { Session, type Line } from "../../src/live/session.ts"
import { createText, deleteText, patchText, stateText } from "../../src/protocol/frames.ts"

/** A clock that is moved by hand. */
function clockwork() {
  let now = 0
  let jobs: { at: number; job: () => void }[] = []
  return {
    now: () => now,
    after: (milliseconds: number, job: () => void) =>
      void jobs.push({ at: now + milliseconds, job }),
    pass(milliseconds: number) {
      const end = now + milliseconds
      for (;;) {
        const [next] = jobs.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        jobs = jobs.filter((each) => each !== next)
        now = next.at
        next.job()
      }
      now = end
    },
    waiting: () => jobs.length,
  }
}

function throttled() {
  const clock = clockwork()
  const sent: any[] = []
  const attachments: string[] = []
  const line: Line = {
    send: (text) => void sent.push(JSON.parse(text)),
    close: () => {},
    serializeAttachment: (attachment) => void attachments.push(String(attachment)),
  }
  return { clock, sent, attachments, line, session: new Session(line, "write", [], clock) }
}

function dice() {
  const seed = Math.floor(Math.random() * 2 ** 31)
  let state = seed
  const below = (count: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % count
  }
  return { seed, below }
}

/** A patch of a member of /l/, as its list and itself are told it. */
function patch(uri: string, revision: number, body: object): Delivery {
  const text = patchText({ uri, revision, patch: JSON.stringify(body) })
  return {
    revision,
    frames: [
      ["/l/", text],
      [uri, text],
    ],
  }
}

describe("a throttled topic", () => {
  it("is told the first change at once, and what became of the others when the time is over", () => {
    const { clock, sent, session } = throttled()
    session.follow("/l/", 0, 250)
    session.push(patch("/l/a", 1, { n: 1 }))
    for (let n = 2; n < 9; n++) session.push(patch("/l/a", n, { n, [`m${n % 2}`]: n }))
    expect(sent).toEqual([{ event: "patch", uri: "/l/a", revision: 1, patch: { n: 1 } }])
    clock.pass(249)
    expect(sent).toHaveLength(1)
    clock.pass(1)
    const both = { n: 8, m0: 8, m1: 7 }
    expect(sent.slice(1)).toEqual([{ event: "patch", uri: "/l/a", revision: 8, patch: both }])
    session.push(patch("/l/a", 9, { n: 9 }))
    expect(sent).toHaveLength(2)
    clock.pass(250)
    expect(sent).toHaveLength(3)
    clock.pass(1_000)
    expect(clock.waiting()).toBe(0)
    session.push(patch("/l/a", 10, { n: 10 }))
    expect(sent).toHaveLength(4)
  })

  it("keeps its time whatever the times of others are", () => {
    const { clock, sent, session } = throttled()
    session.follow("/l/a", 0, 5_000)
    session.follow("/l/b", 0, 50)
    for (const uri of ["/l/a", "/l/b"]) {
      session.push(patch(uri, 1, {}))
      session.push(patch(uri, 2, {}))
    }
    clock.pass(50)
    expect(sent.map(({ uri, revision }) => [uri, revision])).toEqual([
      ["/l/a", 1],
      ["/l/b", 1],
      ["/l/b", 2],
    ])
    clock.pass(4_950)
    expect(sent).toHaveLength(4)
  })

  it("lets nobody go on from behind what still waits", () => {
    const { clock, sent, session } = throttled()
    session.follow("/l/", 0, 250)
    session.follow("/other", 0)
    session.push(patch("/l/a", 1, { n: 1 }))
    session.push(patch("/l/a", 2, { n: 2 }))
    session.push(patch("/l/b", 3, { n: 3 }))
    session.push(patch("/l/a", 4, { n: 4 }))
    const other = patchText({ uri: "/other", revision: 5, patch: "{}" })
    session.push({ revision: 5, frames: [["/other", other]] })
    clock.pass(250)
    expect(sent.map(({ uri, revision, position }) => [uri, revision, position])).toEqual([
      ["/l/a", 1, undefined],
      ["/other", 5, 1],
      ["/l/a", 4, 2],
      ["/l/b", 3, 5],
    ])
  })

  it("is told at once, and in order, where another topic of the socket is", () => {
    const { clock, sent, session } = throttled()
    session.follow("/l/", 0, 250)
    session.push(patch("/l/a", 1, { n: 1 }))
    session.push(patch("/l/a", 2, { n: 2 }))
    session.follow("/l/a", 2)
    session.push(patch("/l/a", 3, { n: 3 }))
    expect(sent.map(({ revision }) => revision)).toEqual([1, 2, 3])
    clock.pass(250)
    expect(sent).toHaveLength(3)
  })

  it("is sent what waits before it is held, left or reset", () => {
    const { sent, session } = throttled()
    session.follow("/l/", 0, 250)
    session.push(patch("/l/a", 1, {}))
    session.push(patch("/l/a", 2, {}))
    session.hold()
    session.push(patch("/l/a", 3, {}))
    expect(sent.map(({ revision }) => revision)).toEqual([1, 2])
    session.release()
    const state = stateText({ uri: "/l/", revision: 9, reset: true, resource: "[]" })
    session.push({ revision: 9, frames: [["/l/", state]], floor: 9 })
    expect(sent.map(({ revision }) => revision)).toEqual([1, 2, 3, 9])
    session.push(patch("/l/a", 10, {}))
    session.push(patch("/l/a", 11, {}))
    session.leave("/l/")
    expect(sent.at(-1)).toMatchObject({ revision: 11 })
  })

  it("is remembered over a sleep", () => {
    const { line, attachments, session } = throttled()
    session.follow("/l/", 5, 250)
    session.follow("/other", 6)
    const followed = {
      who: "write",
      topics: [
        ["/l/", 5, 250],
        ["/other", 6],
      ],
    }
    expect(JSON.parse(attachments.at(-1) ?? "")).toMatchObject(followed)
    Session.wake(line, attachments.at(-1))?.save()
    expect(JSON.parse(attachments.at(-1) ?? "")).toMatchObject(followed)
  })
})

describe("frames that wait become", () => {
  const uri = "/l/a"
  const text = (...frames: string[]) => folded(frames)
  const told = (...frames: string[]) => text(...frames).map((frame) => JSON.parse(frame))
  const create = (revision: number, resource: string) =>
    createText({ uri: "/l/", member: uri, revision, resource })
  const change = (revision: number, body: string) => patchText({ uri, revision, patch: body })
  const gone = (revision: number) => deleteText({ uri, revision })

  it("one where one says them exactly, digits and extras as they were", () => {
    const extra = '{"expires_at":5}'
    const late = patchText({ uri, revision: 2, patch: '{"b":{"c":null},"n":1.0}', extra })
    expect(text(change(1, '{"b":{"d":9007199254740993},"m":1}'), late)).toEqual([
      '{"event":"patch","uri":"/l/a","revision":2,"patch":{"b":{"d":9007199254740993,"c":null},"m":1,"n":1.0},"expires_at":5}',
    ])
    expect(told(create(1, '{"n":1,"m":1}'), change(2, '{"n":2,"m":null}'))).toEqual([
      { event: "create", uri: "/l/", member: uri, revision: 2, resource: { n: 2 } },
    ])
    expect(told(stateText({ uri, revision: 1, resource: "{}" }), change(2, '{"n":2}'))).toEqual([
      { event: "state", uri, revision: 2, resource: { n: 2 } },
    ])
    expect(told(create(1, "{}"), stateText({ uri, revision: 2, resource: '{"n":3}' }))).toEqual([
      { event: "create", uri: "/l/", member: uri, revision: 2, resource: { n: 3 } },
    ])
    expect(told(create(1, "{}"), change(2, "{}"), gone(3))).toEqual([
      { event: "delete", uri, revision: 3 },
    ])
  })

  it("more where one does not", () => {
    expect(told(gone(1), create(2, "{}"), change(3, '{"n":1}'))).toHaveLength(2)
    expect(told(change(1, '{"n":null}'), change(2, '{"n":{"m":1}}'))).toHaveLength(2)
    const rows = '{"removed":[],"rows":{"columns":["a"],"index":[1],"data":[[1]]},"more":1}'
    expect(told(change(1, rows), change(2, rows))).toHaveLength(2)
    const half = change(2, String.raw`{"x":"\ud800"}`)
    expect(told(change(1, "{}"), half)).toHaveLength(2)
    const view = patchText({ uri, revision: 2, patch: "{}", view: true })
    expect(told(change(1, "{}"), view)).toHaveLength(2)
  })

  it("one patch of a series, which makes the same of it as all of them", () => {
    const { seed, below } = dice()
    const label = (at: number) => `2020-01-0${1 + at}`
    for (let round = 0; round < 300; round++) {
      const patches = Array.from({ length: 1 + below(6) }, (_, at) => {
        const columns = ["a", "b", "c"].slice(below(3))
        const index = [0, 1, 2, 3, 4, 5].filter(() => below(3) === 0).map(label)
        const data = index.map((_row, row) =>
          columns.map((_column, place) => at * 100 + row * 10 + place),
        )
        const from = below(6)
        const removed = below(2) ? [[label(from), label(Math.min(8, from + below(3)))]] : []
        return { removed, rows: { columns, index, data } }
      })
      const [one, ...more] = told(...patches.map((each, at) => change(at, JSON.stringify(each))))
      expect(more).toEqual([])
      const state = { a: { [label(0)]: 1, [label(4)]: 2 }, d: { [label(0)]: 3, [label(4)]: 4 } }
      const all = patches.reduce<SeriesState>(
        (held, each) => applyPatch(held, each as never),
        state,
      )
      const fewer = applyPatch(state, one.patch)
      expect(fewer, `seed ${seed}: ${JSON.stringify(patches)}`).toEqual(all)
      expect(Object.keys(fewer.a ?? {})).toEqual(Object.keys(all.a ?? {}))
    }
  })

  it("what makes the same of a copy as all of them, whatever they are", () => {
    const { seed, below } = dice()
    const value = (depth: number): unknown =>
      depth === 0 || below(3) === 0
        ? [null, 1, "x", [1]][below(4)]
        : Object.fromEntries(
            ["a", "b", "c"].slice(below(3)).map((name) => [name, value(depth - 1)]),
          )
    for (let round = 0; round < 500; round++) {
      const all: string[] = []
      let exists = true
      for (let revision = 2; revision < 3 + below(8); revision++) {
        const body = JSON.stringify({ data: value(3) })
        const kind = below(8)
        if (!exists) all.push(create(revision, body))
        else if (kind === 0) all.push(gone(revision))
        else if (kind === 1) all.push(stateText({ uri, revision, resource: body }))
        else all.push(change(revision, body))
        exists = exists ? kind !== 0 : true
      }
      const [plain, fewer] = [all, text(...all)].map((frames) => {
        const list = new Replica("/l/")
        list.begin({ id: 1, ok: true, uri: "/l/", epoch: "ab", revision: 1 })
        const members = ["/l/a", "/l/b"]
        const resource = '[{"data":{"a":{"b":1}}},{}]'
        const own = stateText({ uri: "/l/", revision: 1, members, resource })
        for (const frame of [own, ...frames]) list.take(JSON.parse(frame))
        return list.value
      })
      expect(fewer, `seed ${seed}: ${all.join("\n")}`).toEqual(plain)
    }
  })
})
