import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cell, STAMP_MAX, type Column, type Frame, type Json } from "../../src/series/frame.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { merge, type Entry, type Shape } from "../../src/series/merge.ts"
import { cover, uncovered, type Span } from "../../src/series/ranges.ts"

const NEW: Shape = { kind: "integer", unit: "ms", columns: [] }

function frame(index: number[], ...columns: Column[]): Frame {
  return { index: Float64Array.from(index), kind: "integer", unit: "ms", columns }
}

/** The rows of a frame, stamp → column → value. */
function table({ index, columns }: Frame): Map<number, Record<string, Json>> {
  return new Map(
    Array.from(index, (stamp, row) => [
      stamp,
      Object.fromEntries(columns.map((column) => [column.name, cell(column, row)])),
    ]),
  )
}

const put = (rows: Frame): Entry => ({
  removed: [rows.index[0] ?? 0, rows.index.at(-1) ?? -1],
  rows,
})

// Kinds that must join: what a column held before says nothing about what it gets next.
const cells = fc.oneof(
  fc
    .array(fc.constantFrom(1.5, -0, 1e300, NaN), { minLength: 1 })
    .map((v) => columnOf("", "float64", v)),
  fc
    .array(fc.constantFrom(1, 2, null, 2n ** 60n, 2n ** 60n + 1n), { minLength: 1 })
    .map((v) => columnOf("", "int64", v)),
  fc.array(fc.constantFrom(true, null), { minLength: 1 }).map((v) => columnOf("", "boolean", v)),
  fc.array(fc.constantFrom("a", ""), { minLength: 1 }).map((v) => columnOf("", "string", v)),
  fc
    .array(fc.constantFrom<Json>({ a: 1 }, "x", 7), { minLength: 1 })
    .map((v) => columnOf("", "json", v)),
)

const someRows = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 }),
    fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "__proto__"), cells), {
      selector: ([name]) => name,
      maxLength: 3,
    }),
  )
  .map(([index, columns]) =>
    frame(
      index.toSorted((one, other) => one - other),
      ...columns.map(([name, { kind, values }]) =>
        columnOf(
          name,
          kind,
          index.map((_, row) => values[row % values.length] ?? null),
        ),
      ),
    ),
  )

const span = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.nat(20))
  .map(([first, length]): Span => [first, first + length])
const entry: fc.Arbitrary<Entry> = fc.oneof(
  someRows.map(put),
  fc.record({ removed: fc.option(span), rows: fc.option(someRows) }),
)

/** The same done plainly: a map of rows, one step after the other. */
function model(entries: Entry[]): Map<number, Record<string, Json>> {
  const names = new Set(entries.flatMap(({ rows }) => rows?.columns.map(({ name }) => name) ?? []))
  const stored = new Map<number, Record<string, Json>>()
  for (const { removed, rows } of entries) {
    for (const stamp of stored.keys()) {
      if (removed && stamp >= removed[0] && stamp <= removed[1]) stored.delete(stamp)
    }
    for (const [stamp, row] of rows ? table(rows) : []) {
      const blank = Object.fromEntries([...names].map((name) => [name, null]))
      stored.set(stamp, { ...blank, ...row })
    }
  }
  return new Map([...stored].toSorted(([one], [other]) => one - other))
}

/** How a number is kept does not matter, which number it is does. */
function number(value: Json): Json {
  if (typeof value !== "number") return value
  return Object.is(value, -0) ? "-0" : Number.isInteger(value) ? BigInt(value) : value
}

function shown(stored: Map<number, Record<string, Json>>): unknown {
  return [...stored].map(([stamp, row]) => [
    stamp,
    Object.entries(row)
      .map(([name, value]) => [name, number(value)])
      .toSorted(),
  ])
}

/** The one column of frames of a row each, put one after the other. */
const join = (...columns: Column[]) =>
  merge(
    columns.map((column, at) => put(frame([at], column))),
    NEW,
  ).columns[0]

const inside = (list: readonly Span[], stamp: number) =>
  list.some(([low, high]) => low <= stamp && stamp <= high)

describe("merging a log", () => {
  it("does what a map of rows does", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const merged = merge(entries, NEW)
        expect(shown(table(merged))).toEqual(shown(model(entries)))
        expect([...merged.index]).toEqual([...model(entries).keys()])
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it("replaces a range as a whole and leaves the rest", () => {
    const before = put(frame([1, 2, 3, 4, 5], columnOf("v", "int64", [1, 2, 3, 4, 5])))
    const after = put(frame([2, 4], columnOf("v", "int64", [20, 40])))
    const merged = merge([before, after], NEW)
    expect([...merged.index]).toEqual([1, 2, 4, 5])
    expect(merged.columns).toEqual([columnOf("v", "int64", [1, 20, 40, 5])])
  })

  it("puts rows over rows one by one when nothing is taken away", () => {
    const before = put(
      frame([1, 2, 3], columnOf("v", "int64", [1, 2, 3]), columnOf("w", "int64", [1, 1, 1])),
    )
    const after = { removed: null, rows: frame([2, 9], columnOf("v", "int64", [20, 90])) }
    const merged = merge([before, after], NEW)
    expect([...merged.index]).toEqual([1, 2, 3, 9])
    expect(merged.columns).toEqual([
      columnOf("v", "int64", [1, 20, 3, 90]),
      columnOf("w", "int64", [1, null, 1, null]),
    ])
  })

  it("keeps columns that the series knows, in its order, and its kinds also where all values are gone", () => {
    const shape: Shape = {
      kind: "utc",
      unit: "us",
      columns: [
        { name: "z", mask: 8 },
        { name: "v", mask: 8 | 2 },
      ],
    }
    const merged = merge(
      [put(frame([1], columnOf("v", "int64", [7]), columnOf("new", "string", ["x"])))],
      shape,
    )
    expect(merged).toStrictEqual({
      index: Float64Array.of(1),
      kind: "utc",
      unit: "us",
      columns: [
        columnOf("z", "float64", [null]),
        columnOf("v", "float64", [7]),
        columnOf("new", "string", ["x"]),
      ],
    })
    expect(merge([], shape).columns.map(({ kind }) => kind)).toEqual(["float64", "float64"])
  })

  it("joins integers and doubles only where no digit is lost", () => {
    const float = columnOf("v", "float64", [1.5])
    expect(join(columnOf("v", "int64", [2n ** 60n]), float)).toEqual(
      columnOf("v", "float64", [2 ** 60, 1.5]),
    )
    const odd = 2n ** 60n + 1n
    expect(join(columnOf("v", "int64", [odd]), float)).toEqual(columnOf("v", "json", [odd, 1.5]))
    expect(join(columnOf("v", "boolean", [true]), float)).toEqual(
      columnOf("v", "json", [true, 1.5]),
    )
    expect(join(columnOf("v", "null", [null]), float)).toEqual(
      columnOf("v", "float64", [null, 1.5]),
    )
  })

  it("takes ranges away up to the ends of time", () => {
    const all = { removed: [-STAMP_MAX, STAMP_MAX] as const, rows: null }
    const before = put(frame([-STAMP_MAX, 0, STAMP_MAX], columnOf("v", "int64", [1, 2, 3])))
    expect(merge([before, all], NEW).index).toHaveLength(0)
    expect([...merge([before, { ...all, removed: [1, STAMP_MAX] }], NEW).index]).toEqual([
      -STAMP_MAX,
      0,
    ])
    expect(merge([all, before], NEW).index).toHaveLength(3)
  })

  it("of ten thousand small writes takes little time", () => {
    const entries = Array.from({ length: 10_000 }, (_, at) =>
      put(frame([at * 2], columnOf("v", "float64", [at / 3]))),
    )
    const start = performance.now()
    expect(merge(entries, NEW).index).toHaveLength(10_000)
    // Some 40 ms; anything quadratic takes minutes.
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

describe("sets of ranges", () => {
  it("cover and leave what a set of numbers does", () => {
    fc.assert(
      fc.property(fc.array(span), span, (spans, [first, last]) => {
        const covered: Span[] = []
        for (const one of spans) cover(covered, one)
        const has = (stamp: number) => spans.some(([low, high]) => low <= stamp && stamp <= high)
        const rest = uncovered(covered, [first, last])
        for (let stamp = -1; stamp < 90; stamp++) {
          expect(inside(covered, stamp)).toBe(has(stamp))
          expect(inside(rest, stamp)).toBe(stamp >= first && stamp <= last && !has(stamp))
        }
        expect(covered).toEqual(covered.toSorted(([one], [other]) => one - other))
      }),
      { seed: 7 },
    )
  })
})
