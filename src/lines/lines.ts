/** A stream of bytes as lines of text, in memory that does not grow with it. */
import { LINE_MAX_BYTES } from "../protocol/limits.ts"
import { readBytes, type StreamOptions } from "./unzip.ts"

export interface Line {
  /** Counted from 1. */
  number: number
  /** The same, unless a record spans lines: then the last of them. */
  last: number
  /** Without its ending, and of the first line without a byte order mark. */
  text: string
  ending: "\n" | "\r\n" | "\r" | ""
  /** Why the line cannot be used; its text is then as much of it as can be shown. */
  flaw: string | null
  /** Of a line that is too long: there was a quote in what was skipped of it. */
  lost: boolean
}

/**
 * The lines of a stream, as many at a time as come together. Lines end in LF or CRLF, the last one may do without.
 * A line that is no UTF-8 or longer than LINE_MAX_BYTES comes with its flaw, and reading goes on after it.
 * Throws Problem as `readBytes` does.
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  options?: StreamOptions,
  lineMaxBytes?: number,
): AsyncGenerator<Line[]> {
  const splitter = new LineSplitter(lineMaxBytes)
  for await (const bytes of readBytes(stream, options)) {
    const lines = splitter.push(bytes)
    if (lines.length > 0) yield lines
  }
  const last = splitter.end()
  if (last) yield [last]
}

const LF = 0x0a
const QUOTE = 0x22

// A byte order mark counts at the very beginning only, which is looked at apart.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })

/** Bytes in, whole lines out; the line that has not ended yet is held. */
export class LineSplitter {
  readonly #maxBytes: number
  /** The beginning of the line that has not ended. */
  #held = new Uint8Array(256)
  #length = 0
  #skipped = false
  #lost = false
  #number = 1

  /** @param maxBytes of a line; as much is held in memory */
  constructor(maxBytes = LINE_MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The lines that end in these bytes. */
  push(bytes: Uint8Array): Line[] {
    const lines: Line[] = []
    // Within a piece, no line can be too long but the one that was held before it.
    for (let from = 0; from < bytes.length; from += this.#maxBytes) {
      this.#take(bytes.subarray(from, from + this.#maxBytes), lines)
    }
    return lines
  }

  /** The last line, when no newline ended it. */
  end(): Line | null {
    return this.#length > 0 ? this.#release("") : null
  }

  #take(piece: Uint8Array, lines: Line[]): void {
    const last = piece.lastIndexOf(LF)
    let from = 0
    if (last >= 0 && this.#length > 0) {
      from = piece.indexOf(LF) + 1
      this.#hold(piece.subarray(0, from - 1))
      lines.push(this.#release("\n"))
    }
    if (from <= last) this.#split(piece.subarray(from, last), lines)
    this.#hold(piece.subarray(last + 1))
  }

  #hold(bytes: Uint8Array): void {
    const room = this.#maxBytes - this.#length
    if (bytes.length > room) {
      this.#skipped = true
      this.#lost ||= bytes.includes(QUOTE, room)
    }
    const taken = bytes.subarray(0, room)
    const length = this.#length + taken.length
    if (length > this.#held.length) {
      const grown = new Uint8Array(Math.max(length, this.#held.length * 2))
      grown.set(this.#held.subarray(0, this.#length))
      this.#held = grown
    }
    this.#held.set(taken, this.#length)
    this.#length = length
  }

  #release(newline: "\n" | ""): Line {
    const line = this.#decode(this.#held.subarray(0, this.#length), newline)
    if (this.#skipped) {
      line.flaw = `is longer than ${this.#maxBytes} bytes`
      line.lost = this.#lost
    }
    this.#length = 0
    this.#skipped = this.#lost = false
    return line
  }

  /** Whole lines, the last one without its newline. Decoding them together is many times as fast as one by one. */
  #split(bytes: Uint8Array, lines: Line[]): void {
    let text: string
    try {
      text = strict.decode(bytes)
    } catch {
      for (const [from, to] of spans(bytes.length, (at) => bytes.indexOf(LF, at))) {
        lines.push(this.#decode(bytes.subarray(from, to), "\n"))
      }
      return
    }
    for (const [from, to] of spans(text.length, (at) => text.indexOf("\n", at))) {
      lines.push(this.#line(text.slice(from, to), "\n", null))
    }
  }

  #decode(bytes: Uint8Array, newline: "\n" | ""): Line {
    try {
      return this.#line(strict.decode(bytes), newline, null)
    } catch {
      return this.#line(lenient.decode(bytes), newline, "is not valid UTF-8")
    }
  }

  #line(text: string, newline: "\n" | "", flaw: string | null): Line {
    const number = this.#number++
    const start = number === 1 && text.startsWith("\ufeff") ? 1 : 0
    const returned = text.endsWith("\r")
    const kept = start > 0 || returned ? text.slice(start, text.length - Number(returned)) : text
    const ending = returned ? (`\r${newline}` as const) : newline
    return { number, last: number, text: kept, ending, flaw, lost: false }
  }
}

/** The spans between newlines, ends exclusive. */
function* spans(length: number, next: (from: number) => number): Generator<[number, number]> {
  for (let from = 0; from <= length;) {
    const newline = next(from)
    const to = newline < 0 ? length : newline
    yield [from, to]
    from = to + 1
  }
}
