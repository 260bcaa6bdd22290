/** Rows with one stamp become one row, field by field. Pure. */
import { lowerBound, sorted, type Column, type Frame, type Json } from "../frame.ts"
import { widen } from "../kinds.ts"
import { joinShapes, merge } from "../merge.ts"

/**
 * All rows of the frames by stamp, each stamp once: of rows with the same one every field counts, and where several
 * have it, the last. That is InfluxDB's rule for points of one series with one time, for which null is no value.
 */
export function unite(frames: readonly Frame[]): Frame {
  const [first] = frames
  const shape = {
    kind: first?.kind ?? "naive",
    unit: "ms" as const,
    columns: joinShapes([], frames),
  }
  const all = merge(
    frames.map((rows) => ({ removed: null, rows: sorted(rows) })),
    shape,
  )
  const count = frames.reduce((sum, { index }) => sum + index.length, 0)
  if (all.index.length < count) fillIn(all, frames)
  return all
}

/** Puts what earlier rows have where the last one has nothing. */
function fillIn({ index, columns }: Frame, frames: readonly Frame[]): void {
  const rowsByStamp = new Map<number, number>()
  for (const stamp of twiceIn(frames)) rowsByStamp.set(stamp, lowerBound(index, stamp))
  for (const frame of frames.toReversed()) {
    const sources = columns.map((column) => {
      const own = frame.columns.find(({ name }) => name === column.name)
      return own && widen(own, column.kind)
    })
    for (let at = frame.index.length - 1; at >= 0; at--) {
      const row = rowsByStamp.get(frame.index[at] as number)
      if (row === undefined) continue
      for (const [place, column] of columns.entries()) fillCell(column, row, sources[place], at)
    }
  }
}

function fillCell(column: Column, row: number, source: Column | undefined, at: number): void {
  const values = column.values as Json[] | Float64Array
  const held = values[row] ?? null
  const isNull = held === null || (typeof held === "number" && Number.isNaN(held))
  if (source && isNull) values[row] = (source.values[at] ?? null) as number
}

/** The stamps that more than one row has. */
function twiceIn(frames: readonly Frame[]): Set<number> {
  const seen = new Set<number>()
  const twice = new Set<number>()
  for (const { index } of frames) {
    for (const stamp of index) {
      if (seen.has(stamp)) twice.add(stamp)
      seen.add(stamp)
    }
  }
  return twice
}
