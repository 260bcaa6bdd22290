/** Frames as text, row by row, in pieces of bytes. What an orient or a format adds is a layout. Pure. */
import { putHundredths, putScaled } from "../../lib/decimals.ts"
import { TextWriter } from "../../lib/textwriter.ts"
import { ABSENT, type Decimals } from "../decimal.ts"
import type { Frame } from "../frame.ts"
import { CELL_MAX_BYTES, DecimalCells, DoubleCells, StampCells, type Cells } from "./cells.ts"
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
  after: string
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
  out.text(after)
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
  out.text(after)
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

/** What rows are made of: cells, what stands before each, and what stands behind the last. */
interface Fields {
  befores: Mark[]
  cells: Cells[]
  behind: Mark
  /** Where all cells are decimals, those. */
  decimals: Decimals[] | null
  /** Of cells that are doubles, those: called by way of an object, a common kind takes half as long again. */
  doubles: (Float64Array | null)[]
  /** Bytes of a row, but for cells that make their own room. */
  most: number
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
  const decimals = cells.flatMap((one) => (one instanceof DecimalCells ? one.decimals : []))
  const doubles = cells.map((one) => (one instanceof DoubleCells ? one.values : null))
  const isDecimal = decimals.length === cells.length && cells.length > 0
  return { befores, cells, behind, decimals: isDecimal ? decimals : null, doubles, most }
}

/** Writes rows until the piece is full; returns the first that is left. Apart, because generators run slower. */
function fillRows(out: TextWriter, fields: Fields, from: number, to: number): number {
  const { cells, decimals } = fields
  let row = from
  while (row < to && !out.isFull) {
    out.reserve(0)
    const [only] = cells
    if (decimals) row = fillDecimals(out, fields, decimals, row, to)
    else if (only instanceof StampCells && cells.length === 1) {
      row = only.fill(out, fields.befores[0] as Mark, fields.behind, row, to)
    }
    if (row < to && !out.isFull) row = fillRow(out, fields, row)
  }
  return row
}

/**
 * Writes rows of nothing but decimals, as long as there is room and no null; returns the first that is left. The
 * place is a variable of its own: a field is written and read again with every byte.
 */
function fillDecimals(
  out: TextWriter,
  { befores, behind, most }: Fields,
  decimals: readonly Decimals[],
  from: number,
  to: number,
): number {
  const { view } = out
  const wholes = decimals.map((one) => one.wholes)
  const scales = Uint8Array.from(decimals, ({ scale }) => scale)
  const words = Int32Array.from(befores, ({ word }) => word)
  const lengths = Int32Array.from(befores, ({ length }) => length)
  const isShort = befores.every((mark) => mark.words.length === 0)
  const room = view.byteLength - most
  let length = out.length
  let row = from
  rows: for (; row < to && length <= room; row++) {
    let end = length
    for (let at = 0; at < wholes.length; at++) {
      const whole = (wholes[at] as Int32Array)[row] as number
      if (whole === ABSENT) break rows
      if (isShort) {
        view.setInt32(end, words[at] as number, true)
        end += lengths[at] as number
      } else end = putMark(view, end, befores[at] as Mark)
      end = putScaled(view, end, whole, scales[at] as number)
    }
    length = putMark(view, end, behind)
  }
  out.length = length
  return row
}

/** Writes a row of any cells; returns the next. */
function fillRow(
  out: TextWriter,
  { befores, cells, doubles, behind }: Fields,
  row: number,
): number {
  out.reserve(0)
  let { view, length } = out
  for (let at = 0; at < cells.length; at++) {
    length = putMark(view, length, befores[at] as Mark)
    const values = doubles[at] ?? null
    let end = values ? putHundredths(view, length, values[row] as number) : -1
    if (end < 0) {
      const one = cells[at] as Cells
      end = one.put(view, length, row)
      if (end < 0) {
        out.length = length
        out.text(one.text(row))
        ;({ view, length: end } = out)
      }
    }
    length = end
  }
  out.length = putMark(view, length, behind)
  return row + 1
}
