/** A text that is written over and over: four bytes at a time, as mostly there are no more. Pure. */

export interface Mark {
  length: number
  /** Bytes that may be written. */
  readonly room: number
  /** The first four bytes, little endian … */
  word: number
  /** … and all others. */
  readonly words: Uint32Array
}

export function newMark(text: string): Mark {
  const bytes = encoder.encode(text)
  const mark = blank(bytes.length)
  fill(mark, bytes.length, (at) => bytes[at] as number)
  return mark
}

/** Makes it the beginning of another text, of ASCII and no longer than the one it was made for. */
export function setMark(mark: Mark, text: string, length: number): void {
  fill(mark, length, (at) => text.charCodeAt(at))
}

/** One text and then another, as one. */
export function joined(one: Mark, other: Mark): Mark {
  const length = one.length + other.length
  const mark = blank(length)
  fill(mark, length, (at) => (at < one.length ? byteOf(one, at) : byteOf(other, at - one.length)))
  return mark
}

function byteOf({ word, words }: Mark, at: number): number {
  const four = at < 4 ? word : (words[(at >> 2) - 1] as number)
  return (four >>> (8 * (at & 3))) & 0xff
}

/** Room for so many bytes. */
function blank(length: number): Mark {
  const more = Math.max(0, Math.ceil(length / 4) - 1)
  return { length: 0, room: 4 + 4 * more, word: 0, words: new Uint32Array(more) }
}

function fill(mark: Mark, length: number, byteAt: (at: number) => number): void {
  mark.length = length
  mark.word = wordOf(0, length, byteAt)
  const { words } = mark
  for (let at = 0; at < words.length; at++) words[at] = wordOf(4 * at + 4, length, byteAt)
}

function wordOf(from: number, length: number, byteAt: (at: number) => number): number {
  let word = 0
  for (let at = Math.min(from + 4, length) - 1; at >= from; at--) word = (word << 8) | byteAt(at)
  return word
}

/** Writes it, and returns where it ends. */
export function putMark(view: DataView, at: number, { length, word, words }: Mark): number {
  view.setInt32(at, word, true)
  for (let more = 0; more < words.length; more++) {
    view.setUint32(at + 4 + 4 * more, words[more] as number, true)
  }
  return at + length
}

const encoder = new TextEncoder()
