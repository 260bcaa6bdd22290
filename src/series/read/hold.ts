/** Frames one after another become one. Pure. */
import { SERIES_HELD_MAX_CELLS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { slice, type Column, type Frame, type Json } from "../frame.ts"
import { kindOf } from "../kinds.ts"
import { namesOf, type Shape } from "../merge.ts"

export type Frames = AsyncIterable<Frame> | Iterable<Frame>

/** A frame of a shape, without rows. */
export function emptyFrame(shape: Shape): Frame {
  const { kind, unit, columns } = shape
  return {
    index: new Float64Array(),
    kind,
    unit,
    ...namesOf(shape),
    columns: columns.map(({ name, mask }): Column => {
      const kindOfColumn = kindOf(mask)
      return kindOfColumn === "float64"
        ? { name, kind: kindOfColumn, values: new Float64Array() }
        : ({ name, kind: kindOfColumn, values: [] } as Column)
    }),
  }
}

/** What helps who asked for more than fits. */
const FORMS = "take fewer, or a form that streams: records, values, index, table, csv or ndjson"

/**
 * One frame of all rows, which must come in order and be of one shape.
 * @param most rows that may come; room is made for as many at once
 * @param wish what helps when they are too many
 * Throws Problem too_large when they are more than memory holds.
 */
export async function hold(
  frames: Frames,
  shape: Shape,
  most: number,
  wish = FORMS,
): Promise<Frame> {
  const empty = emptyFrame(shape)
  const width = empty.columns.length + 1
  const fits = Math.floor(SERIES_HELD_MAX_CELLS / width)
  const index = new Float64Array(Math.min(most, fits))
  const values = empty.columns.map(({ kind }): Float64Array | Json[] =>
    kind === "float64" ? new Float64Array(index.length) : [],
  )
  let unit = shape.unit
  let rows = 0
  for await (const frame of frames) {
    const count = frame.index.length
    if (rows + count > index.length) throw tooMany(fits, width, wish)
    index.set(frame.index, rows)
    if (frame.unit === "us") unit = "us"
    for (const [at, held] of values.entries()) {
      const column = frame.columns[at] as Column
      if (held instanceof Float64Array) held.set(column.values as Float64Array, rows)
      else for (const value of column.values) held.push(value)
    }
    rows += count
  }
  const columns = empty.columns.map((column, at) => {
    const held = values[at] as Float64Array | Json[]
    return { ...column, values: Array.isArray(held) ? held : held.subarray(0, rows) } as Column
  })
  return { ...empty, unit, index: index.subarray(0, rows), columns }
}

/** All frames, as they come; of one unit, as the labels of one answer are. Throws as `hold` does. */
export async function keep(frames: Frames, shape: Shape): Promise<Frame[]> {
  const width = shape.columns.length + 1
  const fits = Math.floor(SERIES_HELD_MAX_CELLS / width)
  const kept: Frame[] = []
  let unit = shape.unit
  let rows = 0
  for await (const frame of frames) {
    kept.push(frame)
    if (frame.unit === "us") unit = "us"
    rows += frame.index.length
    if (rows > fits) throw tooMany(fits, width)
  }
  return kept.map((frame) => ({ ...frame, unit }))
}

function tooMany(rows: number, width: number, wish = FORMS): Problem {
  return new Problem(
    "too_large",
    `What is made of so many rows is in memory whole, at most ${rows} of ${width - 1} columns; ${wish}`,
    { limit: SERIES_HELD_MAX_CELLS },
  )
}

/** The first rows of all, and no frame more than they need. */
export async function* firstRows(frames: Frames, most: number): AsyncGenerator<Frame> {
  let left = most
  for await (const frame of frames) {
    yield slice(frame, 0, Math.min(left, frame.index.length))
    left -= frame.index.length
    if (left <= 0) return
  }
}

/** The same of frames that come from the last to the first, which their rows do not. */
export async function* lastRows(frames: Frames, most: number): AsyncGenerator<Frame> {
  let left = most
  for await (const frame of frames) {
    const { length } = frame.index
    yield slice(frame, Math.max(0, length - left), length)
    left -= length
    if (left <= 0) return
  }
}

/** Every frame with its last row first. */
export async function* turned(frames: Frames): AsyncGenerator<Frame> {
  for await (const frame of frames) yield turn(frame)
}

/** The frame with its last row first. */
export function turn(frame: Frame): Frame {
  const columns = frame.columns.map(
    (column) => ({ ...column, values: column.values.toReversed() }) as Column,
  )
  return { ...frame, index: frame.index.toReversed(), columns }
}
