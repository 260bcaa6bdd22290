/** Frames as text, row by row, in pieces of bytes. What an orient or a format adds is a layout. Pure. */
import { putHundredths } from "../../lib/decimals.ts"
import { TextWriter } from "../../lib/textwriter.ts"
import type { Frame } from "../frame.ts"
import { CELL_MAX_BYTES, DoubleCells, type Cells } from "./cells.ts"

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
    const fields = fieldsOf([between, ...row(frame)])
    this.#out.spare(fields.most)
    if (this.#isFirst) fillRows(this.#out, fieldsOf(row(frame)), 0, 1)
    for (let at = this.#isFirst ? 1 : 0; at < rows;) {
      at = fillRows(this.#out, fields, at, rows)
      if (this.#out.isFull) yield this.#out.take()
    }
    this.#isFirst = false
  }
}

/** Cells, what stands before each, and what stands behind the last. */
interface Fields {
  befores: Uint8Array[]
  cells: Cells[]
  behind: Uint8Array
  /** What stands before cells where it is one byte, else 0: a comma is no loop. */
  marks: number[]
  /** Of cells that are doubles, those: called by way of an object, the commonest of all takes half as long again. */
  doubles: (Float64Array | null)[]
  /** Bytes of a row, but for cells that make their own room. */
  most: number
}

function fieldsOf(parts: readonly (string | Cells)[]): Fields {
  const befores: Uint8Array[] = []
  const cells: Cells[] = []
  let text = ""
  for (const part of parts) {
    if (typeof part === "string") {
      text += part
      continue
    }
    befores.push(encoder.encode(text))
    cells.push(part)
    text = ""
  }
  const behind = encoder.encode(text)
  const most = befores.reduce((sum, { length }) => sum + length + CELL_MAX_BYTES, behind.length)
  const doubles = cells.map((one) => (one instanceof DoubleCells ? one.values : null))
  const marks = befores.map(({ length, 0: byte = 0 }) => (length === 1 ? byte : 0))
  return { befores, marks, cells, behind, doubles, most }
}

/**
 * Writes rows until the piece is full; returns the first that is left. Apart, because generators run slower; and with
 * the place in a variable of its own, for a field is written and read again with every byte.
 */
function fillRows(
  out: TextWriter,
  { befores, marks, cells, doubles, behind }: Fields,
  from: number,
  to: number,
) {
  let row = from
  for (; row < to && !out.isFull; row++) {
    out.reserve(0)
    let { bytes, length } = out
    for (let at = 0; at < cells.length; at++) {
      const mark = marks[at] as number
      if (mark > 0) bytes[length++] = mark
      else length = put(bytes, length, befores[at] as Uint8Array)
      const values = doubles[at] ?? null
      let end = values ? putHundredths(bytes, length, values[row] as number) : -1
      if (end < 0) {
        const one = cells[at] as Cells
        end = one.put(bytes, length, row)
        if (end < 0) {
          out.length = length
          out.text(one.text(row))
          ;({ bytes, length: end } = out)
        }
      }
      length = end
    }
    out.length = put(bytes, length, behind)
  }
  return row
}

const encoder = new TextEncoder()

/** A call of `set` costs more than so few bytes. */
function put(bytes: Uint8Array, length: number, text: Uint8Array): number {
  for (let at = 0; at < text.length; at++) bytes[length + at] = text[at] as number
  return length + text.length
}
