/** Values outside a window that its gaps are filled from. Pure. */
import { cell, type Frame, type Json } from "../frame.ts"

/** A value of a bucket, and the label of that bucket. */
export interface Known {
  stamp: number
  value: Json
}

/** By the names that the columns have in the answer. */
export type Knowns = ReadonlyMap<string, Known>

/** The last value of every column: what a window after this frame takes as `before`. */
export function lastKnown(frame: Frame): Map<string, Known> {
  return found(frame, (row) => frame.index.length - 1 - row)
}

/** The first value of every column: what a window before this frame takes as `after`. */
export function firstKnown(frame: Frame): Map<string, Known> {
  return found(frame, (row) => row)
}

function found({ index, columns }: Frame, rowOf: (at: number) => number): Map<string, Known> {
  const values = new Map<string, Known>()
  for (const column of columns) {
    for (let at = 0; at < index.length && !values.has(column.name); at++) {
      const value = cell(column, rowOf(at))
      if (value !== null) values.set(column.name, { stamp: index[rowOf(at)] as number, value })
    }
  }
  return values
}
