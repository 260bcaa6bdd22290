/** Text written as UTF-8 into a buffer: no string for each word, and nothing to encode at the end. Pure. */

const encoder = new TextEncoder()
/** A UTF-16 unit takes no more bytes than this. */
const UNIT_MAX_BYTES = 3
/** A call of the encoder costs more than so many characters one by one. */
const SHORT = 64

/** Writes texts one after another, and hands over what it has in pieces. */
export class TextWriter {
  readonly pieceBytes: number
  #spare = 0
  /** Of the next buffer: most texts are short, and a piece goes on being as long as the one before. */
  #capacity = 1_024
  /** The buffer, of which `length` bytes are written. Who writes here without `text` has the spare room. */
  bytes = new Uint8Array()
  /** The same buffer, for numbers of several bytes at once. */
  view = new DataView(this.bytes.buffer)
  length = 0

  /** @param pieceBytes how large a piece is when it `isFull`; each is a buffer of its own */
  constructor(pieceBytes: number) {
    this.pieceBytes = pieceBytes
  }

  get isFull(): boolean {
    return this.length >= this.pieceBytes
  }

  /** From now on there are so many bytes of room after every `text` and `reserve`. */
  spare(bytes: number): void {
    this.#spare = Math.max(this.#spare, bytes)
    this.reserve(0)
  }

  /** Makes room for so many bytes, beside those to spare. */
  reserve(bytes: number): void {
    const wanted = this.length + bytes + this.#spare
    if (wanted <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, wanted, this.#capacity))
    grown.set(this.bytes.subarray(0, this.length))
    this.#use(grown)
  }

  /** Of a lone surrogate there is U+FFFD left. */
  text(text: string): void {
    this.reserve(text.length * UNIT_MAX_BYTES)
    if (text.length > SHORT || !this.#ascii(text)) {
      this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written
    }
  }

  /** False when there is more than ASCII in a text; then nothing counts as written. */
  #ascii(text: string): boolean {
    const { bytes, length } = this
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      if (unit > 0x7f) return false
      bytes[length + at] = unit
    }
    this.length = length + text.length
    return true
  }

  /** What was written since this was asked last; the buffer goes with it. */
  take(): Uint8Array {
    const piece = this.bytes.subarray(0, this.length)
    // A row may begin just before the piece is full.
    this.#capacity = this.isFull ? this.pieceBytes + 2 * this.#spare : 1_024
    this.#use(new Uint8Array())
    this.length = 0
    return piece
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}
