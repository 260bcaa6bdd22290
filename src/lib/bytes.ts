/** Sizes of text as it travels. Pure. */

const encoder = new TextEncoder()

/** Length in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).byteLength
}

/** Pieces as one. */
export function joined(pieces: Iterable<Uint8Array>, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return bytes
}
