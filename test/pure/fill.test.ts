/** What stands where a bucket has no value. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RESAMPLE_MAX_CELLS } from "../../src/protocol/limits.ts"
import { Problem } from "../../src/protocol/problem.ts"
import {
  between,
  cell,
  STAMP_MAX,
  type Column,
  type Frame,
  type Json,
} from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { readFill } from "../../src/series/resample/fill.ts"
import { firstKnown, lastKnown } from "../../src/series/resample/known.ts"
import {
  readResample,
  type ResampleOptions,
  type ResampleQuery,
} from "../../src/series/resample/options.ts"
import { resample } from "../../src/series/resample/resample.ts"

const SECOND = 1_000_000
const MINUTE = 60 * SECOND
const DAY = 1_440 * MINUTE

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "utc", unit: "ms", columns }
}

/** Resamples rows at minutes, `mean` where nothing else is asked. */
function filled(
  minutes: number[],
  column: Column,
  query: Partial<ResampleQuery>,
  more: Partial<ResampleOptions> = {},
): Json[][] {
  const asked = { ...readResample({ every: "1m", agg: "mean", ...query }, "utc"), ...more }
  const rows = frame(
    minutes.map((minute) => minute * MINUTE),
    column,
  )
  const { index, columns } = resample(rows, asked)
  return Array.from(index, (stamp, row) => [
    stamp / MINUTE,
    ...columns.map((one) => cell(one, row)),
  ])
}

const window = (first: number, last: number) => ({ first: first * MINUTE, last: last * MINUTE })
const known = (minute: number, value: Json) => new Map([["v", { stamp: minute * MINUTE, value }]])
const floats = (...values: (number | null)[]) => columnOf("v", "float64", values)
const at = (text: string) => Date.parse(text) * 1_000

/** The starts of all days of a window without rows. */
function starts(tz: string, first: string, last: string): string[] {
  const asked = readResample({ every: "1d", agg: "count", fill: "null", tz }, "utc")
  const more = { ...asked, window: { first: at(first), last: at(last) } }
  return Array.from(resample(frame([], floats()), more).index, (stamp) =>
    new Date(stamp / 1_000).toISOString().slice(5, 16),
  )
}

/** The column of two values with a minute without any between them. */
function gap(kind: Column["kind"], values: Json[], fill: string): Column | undefined {
  const asked = readResample({ every: "1m", agg: "first", fill }, "utc")
  return resample(frame([0, 2 * MINUTE], columnOf("v", kind, values)), asked).columns[0]
}

/** As many minutes of nothing. */
function emptyMinutes(count: number): Frame {
  const asked = readResample({ every: "1m", agg: "mean", fill: "null" }, "utc")
  return resample(frame([], floats()), { ...asked, window: window(1, count) })
}

function problem(call: () => unknown): { code: string; detail: string; errors: unknown } {
  try {
    call()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, detail: error.message, errors: error.details.errors }
  }
  throw new Error("Nothing was thrown")
}

describe("fill", () => {
  it("is none, null, previous, linear or a number", () => {
    for (const word of ["none", "null", "previous", "linear"]) expect(readFill(word)).toBe(word)
    expect(readFill(undefined)).toBe("none")
    expect(readFill("")).toBe("none")
    expect(["0", "-1.5", "+3", "1e3", ".5", "9007199254740993"].map(readFill)).toEqual([
      0,
      -1.5,
      3,
      1_000,
      0.5,
      9_007_199_254_740_993n,
    ])
    for (const word of [
      "nil",
      "NaN",
      "Infinity",
      "1e999",
      "0x10",
      "prev",
      "9".repeat(30),
      "-",
      "1_0",
    ]) {
      const { code, detail, errors } = problem(() => readFill(word))
      expect(code).toBe("invalid_request")
      expect(detail).toContain(`it is ${JSON.stringify(word)}`)
      expect(Object.keys(errors as object)).toEqual(["query.fill"])
    }
  })

  it("leaves empty buckets out when it is none, whatever the window", () => {
    expect(filled([0, 3], floats(1, 4), {})).toEqual([
      [0, 1],
      [3, 4],
    ])
    expect(filled([0, 3], floats(1, 4), {}, { window: window(-5, 9) })).toHaveLength(2)
  })

  it("puts nulls, the previous value, a line or a number between the first and the last bucket", () => {
    const values = (fill: string) => filled([0, 3, 4], floats(1, 4, 9), { fill }).map(([, v]) => v)
    expect(values("null")).toEqual([1, null, null, 4, 9])
    expect(values("previous")).toEqual([1, 1, 1, 4, 9])
    expect(values("linear")).toEqual([1, 2, 3, 4, 9])
    const large = filled([0, 2], floats(-1.7e308, 1.7e308), { fill: "linear" })
    expect(large[1]).toEqual([1, 0])
    expect(values("0.5")).toEqual([1, 0.5, 0.5, 4, 9])
  })

  it("reaches from the first to the last bucket of a window", () => {
    const asked = { window: window(-1.5, 2.5) }
    expect(filled([0, 1], floats(1, 2), { fill: "null" }, asked)).toEqual([
      [-2, null],
      [-1, null],
      [0, 1],
      [1, 2],
      [2, null],
    ])
    const open = { window: { first: -STAMP_MAX, last: 2 * MINUTE } }
    expect(filled([0], floats(1), { fill: "7" }, open)).toEqual([
      [0, 1],
      [1, 7],
      [2, 7],
    ])
    expect(filled([], floats(), { fill: "7" }, { window: window(0, 1) })).toEqual([
      [0, 7],
      [1, 7],
    ])
    expect(filled([], floats(), { fill: "7" }, open)).toEqual([])
    expect(filled([], floats(), { fill: "7" }, { window: window(1, 0) })).toEqual([])
  })

  it("looks outside of the window for the previous value and for both ends of a line", () => {
    const asked = { window: window(0, 4), before: known(-2, 10), after: known(8, 80) }
    const rows = [2]
    const values = (fill: string) => filled(rows, floats(30), { fill }, asked).map(([, v]) => v)
    expect(values("previous")).toEqual([10, 10, 30, 30, 30])
    expect(values("linear")).toEqual([20, 25, 30, 30 + 50 / 6, 30 + 100 / 6])
    const { before, after } = asked
    const empty = (more: Partial<ResampleOptions>) =>
      filled([], floats(), { fill: "linear" }, { window: window(0, 4), ...more }).map(([, v]) => v)
    expect(empty({ before, after })).toEqual([24, 31, 38, 45, 52])
    expect(empty({ before })).toEqual([null, null, null, null, null])
    expect(empty({})).toEqual([null, null, null, null, null])
    expect(filled([2], floats(30), { fill: "linear" }, { window: window(1, 3) })).toEqual([
      [1, null],
      [2, 30],
      [3, null],
    ])
  })

  it("goes on where a bucket has rows but no value of the column", () => {
    const column = floats(1, null, 3)
    expect(filled([0, 1, 2], column, { fill: "previous" })).toEqual([
      [0, 1],
      [1, 1],
      [2, 3],
    ])
    expect(filled([0, 1, 2], column, { fill: "linear" })[1]).toEqual([1, 2])
    expect(filled([0, 1, 2], column, { fill: "none" })[1]).toEqual([1, null])
  })

  it("goes by time and not by place, where months and days differ in length", () => {
    const rows = frame([at("2024-01-15"), at("2024-04-15")], floats(0, 91))
    const asked = readResample({ every: "1mo", agg: "mean", fill: "linear" }, "utc")
    expect([...(resample(rows, asked).columns[0]?.values ?? [])]).toEqual([0, 31, 60, 91])
    const days = frame([at("2024-03-30T12:00Z"), at("2024-04-01T12:00Z")], floats(0, 47))
    const query = { every: "1d", agg: "mean", fill: "linear", tz: "Europe/Oslo" }
    expect([...(resample(days, readResample(query, "utc")).columns[0]?.values ?? [])]).toEqual([
      0, 24, 47,
    ])
  })

  it("has one bucket for every day of a change of clocks, and none for a day that was skipped", () => {
    expect(starts("America/New_York", "2013-11-02T12:00Z", "2013-11-05T12:00Z")).toEqual([
      "11-02T04:00",
      "11-03T04:00",
      "11-04T05:00",
      "11-05T05:00",
    ])
    expect(starts("Pacific/Apia", "2011-12-29T12:00Z", "2011-12-31T12:00Z")).toEqual([
      "12-29T10:00",
      "12-30T10:00",
      "12-31T10:00",
    ])
  })

  it("of a count is 0: that nothing is there is known", () => {
    for (const fill of ["null", "previous", "linear", "5"]) {
      const counted = filled([0, 2], floats(1, 2), { fill, agg: "count" })
      expect(counted).toEqual([
        [0, 1],
        [1, 0],
        [2, 1],
      ])
    }
  })

  it("keeps integers, texts and booleans what they are", () => {
    const large = 2n ** 60n + 1n
    expect(gap("int64", [large, 2], "previous")).toEqual(columnOf("v", "int64", [large, large, 2]))
    expect(gap("int64", [large, 2], "7")).toEqual(columnOf("v", "int64", [large, 7, 2]))
    expect(gap("int64", [1, 2], "0.5")).toEqual(columnOf("v", "float64", [1, 0.5, 2]))
    expect(gap("int64", [1, 2], "linear")).toEqual(columnOf("v", "float64", [1, 1.5, 2]))
    expect(gap("string", ["a", "b"], "previous")).toEqual(columnOf("v", "string", ["a", "a", "b"]))
    expect(gap("string", ["a", "b"], "null")).toEqual(columnOf("v", "string", ["a", null, "b"]))
    expect(gap("boolean", [true, false], "previous")?.values).toEqual([true, true, false])
    expect(gap("null", [null, null], "3")).toEqual(columnOf("v", "int64", [3, 3, 3]))
    for (const fill of ["linear", "0.5"]) {
      const { code, detail } = problem(() => gap("int64", [large, 2], fill))
      expect(code).toBe("unprocessable")
      expect(detail).toContain(`no double is ${large}`)
    }
    for (const [kind, value] of [
      ["string", "a"],
      ["boolean", true],
      ["json", [1]],
    ] as const) {
      for (const fill of ["linear", "0"]) {
        const { code, detail } = problem(() => gap(kind, [value as Json, null], fill))
        expect(code).toBe("invalid_request")
        expect(detail).toContain(`fill=${fill} needs numbers, and column "v" has none`)
      }
    }
  })

  it("is refused before it makes more buckets than memory holds", () => {
    const most = RESAMPLE_MAX_CELLS / 2
    expect(emptyMinutes(most).index).toHaveLength(most)
    for (const last of [most + 1, most * 10, 100_000_000]) {
      const { code, detail, errors } = problem(() => emptyMinutes(last))
      expect(code).toBe("invalid_request")
      expect(detail).toContain(`"every" makes more than ${most} buckets`)
      expect(Object.keys(errors as object)).toEqual(["query.every"])
    }
  })

  it("says when a bucket would be named by a time that no stamp has", () => {
    const rows = frame([STAMP_MAX - 1], floats(1))
    const asked = readResample({ every: "1y", agg: "mean", label: "right" }, "utc")
    expect(problem(() => resample(rows, asked)).detail).toBe(
      '"every" makes a bucket that is named 2256-01-01T00:00:00.000Z, outside 1684-07-28 to 2255-06-05',
    )
  })
})

describe("a long range in two windows", () => {
  it("is the same as in one, when each is told what the other knows at its edge", () => {
    const rows = fc.uniqueArray(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 12 })
    const fills = fc.constantFrom("null", "previous", "linear", "3")
    const cuts = fc.integer({ min: 1, max: 49 })
    fc.assert(
      fc.property(
        rows,
        fills,
        cuts,
        fc.constantFrom("mean", "count", "ohlc"),
        (seconds, fill, cut, agg) => {
          const stamps = seconds.toSorted((one, other) => one - other)
          const whole = frame(
            stamps.map((second) => second * SECOND),
            floats(...stamps.map((second) => (second % 7 === 0 ? null : second ** 2))),
          )
          const asked = readResample({ every: "1m", agg, fill }, "utc")
          const plain = { ...asked, fill: "none" } as const
          const [early, late] = [window(0, cut - 1 / 60), window(cut, 50)]
          const parts = [early, late].map((range) => between(whole, range.first, range.last))
          const [left, right] = parts.map((part) => resample(part, plain))
          const one = resample(parts[0] as Frame, {
            ...asked,
            window: early,
            after: firstKnown(right as Frame),
          })
          const other = resample(parts[1] as Frame, {
            ...asked,
            window: late,
            before: lastKnown(left as Frame),
          })
          const all = resample(whole, { ...asked, window: window(0, 50) })
          expect([...one.index, ...other.index]).toEqual([...all.index])
          for (const [place, column] of all.columns.entries()) {
            const cells = [one, other].flatMap((part) => [...(part.columns[place]?.values ?? [])])
            expect(cells).toEqual([...column.values])
          }
          expect(all.index).toHaveLength(51)
        },
      ),
      { seed: 7, numRuns: 500 },
    )
  })

  it("knows of every column its last and its first value", () => {
    const rows = frame(
      [0, DAY, 2 * DAY],
      floats(1, 2, null),
      columnOf("s", "string", [null, "a", "b"]),
    )
    expect([...lastKnown(rows)]).toEqual([
      ["v", { stamp: DAY, value: 2 }],
      ["s", { stamp: 2 * DAY, value: "b" }],
    ])
    expect([...firstKnown(rows)]).toEqual([
      ["v", { stamp: 0, value: 1 }],
      ["s", { stamp: DAY, value: "a" }],
    ])
    expect(lastKnown(frame([], floats())).size).toBe(0)
  })
})
