/** `max_points`: what was found becomes fewer rows; what memory cannot hold is read twice for it. */
import { SERIES_HELD_MAX_CELLS, SERIES_THIN_MAX_ROWS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import {
  chooseRows,
  columnFor,
  downsample,
  numbersOf,
  pick,
  withoutNumbers,
  type Points,
} from "../downsample/choose.ts"
import type { Column, Frame } from "../frame.ts"
import { kindOf } from "../kinds.ts"
import type { Shape } from "../merge.ts"
import { hold, turn, type Frames } from "./hold.ts"
import type { Thinning } from "./query.ts"

/** Rows that can be read. */
export interface Source {
  shape: Shape
  frames: Frames
  /** Whether they come with the last row first. */
  isTurned: boolean
  /** How many rows there are at most. */
  most: number
  /** Reads all rows from the first to the last with these columns, as often as it is asked; null where it cannot. */
  again: ((shape: Shape) => Frames) | null
}

export interface Thinned {
  /** From the first row to the last. */
  frame: Frame
  /** Rows there were. */
  from: number
}

const WISH = "take a shorter range (start, end), or buckets of time (every=1h)"

/**
 * Some of the rows.
 * Throws Problem: too_large, and as `downsample` does.
 */
export async function thin(source: Source, thinning: Thinning): Promise<Thinned> {
  const { shape, frames, isTurned, most, again } = source
  const width = shape.columns.length + 1
  if (!again || most * width <= SERIES_HELD_MAX_CELLS) {
    const held = await hold(frames, shape, most, WISH)
    const all = isTurned ? turn(held) : held
    return { frame: downsample(all, thinning), from: all.index.length }
  }
  const { maxPoints, method, on } = thinning
  const fits = Math.floor(SERIES_HELD_MAX_CELLS / width)
  if (maxPoints > fits && most > fits) throw tooMany("max_points", maxPoints, fits)
  const kinds = shape.columns.map(({ name, mask }) => ({ name, mask, kind: kindOf(mask) }))
  const column = columnFor(kinds, on)
  if (!column) throw withoutNumbers()
  const { name, mask } = column
  const points = await gather(again({ ...shape, columns: [{ name, mask }] }), most)
  const { total } = points
  if (total <= maxPoints) return { frame: await hold(again(shape), shape, total), from: total }
  const chosen = chooseRows(points, maxPoints, method)
  return { frame: await hold(picked(again(shape), chosen), shape, chosen.length), from: total }
}

/** The stamps and values of the one column, as long as they are not null. Throws Problem too_large. */
async function gather(frames: Frames, most: number): Promise<Points> {
  const room = Math.min(most, SERIES_THIN_MAX_ROWS)
  const stamps = new Float64Array(room)
  const values = new Float64Array(room)
  // Most columns have no nulls, and the place of a value is its row then.
  let rows: Uint32Array | null = null
  let [known, total] = [0, 0]
  for await (const { index, columns } of frames) {
    const numbers = numbersOf(columns[0] as Column)
    for (let row = 0; row < index.length; row++) {
      const value = numbers[row] as number
      if (value !== value) {
        rows ??= firstOf(known, room)
        continue
      }
      if (known === room) throw tooMany("rows", most, SERIES_THIN_MAX_ROWS)
      stamps[known] = index[row] as number
      values[known] = value
      if (rows) rows[known] = total + row
      known++
    }
    total += index.length
  }
  return {
    stamps: stamps.subarray(0, known),
    values: values.subarray(0, known),
    rows: rows && rows.subarray(0, known),
    total,
  }
}

/** The first numbers, with room for more. */
function firstOf(count: number, room: number): Uint32Array {
  const numbers = new Uint32Array(room)
  for (let place = 0; place < count; place++) numbers[place] = place
  return numbers
}

/** The rows of these numbers. */
async function* picked(frames: Frames, chosen: Uint32Array): AsyncGenerator<Frame> {
  let [at, before] = [0, 0]
  for await (const frame of frames) {
    const end = before + frame.index.length
    const from = at
    while (at < chosen.length && (chosen[at] as number) < end) at++
    if (at > from)
      yield pick(
        frame,
        chosen.subarray(from, at).map((row) => row - before),
      )
    if (at === chosen.length) return
    before = end
  }
}

function tooMany(what: "rows" | "max_points", count: number, most: number): Problem {
  return what === "rows"
    ? new Problem(
        "too_large",
        `"max_points" chooses among at most ${most} rows, the range may have ${count}; ${WISH}`,
        { limit: most },
      )
    : new Problem(
        "too_large",
        `"max_points" must be at most ${most} for so many columns; it is ${count}`,
        { limit: most },
      )
}
