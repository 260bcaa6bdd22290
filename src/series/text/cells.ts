/** The values of a row as bytes: numbers and times digit by digit, all else by way of its text. Pure. */
import {
  NUMBER_MAX_BYTES,
  putDecimal,
  putDigits,
  putInteger,
  SCALE_MAX,
} from "../../lib/decimals.ts"
import { MICROSECONDS } from "../../lib/durations.ts"
import type { DateFormat } from "../../protocol/orients.ts"
import type { FloatColumn, Frame, IntegerColumn } from "../frame.ts"
import { floatText } from "../json.ts"
import { stampFormat } from "../stamp.ts"

export interface Cells {
  /** Writes the value of a row, up to CELL_MAX_BYTES, and returns where it ends; -1 where only `text` will do. */
  put(bytes: Uint8Array, at: number, row: number): number
  text(row: number): string
}

/** A number, or a time with microseconds and zone. */
export const CELL_MAX_BYTES = Math.max(NUMBER_MAX_BYTES, "2015-01-01T00:00:00.000000Z".length)

/** Values whose text has to be made. */
export class TextCells implements Cells {
  readonly text: (row: number) => string

  constructor(text: (row: number) => string) {
    this.text = text
  }

  put(): number {
    return -1
  }
}

/** After so many values of a column that are no decimals, the others are not looked at. */
const MISSES_MAX = 16

/** Doubles, as `floatText` writes them. Those of up to two places are written before they come here. */
export class DoubleCells implements Cells {
  readonly values: Float64Array
  readonly #absent: string
  /** Places after the point that did for all values so far; of most columns, for all to come. */
  #scale = 2
  #misses = 0

  /** @param absent what stands for NaN */
  constructor({ values }: FloatColumn, absent = "null") {
    this.values = values
    this.#absent = absent
  }

  put(bytes: Uint8Array, at: number, row: number): number {
    const value = this.values[row] as number
    for (let scale = this.#scale; scale <= SCALE_MAX && this.#misses < MISSES_MAX; scale++) {
      const end = putDecimal(bytes, at, value, scale)
      if (end < 0) continue
      this.#scale = scale
      return end
    }
    if (value === value) this.#misses++
    return -1
  }

  text(row: number): string {
    const value = this.values[row] as number
    return value === value ? floatText(value) : this.#absent
  }
}

export class IntegerCells implements Cells {
  readonly #values: IntegerColumn["values"]
  readonly #absent: string

  constructor({ values }: IntegerColumn, absent = "null") {
    this.#values = values
    this.#absent = absent
  }

  put(bytes: Uint8Array, at: number, row: number): number {
    const value = this.#values[row]
    return typeof value === "number" ? putInteger(bytes, at, value) : -1
  }

  text(row: number): string {
    const value = this.#values[row] ?? null
    return value === null ? this.#absent : String(value)
  }
}

/** The labels of an index as `stampFormat` writes them, without quotes. */
export class StampCells implements Cells {
  readonly #index: Float64Array
  readonly #format: (stamp: number) => string
  readonly #as: "integer" | DateFormat
  readonly #digits: number
  readonly #zone: number
  /** How all stamps begin from one on, to the end of its day or its million milliseconds: rows come in order. */
  readonly #text = new Uint8Array(DATE_BYTES)
  #shared = 0
  #from = NaN

  constructor({ index, kind, unit }: Frame, dates: DateFormat) {
    this.#index = index
    this.#format = stampFormat(kind, unit, dates)
    this.#as = kind === "integer" ? kind : dates
    this.#digits = unit === "us" ? 6 : 3
    this.#zone = kind === "utc" ? 1 : 0
  }

  put(bytes: Uint8Array, at: number, row: number): number {
    const stamp = this.#index[row] as number
    if (this.#as === "iso") return this.#putIso(bytes, at, stamp)
    if (this.#as === "integer") return putInteger(bytes, at, stamp)
    return this.#putEpoch(bytes, at, stamp)
  }

  text(row: number): string {
    return this.#format(this.#index[row] as number)
  }

  #putEpoch(bytes: Uint8Array, start: number, stamp: number): number {
    // Not `%`, which for doubles is a call.
    const milliseconds = Math.floor(stamp / 1_000)
    if (milliseconds * 1_000 !== stamp) return -1
    if (milliseconds < MILLION) return putInteger(bytes, start, milliseconds)
    if (!(milliseconds >= this.#from && milliseconds < this.#from + MILLION)) {
      const millions = Math.floor(milliseconds / MILLION)
      this.#from = millions * MILLION
      this.#shared = putInteger(this.#text, 0, millions)
    }
    const end = this.#putShared(bytes, start)
    return putDigits(bytes, end, milliseconds - this.#from, 6)
  }

  #putShared(bytes: Uint8Array, start: number): number {
    const text = this.#text
    const shared = this.#shared
    for (let at = 0; at < shared; at++) bytes[start + at] = text[at] as number
    return start + shared
  }

  #putIso(bytes: Uint8Array, start: number, stamp: number): number {
    if (!(stamp >= this.#from && stamp < this.#from + DAY)) {
      this.#from = Math.floor(stamp / DAY) * DAY
      this.#shared = DATE_BYTES
      encoder.encodeInto(this.#format(stamp), this.#text)
    }
    const end = this.#putShared(bytes, start)
    const since = stamp - this.#from
    const seconds = Math.floor(since / 1_000_000)
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    let at = putDigits(bytes, end, hours, 2)
    bytes[at] = COLON
    at = putDigits(bytes, at + 1, minutes - hours * 60, 2)
    bytes[at] = COLON
    at = putDigits(bytes, at + 1, seconds - minutes * 60, 2)
    bytes[at] = POINT
    const fraction = since - seconds * 1_000_000
    const shown = this.#digits === 6 ? fraction : (fraction / 1_000) | 0
    at = putDigits(bytes, at + 1, shown, this.#digits)
    bytes[at] = ZULU
    return at + this.#zone
  }
}

const encoder = new TextEncoder()
const DAY = MICROSECONDS.d
const DATE_BYTES = "2015-01-01T".length
const MILLION = 1_000_000
const COLON = 0x3a
const POINT = 0x2e
const ZULU = 0x5a
