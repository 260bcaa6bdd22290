/** The values of a row as bytes: numbers and times digit by digit, all else by way of its text. Pure. */
import { NUMBER_MAX_BYTES, POWERS, putDecimal, putDigits, putInteger, SCALE_MAX } from "../../lib/decimals.ts"
import { MICROSECONDS } from "../../lib/durations.ts"
import type { TextWriter } from "../../lib/textwriter.ts"
import type { DateFormat } from "../../protocol/orients.ts"
import type { FloatColumn, Frame, IntegerColumn } from "../frame.ts"
import { floatText } from "../json.ts"
import { stampFormat } from "../stamp.ts"

/** Writes the value of a row, for which there are CELL_MAX_BYTES of room; `text` makes its own. */
export interface Cells {
  write(out: TextWriter, row: number): void
}

/** A number, or a time with microseconds and zone. */
export const CELL_MAX_BYTES = Math.max(NUMBER_MAX_BYTES, "2015-01-01T00:00:00.000000Z".length)

const MINUS = 0x2d
const DAY = MICROSECONDS.d

/** Values whose text has to be made. */
export class TextCells implements Cells {
  readonly #text: (row: number) => string

  constructor(text: (row: number) => string) {
    this.#text = text
  }

  write(out: TextWriter, row: number): void {
    out.text(this.#text(row))
  }
}

/** After so many values of a column that are no decimals, the others are not looked at. */
const MISSES_MAX = 16

/** Doubles, as `floatText` writes them. */
export class DoubleCells implements Cells {
  readonly #values: Float64Array
  readonly #absent: string
  #scale = 0
  #misses = 0

  /** @param absent what stands for NaN */
  constructor({ values }: FloatColumn, absent = "null") {
    this.#values = values
    this.#absent = absent
  }

  write(out: TextWriter, row: number): void {
    const value = this.#values[row] as number
    const { bytes, length } = out
    let at = length
    if (value <= 0 && (value < 0 || Object.is(value, -0))) bytes[at++] = MINUS
    const end = this.#misses < MISSES_MAX ? putDecimal(bytes, at, Math.abs(value), this.#scale) : -1
    if (end > 0) out.length = end
    else if (value !== value) out.text(this.#absent)
    else if (!this.#widen(Math.abs(value))) out.text(floatText(value))
    else this.write(out, row)
  }

  /** Places after the point for this value too: decimals of a column mostly have as many. */
  #widen(size: number): boolean {
    for (let scale = this.#scale + 1; this.#misses < MISSES_MAX && scale <= SCALE_MAX; scale++) {
      if (putDecimal(SCRATCH, 0, size, scale) < 0) continue
      this.#scale = scale
      return true
    }
    this.#misses++
    return false
  }
}

const SCRATCH = new Uint8Array(CELL_MAX_BYTES)

export class IntegerCells implements Cells {
  readonly #values: IntegerColumn["values"]
  readonly #absent: string

  constructor({ values }: IntegerColumn, absent = "null") {
    this.#values = values
    this.#absent = absent
  }

  write(out: TextWriter, row: number): void {
    const value = this.#values[row] ?? null
    if (typeof value === "number") putSigned(out, value)
    else out.text(value === null ? this.#absent : String(value))
  }
}

/** The labels of an index, without quotes: what `stampFormat` says. */
export class StampCells implements Cells {
  readonly #index: Float64Array
  readonly #isInteger: boolean
  readonly #isEpoch: boolean
  readonly #digits: number
  readonly #zone: number
  readonly #format: (stamp: number) => string
  readonly #date = new Uint8Array(DATE_BYTES)
  #midnight = NaN

  constructor({ index, kind, unit }: Frame, dates: DateFormat) {
    this.#index = index
    this.#isInteger = kind === "integer"
    this.#isEpoch = dates === "epoch"
    this.#digits = unit === "us" ? 6 : 3
    this.#zone = kind === "utc" ? 1 : 0
    this.#format = stampFormat(kind, unit, dates)
  }

  write(out: TextWriter, row: number): void {
    const stamp = this.#index[row] as number
    if (this.#isInteger) putSigned(out, stamp)
    else if (!this.#isEpoch) this.#iso(out, stamp)
    else {
      // Not `%`, which for doubles is a call.
      const milliseconds = Math.floor(stamp / 1_000)
      if (milliseconds * 1_000 === stamp) putSigned(out, milliseconds)
      else out.text(this.#format(stamp))
    }
  }

  #iso(out: TextWriter, stamp: number): void {
    // Rows come day by day, and a date is the dear part of a stamp.
    if (!(stamp >= this.#midnight && stamp < this.#midnight + DAY)) {
      this.#midnight = Math.floor(stamp / DAY) * DAY
      encoder.encodeInto(this.#format(stamp), this.#date)
    }
    const { bytes, length } = out
    bytes.set(this.#date, length)
    const since = stamp - this.#midnight
    const seconds = Math.floor(since / 1_000_000)
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    let at = putDigits(bytes, length + DATE_BYTES, hours, 2)
    bytes[at] = COLON
    at = putDigits(bytes, at + 1, minutes - hours * 60, 2)
    bytes[at] = COLON
    at = putDigits(bytes, at + 1, seconds - minutes * 60, 2)
    bytes[at] = POINT
    const fraction = since - seconds * 1_000_000
    at = putDigits(bytes, at + 1, this.#digits === 6 ? fraction : (fraction / 1_000) | 0, this.#digits)
    bytes[at] = ZULU
    out.length = at + this.#zone
  }
}

const encoder = new TextEncoder()
const DATE_BYTES = "2015-01-01T".length
const COLON = 0x3a
const POINT = 0x2e
const ZULU = 0x5a

/** A safe integer; -0 is 0. */
function putSigned(out: TextWriter, value: number): void {
  const { bytes, length } = out
  if (value >= 0) {
    out.length = putInteger(bytes, length, value)
    return
  }
  bytes[length] = MINUS
  out.length = putInteger(bytes, length + 1, -value)
}
