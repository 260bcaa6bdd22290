/** How frames are cut into chunks, and what chunks say unopened. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_CHUNK_MAX_BYTES, SERIES_CHUNK_ROWS } from "../../src/protocol/limits.ts"
import { Problem } from "../../src/protocol/problem.ts"
import { decodeChunk } from "../../src/series/chunk.ts"
import { STAMP_MAX, type Column, type Frame } from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { merge } from "../../src/series/merge.ts"
import { cut, levelOf } from "../../src/series/part.ts"
import { readStats, statsText } from "../../src/series/stats.ts"
import { entriesOf, partTexts } from "../../src/series/stored.ts"

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "integer", unit: "ms", columns }
}

const rows = (count: number) => Array.from({ length: count }, (_, row) => row * 10)

describe("a frame cut into chunks", () => {
  it("has parts of equal rows, and those that replace leave no gap between them", () => {
    const index = rows(SERIES_CHUNK_ROWS * 2 + 1)
    const whole = frame(index, columnOf("v", "int64", index))
    const parts = cut(whole, true)
    expect(parts.map(({ count }) => count)).toEqual([SERIES_CHUNK_ROWS, SERIES_CHUNK_ROWS, 1])
    for (const [at, { first, last }] of parts.entries()) {
      expect(first).toBe(at === 0 ? 0 : (parts[at - 1]?.last ?? NaN) + 1)
      expect(decodeChunk(parts[at]?.body ?? "").index[0]).toBe(first)
      expect(last).toBeGreaterThanOrEqual(first)
    }
    expect(parts.at(-1)?.last).toBe(index.at(-1))
    expect(cut(whole, false)[0]?.last).toBe((SERIES_CHUNK_ROWS - 1) * 10)
  })

  it("is the same frame when its chunks are merged, in whatever order they were read", () => {
    const index = rows(SERIES_CHUNK_ROWS + 5)
    const whole = frame(
      index,
      columnOf("v", "float64", index),
      columnOf("s", "string", index.map(String)),
    )
    const stored = cut(whole, true).map(({ first, last, replaces, body }, id) => ({
      id,
      revision: 1,
      first,
      last,
      replaces: Number(replaces),
      body,
    }))
    const entries = entriesOf(stored.toReversed(), { reference: "r", symbol: "s" }, "integer")
    expect(merge(entries, { kind: "integer", unit: "ms", columns: [] })).toStrictEqual(whole)
  })

  it("has smaller parts where a row of the database would be too large, and refuses what no part can hold", () => {
    const long = "x".repeat(SERIES_CHUNK_MAX_BYTES / 4)
    const parts = cut(
      frame(
        rows(8),
        columnOf(
          "v",
          "string",
          rows(8).map((row) => long + row),
        ),
      ),
      true,
    )
    expect(parts.map(({ count }) => count)).toEqual([2, 2, 2, 2])
    for (const text of partTexts(parts)) expect(JSON.parse(text)).toHaveLength(1)
    const longer = columnOf("v", "string", [long.repeat(4)])
    expect(() => cut(frame([1], longer), true)).toThrow(Problem)
  })

  it("of many columns has parts of few rows", () => {
    const columns = Array.from({ length: 1_000 }, (_, at) => columnOf(`c${at}`, "int64", rows(250)))
    expect(cut(frame(rows(250), ...columns), false).map(({ count }) => count)).toEqual([
      100, 100, 50,
    ])
  })
})

describe("a level", () => {
  it("is the smallest whose power of four is more than the length", () => {
    const stamp = fc.integer({ min: -STAMP_MAX, max: STAMP_MAX })
    fc.assert(
      fc.property(stamp, stamp, (one, other) => {
        const [first, last] = [Math.min(one, other), Math.max(one, other)]
        const length = BigInt(last) - BigInt(first)
        const level = BigInt(levelOf([first, last]))
        expect(4n ** level > length && (level === 0n || 4n ** (level - 1n) <= length)).toBe(true)
      }),
      { seed: 7, numRuns: 1_000 },
    )
    expect([levelOf([5, 5]), levelOf([0, 3]), levelOf([0, 4])]).toEqual([0, 1, 2])
    expect(levelOf([-STAMP_MAX, STAMP_MAX])).toBe(27)
  })
})

const MINUTE = 60_000_000
const everywhere = () => true
/** What the chunk of a frame says of its columns, which are of these kinds in the series. */
const told = (one: Frame, holds: (first: number, last: number) => boolean = everywhere) =>
  readStats(statsText(one) ?? "", new Map(one.columns.map(({ name, kind }) => [name, kind])), holds)
const frameOf = (...columns: Column[]): Frame => {
  const index = Float64Array.from(columns[0]?.values ?? [], (_, row) => row * MINUTE)
  return { index, kind: "utc", unit: "ms", columns }
}
const stats = (...columns: Column[]) => told(frameOf(...columns))?.[0]?.columns

describe("what a chunk says unopened", () => {
  it("is count, least, most and sum of every column of numbers", () => {
    expect(
      stats(
        columnOf("f", "float64", [null, 1.5, -2, null, 4]),
        columnOf("i", "int64", [3, null, 1, null, null]),
        columnOf("s", "string", ["x", "", "", "", ""]),
        columnOf("none", "float64", [null, null, null, null, null]),
      ),
    ).toEqual([
      { name: "f", kind: "float64", count: 3, min: -2, max: 4, sum: 3.5, carry: 0 },
      { name: "i", kind: "int64", count: 2, min: 1, max: 3, sum: 4, carry: 0 },
    ])
    expect(statsText(frameOf(columnOf("s", "string", ["x"])))).toBeNull()
  })

  it("counts integers exactly, also where doubles no longer do", () => {
    const most = 2n ** 63n - 1n
    const sum = 18446744073709551615n
    const safe = Number.MAX_SAFE_INTEGER
    const short = { name: "v", kind: "float64", count: 3, min: 0.1, max: 0.3 } as const
    expect(
      stats(
        columnOf("i", "int64", [most, most, 1]),
        columnOf("v", "float64", [0.1, 0.2, 0.3]),
        columnOf("j", "int64", [safe, 2, -safe]),
      ),
    ).toEqual([
      { name: "i", kind: "int64", count: 3, min: 1, max: most, sum, carry: 0 },
      { ...short, sum: 0.6, carry: expect.closeTo(0, 15) as number },
      { name: "j", kind: "int64", count: 3, min: -safe, max: safe, sum: 2, carry: 0 },
    ])
    const text = statsText(frameOf(columnOf("i", "int64", [most, most, 1]))) ?? ""
    const [one] = readStats(text, new Map([["i", "float64"]]), everywhere) ?? []
    // As a double it is 1 more.
    expect(one?.columns).toMatchObject([{ kind: "float64", sum, carry: -1 }])
  })

  it("keeps the bits of doubles", () => {
    const [one] = stats(columnOf("f", "float64", [-0, 5e-324, 1e308])) ?? []
    expect(one).toMatchObject({ min: -0, max: 1e308, sum: 1e308, carry: 5e-324 })
  })

  it("does not do where a sum is one that no double holds, or a stretch in several buckets", () => {
    expect(stats(columnOf("f", "float64", [1e308, 1e308]))).toBeUndefined()
    const one = frameOf(columnOf("f", "float64", [1, 2]))
    expect(told(one, (first, last) => first === 0 && last === MINUTE)).toHaveLength(1)
    expect(told(one, () => false)).toBeNull()
  })

  it("does not do where it is damaged, or of another version", () => {
    const text = statsText(frameOf(columnOf("f", "float64", [1, 2]))) ?? ""
    const kinds = new Map([["f", "float64"]] as const)
    const read = (one: string) => readStats(one, kinds, everywhere)
    expect(read(text)).toHaveLength(1)
    const others = [
      text.slice(0, -1),
      text.replace("[1,", "[2,"),
      text.replace(/"[^"]{8}/, '"'),
      text.replace(/"[^"]/, '"!'),
      text.replace('"f"', "7"),
      "[]",
      "null",
      "",
    ]
    for (const other of others) expect(read(other), other).toBeNull()
  })

  it("is told of the hours, days or weeks by themselves that it reaches over, where they are few", () => {
    const days = 2_000 * MINUTE
    const every = (step: number, count: number, from = 0): Frame => {
      const index = Float64Array.from({ length: count }, (_, row) => from + row * step)
      const values = Float64Array.from(index, (_, row) => row)
      return { index, kind: "naive", unit: "ms", columns: [{ name: "v", kind: "float64", values }] }
    }
    const counts = (one: Frame) => told(one)?.map(({ columns }) => columns[0]?.count)
    expect(counts(every(1_000_000, 2_000, 30 * MINUTE))).toEqual([1_800, 200])
    expect(counts(every(MINUTE, 2_000))).toEqual([1_440, 560])
    expect(counts(every(MINUTE, 2_000, days - 10 * MINUTE))).toEqual([890, 1_110])
    expect(counts(every(15 * MINUTE, 2_000))).toEqual([384, 672, 672, 272])
    expect(counts(every(60 * MINUTE, 2_000))).toEqual([2_000])
    expect(counts({ ...every(MINUTE, 2_000), kind: "integer" })).toEqual([2_000])
  })

  it("has the stamps of the rows at the ends of each, and what is null in one of them", () => {
    const day = 1_440 * MINUTE
    const index = Float64Array.of(day - 7 * MINUTE, day - MINUTE, 2 * day, 9 * day)
    const values = Float64Array.of(1, 2, NaN, 4)
    const one: Frame = {
      index,
      kind: "utc",
      unit: "ms",
      columns: [{ name: "v", kind: "float64", values }],
    }
    const whole = { name: "v", kind: "float64", carry: 0 }
    expect(told(one)).toEqual([
      {
        first: day - 7 * MINUTE,
        last: day - MINUTE,
        columns: [{ ...whole, count: 2, min: 1, max: 2, sum: 3 }],
      },
      { first: 2 * day, last: 2 * day, columns: [] },
      { first: 9 * day, last: 9 * day, columns: [{ ...whole, count: 1, min: 4, max: 4, sum: 4 }] },
    ])
  })
})
