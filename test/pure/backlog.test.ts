import { describe, expect, it } from "vitest"
import type { Since } from "../../src/feed/feed.ts"
import { Backlog } from "../../src/live/commands/backlog.ts"
import type { Change, Position } from "../../src/protocol/change.ts"
import { BACKLOG_MAX_CHARACTERS, RESUME_MAX_CHARACTERS } from "../../src/protocol/live-limits.ts"

/** A journal of the revisions `first` to `last`, in pages of ten. */
function journal(last: number, { first = 1, characters = 1 } = {}) {
  const asked: number[] = []
  const bounds = { first, last }
  const body = "x".repeat(characters)
  const since = async ({ epoch, revision }: Position): Promise<Since> => {
    asked.push(revision)
    await Promise.resolve()
    if (epoch !== "ab") return { reset: true }
    if (revision > bounds.last || revision + 1 < bounds.first) {
      return { reset: true, first: bounds.first }
    }
    const count = Math.min(10, bounds.last - revision)
    const changes = Array.from({ length: count }, (_, at): Change => {
      return { revision: revision + 1 + at, at: 0, uri: "", event: "state", body, extra: null }
    })
    return { reset: false, changes, more: revision + count < bounds.last }
  }
  return { asked, bounds, backlog: new Backlog(() => ({ since })) }
}

const at = (revision: number, epoch = "ab") => ({ epoch, revision })

/** The first and last change, how many, and up to where they tell. */
async function told(answer: ReturnType<Backlog["since"]>) {
  const page = await answer
  if (page.reset) return page
  const { changes, through } = page
  return [changes[0]?.revision, changes.at(-1)?.revision, changes.length, through]
}

describe("the backlog", () => {
  it("is read once for all who come back while it is read, from the one who is furthest behind", async () => {
    const { asked, backlog } = journal(35)
    const all = [20, 5, 34, 12, 35].map((from) => told(backlog.since(at(from), 35)))
    expect(await Promise.all(all)).toEqual([
      [21, 35, 15, 35],
      [6, 35, 30, 35],
      [35, 35, 1, 35],
      [13, 35, 23, 35],
      [undefined, undefined, 0, 35],
    ])
    expect(asked).toEqual([5, 15, 25])
  })

  it("is read to the end after whoever asks for all there is now, once for those who wait", async () => {
    const { asked, bounds, backlog } = journal(8)
    const first = told(backlog.since(at(8), "now"))
    // The first reading is under way before these ask.
    await Promise.resolve()
    await Promise.resolve()
    bounds.last = 12
    const others = [8, 9, 12].map((from) => told(backlog.since(at(from), "now")))
    await first
    expect(await Promise.all(others)).toEqual([
      [9, 12, 4, 12],
      [10, 12, 3, 12],
      [undefined, undefined, 0, 12],
    ])
    expect(asked).toHaveLength(2)
    bounds.last = 13
    expect(await told(backlog.since(at(12), "now"))).toEqual([13, 13, 1, 13])
  })

  it("serves those who come later, and reads only what is new to it", async () => {
    const { asked, bounds, backlog } = journal(8)
    await backlog.since(at(2), 8)
    bounds.last = 12
    expect(await told(backlog.since(at(4), 8))).toEqual([5, 8, 4, 8])
    expect(await told(backlog.since(at(4), 12))).toEqual([5, 12, 8, 12])
    expect(await told(backlog.since(at(12), 12))).toEqual([undefined, undefined, 0, 12])
    expect(asked).toEqual([2, 8])
    expect(await told(backlog.since(at(1), 12))).toEqual([2, 12, 11, 12])
  })

  it("reads nothing for who knows everything that the hub has told", async () => {
    const { asked, backlog } = journal(9)
    expect(await told(backlog.since(at(9), 9))).toEqual([undefined, undefined, 0, 9])
    expect(asked).toEqual([])
  })

  it("goes on for who has heard more than this hub, and resets who has heard what never was", async () => {
    const { backlog } = journal(15)
    expect(await told(backlog.since(at(14), 8))).toEqual([15, 15, 1, 15])
    expect(await told(backlog.since(at(16), 8))).toEqual({ reset: true })
    expect(await told(backlog.since(at(1_000), 8))).toEqual({ reset: true })
    expect(await told(backlog.since(at(3, "cd"), 8))).toEqual({ reset: true })
  })

  it("does not hold against one that another is too far behind, and asks once about that", async () => {
    const { asked, backlog } = journal(20, { first: 11 })
    const all = [3, 14, 10, 4, 9].map((from) => told(backlog.since(at(from), 20)))
    const gone = { reset: true, first: 11 }
    expect(await Promise.all(all)).toEqual([gone, [15, 20, 6, 20], [11, 20, 10, 20], gone, gone])
    expect(asked).toEqual([3, 10])
  })

  it("forgets what was trimmed only when it must read again", async () => {
    const { bounds, backlog } = journal(10)
    await backlog.since(at(2), 10)
    Object.assign(bounds, { first: 15, last: 20 })
    expect(await told(backlog.since(at(2), 20))).toEqual({ reset: true, first: 15 })
    expect(await told(backlog.since(at(16), 20))).toEqual([17, 20, 4, 20])
  })

  it("keeps the newest within its bound, and tells nobody more than that of a resume", async () => {
    const { asked, backlog } = journal(10, { characters: BACKLOG_MAX_CHARACTERS / 4 })
    await backlog.since(at(3), 10)
    expect(await told(backlog.since(at(6), 10))).toEqual([7, 10, 4, 10])
    expect(asked).toEqual([3])
    expect(await told(backlog.since(at(5), 10))).toEqual([6, 10, 5, 10])
    expect(asked).toEqual([3, 5])
    const large = journal(10, { characters: RESUME_MAX_CHARACTERS / 5 })
    expect(await told(large.backlog.since(at(0), 10))).toEqual({ reset: true })
    expect(await told(large.backlog.since(at(8), 10))).toEqual([9, 10, 2, 10])
  })

  it("goes on after a reading that failed", async () => {
    let fails = true
    const since = async (): Promise<Since> => {
      if (fails) throw new Error("away")
      return { reset: false, changes: [], more: false }
    }
    const backlog = new Backlog(() => ({ since }))
    await expect(backlog.since(at(1), 2)).rejects.toThrow("away")
    fails = false
    expect(await told(backlog.since(at(1), 2))).toEqual([undefined, undefined, 0, 1])
  })
})
