/** JSON read byte by byte, for texts that are mostly numbers. Pure. */

const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
// As digits: what is subtracted from a byte to have its value was subtracted here too.
const POINT = 0x2e - ZERO
const SMALL_E = 0x65 - ZERO
const LARGE_E = 0x45 - ZERO

/** So many digits fit a 31-bit integer, with which engines count fastest. */
const SMALL_DIGITS = 9
/** So many digits are always a whole number that a double has. */
const EXACT_DIGITS = 15
/** The largest power of ten that a double has. */
const EXACT_POWER = 22
const POWERS = Float64Array.from({ length: EXACT_POWER + 1 }, (_, power) => Number(`1e${power}`))

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
    const number = decimal(high, low, digits - EXACT_DIGITS, at - point)
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

/**
 * The double nearest to (high × 10^lowDigits + low) / 10^decimals; NaN when two are nearly as near. Twice as many
 * digits as a double has are carried in pairs, after T. J. Dekker, "A Floating-Point Technique for Extending the
 * Available Precision", Numerische Mathematik 18 (1971).
 */
function decimal(high: number, low: number, lowDigits: number, decimals: number): number {
  const shift = POWERS[lowDigits] as number
  const product = high * shift
  const sum = product + low
  const rest = productError(high, shift, product) + (product - sum + low)
  const power = POWERS[decimals] as number
  const quotient = sum / power
  const back = quotient * power
  const more = (sum - back - productError(quotient, power, back) + rest) / power
  // What was rounded on the way is a four-thousandth of this.
  const doubt = quotient * 2 ** -90
  const nearest = quotient + (more - doubt)
  return nearest === quotient + (more + doubt) ? nearest : NaN
}

/** What rounding took from a product. */
function productError(one: number, other: number, product: number): number {
  const oneHigh = upperHalf(one)
  const otherHigh = upperHalf(other)
  const [oneLow, otherLow] = [one - oneHigh, other - otherHigh]
  return (
    oneLow * otherLow - (product - oneHigh * otherHigh - oneLow * otherHigh - oneHigh * otherLow)
  )
}

/** The upper 26 bits of a double. */
function upperHalf(value: number): number {
  const spread = value * (2 ** 27 + 1)
  return spread - (spread - value)
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** The place after the value that begins at `start`. */
function endOfValue(bytes: Uint8Array, start: number): number {
  let depth = 0
  let at = start
  do {
    const byte = bytes[at]
    if (byte === undefined) fail("no end")
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
    else if (depth === 0) at = endOfWord(bytes, at) - 1
    at++
  } while (depth > 0)
  return at
}

/** The place of the closing quote. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1
  for (let byte = bytes[at]; byte !== QUOTE; byte = bytes[at]) {
    if (byte === undefined) fail("no end")
    at += byte === BACKSLASH ? 2 : 1
  }
  return at
}

/** The place after a number, true, false or null: where a separator stands. */
function endOfWord(bytes: Uint8Array, start: number): number {
  let at = start
  for (let byte = bytes[at]; byte !== COMMA && byte !== CLOSE_LIST; byte = bytes[at]) {
    if (byte === CLOSE_OBJECT || byte === undefined || byte <= SPACE) break
    at++
  }
  // A separator where a value should be: its text is empty, which nothing parses.
  return Math.max(at, start)
}

function fail(reason: string): never {
  throw new SyntaxError(reason)
}
