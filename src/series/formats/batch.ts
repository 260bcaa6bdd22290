/** What readers of streams hand out: some rows at a time, and the lines they could not use. Pure. */
import {
  IMPORT_BATCH_CELLS,
  IMPORT_BATCH_CHARACTERS,
  IMPORT_BATCH_ROWS,
} from "../../protocol/limits.ts"
import type { Frame } from "../frame.ts"
import type { BadLine } from "../../lines/bad.ts"

export interface Batch {
  /** In the order of the lines; empty when all of them were bad. */
  frame: Frame
  /** The first and the last line that were read for this batch. */
  lines: [first: number, last: number]
  bad: BadLine[]
}

/** Whether a batch that grows has to be handed out, for memory's sake. */
export function isFull(rows: number, cells: number, characters: number): boolean {
  return (
    rows >= IMPORT_BATCH_ROWS ||
    cells >= IMPORT_BATCH_CELLS ||
    characters >= IMPORT_BATCH_CHARACTERS
  )
}
