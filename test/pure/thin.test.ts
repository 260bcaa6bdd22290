/** `max_points` over more than memory holds: read twice, chosen as from one frame. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_HELD_MAX_CELLS, SERIES_THIN_MAX_ROWS } from "../../src/protocol/limits.ts"
import { DOWNSAMPLES } from "../../src/protocol/resample.ts"
import { downsample } from "../../src/series/downsample/choose.ts"
import { slice, type Frame } from "../../src/series/frame.ts"
import { columnOf, maskOf } from "../../src/series/kinds.ts"
import type { Shape } from "../../src/series/merge.ts"
import { thin, type Source } from "../../src/series/read/thin.ts"

/** A source that says it may have more rows than can be held. */
function source(frame: Frame, cuts: readonly number[]): Source {
  const shape: Shape = {
    kind: frame.kind,
    unit: frame.unit,
    columns: frame.columns.map((column) => ({ name: column.name, mask: maskOf(column) })),
  }
  const again = (some: Shape) => {
    const columns = some.columns.map(({ name }) => frame.columns.find((one) => one.name === name)!)
    const edges = [0, ...cuts.toSorted((one, other) => one - other), frame.index.length]
    return edges.slice(1).map((to, at) => slice({ ...frame, columns }, edges[at]!, to))
  }
  return { shape, frames: [], isTurned: false, most: SERIES_HELD_MAX_CELLS, again }
}

describe("rows that are read twice", () => {
  it("are those that one frame of all would give, whole", async () => {
    const cell = fc.option(fc.integer({ min: -9, max: 9 }), { freq: 4 })
    const run = fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 120 }),
      fc.array(fc.nat(200), { maxLength: 4 }),
      fc.integer({ min: 2, max: 40 }),
      fc.constantFrom(...DOWNSAMPLES),
      fc.constantFrom(undefined, "a", "b"),
      async (rows, cuts, maxPoints, method, on) => {
        const frame: Frame = {
          index: Float64Array.from(rows, (_, row) => row * row),
          kind: "integer",
          unit: "ms",
          columns: [
            columnOf(
              "a",
              "float64",
              rows.map(([one]) => one),
            ),
            columnOf(
              "b",
              "int64",
              rows.map(([, other]) => other),
            ),
          ],
        }
        const clipped = cuts.map((cut) => Math.min(cut, rows.length))
        const found = await thin(source(frame, clipped), { maxPoints, method, on })
        expect(found.from).toBe(rows.length)
        expect(found.frame).toEqual(downsample(frame, { maxPoints, method, on }))
      },
    )
    await fc.assert(run, { seed: 11, numRuns: 40 })
  }, 30_000)

  it("are refused where they are too many, with what helps", async () => {
    const length = 100_000
    const index = Float64Array.from({ length }, (_, row) => row)
    const columns = [columnOf("v", "float64", Array.from(index))]
    const frame: Frame = { index, kind: "integer", unit: "ms", columns }
    const some = source(frame, [])
    const again = (shape: Shape) =>
      Array.from({ length: 41 }, () => some.again!(shape)).flatMap((frames) => [
        ...(frames as Frame[]),
      ])
    const wish = { maxPoints: 100, method: "lttb" } as const
    await expect(thin({ ...some, again }, wish)).rejects.toMatchObject({
      code: "too_large",
      message: expect.stringMatching(/among at most 4000000 rows.*\(start, end\).*every=1h/),
      details: { limit: SERIES_THIN_MAX_ROWS },
    })
    const many = { ...wish, maxPoints: SERIES_HELD_MAX_CELLS }
    await expect(thin(some, many)).rejects.toMatchObject({
      code: "too_large",
      message: expect.stringContaining('"max_points" must be at most 4000000'),
    })
  })
})
