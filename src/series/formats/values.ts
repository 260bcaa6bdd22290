/** Values of fields in line protocol. Pure. */
import type { Json } from "../frame.ts"
import { BOOLEAN, FLOAT, STRING } from "../kinds.ts"
import { shorten } from "../../lines/bad.ts"
import { findBare, stringText } from "./escapes.ts"
import { maskOfNumber, readNumber } from "./numbers.ts"

export interface Value {
  value: Json
  /** Bits of `kinds.ts`. */
  mask: number
  /** Where the text goes on. */
  end: number
}

const TRUTHS = new Map<string, boolean>()
for (const word of ["t", "T", "true", "True", "TRUE"]) TRUTHS.set(word, true)
for (const word of ["f", "F", "false", "False", "FALSE"]) TRUTHS.set(word, false)

/** The value that begins there, up to a comma or a space; or what is wrong with it, as the end of a sentence. */
export function readValue(text: string, from: number): Value | string {
  if (text.charCodeAt(from) === 0x22) return readString(text, from + 1)
  const end = endOf(text, from)
  const last = text.charCodeAt(end - 1)
  // "i" and "u".
  if (last === 0x69 || last === 0x75) return readInteger(text, from, end)
  const number = readFloat(text, from, end)
  if (number !== null) {
    if (Number.isFinite(number)) return { value: number, mask: FLOAT, end }
    return `with ${show(text, from, end)}, which is larger than any double`
  }
  const truth = TRUTHS.get(text.slice(from, end))
  if (truth !== undefined) return { value: truth, mask: BOOLEAN, end }
  return from === end ? "without a value" : `with ${show(text, from, end)}, which is no value`
}

function readString(text: string, from: number): Value | string {
  const quote = findBare(text, '"', from)
  if (quote < 0) return "with a string that does not end"
  const end = quote + 1
  if (endOf(text, end) > end) return `with ${show(text, end, endOf(text, end))} after its string`
  return { value: stringText(text.slice(from, quote)), mask: STRING, end }
}

function readInteger(text: string, from: number, end: number): Value | string {
  const read = readNumber(text, from, end - 1)
  const value = read === 0 ? 0 : read
  const mask = value === null ? FLOAT : maskOfNumber(value, text, from, end - 1)
  const negative = text.charCodeAt(end - 1) === 0x75 && value !== null && value < 0
  if (value !== null && mask !== FLOAT && !negative) return { value, mask, end }
  return `with ${show(text, from, end)}, which is no integer of 64 bits`
}

/** Integers without "i" are floats, however long they are. */
function readFloat(text: string, from: number, end: number): number | null {
  const number = readNumber(text, from, end)
  if (number !== null) return Number(number)
  const token = text.slice(from, end)
  return /^[+-]?\d+$/.test(token) ? Number(token) : null
}

/** The next comma or space, or the end of the text. */
function endOf(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x2c || code === 0x20) return at
  }
  return text.length
}

function show(text: string, from: number, end: number): string {
  return JSON.stringify(shorten(text.slice(from, end)))
}
