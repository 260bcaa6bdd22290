import { describe, expect, it } from "vitest"
import { mergePatch } from "../../src/client/merge-patch.ts"
import { MERGES } from "../merges.ts"
import { Replica } from "../../src/client/replica.ts"
import type { Done, Frame } from "../../src/protocol/frames.ts"

/** A copy whose subscription began at a revision; `frames` are its own. */
function begun(uri: string, revision: number, frames: Partial<Frame>[], more: Partial<Done> = {}) {
  const replica = new Replica(uri)
  begin(replica, uri, revision, frames, more)
  return replica
}

function begin(
  replica: Replica,
  uri: string,
  revision: number,
  frames: Partial<Frame>[],
  more: Partial<Done> = {},
) {
  const { position = revision } = more
  replica.begin({ id: 1, ok: true, uri, revision, epoch: "ab", ...more })
  for (const frame of frames) replica.take(frame as Frame)
  replica.settle(position)
}

const item = (revision: number, resource: unknown = { n: revision }) =>
  ({ event: "state", uri: "/l/a", revision, resource }) as Frame
const patch = (revision: number, uri = "/l/a", value: unknown = { n: revision }) =>
  ({ event: "patch", uri, revision, patch: value }) as Frame
const gone = (revision: number, uri = "/l/a") => ({ event: "delete", uri, revision }) as Frame
const list = (revision: number, ...names: string[]) =>
  ({
    event: "state",
    uri: "/l/",
    revision,
    resource: names.map((id) => ({ id })),
    members: names.map((name) => `/l/${name}`),
  }) as Frame
const create = (revision: number, id: string, more: object = {}) =>
  ({
    event: "create",
    uri: "/l/",
    revision,
    member: `/l/${id}`,
    resource: {
      id,
      revision,
    },
    ...more,
  }) as Frame

describe("a copy of an item", () => {
  it("follows states, patches and deletes, and drops what it knows", () => {
    const replica = begun("/l/a", 5, [item(5)])
    expect(replica).toMatchObject({ value: { n: 5 }, revision: 5, since: "ab.5" })
    expect(replica.take(patch(5))).toBe("ignored")
    expect(replica.take(patch(6))).toBe("changed")
    expect(replica).toMatchObject({ value: { n: 6 }, since: "ab.6" })
    expect(replica.take(item(6, {}))).toBe("ignored")
    expect(replica.take(patch(7, "/l/b"))).toBe("ignored")
    replica.take(gone(8))
    expect(replica).toMatchObject({ value: undefined, revision: 8, since: "ab.8" })
    replica.take(create(9, "a"))
    expect(replica.value).toEqual({ id: "a", revision: 9 })
  })

  it("listens only after its reply, and goes on from where it was", () => {
    const replica = begun("/l/a", 5, [item(5)])
    replica.pause()
    expect(replica.take(patch(7))).toBe("ignored")
    begin(replica, "/l/a", 9, [patch(6, "/l/a", { m: 1 }), patch(7)], { resumed: true })
    expect(replica).toMatchObject({ value: { n: 7, m: 1 }, since: "ab.9" })
  })

  it("does not claim what it was promised before it came", () => {
    const replica = new Replica("/l/a")
    const reply = { id: 1, ok: true, uri: "/l/a", epoch: "ab", position: 9 } as const
    replica.begin({ ...reply, revision: 5 })
    expect(replica.since).toBeUndefined()
    replica.take(item(5))
    replica.settle(9)
    expect(replica.since).toBe("ab.9")
    replica.begin({ ...reply, position: 20, resumed: true })
    replica.take(patch(12))
    expect(replica.since).toBe("ab.12")
  })

  it("knows that there is nothing", () => {
    const replica = begun("/l/a", 5, [item(5)])
    begin(replica, "/l/a", 9, [], { absent: true })
    expect(replica).toMatchObject({ value: undefined, since: "ab.9" })
    expect(replica.take(patch(10))).toBe("lost")
  })

  it("begins anew at a reset, under the epoch that it names, also below what it holds", () => {
    const replica = begun("/l/a", 50, [item(50)])
    const reset = { reset: true, epoch: "cd", position: 7 } as const
    expect(replica.take({ ...item(3), ...reset })).toBe("changed")
    expect(replica).toMatchObject({ value: { n: 3 }, revision: 3, since: "cd.7" })
    replica.take(patch(8))
    expect(replica.since).toBe("cd.8")
    expect(replica.take({ ...gone(9), ...reset, position: 9 })).toBe("changed")
    expect(replica.value).toBeUndefined()
  })

  it("takes patches as its kind does", () => {
    const add = (resource: unknown, given: unknown) => Number(resource) + Number(given)
    const replica = new Replica("/sums/a", { "/sums/": add })
    begin(replica, "/sums/a", 1, [{ event: "state", uri: "/sums/a", revision: 1, resource: 5 }])
    replica.take(patch(2, "/sums/a", 7))
    expect(replica.value).toBe(12)
  })
})

describe("a copy of a list", () => {
  it("follows its members by their frames", () => {
    const replica = begun("/l/", 5, [list(5, "a", "b")])
    replica.take(create(6, "c"))
    replica.take(patch(7, "/l/a", { x: 1 }))
    replica.take(gone(8, "/l/b"))
    expect(replica.value).toEqual([
      { id: "a", x: 1 },
      { id: "c", revision: 6 },
    ])
    expect(replica).toMatchObject({ revision: 8, since: "ab.8" })
    expect(replica.take(patch(8, "/l/c/deep"))).toBe("ignored")
  })

  it("shows the entry where one is given", () => {
    const replica = begun("/l/", 5, [list(5, "a")])
    replica.take({ ...patch(6), entry: { short: 1 } } as Frame)
    replica.take(create(7, "b", { entry: { short: 2 } }))
    replica.take({ ...item(8), entry: { short: 3 } } as Frame)
    expect(replica.value).toEqual([{ short: 3 }, { short: 2 }])
  })

  it("puts a member that came anew at the end, and one that is told again where it is", () => {
    const replica = begun("/l/", 5, [list(5, "a", "b")])
    replica.take(gone(6))
    replica.take(create(7, "a"))
    expect(replica.value).toEqual([{ id: "b" }, { id: "a", revision: 7 }])
    // Read again at 9 in the place of a change at 4, which the list had shown already.
    replica.take(create(9, "b", { position: 4 }))
    expect(replica.value).toEqual([
      { id: "b", revision: 9 },
      { id: "a", revision: 7 },
    ])
  })

  it("keeps the order of names by code point, where that is the order", () => {
    const replica = begun("/l/", 5, [{ ...list(5, "b"), order: "name" } as Frame])
    const names = ["~", "a", "\u{1D4B3}", "\uFFFD", "aa", "é", "%"]
    for (const [at, name] of names.entries()) {
      replica.take(create(6 + at, "", { member: `/l/${encodeURIComponent(name)}`, entry: name }))
    }
    replica.take({ ...patch(20, "/l/b"), entry: "b" } as Frame)
    expect(replica.value).toEqual(["%", "a", "aa", "b", "~", "é", "\uFFFD", "\u{1D4B3}"])
  })

  it("may resume before what it was told of a member that was read again", () => {
    const replica = begun("/l/", 5, [list(5, "a")])
    replica.take({ ...item(9), position: 6 } as Frame)
    expect(replica).toMatchObject({ revision: 6, since: "ab.6" })
    expect(replica.take(patch(8))).toBe("ignored")
    expect(replica.take(create(7, "b"))).toBe("changed")
    expect(replica.take(patch(10))).toBe("changed")
  })

  it("drops of members that it does not hold what was over when it began", () => {
    const replica = begun("/l/", 9, [list(9, "a")])
    expect(replica.take(patch(8, "/l/b"))).toBe("ignored")
    expect(replica.take(create(9, "b"))).toBe("ignored")
    expect(replica.take(patch(10, "/l/b"))).toBe("lost")
  })

  it("does not take views and resets of members for its own", () => {
    const replica = begun("/l/", 5, [list(5, "a")])
    expect(replica.take({ ...item(6), view: true })).toBe("ignored")
    expect(replica.take({ ...item(6), reset: true })).toBe("ignored")
    expect(replica.take({ ...item(6), uri: "/l/a?x=1", view: true })).toBe("ignored")
  })

  it("that is a view takes only what is told to it", () => {
    const replica = begun("/l/", 5, [{ ...list(5, "a"), view: true }])
    expect(replica.take(item(6))).toBe("ignored")
    expect(replica.take({ ...item(6), view: true, list: "/l/?x=1" })).toBe("ignored")
    expect(replica.take({ ...item(7), view: true, list: "/l/" })).toBe("changed")
    expect(replica.take(create(8, "b", { view: true, before: "/l/a" }))).toBe("changed")
    expect(replica.value).toEqual([{ id: "b", revision: 8 }, { n: 7 }])
    expect(replica.take(create(9, "c", { view: true, before: "/l/d" }))).toBe("lost")
  })

  it("that does not name its members is lost with the first of their changes", () => {
    const { members: _, ...part } = list(5, "a") as Frame & { members: string[] }
    const replica = begun("/l/", 5, [part as Frame])
    expect(replica.value).toEqual([{ id: "a" }])
    expect(replica.take(create(6, "b"))).toBe("lost")
    replica.lose()
    expect(replica.since).toBeUndefined()
    expect(replica.take(create(7, "c"))).toBe("ignored")
    begin(replica, "/l/", 5, [list(5, "a", "b")])
    expect(replica.value).toEqual([{ id: "a" }, { id: "b" }])
  })
})

describe("a merge patch", () => {
  const proto: [string, string, string] = [
    '{"__proto__":{"a":1}}',
    '{"__proto__":{"b":2}}',
    '{"__proto__":{"a":1,"b":2}}',
  ]

  it.each<readonly [string, string, string]>([...MERGES, proto])(
    "of %s by %s is %s",
    (target, given, result) => {
      const before = JSON.parse(target)
      expect(JSON.stringify(mergePatch(before, JSON.parse(given)))).toBe(result)
      expect(JSON.stringify(before)).toBe(target)
    },
  )
})
