/** What a compaction plans: whatever part of the plan is carried out, the log says the same. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_CHUNK_ROWS, SERIES_COMPACT_CELLS } from "../../src/protocol/limits.ts"
import { inOrder, planOf, type LogEntry } from "../../src/series/compaction.ts"
import { cutOver } from "../../src/series/part.ts"

/** A chunk with its rows: stamp → the revision that wrote it. */
interface Chunk extends LogEntry {
  rows: Map<number, number>
}

type Writes = { from: number; length: number; every: number; replaces: boolean; tail: boolean }[]

function logOf(made: Writes, bytes: number): Chunk[] {
  return made.map(({ from, length, every, replaces, tail }, at) => {
    const rows = new Map<number, number>()
    if (every > 0)
      for (let stamp = from; stamp <= from + length; stamp += every) rows.set(stamp, at)
    const id = tail ? at - 1_000_000 : at
    const count = rows.size
    const last = replaces ? from + length : Math.max(from, ...rows.keys())
    const isGap = rows.size === 0
    const span = { first: from, last: isGap ? from + length : last }
    return { id, revision: at, ...span, replaces: replaces || isGap, count, bytes, rows }
  })
}

/** What the log says: for every stamp the write that counts. */
function content(log: readonly Chunk[]): [number, number][] {
  const rows = new Map<number, number>()
  for (const { first, last, replaces, rows: own } of log.toSorted(inOrder)) {
    if (replaces) for (const at of rows.keys()) if (at >= first && at <= last) rows.delete(at)
    for (const [at, value] of own) rows.set(at, value)
  }
  return [...rows].sort(([one], [other]) => one - other)
}

const writes = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: 200 }),
    length: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 150 })),
    every: fc.integer({ min: 0, max: 7 }),
    replaces: fc.boolean(),
    tail: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
)

const chunk = (id: number, first: number, count: number, last = first + count - 1): LogEntry => ({
  id,
  revision: id,
  first,
  last,
  replaces: true,
  count,
  bytes: count * 10,
})

describe("a plan", () => {
  it("leaves the log saying the same, whichever of its jobs are carried out", () => {
    let windows = 0
    fc.assert(
      fc.property(writes, fc.constantFrom(10, 1_000_000), fc.integer(), (made, bytes, choice) => {
        const log = logOf(made, bytes)
        const before = content(log)
        const plan = planOf(log, 1)
        const jobs = plan.jobs.filter((_, at) => ((choice >> (at % 30)) & 1) === 0)
        const gone = new Set<LogEntry>([...plan.dead, ...jobs.flatMap(({ drops }) => drops)])
        const revision = log.at(-1)!.revision
        const made2 = jobs.map(({ span: [first, last], reads }, at): Chunk => {
          if (reads.some((one) => one.first < first || one.last > last)) windows++
          const seen = content(reads as Chunk[]).filter(
            ([stamp]) => stamp >= first && stamp <= last,
          )
          // What is in the range, the chunks that it reads say alone.
          expect(seen).toEqual(before.filter(([stamp]) => stamp >= first && stamp <= last))
          const rows = new Map(seen)
          return {
            id: 10_000 + at,
            revision,
            first,
            last,
            replaces: true,
            count: 0,
            bytes: 0,
            rows,
          }
        })
        const after = [...log.filter((one) => !gone.has(one)), ...made2]
        expect(content(after)).toEqual(before)
      }),
      { seed: 11, numRuns: 3_000 },
    )
    // Or the property above has not seen what is hard.
    expect(windows).toBeGreaterThan(100)
  })

  it("leaves full chunks alone, and few small ones", () => {
    const full = Array.from({ length: 100 }, (_, at) =>
      chunk(at, at * SERIES_CHUNK_ROWS, SERIES_CHUNK_ROWS),
    )
    expect(planOf(full, 5)).toEqual({ jobs: [], dead: [], more: false })
    const two = [chunk(100, 1e6, 10), chunk(101, 1e6 + 10, 10)]
    expect(planOf([...full, ...two], 5).jobs).toEqual([])
  })

  it("folds small chunks between full ones, and the chunk before them that is not full yet", () => {
    const log = [
      chunk(0, 0, SERIES_CHUNK_ROWS),
      chunk(1, 2_000, 300),
      ...Array.from({ length: 64 }, (_, at) => chunk(at + 2, 2_300 + at, 1)),
      chunk(90, 9_000, SERIES_CHUNK_ROWS),
    ].map((one) => (one.count === 1 ? { ...one, id: one.id - 1_000 } : one))
    const { jobs, more } = planOf(log.toSorted(inOrder), 5)
    expect(jobs).toHaveLength(1)
    expect([jobs[0]!.span, jobs[0]!.drops.length, more]).toEqual([[2_000, 2_363], 65, false])
  })

  it("drops what later chunks cover wholly, unopened", () => {
    const log = [chunk(0, 0, 100), chunk(1, 50, 100), chunk(2, 0, 60), chunk(3, 60, 90)]
    expect(planOf(log, 1)).toMatchObject({ jobs: [], dead: [{ id: 1 }, { id: 0 }] })
  })

  it("takes no more at a time than a step can hold", () => {
    const log = Array.from({ length: 2_000 }, (_, at) => chunk(at, at * 1_000, 1_000))
    const { jobs, more } = planOf(log, 5)
    const cells = jobs.flatMap(({ reads }) => reads).reduce((sum, { count }) => sum + count * 5, 0)
    expect([cells <= SERIES_COMPACT_CELLS, more]).toEqual([true, jobs.length > 0])
  })
})

const frame = (index: number[]) => ({
  index: Float64Array.from(index),
  kind: "integer" as const,
  unit: "ms" as const,
  columns: [],
})

describe("what a compaction states of a range", () => {
  it("covers all of it, with rows or without", () => {
    expect(cutOver(frame([]), [3, 9])).toMatchObject([
      { first: 3, last: 9, replaces: true, body: null },
    ])
    expect(cutOver(frame([5]), [3, 9])).toMatchObject([{ first: 3, last: 9, level: 2, count: 1 }])
    const many = Array.from({ length: SERIES_CHUNK_ROWS + 1 }, (_, at) => at)
    expect(cutOver(frame(many), [-5, 9_999])).toMatchObject([
      { first: -5, last: SERIES_CHUNK_ROWS - 1 },
      { first: SERIES_CHUNK_ROWS, last: 9_999 },
    ])
  })
})
