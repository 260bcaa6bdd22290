/** What becomes of the values of a bucket, at once or chunk by chunk, from rows or from statistics. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Problem } from "../../src/protocol/problem.ts"
import { AGGREGATIONS } from "../../src/protocol/resample.ts"
import { cell, slice, type Column, type Frame, type Json } from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { canUseStats, readAggregates } from "../../src/series/resample/aggregate.ts"
import { readResample, type ResampleQuery } from "../../src/series/resample/options.ts"
import { resample, Resampler, type ChunkStats } from "../../src/series/resample/resample.ts"
import { Sum } from "../../src/series/resample/sum.ts"

const SECOND = 1_000_000
const MINUTE = 60 * SECOND

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "utc", unit: "ms", columns }
}

const options = (query: Partial<ResampleQuery>) =>
  readResample({ every: "1m", agg: "mean", ...query }, "utc")

/** The answer as stamp → column → value. */
function table(result: Frame): Record<string, Json[]> {
  return Object.fromEntries(
    result.columns.map((column) => [
      column.name,
      Array.from(result.index, (_, row) => cell(column, row)),
    ]),
  )
}

/** One bucket of one column. */
function one(agg: string, kind: Column["kind"], values: Json[]): Json | undefined {
  const rows = frame(
    values.map((_, row) => row),
    columnOf("v", kind, values),
  )
  return table(resample(rows, options({ agg })))["v"]?.[0]
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

const doubles = fc.oneof(
  fc.integer().map((value) => value / 1_024),
  fc.constantFrom<number | null>(null, null, 0, 1, -1, 1e16, -1e16),
)
const integers = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 56n), max: 2n ** 56n }),
)
const booleans = fc.option(fc.boolean())
const texts = fc.option(fc.string({ maxLength: 3 }))

/** A frame of one to 60 rows in up to five minutes. */
const frames = fc
  .uniqueArray(fc.integer({ min: -2 * 60_000, max: 3 * 60_000 }), { minLength: 1, maxLength: 60 })
  .chain((stamps) => {
    const rows = { minLength: stamps.length, maxLength: stamps.length }
    return fc
      .tuple(
        fc.array(doubles, rows),
        fc.array(integers, rows),
        fc.array(booleans, rows),
        fc.array(texts, rows),
      )
      .map(([f, i, b, s]) =>
        frame(
          stamps.toSorted((x, y) => x - y).map((stamp) => stamp * 1_000),
          columnOf("f", "float64", f),
          columnOf(
            "i",
            "int64",
            i.map((value) => (value === null ? null : tidy(value))),
          ),
          columnOf("b", "boolean", b),
          columnOf("s", "string", s),
        ),
      )
  })

function tidy(value: number | bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** The sum in units of 1/1024, without any error. */
function exactly(values: readonly (number | bigint)[]): bigint {
  return values.reduce<bigint>(
    (sum, value) => sum + (typeof value === "bigint" ? value * 1_024n : BigInt(value * 1_024)),
    0n,
  )
}

/** The aggregations, done plainly. */
const naive: Record<string, (values: (number | bigint)[]) => Json> = {
  count: (values) => values.length,
  sum: (values) => Number(exactly(values)) / 1_024,
  mean: (values) => Number(exactly(values)) / 1_024 / values.length,
  min: (values) => values.reduce((least, value) => (value < least ? value : least)),
  max: (values) => values.reduce((most, value) => (value > most ? value : most)),
  first: (values) => values[0] ?? null,
  last: (values) => values.at(-1) ?? null,
  median: (values) => {
    const sorted = values.map(Number).toSorted((x, y) => x - y)
    const middle = sorted.length / 2
    return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
  },
  std: (values) => {
    if (values.length < 2) return null
    const mean = Number(naive["mean"]?.(values))
    const squares = values.map((value) => (Number(value) - mean) ** 2)
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / (values.length - 1))
  },
}

function near(found: Json | undefined, wanted: Json, scale: number, where: string): void {
  if (typeof wanted !== "number" || typeof found !== "number") {
    expect(found, where).toEqual(wanted)
    return
  }
  expect(Math.abs(found - wanted), where).toBeLessThanOrEqual(scale)
}

/** What a chunk would say of its numbers. */
function statsOf(rows: Frame): ChunkStats {
  return {
    first: rows.index[0] as number,
    last: rows.index.at(-1) as number,
    columns: rows.columns.slice(0, 2).flatMap((column) => {
      const values = Array.from(rows.index, (_, row) => cell(column, row)).filter(
        (value) => value !== null,
      ) as (number | bigint)[]
      if (values.length === 0) return []
      const { name, kind } = column
      const [min, max] = [naive["min"]?.(values) ?? null, naive["max"]?.(values) ?? null]
      const sum = new Sum()
      for (const value of values) {
        if (kind === "float64") sum.addDouble(value as number)
        else sum.addInteger(value)
      }
      const { carry } = sum
      return [{ name, kind, count: values.length, min, max, sum: sum.total(), carry }]
    }),
  }
}

describe("agg", () => {
  it("is one word, or a list of columns", () => {
    expect(readAggregates("mean")).toEqual([{ column: null, agg: "mean" }])
    expect(readAggregates("min,max")).toEqual([
      { column: null, agg: "min" },
      { column: null, agg: "max" },
    ])
    expect(readAggregates("price:mean,volume:sum")).toEqual([
      { column: "price", agg: "mean" },
      { column: "volume", agg: "sum" },
    ])
    expect(readAggregates("in:side:mean,a,b:sum")).toEqual([
      { column: "in:side", agg: "mean" },
      { column: "a,b", agg: "sum" },
    ])
  })

  it("is refused with what was wanted", () => {
    for (const [agg, word] of [
      ["avg", '"avg"'],
      ["", '""'],
      ["price:avg", '"avg"'],
      ["price:mean,volume", '"volume"'],
      ["price:mean,mean", '"mean" at its end'],
      ["price:mean,price:mean", "price:mean once"],
      ["mean,mean", "mean once"],
    ] as const) {
      const { code, detail, errors } = problem(() => readAggregates(agg))
      expect(code).toBe("invalid_request")
      expect(detail).toContain(word)
      expect(Object.keys(errors as object)).toEqual(["query.agg"])
    }
  })

  it("takes and orders the columns it names, and refuses those that are not there", () => {
    const rows = frame([0], ...["a", "b", "c"].map((name) => columnOf(name, "int64", [1])))
    const names = (agg: string) => resample(rows, options({ agg })).columns.map(({ name }) => name)
    expect(names("mean")).toEqual(["a", "b", "c"])
    expect(names("c:sum,a:mean")).toEqual(["c", "a"])
    expect(names("c:sum,a:min,c:max")).toEqual(["c_sum", "c_max", "a"])
    expect(problem(() => names("d:sum")).detail).toBe(
      '"agg" names the column "d", the series has "a", "b", "c"',
    )
  })

  it("names four columns for ohlc, bare ones when there is one column", () => {
    const values = columnOf("price", "float64", [2, 9, 1, 4])
    const single = resample(frame([0, 1, 2, 3], values), options({ agg: "ohlc" }))
    expect(table(single)).toEqual({ open: [2], high: [9], low: [1], close: [4] })
    const two = frame([0, 1, 2, 3], values, columnOf("volume", "int64", [1, 2, 3, 4]))
    expect(table(resample(two, options({ agg: "price:ohlc,volume:sum" })))).toEqual({
      price_open: [2],
      price_high: [9],
      price_low: [1],
      price_close: [4],
      volume: [10],
    })
    const clash = frame([0], columnOf("a", "int64", [1]), columnOf("a_open", "int64", [1]))
    expect(problem(() => resample(clash, options({ agg: "a:ohlc,a_open:sum" }))).detail).toContain(
      'makes two columns of the name "a_open"',
    )
  })

  it("refuses what a column's values cannot give, naming both", () => {
    const held = { string: "texts", boolean: "booleans", json: "mixed" } as const
    const allowed = {
      string: ["first", "last", "count", "min", "max"],
      boolean: ["first", "last", "count", "min", "max", "sum", "mean"],
      json: ["first", "last", "count"],
    } as const
    for (const kind of ["string", "boolean", "json"] as const) {
      for (const agg of AGGREGATIONS) {
        const call = () => resample(frame([0], columnOf("note", kind, [null])), options({ agg }))
        if ((allowed[kind] as readonly string[]).includes(agg)) {
          expect(call().index).toHaveLength(1)
          continue
        }
        const { code, detail } = problem(call)
        expect(code).toBe("invalid_request")
        expect(detail).toContain(`column "note" holds ${held[kind]}`)
        expect(detail).toContain(`not ${agg}`)
      }
    }
  })
})

describe("a bucket", () => {
  it("is what plain sums and sorts say, however its rows are cut into chunks", () => {
    const plain = fc.constantFrom(...AGGREGATIONS.filter((agg) => agg !== "ohlc"))
    const cuts = fc.array(fc.nat(60), { maxLength: 4 })
    fc.assert(
      fc.property(frames, plain, fc.boolean(), cuts, (rows, agg, isRight, places) => {
        const closed = isRight ? "right" : "left"
        const resampler = new Resampler(options({ agg: `f:${agg},i:${agg}`, closed }))
        const ends = [...places, rows.index.length].toSorted((x, y) => x - y)
        for (const [at, end] of ends.entries()) resampler.push(slice(rows, ends[at - 1] ?? 0, end))
        const result = resampler.finish()
        const bucketOf = (stamp: number) =>
          Math.floor((stamp - (isRight ? 1 : 0)) / MINUTE) * MINUTE
        const starts = [...new Set(Array.from(rows.index, bucketOf))]
        expect([...result.index]).toEqual(starts)
        for (const column of rows.columns.slice(0, 2)) {
          for (const [place, start] of starts.entries()) {
            const values = Array.from(rows.index, (stamp, row) =>
              bucketOf(stamp) === start ? cell(column, row) : null,
            ).filter((value) => value !== null) as (number | bigint)[]
            const empty = agg === "count" ? 0 : null
            const wanted = values.length > 0 ? (naive[agg]?.(values) ?? null) : empty
            const size = Math.max(...values.map((value) => Math.abs(Number(value))), 0)
            const loose = agg === "std" ? 1e-12 * size : 1e-15 * Math.abs(Number(wanted))
            const found = table(result)[column.name]?.[place]
            if (column.kind === "int64" && agg === "sum" && values.length > 0) {
              expect(BigInt(found as number)).toBe(exactly(values) / 1_024n)
            } else near(found, wanted, loose, `${column.name} ${agg}`)
          }
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  it("of texts and booleans gives the first, last, least, greatest and how many", () => {
    const aggs = ["first", "last", "min", "max", "count"]
    expect(aggs.map((agg) => one(agg, "string", [null, "b", "", "c", "a", null]))).toEqual([
      "b",
      "a",
      "",
      "c",
      4,
    ])
    expect(
      [...aggs, "sum", "mean"].map((agg) => one(agg, "boolean", [null, true, false, true, null])),
    ).toEqual([true, true, false, true, 3, 2, 2 / 3])
    expect(
      ["first", "last", "count"].map((agg) => one(agg, "json", [{ a: 1 }, [2], null])),
    ).toEqual([{ a: 1 }, [2], 2])
  })

  it("without any value is null, and counts 0", () => {
    const plain = AGGREGATIONS.filter((agg) => agg !== "ohlc" && agg !== "count")
    for (const kind of ["float64", "int64", "null"] as const) {
      expect(plain.map((agg) => one(agg, kind, [null, null]))).toEqual(plain.map(() => null))
      expect(one("count", kind, [null, null])).toBe(0)
    }
    expect(one("std", "float64", [1])).toBeNull()
  })

  it("keeps the digits of large integers, and says when 64 bits are too few", () => {
    const large = 2n ** 62n + 1n
    expect(one("sum", "int64", [large, -1, 2, -large])).toBe(1)
    expect(one("sum", "int64", [large, 2n ** 61n])).toBe(large + 2n ** 61n)
    expect(one("sum", "int64", [Number.MAX_SAFE_INTEGER, 1, 1])).toBe(2n ** 53n + 1n)
    for (const agg of ["min", "max", "first", "last"])
      expect(one(agg, "int64", [large])).toBe(large)
    expect(one("mean", "int64", [2n ** 60n, 2n ** 60n])).toBe(2 ** 60)
    // A sum on the way may leave 64 bits, the mean has no such limit.
    expect(one("sum", "int64", [2n ** 62n, 2n ** 62n, -1])).toBe(2n ** 63n - 1n)
    expect(one("mean", "int64", [2n ** 62n, 2n ** 62n])).toBe(2 ** 62)
    const { code, detail } = problem(() => one("sum", "int64", [2n ** 62n, 2n ** 62n]))
    expect(code).toBe("unprocessable")
    expect(detail).toBe(
      'The sum of column "v" in the bucket of 1970-01-01T00:00:00.000Z is an integer beyond 64 bits',
    )
  })

  it("sums doubles as if with twice the digits, and says when none is large enough", () => {
    expect(one("sum", "float64", [1, 1e100, 1, -1e100])).toBe(2)
    expect(
      one(
        "sum",
        "float64",
        Array.from({ length: 10 }, () => 0.1),
      ),
    ).toBe(1)
    expect(one("mean", "float64", [1e16, 1, -1e16])).toBe(1 / 3)
    for (const value of [0.1, 21.3, -7.7e-9, 1e300]) {
      expect(
        one(
          "mean",
          "float64",
          Array.from({ length: 24 }, () => value),
        ),
      ).toBe(value)
    }
    expect(one("median", "float64", [1.7e308, 1.7e308])).toBe(1.7e308)
    for (const agg of ["sum", "mean", "std"]) {
      const { code, detail } = problem(() =>
        one(agg, "float64", [1.7e308, -1.7e308, 1.7e308, 1.7e308, 1.7e308]),
      )
      expect(code).toBe("unprocessable")
      expect(detail).toContain("is larger than any double")
    }
  })

  it("of a column that changes its kind between chunks is that of the joined kind", () => {
    const resampler = new Resampler(options({ agg: "sum" }))
    resampler.push(frame([0], columnOf("v", "null", [null])))
    resampler.push(frame([1, MINUTE], columnOf("v", "int64", [1, 2])))
    resampler.push(
      frame([MINUTE + 1], columnOf("v", "float64", [0.5]), columnOf("w", "int64", [7])),
    )
    expect(resampler.finish()).toStrictEqual(
      frame([0, MINUTE], columnOf("v", "float64", [1, 2.5]), columnOf("w", "int64", [null, 7])),
    )
    const mixed = new Resampler(options({ agg: "mean" }))
    mixed.push(frame([0], columnOf("v", "int64", [1])))
    expect(problem(() => mixed.push(frame([1], columnOf("v", "string", ["a"])))).detail).toContain(
      'column "v" holds mixed or nested values',
    )
  })

  it("is named by its start, or by its end where one asks", () => {
    const rows = frame([0, MINUTE], columnOf("v", "int64", [1, 2]))
    expect([...resample(rows, options({ label: "right" })).index]).toEqual([MINUTE, 2 * MINUTE])
    const right = resample(rows, options({ closed: "right", label: "right" }))
    expect([...right.index]).toEqual([0, MINUTE])
  })

  it("needs times, rows in order, and one kind of index", () => {
    const numbered: Frame = { ...frame([1]), kind: "integer" }
    expect(problem(() => readResample({ every: "1h", agg: "mean" }, "integer")).detail).toBe(
      '"every" needs times, and the index has integers',
    )
    const resampler = new Resampler(options({}))
    expect(() => resampler.push(numbered)).toThrow("The rows are integer, resampled is utc")
    resampler.push(frame([5]))
    expect(() => resampler.push(frame([5]))).toThrow("in the order of their stamps")
  })

  it("of half a million rows and four columns takes a second at most", () => {
    const count = 500_000
    const index = Float64Array.from({ length: count }, (_, row) => row * MINUTE)
    const column = (name: string) =>
      ({ name, kind: "float64", values: index.map((stamp) => Math.sin(stamp)) }) as Column
    const rows: Frame = { ...frame([]), index, columns: ["a", "b", "c", "d"].map(column) }
    const begun = performance.now()
    const result = resample(rows, options({ every: "1d", tz: "America/New_York" }))
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(result.index.length).toBe(349)
  })
})

describe("statistics of chunks", () => {
  it("serve for mean, min, max, sum and count of numbers", () => {
    expect(canUseStats(readAggregates("a:mean,b:min,c:max,d:sum,e:count"))).toBe(true)
    for (const agg of ["first", "last", "median", "std", "ohlc"]) {
      expect(canUseStats(readAggregates(`a:mean,b:${agg}`))).toBe(false)
    }
    const shapes = [
      { name: "price", mask: 8 },
      { name: "note", mask: 16 },
    ]
    expect(canUseStats(readAggregates("count"), shapes)).toBe(false)
    expect(canUseStats(readAggregates("price:count"), shapes)).toBe(true)
  })

  it("give what the rows give, in any mixture with them", () => {
    const aggs = fc.constantFrom("mean", "min", "max", "sum", "count")
    fc.assert(
      fc.property(frames, aggs, fc.array(fc.nat(60), { maxLength: 6 }), (rows, agg, places) => {
        const asked = options({ agg: `f:${agg},i:${agg}` })
        const resampler = new Resampler(asked)
        resampler.push(slice(rows, 0, 0))
        const ends = [...new Set([...places, rows.index.length])].toSorted((x, y) => x - y)
        for (const [at, end] of ends.entries()) {
          const chunk = slice(rows, ends[at - 1] ?? 0, end)
          const [first, last] = [chunk.index[0] ?? 0, chunk.index.at(-1) ?? 0]
          if (chunk.index.length > 0 && asked.buckets.holds(first, last)) {
            resampler.pushStats([statsOf(chunk)])
          } else resampler.push(chunk)
        }
        const [found, wanted] = [table(resampler.finish()), table(resample(rows, asked))]
        for (const name of ["f", "i"]) {
          for (const [place, value] of (wanted[name] ?? []).entries()) {
            near(found[name]?.[place], value, 1e-12 * Math.abs(Number(value)), `${name} ${agg}`)
          }
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  it("are refused where the chunk must be opened", () => {
    const stats = { first: 0, last: MINUTE, columns: [] }
    expect(() => new Resampler(options({})).pushStats([stats])).toThrow("more than one bucket")
    const column = { name: "v", kind: "float64", count: 1, sum: 1, min: 1, max: 1 } as const
    const resampler = new Resampler(options({ agg: "std" }))
    expect(() => resampler.pushStats([{ first: 0, last: 0, columns: [column] }])).toThrow(
      "std needs rows",
    )
  })
})
