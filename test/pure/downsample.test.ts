/** Few rows that look like many: real ones, whole ones, and never chosen because they are null. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Problem } from "../../src/protocol/problem.ts"
import { DOWNSAMPLES, type Downsample } from "../../src/protocol/resample.ts"
import { downsample } from "../../src/series/downsample/choose.ts"
import { lttb } from "../../src/series/downsample/lttb.ts"
import { m4 } from "../../src/series/downsample/m4.ts"
import { minmax } from "../../src/series/downsample/minmax.ts"
import { cell, type Column, type Frame, type Json } from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "integer", unit: "ms", columns }
}

/** Rows 0 … count - 1 with a column `v`. */
function rows(values: (number | null)[]): Frame {
  return frame(
    values.map((_, row) => row),
    columnOf("v", "float64", values),
  )
}

const kept = (source: Frame, method: Downsample, maxPoints: number, on?: string) => [
  ...downsample(source, { method, maxPoints, on }).index,
]

function problem(call: () => unknown): { code: string; detail: string; errors: unknown } {
  try {
    call()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, detail: error.message, errors: error.details.errors }
  }
  throw new Error("Nothing was thrown")
}

/** Increasing stamps at uneven distances and a value for each. */
const points = fc
  .uniqueArray(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 3, maxLength: 200 })
  .chain((stamps) =>
    fc.record({
      stamps: fc.constant(Float64Array.from(stamps).sort()),
      values: fc
        .array(fc.integer({ min: -9, max: 9 }), {
          minLength: stamps.length,
          maxLength: stamps.length,
        })
        .map((values) => Float64Array.from(values)),
    }),
  )

type Point = [stamp: number, value: number]

/** As the paper's own code has it, on points instead of typed arrays. */
function plainLttb(data: Point[], threshold: number): number[] {
  const every = (data.length - 2) / (threshold - 2)
  const chosen = [0]
  for (let bucket = 0; bucket < threshold - 2; bucket++) {
    const next = data.slice(
      Math.floor((bucket + 1) * every) + 1,
      Math.min(Math.floor((bucket + 2) * every) + 1, data.length),
    )
    const mean = [0, 1].map(
      (axis) => next.reduce((sum, point) => sum + (point[axis] as number), 0) / next.length,
    )
    const [x, y] = data[chosen.at(-1) as number] as Point
    let [best, largest] = [0, -1]
    const end = Math.floor((bucket + 1) * every) + 1
    for (let place = Math.floor(bucket * every) + 1; place < end; place++) {
      const [px, py] = data[place] as Point
      const area = Math.abs(
        (x - (mean[0] as number)) * (py - y) - (x - px) * ((mean[1] as number) - y),
      )
      // Rounding differs between the two, so that only a clear lead counts as one.
      if (area > largest + 1e-6) [best, largest] = [place, area]
    }
    chosen.push(best)
  }
  return [...chosen, data.length - 1]
}

/** Places of points by the stretch of equal time that they lie in. */
function stretches(stamps: Float64Array, count: number, places: number[]): number[][] {
  const [first, last] = [stamps[0] as number, stamps.at(-1) as number]
  const groups = Array.from<unknown, number[]>({ length: count }, () => [])
  for (const place of places) {
    const share = (((stamps[place] as number) - first) * count) / (last - first)
    groups[Math.min(count - 1, Math.floor(share))]?.push(place)
  }
  return groups.filter((group) => group.length > 0)
}

function extremes(values: Float64Array, group: number[]): number[] {
  const of = (place: number) => values[place] as number
  const least = group.reduce((best, place) => (of(place) < of(best) ? place : best))
  const greatest = group.reduce((best, place) => (of(place) > of(best) ? place : best))
  return [least, greatest]
}

const inOrder = (places: number[]) => [...new Set(places)].toSorted((one, other) => one - other)

describe("a frame with fewer points", () => {
  it("has at most as many rows as asked, real ones with all columns, the first and the last among them", () => {
    const wide = fc.array(
      fc.record({
        f: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
        i: fc.option(fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
        b: fc.option(fc.boolean()),
        s: fc.option(fc.string()),
      }),
      { minLength: 1, maxLength: 120 },
    )
    const on = fc.constantFrom("f", "i", "b", undefined)
    const most = fc.integer({ min: 2, max: 60 })
    fc.assert(
      fc.property(
        wide,
        fc.constantFrom(...DOWNSAMPLES),
        most,
        on,
        (records, method, maxPoints, name) => {
          const column = (key: "f" | "i" | "b" | "s", kind: Column["kind"]) =>
            columnOf(
              key,
              kind,
              records.map((record) => record[key]),
            )
          const source = frame(
            records.map((_, row) => row * 3),
            column("s", "string"),
            column("f", "float64"),
            column("i", "int64"),
            column("b", "boolean"),
          )
          const few = downsample(source, { method, maxPoints, on: name })
          expect(few).toStrictEqual(downsample(source, { method, maxPoints, on: name }))
          expect(few.index.length).toBeLessThanOrEqual(maxPoints)
          expect(few.index[0]).toBe(0)
          expect(few.index.at(-1)).toBe(source.index.at(-1))
          expect([...few.index]).toEqual(inOrder([...few.index]))
          const looked = source.columns.find((one) => one.name === (name ?? "f")) as Column
          const all = Array.from(source.index, (_, row) => cell(looked, row))
          for (const [place, stamp] of few.index.entries()) {
            const row = stamp / 3
            for (const [at, one] of few.columns.entries()) {
              expect(cell(one, place)).toEqual(cell(source.columns[at] as Column, row))
            }
            const isEnd = row === 0 || row === records.length - 1
            const isKept =
              records.length <= maxPoints || isEnd || all.every((value) => value === null)
            if (!isKept) expect(all[row]).not.toBeNull()
          }
        },
      ),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it("is the frame itself when that is small enough", () => {
    const source = rows([1, 2, 3])
    for (const method of DOWNSAMPLES) {
      expect(downsample(source, { method, maxPoints: 3 })).toBe(source)
      expect(kept(source, method, 2)).toEqual([0, 2])
      expect(kept(rows([]), method, 2)).toEqual([])
    }
    const texts = frame([0, 1], columnOf("s", "string", ["a", "b"]))
    expect(downsample(texts, { method: "lttb", maxPoints: 2 })).toBe(texts)
  })

  it("goes by the first column with numbers, or by the one that is named", () => {
    const flat = Array.from<Json>({ length: 50 }).fill(0)
    const source = frame(
      Array.from(flat, (_, row) => row),
      columnOf("s", "string", flat.map(String)),
      columnOf("a", "int64", flat.with(20, 5)),
      columnOf("b", "float64", flat.with(30, 5)),
      columnOf(
        "c",
        "boolean",
        flat.map((_, row) => row === 40),
      ),
    )
    for (const method of DOWNSAMPLES) {
      expect(kept(source, method, 10)).toContain(20)
      expect(kept(source, method, 10, "b")).toContain(30)
      expect(kept(source, method, 10, "c")).toContain(40)
    }
    const booleans = { ...source, columns: source.columns.filter(({ name }) => name === "c") }
    expect(kept(booleans, "minmax", 10)).toContain(40)
  })

  it("never keeps a row because it is null, but its ends", () => {
    const values = Array.from({ length: 90 }, (_, row) => (row % 3 === 1 ? Math.sin(row) : null))
    for (const method of DOWNSAMPLES) {
      for (const most of [2, 3, 4, 5, 10, 33]) {
        const found = kept(rows(values), method, most)
        expect(found.length).toBeLessThanOrEqual(most)
        expect([found[0], found.at(-1)]).toEqual([0, 89])
        expect(found.slice(1, -1).every((row) => row % 3 === 1)).toBe(true)
      }
      const gap = Array.from({ length: 90 }, (_, row) => (row > 5 && row < 80 ? null : row))
      expect(kept(rows(gap), method, 20)).toEqual([
        0,
        1,
        2,
        3,
        4,
        5,
        ...kept(rows(gap), method, 20).slice(6),
      ])
    }
  })

  it("is evenly thinned when the column is nothing but nulls", () => {
    const nulls = Array.from({ length: 9 }, () => null)
    for (const method of DOWNSAMPLES) expect(kept(rows(nulls), method, 5)).toEqual([0, 2, 4, 6, 8])
    const nothing = frame([0, 1, 2, 3], columnOf("n", "null", [null, null, null, null]))
    expect(kept(nothing, "m4", 2)).toEqual([0, 3])
  })

  it("is refused for fewer than two points, and without numbers to go by", () => {
    const source = frame([0, 1, 2], columnOf("s", "string", ["a", "b", "c"]))
    for (const maxPoints of [1, 0, -5, 2.5, NaN, Infinity]) {
      const { code, errors } = problem(() => downsample(source, { method: "lttb", maxPoints }))
      expect(code).toBe("invalid_request")
      expect(Object.keys(errors as object)).toEqual(["query.max_points"])
    }
    const call = (on?: string) => () => downsample(source, { method: "lttb", maxPoints: 2, on })
    expect(problem(call("s")).detail).toBe('"on" names the column "s", which has no numbers')
    expect(problem(call("t")).detail).toBe('"on" names the column "t", which is not there')
    expect(problem(call()).detail).toBe(
      '"max_points" needs a column of numbers, and the frame has none',
    )
  })
})

describe("lttb", () => {
  it("chooses what the paper's own code chooses", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 3, max: 50 }), ({ stamps, values }, most) => {
        if (most >= values.length) return
        const data = Array.from(stamps, (stamp, place): Point => [stamp, values[place] as number])
        const [found, wanted] = [[...lttb(stamps, values, most)], plainLttb(data, most)]
        // Of triangles that are as good as equal either may come first, and changes all that follow.
        const differs = found.findIndex((place, at) => place !== wanted[at])
        if (differs < 0) return
        const other = wanted[differs] as number
        expect(areaOf(stamps, values, most, differs, found)).toBeCloseTo(
          areaOf(stamps, values, most, differs, found.with(differs, other)),
          5,
        )
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it("keeps the shape of a wave and the one peak in a flat line", () => {
    const peak = Array.from({ length: 1_000 }, (_, row) => (row === 617 ? 100 : 0))
    expect(kept(rows(peak), "lttb", 20)).toContain(617)
    const wave = Array.from({ length: 1_000 }, (_, row) => Math.sin(row / 50))
    const found = downsample(rows(wave), { method: "lttb", maxPoints: 60 })
    const values = [...(found.columns[0]?.values ?? [])] as number[]
    expect(Math.max(...values)).toBeGreaterThan(0.99)
    expect(Math.min(...values)).toBeLessThan(-0.99)
    expect(values).toHaveLength(60)
  })

  it("goes by differences, so that stamps of today are as good as small ones", () => {
    const values = Float64Array.from({ length: 500 }, (_, place) => Math.sin(place * place))
    const small = values.map((_, place) => place)
    const large = small.map((place) => place + 1_700_000_000_000_000)
    expect(lttb(large, values, 50)).toEqual(lttb(small, values, 50))
  })
})

describe("minmax", () => {
  it("chooses the least and the greatest of each stretch of time", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 50 }), ({ stamps, values }, most) => {
        if (most >= values.length) return
        const last = values.length - 1
        const inner = Array.from(values.keys()).slice(1, -1)
        const groups = stretches(stamps, Math.floor((most - 2) / 2), inner)
        const wanted = groups.flatMap((group) => extremes(values, group))
        expect([...minmax(stamps, values, most)]).toEqual(inOrder([0, ...wanted, last]))
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it("loses neither the least nor the greatest value of all", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 50 }), ({ stamps, values }, most) => {
        const found = [...minmax(stamps, values, most)].map((place) => values[place] as number)
        expect(Math.max(...found)).toBe(Math.max(...values))
        expect(Math.min(...found)).toBe(Math.min(...values))
      }),
      { seed: 7 },
    )
  })
})

describe("m4", () => {
  it("chooses first, least, greatest and last of each stretch of time", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 60 }), ({ stamps, values }, most) => {
        if (most >= values.length) return
        const groups = stretches(stamps, Math.floor(most / 4), Array.from(values.keys()))
        const wanted = groups.flatMap((group) => [
          group[0] as number,
          ...extremes(values, group),
          group.at(-1) as number,
        ])
        expect([...m4(stamps, values, most)]).toEqual(inOrder(wanted))
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })
})

describe("all of them", () => {
  it("take little time for a million points", () => {
    const stamps = Float64Array.from({ length: 1_000_000 }, (_, place) => place)
    const values = stamps.map((stamp) => Math.sin(stamp / 1_000) + Math.sin(stamp))
    for (const choose of [lttb, minmax, m4]) {
      const begun = performance.now()
      expect(choose(stamps, values, 2_000).length).toBeLessThanOrEqual(2_000)
      expect(performance.now() - begun).toBeLessThan(500)
    }
  })
})

/** The triangle that the point of a bucket makes, when these places are chosen. */
function areaOf(
  stamps: Float64Array,
  values: Float64Array,
  most: number,
  bucket: number,
  chosen: number[],
): number {
  const size = (values.length - 2) / (most - 2)
  const from = Math.floor(bucket * size) + 1
  const to = Math.min(Math.floor((bucket + 1) * size) + 1, values.length)
  const mean = (list: Float64Array) =>
    list.subarray(from, to).reduce((sum, value) => sum + value, 0) / (to - from)
  const [before, place] = [chosen[bucket - 1] as number, chosen[bucket] as number]
  const [x, y] = [stamps[before] as number, values[before] as number]
  const [px, py] = [stamps[place] as number, values[place] as number]
  return Math.abs((x - mean(stamps)) * (py - y) - (x - px) * (mean(values) - y))
}
