/** Frames, kinds, and the times of their index. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Problem } from "../../src/protocol/problem.ts"
import { readBound, readRange } from "../../src/series/bounds.ts"
import {
  between,
  sorted,
  STAMP_MAX,
  type Column,
  type Frame,
  type Json,
} from "../../src/series/frame.ts"
import { columnOf, kindOf, maskOf } from "../../src/series/kinds.ts"
import { readLabels } from "../../src/series/labels.ts"
import { isoDate, parseMoment } from "../../src/lib/moment.ts"
import { stampFormat } from "../../src/series/stamp.ts"

const NEW_YEAR = 1_420_070_400_000_000
const DAY = 86_400_000_000

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "integer", unit: "ms", columns }
}

/** The problem that a call throws, as `code: sentence` and its places. */
function problem(call: () => unknown): { code: string; detail: string; errors: unknown } {
  try {
    call()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, detail: error.message, errors: error.details.errors }
  }
  throw new Error("Nothing was thrown")
}

describe("a frame", () => {
  it("is sorted by stamp, and of equal stamps the last row counts", () => {
    const mixed = frame(
      [3, 1, 3, 2, 1],
      columnOf("f", "float64", [1.5, 2.5, 3.5, NaN, 5.5]),
      columnOf("s", "string", ["a", "b", "c", "d", null]),
    )
    expect(sorted(mixed)).toStrictEqual(
      frame(
        [1, 2, 3],
        columnOf("f", "float64", [5.5, NaN, 3.5]),
        columnOf("s", "string", [null, "d", "c"]),
      ),
    )
    const ordered = frame([1, 2])
    expect(sorted(ordered)).toBe(ordered)
  })

  it("is cut by stamps, both inclusive", () => {
    const whole = frame([1, 3, 5, 7], columnOf("v", "int64", [10, 30, 50, 70]))
    expect(between(whole, 3, 5)).toStrictEqual(frame([3, 5], columnOf("v", "int64", [30, 50])))
    expect([...between(whole, 2, 6).index]).toEqual([3, 5])
    expect([...between(whole, 6, 6).index]).toEqual([])
    expect([...between(whole, 9, 2).index]).toEqual([])
    expect(between(whole, -STAMP_MAX, STAMP_MAX)).toBe(whole)
  })

  it("knows of kinds which bits they are, and of bits which kind keeps them", () => {
    const bits = { null: 0, boolean: 1, int64: 2, float64: 8, string: 16, json: 32 } as const
    for (const [kind, mask] of Object.entries(bits) as [keyof typeof bits, number][]) {
      expect(maskOf(columnOf("v", kind, []))).toBe(mask)
      expect(kindOf(mask)).toBe(kind)
    }
    expect([2 | 4, 2 | 8, 2 | 4 | 8, 1 | 2, 16 | 8].map(kindOf)).toEqual([
      "int64",
      "float64",
      "json",
      "json",
      "json",
    ])
    expect(maskOf(columnOf("v", "int64", [2n ** 60n]))).toBe(2)
    expect(maskOf(columnOf("v", "int64", [2n ** 60n + 1n]))).toBe(2 | 4)
  })
})

describe("a time", () => {
  it("is read in every form of ISO 8601 that people write", () => {
    const noon = NEW_YEAR + DAY / 2
    for (const [text, stamp, zoned] of [
      ["2015-01-01", NEW_YEAR, false],
      ["2015-01-01T12:00", noon, false],
      ["2015-01-01 12:00:00", noon, false],
      ["2015-01-01T12:00:00.5", noon + 500_000, false],
      ["2015-01-01T12:00:00,000001", noon + 1, false],
      ["2015-01-01T12:00:00.123456000", noon + 123_456, false],
      ["2015-01-01T12:00:00Z", noon, true],
      ["2015-01-01t12:00:00z", noon, true],
      ["2015-01-01T14:00:00+02:00", noon, true],
      ["2015-01-01T14:00:00 +0200", noon, true],
      ["2015-01-01T09:30-02:30", noon, true],
      ["2015-01-01T13:00+01", noon, true],
      ["1969-12-31T23:59:59.999999", -1, false],
      ["1684-07-28T00:12:25.259009Z", -STAMP_MAX, true],
      ["2255-06-05T23:47:34.740991Z", STAMP_MAX, true],
      ["2016-02-29", 1_456_704_000_000_000, false],
    ] as const) {
      expect(parseMoment(text), text).toMatchObject({ stamp, zoned, finer: false })
    }
  })

  it("is nothing else", () => {
    for (const text of [
      "",
      "2015",
      "2015-1-1",
      "2015-02-29",
      "2015-02-30",
      "2015-13-01",
      "2015-01-01T24:00",
      "2015-01-01T12:60",
      "2015-01-01T23:59:60Z",
      "2015-01-01T12",
      "2015-01-01Z",
      "2015-01-01T12:00:00+25:00",
      "2015-01-01T12:00:00+01:75",
      "Jan 5, 2015",
      "01/02/2015",
      " 2015-01-01",
      "2015-01-01x",
      "20150101",
    ]) {
      expect(parseMoment(text), text).toBeNull()
    }
  })

  it("comes back as it was written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -STAMP_MAX, max: STAMP_MAX }),
        fc.constantFrom("naive", "utc"),
        (stamp, kind) => {
          const text = stampFormat(kind, "us")(stamp)
          expect(parseMoment(text)).toEqual({
            stamp: stamp + 0,
            zoned: kind === "utc",
            dateOnly: false,
            finer: false,
          })
          expect(text.replace("Z", "").slice(0, 23)).toBe(
            new Date(Math.floor(stamp / 1_000)).toISOString().slice(0, 23),
          )
        },
      ),
      { seed: 7, numRuns: 500 },
    )
  })

  it("has the date that the engine's calendar has", () => {
    // From year 0 to 9999, by steps that meet every day of the year.
    for (let day = -719_528; day <= 2_932_896; day += 11) {
      const moment = new Date(day * 86_400_000 + 86_399_999)
      if (isoDate(moment.getTime()) !== moment.toISOString().slice(0, 10)) {
        expect(isoDate(moment.getTime())).toBe(moment.toISOString().slice(0, 10))
      }
    }
  })

  it("is written as pandas does: three decimals, Z only with a zone, or epoch milliseconds", () => {
    expect(stampFormat("naive", "ms")(NEW_YEAR)).toBe("2015-01-01T00:00:00.000")
    expect(stampFormat("utc", "ms")(NEW_YEAR + 1_000)).toBe("2015-01-01T00:00:00.001Z")
    expect(stampFormat("utc", "us")(NEW_YEAR + 1)).toBe("2015-01-01T00:00:00.000001Z")
    expect(stampFormat("naive", "ms", "epoch")(NEW_YEAR)).toBe("1420070400000")
    expect(stampFormat("naive", "ms", "epoch")(-DAY)).toBe("-86400000")
    expect(stampFormat("naive", "us", "epoch")(NEW_YEAR + 120)).toBe("1420070400000.12")
    expect(stampFormat("naive", "us", "epoch")(-1)).toBe("-0.001")
    expect(stampFormat("integer", "ms", "epoch")(7)).toBe("7")
  })
})

function kinds(labels: Json[]) {
  const { index, kind, unit } = readLabels(labels)
  return { index: [...index], kind, unit }
}

describe("the labels of an index", () => {
  it("are times with or without a zone", () => {
    expect(kinds(["2015-01-01", "2015-01-02 00:00"])).toEqual({
      index: [NEW_YEAR, NEW_YEAR + DAY],
      kind: "naive",
      unit: "ms",
    })
    expect(kinds(["2015-01-01T01:00:00+01:00", "2015-01-02T00:00:00.000001Z"])).toEqual({
      index: [NEW_YEAR, NEW_YEAR + DAY + 1],
      kind: "utc",
      unit: "us",
    })
    expect(kinds([])).toEqual({ index: [], kind: "naive", unit: "ms" })
  })

  it("are epoch numbers when all are larger than a year of seconds, in the first unit that fits all", () => {
    for (const label of [
      1_420_070_400,
      "1420070400",
      1_420_070_400_000,
      1_420_070_400_000_000,
      1_420_070_400_000_000_000n,
      "1420070400.0",
    ]) {
      expect(kinds([label]), String(label)).toEqual({
        index: [NEW_YEAR],
        kind: "naive",
        unit: "ms",
      })
    }
    expect(kinds(["1420070400.000001"])).toEqual({
      index: [NEW_YEAR + 1],
      kind: "naive",
      unit: "us",
    })
    expect(kinds([1_420_070_400_000.25]).index).toEqual([NEW_YEAR + 250])
    expect(kinds([31_536_001, 1_420_070_400_000]).index).toEqual([31_536_001_000, NEW_YEAR])
    expect(kinds(["9007199254740991"])).toMatchObject({ index: [STAMP_MAX], kind: "naive" })
  })

  it("are integers otherwise", () => {
    expect(kinds([0, "1", 20150101])).toEqual({
      index: [0, 1, 20_150_101],
      kind: "integer",
      unit: "ms",
    })
    expect(kinds([31_536_000, 1_420_070_400]).kind).toBe("integer")
    expect(kinds([-1_420_070_400]).kind).toBe("integer")
    expect(kinds([-0, STAMP_MAX, -STAMP_MAX]).index).toEqual([0, STAMP_MAX, -STAMP_MAX])
  })

  it("are refused by name when they are nothing of this", () => {
    for (const [labels, code, place] of [
      [["2015-01-01", "soon"], "invalid_request", "index.1"],
      [["2015-01-01", 5], "invalid_request", "index.1"],
      [[1, 2, "2015-01-01"], "invalid_request", "index.2"],
      [[1.5], "invalid_request", "index.0"],
      [[null], "invalid_request", "index.0"],
      [[1, true], "invalid_request", "index.1"],
      [["2015-01-01T00:00:00.0000001"], "unprocessable", "index.0"],
      [["2015-01-01T00:00:00Z", "2015-01-01"], "unprocessable", "index.1"],
      [["1600-01-01"], "unprocessable", "index.0"],
      [["9999-12-31"], "unprocessable", "index.0"],
      [["2255-06-05T23:47:34.740992Z"], "unprocessable", "index.0"],
      [[1_420_070_400_000_000_001n], "unprocessable", "index.0"],
      [[2n ** 63n], "unprocessable", "index.0"],
      [[0, 2n ** 53n], "unprocessable", "index.1"],
      [["9223372036"], "unprocessable", "index.0"],
    ] as [Json[], string, string][]) {
      const { code: found, errors } = problem(() => readLabels(labels))
      expect({ labels, found, places: Object.keys(errors as object) }).toEqual({
        labels,
        found: code,
        places: [place],
      })
    }
    expect(problem(() => readLabels(["2015-01-01", "soon"])).detail).toBe(
      'The label of row 1, "soon", is neither an ISO 8601 time nor an epoch number',
    )
  })
})

describe("a bound of a query", () => {
  const now = NEW_YEAR / 1_000
  const bound = (text: string, side: "start" | "end" = "start") =>
    readBound(text, side, "naive", now)

  it("is a time, and a date alone is the whole of it at the end", () => {
    expect(bound("2015-01-01")).toBe(NEW_YEAR)
    expect(bound("2015-01-01", "end")).toBe(NEW_YEAR + DAY - 1)
    expect(bound("2015-01-01T00:00:00", "end")).toBe(NEW_YEAR)
    expect(bound("2015-01-01T02:00:00+02:00")).toBe(NEW_YEAR)
    // A plus that nobody encoded.
    expect(bound("2015-01-01T02:00:00 02:00")).toBe(NEW_YEAR)
  })

  it("finer than a microsecond looks for the microsecond inside", () => {
    expect(bound("2015-01-01T00:00:00.0000001")).toBe(NEW_YEAR + 1)
    expect(bound("2015-01-01T00:00:00.0000009", "end")).toBe(NEW_YEAR)
    expect(bound("1420070400.0000001")).toBe(NEW_YEAR + 1)
    expect(bound("-1420070400.0000001", "end")).toBe(-NEW_YEAR - 1)
    expect(bound("-1420070400.0000001")).toBe(-NEW_YEAR)
  })

  it("is an epoch number with its unit guessed", () => {
    for (const text of ["1420070400", "1420070400000", "1420070400000000", "1420070400000000000"]) {
      expect(bound(text), text).toBe(NEW_YEAR)
    }
    expect(bound("0")).toBe(0)
    expect(bound("-86400000")).toBe(-86_400_000_000_000)
  })

  it("is relative to now", () => {
    expect(bound("now")).toBe(NEW_YEAR)
    expect(bound("now-1h30m")).toBe(NEW_YEAR - 5_400_000_000)
    expect(bound("now+1w2d3s4ms5us")).toBe(NEW_YEAR + 9 * DAY + 3_004_005)
  })

  it("beyond all stamps is their edge", () => {
    expect(bound("9999-12-31", "end")).toBe(STAMP_MAX)
    expect(bound("0001-01-01")).toBe(-STAMP_MAX)
    expect(bound("99999999999999999999", "end")).toBe(STAMP_MAX)
  })

  it("of an integer index is an integer", () => {
    expect(readRange({ start: "3", end: "-5" }, "integer", now)).toEqual({ first: 3, last: -5 })
    expect(problem(() => readBound("2015-01-01", "start", "integer", now)).detail).toContain(
      "must be an integer",
    )
  })

  it("is open when it is empty or missing", () => {
    expect(readRange({ start: "" }, "utc", now)).toEqual({ first: -STAMP_MAX, last: STAMP_MAX })
  })

  it("that is nothing of this is refused by name", () => {
    for (const text of [
      "garbage",
      "2015",
      "2015-02-30",
      "now-",
      "now-5",
      "nowish",
      "1h",
      "2015-01-01T00:00:00.5.5",
    ]) {
      const { code, errors } = problem(() => bound(text, "end"))
      expect([text, code, Object.keys(errors as object)]).toEqual([
        text,
        "invalid_request",
        ["query.end"],
      ])
    }
  })
})
