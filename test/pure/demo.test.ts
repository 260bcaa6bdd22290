/** The demo's judgement: that it would see a single wrong value. */
import { describe, expect, it } from "vitest"
import { countOf, differences, fromColumns, sliceOf, toColumns } from "../../src/cli/files.ts"

const table = {
  columns: ["price", "word"],
  index: ["2015-01-01", "2015-01-02", "2015-01-03"],
  data: [
    [1.5, "a"],
    [2, "b"],
    [2.25, "c"],
  ],
}

/** The same as it comes back, with `change` done to it. */
function answered(change: (frame: typeof table) => void = () => {}): typeof table {
  const frame = structuredClone(table)
  frame.index = frame.index.map((label) => `${label}T00:00:00.000`)
  change(frame)
  return frame
}

const found = (change: (frame: any) => void) => differences(table, answered(change)).length

describe("differences", () => {
  it("finds none where there are none, whatever the zone's way of being written", () => {
    expect(differences(table, answered())).toEqual([])
    const zoned = answered((frame) => (frame.index = frame.index.map((label) => `${label}Z`)))
    expect(differences(table, zoned)).toEqual([])
  })

  it("finds a value, a label, a row, a column and a type that is another", () => {
    expect(found((frame) => (frame.data[1][0] = 2.0000001))).toBe(1)
    expect(found((frame) => (frame.data[1][0] = "2"))).toBe(1)
    expect(found((frame) => (frame.data[2][1] = null))).toBe(1)
    expect(found((frame) => (frame.index[2] = "2015-01-04T00:00:00.000"))).toBe(1)
    expect(found((frame) => frame.columns.pop())).toBe(1)
    expect(found((frame) => frame.data.pop())).toBeGreaterThan(0)
    expect(
      found((frame) => {
        frame.index.push("2015-01-04T00:00:00.000")
        frame.data.push([3, "d"])
      }),
    ).toBe(1)
  })
})

describe("the two orients of the demo", () => {
  it("hold the same", () => {
    expect(fromColumns(toColumns(table))).toEqual(table)
    expect(countOf(sliceOf(table, 1))).toBe(4)
  })
})
