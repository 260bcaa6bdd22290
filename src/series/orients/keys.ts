/** The labels of an index that are names of members. Pure. */
import type { JsonBytes } from "../../lib/json-bytes.ts"
import { readLabels, readNumbers, type Labels } from "../labels.ts"

export class Keys {
  readonly #numbers: number[] = []
  readonly #texts: string[] = []
  /** Where each begins, and where its value does. */
  readonly #places: number[] = []
  count = 0

  /**
   * Takes the name that comes next. Throws SyntaxError unless all are of one form and each is greater than the one
   * before: else one may be there twice, or an object may have them in another order than the text.
   */
  read(json: JsonBytes): void {
    if (!json.isString()) throw new SyntaxError("no name")
    const start = json.at
    const number = json.numericName()
    const isInOrder = Number.isNaN(number) ? this.#addText(json.name()) : this.#addNumber(number)
    if (!isInOrder) throw new SyntaxError("labels in disorder")
    this.#places.push(start, json.at)
    this.count++
  }

  /** Takes the name that comes next if it is that of a row. */
  repeat(json: JsonBytes, row: number): boolean {
    return (
      row < this.count &&
      json.same(this.#places[row * 2] as number, this.#places[row * 2 + 1] as number)
    )
  }

  /** Null where other readers must tell. Throws Problem as `readLabels` does. */
  labels(): Labels | null {
    const isNumeric = this.#numbers.length > 0
    return isNumeric ? readNumbers(Float64Array.from(this.#numbers)) : readLabels(this.#texts)
  }

  #addNumber(number: number): boolean {
    const before = this.#numbers.at(-1) ?? -1
    return number > before && this.#numbers.push(number) > this.count
  }

  #addText(text: string): boolean {
    const before = this.#texts.at(-1)
    const isAfter = before === undefined || (text.length === before.length && text > before)
    return isAfter && this.#texts.push(text) > this.count
  }
}
