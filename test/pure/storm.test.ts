/** The judge of the storms: what it must see, it sees; and a seed is one plan. */
import { describe, expect, it } from "vitest"
import { audit, type Entry, type Event } from "../storm/ledger.ts"
import { planOf } from "../storm/plan.ts"

const ITEM = "/api/apps/a"
const LIST = "/api/apps/"

/** A journal from its events; an event in capitals is one that the journal does not tell by itself. */
function journal(...changes: [event: string, uri?: string][]): Entry[] {
  return changes.map(([event, uri = ITEM], at) => ({
    revision: at + 1,
    uri,
    event: event.toLowerCase(),
    told: event === event.toLowerCase(),
  }))
}

let ids = 0

function frame(position: number, revision = position, uri = ITEM, own = false): Event {
  return { kind: "frame", id: ++ids, uri, position, revision, own }
}

const state = (floor: number): Event => ({ kind: "state", floor })
const four = journal(["create"], ["patch"], ["patch"], ["patch"])

describe("the ledger of a subscriber", () => {
  it("is content with the state and every change after it, once, in order", () => {
    const { missed, faults } = audit(ITEM, [state(2), frame(3), frame(4)], four)
    expect([missed, faults]).toEqual([[], []])
  })

  it("sees what was missed, in the middle and at the end", () => {
    expect(audit(ITEM, [state(1), frame(2), frame(4)], four).missed).toEqual([3])
    expect(audit(ITEM, [state(1), frame(2)], four).missed).toEqual([3, 4])
  })

  it("sees what came twice, and what told nothing new", () => {
    expect(audit(ITEM, [state(1), frame(2), frame(2)], four).faults).toHaveLength(1)
    const known = frame(2) as Event & { id: number }
    expect(audit(ITEM, [state(2), known], four).useful.has(known.id)).toBe(false)
  })

  it("sees what came in another order, and what never was", () => {
    expect(audit(ITEM, [state(1), frame(3), frame(2), frame(4)], four).faults).toHaveLength(1)
    expect(audit(ITEM, [state(4), frame(5)], four).faults).toHaveLength(1)
  })

  it("holds a pattern to all that matches", () => {
    const two = journal(["create"], ["create", "/keys/a"], ["patch", "/keys/a"])
    const heard = [state(1), frame(2, 2, "/keys/a")]
    expect(audit("/keys/*", heard, two).missed).toEqual([3])
    expect(audit("/**", [...heard, frame(3, 3, "/keys/a")], two)).toMatchObject({
      missed: [],
      faults: [],
    })
  })

  it("holds a list to its members, each by its own changes", () => {
    const two = journal(["create"], ["create", "/api/apps/b"], ["patch"], ["delete", "/api/apps/b"])
    const heard = [state(0), frame(1), frame(2, 2, "/api/apps/b"), frame(3)]
    expect(audit(LIST, heard, two).missed).toEqual([4])
    expect(audit(LIST, heard, [...two, ...journal(["create", "/todo/1"])]).missed).toEqual([4])
  })

  it("takes what was read again for all that it covers, and goes on from its position", () => {
    const heard = [state(1), frame(2, 4)]
    expect(audit(ITEM, heard, four)).toMatchObject({ missed: [], faults: [] })
    const resumed: Event[] = [...heard, { kind: "resume", since: 2 }, frame(3, 3, ITEM, true)]
    expect(audit(ITEM, resumed, four).missed).toEqual([4])
    const whole = audit(ITEM, [...resumed, frame(4, 4, ITEM, true)], four)
    expect(whole).toMatchObject({ missed: [], faults: [] })
  })

  it("lets what was read again cover what was told before a resume, and nothing that came after it", () => {
    const before: Event[] = [state(1), frame(2), { kind: "resume", since: 2 }]
    expect(audit(ITEM, [...before, frame(2, 4)], four)).toMatchObject({ missed: [], faults: [] })
    expect(audit(ITEM, [...before, frame(3), frame(3, 4)], four).faults).toHaveLength(1)
  })

  it("forgives what could not be told because it was gone when it was read, and nothing else", () => {
    const gone = journal(["create"], ["STATE"], ["patch"], ["delete"])
    expect(audit(ITEM, [state(1), frame(4)], gone).missed).toEqual([])
    for (const begin of [state(2), state(3)]) {
      expect(audit(ITEM, [begin, frame(4)], gone).missed).toEqual([])
      expect(audit(ITEM, [begin], gone).missed).toContain(4)
    }
    expect(audit(ITEM, [state(1), frame(2), frame(4)], gone).missed).toEqual([3])
    const whole = journal(["create"], ["STATE"], ["state"], ["patch"], ["delete"])
    expect(audit(ITEM, [state(3), frame(5)], whole).missed).toEqual([4])
    const told = journal(["create"], ["state"], ["patch"], ["delete"])
    expect(audit(ITEM, [state(1), frame(4)], told).missed).toEqual([2, 3])
    expect(audit(ITEM, [state(1)], gone).missed).toEqual([2, 3, 4])
  })
})

describe("a seed", () => {
  it("is one plan, and another seed is another", () => {
    for (const seed of [1, 2, 3]) expect(planOf(seed)).toEqual(planOf(seed))
    expect(planOf(1).steps).not.toEqual(planOf(2).steps)
  })

  it("meets everything in two hundred of them", () => {
    const plans = Array.from({ length: 200 }, (_, at) => planOf(at + 1))
    const kinds = new Set(plans.flatMap(({ steps }) => steps.map(({ kind }) => kind)))
    const troubles = [
      "cut",
      "cut writer",
      "evict",
      "crash",
      "restart",
      "trim",
      "tick",
      "save",
      "restore",
    ]
    expect([...kinds].toSorted()).toEqual(["open", "rejoin", "write", ...troubles].toSorted())
    const mouths = new Set(plans.flatMap(({ followers }) => followers.map(({ mouth }) => mouth)))
    expect(mouths.size).toBe(6)
    expect(plans.some(({ fleeting }) => fleeting.length > 0)).toBe(true)
    for (const { steps, followers } of plans) {
      const opened = steps.flatMap((step) => (step.kind === "open" ? [step.follower] : []))
      expect(opened.toSorted((one, other) => one - other)).toEqual([...followers.keys()])
    }
  })
})
