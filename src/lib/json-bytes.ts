/** JSON read byte by byte, for texts that are mostly numbers. Pure. */
import {
  SPACE,
  QUOTE,
  COMMA,
  BACKSLASH,
  OPEN_LIST,
  CLOSE_LIST,
  OPEN_OBJECT,
  CLOSE_OBJECT,
  endOfValue,
  fail,
  isSpace,
} from "./json-ends.ts"
import { EXACT_POWER, nearestTo, POWERS } from "./doubles.ts"

const MINUS = 0x2d
const ZERO = 0x30
const COLON = 0x3a
// As digits: what is subtracted from a byte to have its value was subtracted here too.
const POINT = 0x2e - ZERO
const SMALL_E = 0x65 - ZERO
const LARGE_E = 0x45 - ZERO

/** So many digits fit a 31-bit integer, with which engines count fastest. */
const SMALL_DIGITS = 9
/** So many digits are always a whole number that a double has. */
const EXACT_DIGITS = 15
const NULL = new TextEncoder().encode("null")

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * A place in a JSON text. What is not as asked for is a SyntaxError; what is passed over as `text` is only known to
 * be JSON once it is parsed.
 */
export class JsonBytes {
  readonly #bytes: Uint8Array
  #ascii: string | null | undefined
  /** The next byte. */
  at = 0

  constructor(bytes: Uint8Array) {
    let end = bytes.length
    while (isSpace(bytes[end - 1])) end--
    const last = bytes[end - 1]
    // So every run of digits ends before the text does, and need not look whether it has.
    if (last !== CLOSE_LIST && last !== CLOSE_OBJECT) fail("no list or object")
    this.#bytes = bytes.subarray(0, end)
  }

  /** Passes over spaces; answers whether a string comes next. */
  isString(): boolean {
    return this.#peek() === QUOTE
  }

  /** Passes over spaces; answers whether a list comes next whose first value is a string. */
  isListOfStrings(): boolean {
    if (this.#peek() !== OPEN_LIST) return false
    let at = this.at + 1
    while (isSpace(this.#bytes[at])) at++
    return this.#bytes[at] === QUOTE
  }

  /** Passes over null, if it comes next. */
  skipNull(): boolean {
    if (this.#peek() !== NULL[0]) return false
    const bytes = this.#bytes
    for (let place = 0; place < NULL.length; place++) {
      if (bytes[this.at + place] !== NULL[place]) return false
    }
    this.at += NULL.length
    return true
  }

  /** Enters a list; answers whether it has values. */
  openList(): boolean {
    this.#expect(OPEN_LIST)
    return !this.#skip(CLOSE_LIST)
  }

  /** After a value of a list: answers whether another follows; if not, leaves the list. */
  moreOfList(): boolean {
    if (this.#skip(COMMA)) return true
    this.#expect(CLOSE_LIST)
    return false
  }

  /** Enters an object; answers whether it has members. */
  openObject(): boolean {
    this.#expect(OPEN_OBJECT)
    return !this.#skip(CLOSE_OBJECT)
  }

  /** After the value of a member: answers whether another follows; if not, leaves the object. */
  moreOfObject(): boolean {
    if (this.#skip(COMMA)) return true
    this.#expect(CLOSE_OBJECT)
    return false
  }

  /** A member's name and its colon. */
  name(): string {
    if (!this.isString()) fail("no name")
    const name = JSON.parse(this.text()) as string
    this.#expect(COLON)
    return name
  }

  /** Passes over the bytes that were read before, from one place to another: mostly the same name. */
  same(from: number, to: number): boolean {
    this.#peek()
    const bytes = this.#bytes
    let at = this.at
    for (let before = from; before < to; before++) {
      if (bytes[at++] !== bytes[before]) return false
    }
    this.at = at
    return true
  }

  /**
   * A member's name that is a whole number, and its colon; NaN, with nothing passed over, when it is another.
   * Throws SyntaxError for a number that `String` would write otherwise, where that might matter.
   */
  numericName(): number {
    if (!this.isString()) fail("no name")
    const start = this.at++
    const isNumber = (this.#bytes[this.at] as number) > SPACE
    const number = isNumber ? this.number() : NaN
    if (this.#bytes[this.at] !== QUOTE || !Number.isInteger(number)) {
      this.at = start
      return NaN
    }
    // Objects put their members into another order when the names are numbers up to here.
    if (number < 2 ** 32 && String(number).length !== this.at - start - 1) fail("no plain number")
    this.at++
    this.#expect(COLON)
    return number
  }

  /**
   * The number that comes next; NaN, with nothing passed over, when another value comes, or one with more digits
   * than are easy. Up to 15 digits are a whole number that a double has, and so is their power of ten: the quotient
   * is rounded once, hence right. After W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990.
   */
  number(): number {
    const byte = this.#peek()
    const bytes = this.#bytes
    let at = byte === MINUS ? this.at + 1 : this.at
    const start = at
    let digit = (bytes[at] as number) - ZERO
    let whole = 0
    while (digit >= 0 && digit <= 9 && at - start < SMALL_DIGITS) {
      whole = (whole * 10 + digit) | 0
      digit = (bytes[++at] as number) - ZERO
    }
    let digits = at - start
    // JSON has no leading zeros.
    if (digits === 0 || (digits > 1 && bytes[start] === ZERO)) return NaN
    if (digit >= 0 && digit <= 9) {
      const from = at
      let more = 0
      while (digit >= 0 && digit <= 9 && at - from < EXACT_DIGITS - SMALL_DIGITS) {
        more = (more * 10 + digit) | 0
        digit = (bytes[++at] as number) - ZERO
      }
      whole = whole * (POWERS[at - from] as number) + more
      digits = at - start
    }
    if (digit === POINT) {
      const from = at + 1
      let more = 0
      digit = (bytes[++at] as number) - ZERO
      while (digit >= 0 && digit <= 9 && at - from < SMALL_DIGITS) {
        more = (more * 10 + digit) | 0
        digit = (bytes[++at] as number) - ZERO
      }
      const decimals = at - from
      if (decimals === 0) return NaN
      if (digits + decimals > EXACT_DIGITS) return this.#longNumber(start, byte === MINUS)
      const power = POWERS[decimals] as number
      whole = (whole * power + more) / power
    }
    if (digit === SMALL_E || digit === LARGE_E) return NaN
    if (digit >= 0 && digit <= 9) return this.#longNumber(start, byte === MINUS)
    this.at = at
    return byte === MINUS ? -whole : whole
  }

  /** The same for a decimal of up to 22 digits, its first digit at `start`; NaN for a whole number. */
  #longNumber(start: number, isNegative: boolean): number {
    const bytes = this.#bytes
    let high = 0
    let low = 0
    let digits = 0
    let point = 0
    let at = start
    for (; ; at++) {
      const digit = (bytes[at] as number) - ZERO
      if (digit === POINT && point === 0) point = at + 1
      else if (digit < 0 || digit > 9) break
      else if (digits++ < EXACT_DIGITS) high = high * 10 + digit
      else low = low * 10 + digit
    }
    const end = bytes[at]
    const isPlain = point > 0 && at > point && end !== SMALL_E + ZERO && end !== LARGE_E + ZERO
    if (!isPlain || digits > EXACT_POWER || digits <= EXACT_DIGITS) return NaN
    const number = nearestTo(high, low, digits - EXACT_DIGITS, at - point)
    if (number === number) this.at = at
    return isNegative ? -number : number
  }

  /**
   * The string that comes next, if there is nothing in it that JSON writes otherwise; else null, with nothing passed
   * over. Throws SyntaxError in a text that is not ASCII: there, to make strings one by one is slower than to parse.
   */
  plainString(): string | null {
    if (!this.isString()) return null
    const bytes = this.#bytes
    const start = this.at + 1
    let at = start
    while ((bytes[at] as number) >= SPACE && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++
    if (bytes[at] !== QUOTE) return null
    const text = this.#asciiText() ?? fail("not ASCII")
    this.at = at + 1
    return text.slice(start, at)
  }

  /** The text of the next value, whatever it is. */
  text(): string {
    this.#peek()
    const start = this.at
    this.at = endOfValue(this.#bytes, start)
    const text = this.#asciiText()
    return text ? text.slice(start, this.at) : decoded(this.#bytes.subarray(start, this.at))
  }

  /** All of it, if each byte is a character. */
  #asciiText(): string | null {
    if (this.#ascii === undefined) {
      const text = decoded(this.#bytes)
      this.#ascii = text.length === this.#bytes.length ? text : null
    }
    return this.#ascii
  }

  /** Nothing may follow. */
  end(): void {
    if (this.at < this.#bytes.length) fail("more than one value")
  }

  #expect(byte: number): void {
    if (!this.#skip(byte)) fail(`no ${String.fromCharCode(byte)}`)
  }

  #skip(byte: number): boolean {
    if (this.#bytes[this.at] !== byte && this.#peek() !== byte) return false
    this.at++
    return true
  }

  #peek(): number {
    const byte = this.#bytes[this.at] as number
    return byte > SPACE ? byte : this.#peekFar()
  }

  #peekFar(): number {
    while (isSpace(this.#bytes[this.at])) this.at++
    return this.#bytes[this.at] ?? NaN
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return fail("not UTF-8")
  }
}
