/** What the fields of a CSV file mean: missing, number, truth, or text. Pure. */
import type { Column, Json } from "../frame.ts"
import * as kinds from "../kinds.ts"
import { shorten } from "../../lines/bad.ts"
import { textOf } from "./fields.ts"
import { maskOfNumber, readNumber } from "./numbers.ts"

const QUOTE_CODE = 0x22

/** A number that no double reaches: fine among texts, elsewhere refused. Beside the bits of `kinds.ts`. */
const INFINITE = 64
const FINITE = kinds.INTEGER | kinds.INEXACT | kinds.FLOAT

/** The words that are no text without quotes. Those for missing values are the ones of pandas' `read_csv`. */
const WORDS = new Map<string, null | boolean | number>()
const MISSING =
  "NaN nan NA null NULL None N/A n/a <NA> #N/A #NA -NaN -nan 1.#IND -1.#IND 1.#QNAN -1.#QNAN"
for (const word of ["#N/A N/A", ...MISSING.split(" ")]) WORDS.set(word, null)
for (const word of ["true", "True", "TRUE"]) WORDS.set(word, true)
for (const word of ["false", "False", "FALSE"]) WORDS.set(word, false)
for (const word of ["inf", "Inf", "infinity", "Infinity"]) {
  for (const sign of ["", "+", "-"]) WORDS.set(sign + word, Infinity)
}
const WORD_MAX_CHARACTERS = 9

/** The fields of a record, and what is wrong with them once something is: the end of a sentence about the line. */
export interface Fields {
  fields: string[]
  flaw: string | null
}

/** A column of the file. */
export interface ColumnPlace {
  name: string
  /** Among the fields. */
  at: number
  /** Bits of what it held in the batches before; 0 while all was missing. */
  mask: number
}

/** The bits to begin with for a column that a series has: none where it holds texts and other values already. */
export function startOf(mask: number): number {
  const mixed = kinds.kindOf(mask) === "json" && (mask & ~FINITE) !== 0
  return mixed ? 0 : mask
}

/**
 * One column of the rows, and its bits with those of before. As pandas has it, one text among them makes all of them
 * text, with every character; so do truth values next to numbers. But what was handed out before stands: a column of
 * text stays text, and in one of numbers or of truth values a row with anything else gets a flaw, because the text of
 * those before is gone. So does a row with a number that no double reaches.
 */
export function readColumn(
  { name, at, mask: known }: ColumnPlace,
  rows: readonly Fields[],
): { column: Column; mask: number } {
  const cells = Array.from<Json>({ length: rows.length })
  let mask = 0
  for (let row = 0; row < cells.length; row++) {
    const field = (rows[row] as Fields).fields[at] as string
    const value = readField(field)
    cells[row] = value
    mask |= maskOf(value, field)
  }
  if (isText(known === 0 ? mask : known)) {
    const values = rows.map(({ fields }) => readText(fields[at] as string))
    return { column: { name, kind: "string", values }, mask: kinds.STRING }
  }
  const wanted = known === 0 ? ~INFINITE : known === kinds.BOOLEAN ? kinds.BOOLEAN : FINITE
  if ((mask & ~wanted) !== 0) {
    for (const [row, value] of cells.entries()) {
      const { fields } = rows[row] as Fields
      const field = fields[at] as string
      if ((maskOf(value, field) & ~wanted) === 0) continue
      ;(rows[row] as Fields).flaw ??= flawOf(field, value, name, known)
      cells[row] = null
    }
  }
  const joined = known | (mask & wanted)
  return { column: kinds.columnOf(name, kinds.kindOf(joined), cells), mask: joined }
}

/** Whether a field without quotes would be read as something else than this text. */
export function looksOtherwise(text: string): boolean {
  return readField(text) !== text
}

function isText(mask: number): boolean {
  if ((mask & kinds.STRING) !== 0) return true
  return (mask & kinds.BOOLEAN) !== 0 && (mask & (FINITE | INFINITE)) !== 0
}

function readText(field: string): string | null {
  if (field.charCodeAt(0) === QUOTE_CODE) return field.slice(1)
  return readField(field) === null ? null : field
}

/** A missing value is null; Infinity stands for all that is larger than any double. */
function readField(field: string): null | boolean | number | bigint | string {
  const code = field.charCodeAt(0)
  if (code === QUOTE_CODE) return field.slice(1)
  // The digits and what may stand before them; anything else spares the attempt.
  if (code >= 0x20 && code <= 0x39) {
    const number = readNumber(field)
    if (number !== null) return number
    const inner = code === 0x20 || field.endsWith(" ") ? readNumber(field.trim()) : null
    if (inner !== null) return inner
  }
  if (field === "") return null
  const word = field.length <= WORD_MAX_CHARACTERS ? WORDS.get(field) : undefined
  return word === undefined ? field : word
}

function maskOf(value: Json, field: string): number {
  if (value === null) return 0
  if (typeof value === "string") return kinds.STRING
  if (typeof value === "boolean") return kinds.BOOLEAN
  if (value === Infinity || value === -Infinity) return INFINITE
  return maskOfNumber(value as number | bigint, field)
}

function flawOf(field: string, value: Json, name: string, known: number): string {
  const shown = JSON.stringify(shorten(textOf(field)))
  const place = `has ${shown} in column "${shorten(name)}"`
  if (value === Infinity || value === -Infinity) return `${place}, which is larger than any double`
  const wish = known === kinds.BOOLEAN ? "true or false" : "a number"
  return `${place}, which must be ${wish} like those before it`
}
