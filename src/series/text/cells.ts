/** The values of a row as bytes: numbers and times digit by digit, all else by way of its text. Pure. */
import {
  NUMBER_MAX_BYTES,
  putClock,
  putDecimal,
  putDigits,
  putEight,
  putHundredths,
  putInteger,
  putScaled,
  putThousandths,
  SCALE_MAX,
  SCALED_MAX,
} from "../../lib/decimals.ts"
import { MICROSECONDS } from "../../lib/durations.ts"
import type { TextWriter } from "../../lib/textwriter.ts"
import type { DateFormat } from "../../protocol/orients.ts"
import { ABSENT, DecimalColumn, type Decimals } from "../decimal.ts"
import type { FloatColumn, Frame, IntegerColumn } from "../frame.ts"
import { floatText } from "../json.ts"
import { stampFormat } from "../stamp.ts"
import { joined, newMark, putMark, setMark, type Mark } from "./mark.ts"

export interface Cells {
  /** Writes the value of a row, up to CELL_MAX_BYTES, and returns where it ends; -1 where only `text` will do. */
  put(view: DataView, at: number, row: number): number
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

/** What writes doubles. @param absent what stands for NaN */
export function floatCells(column: FloatColumn, absent = "null"): Cells {
  const decimals = column instanceof DecimalColumn ? column.decimals : null
  return decimals && decimals.scale <= SCALED_MAX
    ? new DecimalCells(decimals, absent)
    : new DoubleCells(column, absent)
}

/** Doubles that are known as decimals. */
export class DecimalCells implements Cells {
  readonly decimals: Decimals
  readonly #absent: string

  constructor(decimals: Decimals, absent: string) {
    this.decimals = decimals
    this.#absent = absent
  }

  put(view: DataView, at: number, row: number): number {
    const whole = this.decimals.wholes[row] as number
    return whole === ABSENT ? -1 : putScaled(view, at, whole, this.decimals.scale)
  }

  text(): string {
    return this.#absent
  }
}

/** After so many values of a column that are no decimals, the others are not looked at. */
const MISSES_MAX = 16

/** Doubles, as `floatText` writes them. */
export class DoubleCells implements Cells {
  readonly #values: Float64Array
  readonly #absent: string
  /** Places after the point that did for all values so far; of most columns, for all to come. */
  #scale = 2
  #misses = 0

  constructor({ values }: FloatColumn, absent: string) {
    this.#values = values
    this.#absent = absent
  }

  put(view: DataView, at: number, row: number): number {
    const value = this.#values[row] as number
    const price = putHundredths(view, at, value)
    if (price >= 0) return price
    for (let scale = this.#scale; scale <= SCALE_MAX && this.#misses < MISSES_MAX; scale++) {
      const end = putDecimal(view, at, value, scale)
      if (end < 0) continue
      this.#scale = scale
      return end
    }
    if (value === value) this.#misses++
    return -1
  }

  text(row: number): string {
    const value = this.#values[row] as number
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

  put(view: DataView, at: number, row: number): number {
    const value = this.#values[row]
    return typeof value === "number" ? putInteger(view, at, value) : -1
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
  readonly #isMicro: boolean
  readonly #zone: number
  /** Milliseconds that begin alike: rows come in order, so it is written once for them all. */
  readonly #span: number
  #from = NaN
  #beginning = newMark("2015-01-01T")

  constructor({ index, kind, unit }: Frame, dates: DateFormat) {
    this.#index = index
    this.#format = stampFormat(kind, unit, dates)
    this.#as = kind === "integer" ? kind : dates
    this.#isMicro = unit === "us"
    this.#zone = kind === "utc" ? 1 : 0
    this.#span = dates === "iso" ? DAY : HUNDRED_MILLION
  }

  put(view: DataView, at: number, row: number): number {
    const stamp = this.#index[row] as number
    if (this.#as === "integer") return putInteger(view, at, stamp)
    // Not `%`, which for doubles is a call.
    const milliseconds = Math.floor(stamp / 1_000)
    const rest = stamp - milliseconds * 1_000
    const isEpoch = this.#as === "epoch"
    if (isEpoch && rest !== 0) return -1
    if (isEpoch && milliseconds < HUNDRED_MILLION) return putInteger(view, at, milliseconds)
    let since = milliseconds - this.#from
    if (!(since >= 0 && since < this.#span)) since = this.#begin(milliseconds)
    const end = putMark(view, at, this.#beginning)
    return isEpoch ? putEight(view, end, since | 0) : this.#putTime(view, end, since | 0, rest | 0)
  }

  text(row: number): string {
    return this.#format(this.#index[row] as number)
  }

  /** Whether `fill` knows the labels. */
  get areTimes(): boolean {
    return this.#as !== "integer"
  }

  /**
   * Writes rows that are nothing but times, as long as there is room and they are more than digits; returns the first
   * that is left. What `put` reads from fields is in variables here.
   */
  fill(out: TextWriter, before: Mark, behind: Mark, from: number, to: number): number {
    const { view } = out
    const index = this.#index
    const span = this.#span
    const isEpoch = this.#as === "epoch"
    const room = Math.min(
      view.byteLength - before.room - CELL_MAX_BYTES - behind.room,
      out.pieceBytes,
    )
    let begun = this.#from
    let lead = joined(before, this.#beginning)
    let length = out.length
    let row = from
    for (; row < to && length <= room; row++) {
      const stamp = index[row] as number
      const milliseconds = Math.floor(stamp / 1_000)
      const rest = stamp - milliseconds * 1_000
      if (isEpoch && (rest !== 0 || milliseconds < HUNDRED_MILLION)) break
      let since = milliseconds - begun
      if (!(since >= 0 && since < span)) {
        since = this.#begin(milliseconds)
        begun = this.#from
        lead = joined(before, this.#beginning)
      }
      length = putMark(view, length, lead)
      length = isEpoch
        ? putEight(view, length, since | 0)
        : this.#putTime(view, length, since | 0, rest | 0)
      length = putMark(view, length, behind)
    }
    out.length = length
    return row
  }

  /** Milliseconds since those that begin as these do. */
  #begin(milliseconds: number): number {
    this.#from = Math.floor(milliseconds / this.#span) * this.#span
    const text = this.#format(milliseconds * 1_000)
    const isIso = this.#as === "iso"
    setMark(this.#beginning, text, isIso ? DATE_CHARACTERS : text.length - EIGHT)
    return milliseconds - this.#from
  }

  #putTime(view: DataView, start: number, milliseconds: number, microseconds: number): number {
    const seconds = (milliseconds / 1_000) | 0
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    let at = putClock(view, start, hours, minutes - hours * 60, seconds - minutes * 60)
    at = putThousandths(view, at, milliseconds - seconds * 1_000)
    if (this.#isMicro) at = putDigits(view, at, microseconds, 3)
    view.setUint8(at, ZULU)
    return at + this.#zone
  }
}

const DAY = MICROSECONDS.d / 1_000
const DATE_CHARACTERS = "2015-01-01T".length
const EIGHT = 8
const HUNDRED_MILLION = 10 ** EIGHT
const ZULU = 0x5a
