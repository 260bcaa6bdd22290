/** The log of a series becomes one frame: ranges taken away, rows put over rows, the newest wins. Pure. */
import {
  lowerBound,
  type Column,
  type FloatColumn,
  type Frame,
  type IndexKind,
  type Json,
  type Unit,
} from "./frame.ts"
import { columnOf, kindOf, maskOf, widen, type ColumnShape } from "./kinds.ts"
import { cover, uncovered, type Span } from "./ranges.ts"

/** One step: the range goes first, then the rows come; rows are sorted, each stamp once. */
export interface Entry {
  removed: Span | null
  rows: Frame | null
}

/** What a series knows of itself beside its rows. */
export interface Shape {
  kind: IndexKind
  unit: Unit
  zone?: string
  indexName?: string
  columns: ColumnShape[]
}

/** What a schema named beside the columns, for frames of this shape. */
export function namesOf({ zone, indexName }: Pick<Shape, "zone" | "indexName">) {
  return {
    ...(zone === undefined ? {} : { zone }),
    ...(indexName === undefined ? {} : { indexName }),
  }
}

/** Rows `from` (inclusive) to `to` (exclusive) of one source. */
interface Run {
  source: number
  from: number
  to: number
}

/**
 * The frame that the entries leave, oldest entry first, in order of the stamps. Columns are those of `shape` and
 * then any other in the order in which they are first seen; absent cells are null. A column is of the narrowest
 * kind that keeps what its values and its shape say exactly.
 */
export function merge(entries: readonly Entry[], shape: Shape): Frame {
  const frames: Frame[] = []
  const runs: Run[] = []
  const gone: Span[] = []
  // From the newest back, so that what a later entry takes away is known.
  for (const { removed, rows } of entries.toReversed()) {
    if (rows && rows.index.length > 0) runs.push(...survivors(rows, frames.length, gone))
    if (rows) frames.push(rows)
    if (removed) cover(gone, removed)
  }
  const ordered = inOrder(runs, frames)
  const count = ordered.reduce((sum, { from, to }) => sum + to - from, 0)
  const index = new Float64Array(count)
  let unit = shape.unit
  let at = 0
  for (const { source, from, to } of ordered) {
    const frame = frames[source] as Frame
    index.set(frame.index.subarray(from, to), at)
    if (frame.unit === "us") unit = "us"
    at += to - from
  }
  const columns = joinShapes(shape.columns, frames.toReversed())
  return {
    index,
    kind: shape.kind,
    unit,
    ...namesOf(shape),
    columns: columns.map((column) => gather(column, ordered, frames, count)),
  }
}

/** The runs of a source's rows that no later entry takes away. */
function survivors({ index }: Frame, source: number, gone: Span[]): Run[] {
  const whole: Span = [index[0] as number, index.at(-1) as number]
  return uncovered(gone, whole)
    .map(([first, last]) => ({
      source,
      from: lowerBound(index, first),
      to: lowerBound(index, last + 1),
    }))
    .filter(({ from, to }) => from < to)
}

/** The runs by stamp, every stamp once: of rows with the same one, that of the newest source (the first) stays. */
function inOrder(runs: Run[], frames: Frame[]): Run[] {
  const firstOf = ({ source, from }: Run) => (frames[source] as Frame).index[from] as number
  const lastOf = ({ source, to }: Run) => (frames[source] as Frame).index[to - 1] as number
  const sorted = runs.toSorted((one, other) => firstOf(one) - firstOf(other))
  const apart = sorted.every((run, at) => at === 0 || lastOf(sorted[at - 1] as Run) < firstOf(run))
  return apart ? sorted : interleave(runs, frames)
}

function interleave(runs: Run[], frames: Frame[]): Run[] {
  const count = runs.reduce((sum, { from, to }) => sum + to - from, 0)
  const stamps = new Float64Array(count)
  const sources = new Uint32Array(count)
  const rows = new Uint32Array(count)
  let at = 0
  for (const { source, from, to } of runs) {
    for (let row = from; row < to; row++, at++) {
      stamps[at] = (frames[source] as Frame).index[row] as number
      sources[at] = source
      rows[at] = row
    }
  }
  const order = new Uint32Array(count).map((_, place) => place)
  order.sort((one, other) => (stamps[one] as number) - (stamps[other] as number) || one - other)
  const result: Run[] = []
  let before = NaN
  for (const place of order) {
    const stamp = stamps[place] as number
    if (stamp === before) continue
    before = stamp
    const [source, row] = [sources[place] as number, rows[place] as number]
    const last = result.at(-1)
    if (last && last.source === source && last.to === row) last.to++
    else result.push({ source, from: row, to: row + 1 })
  }
  return result
}

/** The columns of a series after frames were written to it, in the order in which they are first seen. */
export function joinShapes(known: readonly ColumnShape[], frames: readonly Frame[]): ColumnShape[] {
  const masks = new Map(known.map(({ name, mask }) => [name, mask]))
  for (const { columns } of frames) {
    for (const column of columns) {
      masks.set(column.name, (masks.get(column.name) ?? 0) | maskOf(column))
    }
  }
  return [...masks].map(([name, mask]) => ({ name, mask }))
}

function gather({ name, mask }: ColumnShape, runs: Run[], frames: Frame[], count: number): Column {
  const kind = kindOf(mask)
  const sources = frames.map((frame) => {
    const column = frame.columns.find((one) => one.name === name)
    return column && widen(column, kind)
  })
  return kind === "float64"
    ? { name, kind, values: gatherDoubles(sources as (FloatColumn | undefined)[], runs, count) }
    : columnOf(name, kind, gatherCells(sources, runs))
}

function gatherDoubles(
  sources: (FloatColumn | undefined)[],
  runs: Run[],
  count: number,
): Float64Array {
  const values = new Float64Array(count).fill(NaN)
  let at = 0
  for (const { source, from, to } of runs) {
    const column = sources[source]
    if (column) values.set(column.values.subarray(from, to), at)
    at += to - from
  }
  return values
}

function gatherCells(sources: (Column | undefined)[], runs: Run[]): Json[] {
  const cells: Json[] = []
  for (const { source, from, to } of runs) {
    const values = sources[source]?.values
    for (let row = from; row < to; row++) cells.push(values?.[row] ?? null)
  }
  return cells
}
