/** Bytes written and read one after another: varints, doubles, text. Little endian. Pure. */

const encoder = new TextEncoder()
// A byte order mark is a character like others here.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Longest varint: 2^53-1 in groups of seven bits. */
const VARINT_MAX_BYTES = 8

/** Writes into a buffer that grows. */
export class Packer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 1_024) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** What was written; a view, valid until the next write. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Room for so many bytes, for loops that write many small things themselves: the buffer, and where it goes on. */
  open(bytes: number): { bytes: Uint8Array; at: number } {
    this.#reserve(bytes)
    return { bytes: this.#bytes, at: this.#length }
  }

  /** Takes what was written up to here. */
  close(at: number): void {
    this.#length = at
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  /** A whole number from 0 to 2^53-1, small ones in fewer bytes. */
  varint(value: number): void {
    this.#reserve(VARINT_MAX_BYTES)
    const bytes = this.#bytes
    let at = this.#length
    let rest = value
    // Bit operators see 32 bits only, so the upper part is divided off.
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[at++] = rest
    this.#length = at
  }

  /** An unsigned number of up to 64 bits. */
  bigVarint(value: bigint): void {
    let rest = value
    while (rest > 127n) {
      this.byte(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    this.byte(Number(rest))
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  float32(value: number): void {
    this.#reserve(4)
    this.#view.setFloat32(this.#length, value, true)
    this.#length += 4
  }

  float64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Length and UTF-8. Lone surrogates do not survive; ask `isWellFormed` first. */
  text(text: string): void {
    const bytes = encoder.encode(text)
    this.varint(bytes.length)
    this.bytes(bytes)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes))
    grown.set(this.done())
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what a Packer wrote. Every method throws an Error when the bytes end too early. */
export class Unpacker {
  /** For loops that read many small things themselves; what they do not know they leave to the methods. */
  readonly source: Uint8Array
  /** The place in the source where reading goes on. */
  at = 0
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.source = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.source.length - this.at
  }

  byte(): number {
    return this.source[this.#skip(1)] as number
  }

  varint(): number {
    const bytes = this.source
    let at = this.at
    let byte = bytes[at++] ?? this.#end()
    // Nearly all are short: four groups fit the bit operators.
    let value = byte & 127
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[at++] ?? this.#end()
      value |= (byte & 127) << shift
    }
    for (let factor = 2 ** 28; byte > 127; factor *= 128) {
      byte = bytes[at++] ?? this.#end()
      value += (byte & 127) * factor
      if (at - this.at > VARINT_MAX_BYTES) throw new Error("a varint does not end")
    }
    this.at = at
    return value
  }

  bigVarint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new Error("a varint does not end")
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true)
  }

  float32(): number {
    return this.#view.getFloat32(this.#skip(4), true)
  }

  float64(): number {
    return this.#view.getFloat64(this.#skip(8), true)
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#skip(length)
    return this.source.subarray(start, start + length)
  }

  text(): string {
    return decoder.decode(this.bytes(this.varint()))
  }

  #skip(length: number): number {
    const start = this.at
    if (length > this.left) this.#end()
    this.at += length
    return start
  }

  #end(): never {
    throw new Error("the bytes end too early")
  }
}
