/** What readers of streams hand out: some rows at a time, and the lines they could not use. Pure. */
import {
  IMPORT_BATCH_CELLS,
  IMPORT_BATCH_CHARACTERS,
  IMPORT_BATCH_ROWS,
} from "../../protocol/limits.ts"
import type { Frame } from "../frame.ts"
import type { Line } from "./lines.ts"

export interface Batch {
  /** In the order of the lines; empty when all of them were bad. */
  frame: Frame
  /** The first and the last line that were read for this batch. */
  lines: [first: number, last: number]
  bad: BadLine[]
}

/** What a reader could not use. */
export interface BadLine {
  line: number
  /** The end of a sentence about the line. */
  reason: string
  /** The beginning of the line. */
  text: string
}

const LINE_SHOWN_CHARACTERS = 120
const VALUE_SHOWN_CHARACTERS = 60

/** The report on a line. */
export function badLine({ number, text }: Pick<Line, "number" | "text">, reason: string): BadLine {
  return { line: number, reason, text: shorten(text, LINE_SHOWN_CHARACTERS) }
}

/** The beginning of a text, as a message can show it. */
export function shorten(text: string, characters = VALUE_SHOWN_CHARACTERS): string {
  // A slice would keep the whole text in memory, which may be a megabyte, as long as the message.
  const copy = Array.from(text.slice(0, characters)).join("").toWellFormed()
  return text.length > characters ? `${copy}…` : copy
}

/** Whether a batch that grows has to be handed out, for memory's sake. */
export function isFull(rows: number, cells: number, characters: number): boolean {
  return (
    rows >= IMPORT_BATCH_ROWS ||
    cells >= IMPORT_BATCH_CELLS ||
    characters >= IMPORT_BATCH_CHARACTERS
  )
}
