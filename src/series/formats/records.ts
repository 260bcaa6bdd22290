/** Lines that a quoted text spans become one record. */
import { LINE_MAX_BYTES } from "../../protocol/limits.ts"
import { readLines, type Line } from "../../lines/lines.ts"
import type { StreamOptions } from "../../lines/unzip.ts"

/** Whether a quote is open at the end of a line, when one was or was not at its beginning. */
export type Quoting = (text: string, open: boolean) => boolean

/** The records of a stream, as many at a time as come together; a record is a line, or lines joined. */
export async function* readRecords(
  stream: ReadableStream<Uint8Array>,
  opens: Quoting,
  options?: StreamOptions,
): AsyncGenerator<Line[]> {
  const joiner = new Joiner(opens)
  for await (const lines of readLines(stream, options)) {
    const records: Line[] = []
    for (const line of lines) {
      const record = joiner.add(line)
      if (record) records.push(record)
      if (joiner.stopped) break
    }
    if (records.length > 0) yield records
    if (joiner.stopped) return
  }
  const rest = joiner.end()
  if (rest) yield [rest]
}

/** Joins lines with what ended them, in bounded memory: of a record that is too long the beginning is kept. */
export class Joiner {
  readonly #opens: Quoting
  readonly #maxCharacters: number
  #first: Line | null = null
  #parts: string[] = []
  #size = 0
  #flaw: string | null = null
  #last = 0
  /** Nothing more can be read: whether a quote is open is unknown after a line that lost some. */
  stopped = false

  constructor(opens: Quoting, maxCharacters = LINE_MAX_BYTES) {
    this.#opens = opens
    this.#maxCharacters = maxCharacters
  }

  /** The record that ends with this line, as a line with the number of its first; null while a quote is open. */
  add(line: Line): Line | null {
    if (line.lost) return this.#stop(line)
    // Nearly all lines have no quote, and no object is made for them.
    if (!this.#first && !(line.text.includes('"') && this.#opens(line.text, false))) return line
    if (!this.#first) {
      this.#first = line
      this.#keep(line)
      return null
    }
    this.#keep(line)
    return this.#opens(line.text, true) ? null : this.#release()
  }

  /** What is left when the lines have ended: a quote that nothing closed. */
  end(): Line | null {
    if (!this.#first) return null
    this.#flaw = "opens a quote that nothing closes; what follows it was not read"
    return this.#release()
  }

  #keep({ number, text, ending, flaw }: Line): void {
    this.#last = number
    this.#flaw ??= flaw
    this.#size += text.length + ending.length
    if (this.#size <= this.#maxCharacters) this.#parts.push(text, ending)
    else
      this.#flaw ??= `is longer than ${this.#maxCharacters} characters, with the lines its quotes span`
  }

  #release(): Line {
    // What ended the last line is not part of the record.
    if (this.#flaw === null) this.#parts.pop()
    const text = this.#parts.join("")
    const record = { ...(this.#first as Line), last: this.#last, text, flaw: this.#flaw }
    this.#first = null
    this.#parts = []
    this.#size = 0
    this.#flaw = null
    return record
  }

  #stop(line: Line): Line {
    this.stopped = true
    const flaw = `${line.flaw ?? ""}; what follows it was not read, because it may open a quote`
    return { ...line, ...(this.#first && { number: this.#first.number }), flaw }
  }
}
