/** Frames as text, row by row, in pieces of bytes. What an orient or a format adds is a layout. Pure. */
import { TextWriter } from "../../lib/textwriter.ts"
import type { Decimals } from "../decimal.ts"
import type { Frame } from "../frame.ts"
import { CELL_MAX_BYTES, DecimalCells, StampCells, type Cells } from "./cells.ts"
import { fillDecimals, type Around } from "./decimals.ts"
import { newMark, putMark, type Mark } from "./mark.ts"

/** All rows once, in one way. */
export interface Layout {
  /** What stands before the first row. */
  before: string
  /** What a row of this frame is made of. */
  row: (frame: Frame) => (string | Cells)[]
  /** What stands between two rows. */
  between: string
}

/** A text: layouts one after another. Only one with a single layout can be written before the last frame is there. */
export interface Document {
  layouts: Layout[]
  /** Asked for when all rows are written: it may tell what was in them. */
  after: () => string
}

/** Bytes of a piece: large enough that handing it on costs nothing, small enough to be streamed. */
const PIECE_BYTES = 262_144

/** The text of frames one after another, in pieces. */
export function* write(
  frames: readonly Frame[],
  { layouts, after }: Document,
): Generator<Uint8Array> {
  const out = new TextWriter(PIECE_BYTES)
  for (const layout of layouts) {
    out.text(layout.before)
    const rows = new Rows(out, layout)
    for (const frame of frames) yield* rows.add(frame)
  }
  out.text(after())
  yield out.take()
}

/** The same of frames that are still to come. Throws Error for a document that needs them all at once. */
export async function* stream(
  frames: Iterable<Frame> | AsyncIterable<Frame>,
  { layouts, after }: Document,
): AsyncGenerator<Uint8Array> {
  const [layout] = layouts
  if (!layout || layouts.length > 1) throw new Error("This document needs all frames at once")
  const out = new TextWriter(PIECE_BYTES)
  out.text(layout.before)
  const rows = new Rows(out, layout)
  for await (const frame of frames) yield* rows.add(frame)
  out.text(after())
  yield out.take()
}

class Rows {
  readonly #out: TextWriter
  readonly #layout: Layout
  /** Those of all frames: they are the same, and making one costs as much as writing fifty. */
  readonly #marks = new Map<string, Mark>()
  #isFirst = true

  constructor(out: TextWriter, layout: Layout) {
    this.#out = out
    this.#layout = layout
  }

  /** Writes the rows of a frame, and hands over every piece that is full. */
  *add(frame: Frame): Generator<Uint8Array> {
    const { between, row } = this.#layout
    const rows = frame.index.length
    if (rows === 0) return
    // What stands before the rows may be a piece by itself: thousands of names.
    if (this.#out.isFull) yield this.#out.take()
    // What stands between two rows goes before each, and is taken away from the very first.
    const fields = fieldsOf([between, ...row(frame)], this.#marks)
    this.#out.spare(fields.most)
    if (this.#isFirst) fillRows(this.#out, fieldsOf(row(frame), this.#marks), 0, 1)
    for (let at = this.#isFirst ? 1 : 0; at < rows;) {
      at = fillRows(this.#out, fields, at, rows)
      if (this.#out.isFull) yield this.#out.take()
    }
    this.#isFirst = false
  }
}

/** What rows are made of. */
interface Fields extends Around {
  cells: Cells[]
  /** Where all cells are decimals and none is null, those. */
  decimals: Decimals[] | null
}

function fieldsOf(parts: readonly (string | Cells)[], marks: Map<string, Mark>): Fields {
  const markOf = (text: string): Mark => {
    const mark = marks.get(text) ?? newMark(text)
    marks.set(text, mark)
    return mark
  }
  const befores: Mark[] = []
  const cells: Cells[] = []
  let text = ""
  for (const part of parts) {
    if (typeof part === "string") {
      text += part
      continue
    }
    befores.push(markOf(text))
    cells.push(part)
    text = ""
  }
  const behind = markOf(text)
  const most = befores.reduce((sum, { room }) => sum + room + CELL_MAX_BYTES, behind.room)
  return { befores, cells, behind, decimals: decimalsOf(cells), most }
}

function decimalsOf(cells: readonly Cells[]): Decimals[] | null {
  const decimals: Decimals[] = []
  for (const one of cells) {
    if (!(one instanceof DecimalCells) || one.decimals.hasNulls) return null
    decimals.push(one.decimals)
  }
  return decimals.length > 0 ? decimals : null
}

/** Writes rows until the piece is full; returns the first that is left. Apart, because generators run slower. */
function fillRows(out: TextWriter, fields: Fields, from: number, to: number): number {
  const { befores, cells, behind, decimals } = fields
  const [only] = cells
  const [before] = befores
  const isIndex = only instanceof StampCells && cells.length === 1 && only.areTimes
  const index = isIndex ? only : null
  let row = from
  while (row < to && !out.isFull) {
    out.reserve(0)
    if (decimals) {
      row = fillDecimals(out, fields, decimals, row, to)
      continue
    }
    if (index && before) row = index.fill(out, before, behind, row, to)
    // It leaves labels that are more than digits, and those for which there is no room.
    if (row < to && !out.isFull) row = fillCells(out, fields, row, index ? row + 1 : to)
  }
  return row
}

/** Writes rows of any cells until there is no room; returns the first that is left. */
function fillCells(
  out: TextWriter,
  { befores, cells, behind, most }: Fields,
  from: number,
  to: number,
): number {
  out.reserve(0)
  let { view, length } = out
  const room = Math.min(view.byteLength - most, out.pieceBytes)
  let row = from
  for (; row < to && length <= room; row++) {
    for (let at = 0; at < cells.length; at++) {
      length = putMark(view, length, befores[at] as Mark)
      const one = cells[at] as Cells
      const end = one.put(view, length, row)
      if (end < 0) {
        out.length = length
        out.text(one.text(row))
        ;({ view, length } = out)
      } else length = end
    }
    length = putMark(view, length, behind)
  }
  out.length = length
  return row
}
