/** A column that grows value by value as its JSON is read, in doubles as long as it can. Pure. */
import type { JsonBytes } from "../../lib/json-bytes.ts"
import type { Column, Json } from "../frame.ts"
import { parseSent } from "../json.ts"
import * as kinds from "../kinds.ts"
import { inferColumn } from "./sheet.ts"

const ROWS_AT_FIRST = 256

export class Builder {
  /** NaN is null. */
  #numbers = new Float64Array(ROWS_AT_FIRST)
  #mask = 0
  /** All values, from the first on that is neither null nor a number that a double has. */
  #cells: Json[] | null = null
  rows = 0

  /** Takes the value that comes next. Throws SyntaxError, or Problem, where there is none. */
  read(json: JsonBytes): void {
    const number = json.number()
    if (number === number && this.#cells === null) {
      this.#push(number, kinds.isInteger(number) ? kinds.INTEGER : kinds.FLOAT)
    } else if (number === number) this.#add(number)
    else if (json.skipNull()) this.#add(null)
    else this.#add(json.plainString() ?? parseSent(json.text()))
  }

  /** The values, where all are numbers that a double has, or null, which is NaN. */
  get numbers(): Float64Array | null {
    return this.#cells ? null : this.#numbers.subarray(0, this.rows)
  }

  /** The column, of the narrowest kind that keeps all its values. Throws Problem unprocessable. */
  column(name: string): Column {
    const values = this.numbers
    if (!values) {
      const cells = this.#cells ?? []
      return inferColumn(name, cells, { names: [name], cells: [cells], rows: this.rows })
    }
    const kind = kinds.kindOf(this.#mask)
    if (kind === "float64") return { name, kind, values }
    return kind === "int64"
      ? { name, kind, values: listOf(values) }
      : kinds.columnOf(name, kind, values)
  }

  #add(value: Json): void {
    if (this.#cells) {
      this.#cells.push(value)
      this.rows++
    } else if (value === null) this.#push(NaN, 0)
    else if (typeof value === "number" && Number.isFinite(value)) {
      this.#push(value, kinds.bitsOf(value))
    } else {
      this.#cells = listOf(this.#numbers.subarray(0, this.rows))
      this.#add(value)
    }
  }

  #push(number: number, bits: number): void {
    if (this.rows === this.#numbers.length) this.#grow()
    this.#numbers[this.rows++] = number
    this.#mask |= bits
  }

  #grow(): void {
    const grown = new Float64Array(this.#numbers.length * 2)
    grown.set(this.#numbers)
    this.#numbers = grown
  }
}

function listOf(numbers: Float64Array): (number | null)[] {
  const list: (number | null)[] = []
  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row] as number
    list.push(number === number ? number : null)
  }
  return list
}
