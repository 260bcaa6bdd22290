/** A text that is written over and over: four bytes at a time, as mostly there are no more. Pure. */

export interface Mark {
  length: number
  /** Bytes that may be written. */
  room: number
  /** The first four bytes, little endian … */
  word: number
  /** … and all others. */
  words: Uint32Array
}

export function newMark(text: string): Mark {
  const bytes = encoder.encode(text)
  const room = Math.ceil(bytes.length / 4) * 4 || 4
  const view = new DataView(new ArrayBuffer(room))
  for (let at = 0; at < bytes.length; at++) view.setUint8(at, bytes[at] as number)
  const words = new Uint32Array(room / 4 - 1)
  for (let at = 0; at < words.length; at++) words[at] = view.getUint32(4 * at + 4, true)
  return { length: bytes.length, room, word: view.getInt32(0, true), words }
}

/** Writes it, and returns where it ends. */
export function putMark(view: DataView, at: number, { length, word, words }: Mark): number {
  view.setUint32(at, word, true)
  for (let more = 0; more < words.length; more++) {
    view.setUint32(at + 4 + 4 * more, words[more] as number, true)
  }
  return at + length
}

const encoder = new TextEncoder()
