/** Points with one stamp become one: every field counts, of several the last. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeChunk } from "../../src/series/chunk.ts"
import { cell, type Frame, type Json } from "../../src/series/frame.ts"
import { Target } from "../../src/series/ingest/target.ts"
import { unite } from "../../src/series/ingest/unite.ts"
import { bitsOf, columnOf, kindOf } from "../../src/series/kinds.ts"

type Point = [stamp: number, fields: Record<string, Json>]

function frameOf(points: readonly Point[]): Frame {
  const names = [...new Set(points.flatMap(([, fields]) => Object.keys(fields)))]
  return {
    index: Float64Array.from(points, ([stamp]) => stamp),
    kind: "utc",
    unit: "us",
    columns: names.map((name) => {
      const cells = points.map(([, fields]) => fields[name] ?? null)
      return columnOf(
        name,
        kindOf(cells.reduce<number>((mask, one) => mask | bitsOf(one), 0)),
        cells,
      )
    }),
  }
}

/** The rule, point by point. */
function united(points: readonly Point[]): Point[] {
  const found = new Map<number, Record<string, Json>>()
  for (const [stamp, fields] of points) found.set(stamp, { ...found.get(stamp), ...fields })
  return [...found].toSorted(([one], [other]) => one - other)
}

const pointsOf = ({ index, columns }: Frame): Point[] =>
  Array.from(index, (stamp, row) => {
    const cells = columns.map((column) => [column.name, cell(column, row)] as const)
    return [stamp, Object.fromEntries(cells.filter(([, one]) => one !== null))]
  })

const field = fc.oneof<fc.Arbitrary<Json>[]>(fc.integer(), fc.double({ noNaN: true }), fc.boolean())
const fields = fc.dictionary(fc.constantFrom("a", "b", "c"), field, { minKeys: 1, maxKeys: 3 })
const point = fc.tuple(fc.integer({ min: 0, max: 12 }), fields)

describe("points with one stamp", () => {
  it("are united within a frame and across frames", () => {
    const batches = fc.array(fc.array(point, { minLength: 1, maxLength: 8 }), { minLength: 1 })
    fc.assert(
      fc.property(batches, (frames) => {
        expect(pointsOf(unite(frames.map(frameOf)))).toEqual(united(frames.flat()))
      }),
      { seed: 5 },
    )
  })

  it("are united also where rows before them are packed already, if they come in order", () => {
    const runs = fc.array(fc.tuple(fc.array(point, { minLength: 1, maxLength: 6 }), fc.boolean()), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(runs, (batches) => {
        const sorted = batches.flatMap(([one]) => one).toSorted(([one], [other]) => one - other)
        const place = { reference: "r", symbol: "s" }
        const target = new Target(place, 0, { mode: "upsert", onDuplicate: "unite" })
        const parts = []
        let from = 0
        for (const [{ length }, isPacked] of batches) {
          target.add(frameOf(sorted.slice(from, (from += length))))
          if (isPacked) parts.push(...target.pack(true))
        }
        parts.push(...target.pack(true, true))
        const stored = parts.flatMap(({ body }) => (body ? pointsOf(decodeChunk(body)) : []))
        expect(target.isOrdered).toBe(true)
        expect(stored).toEqual(united(sorted))
      }),
      { seed: 6 },
    )
  })
})
