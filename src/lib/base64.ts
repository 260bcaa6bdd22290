/** Base64 both ways. Pure. */

// workerd and newer engines have the fast native pair; Node 24 does not yet.
const native = typeof Uint8Array.prototype.toBase64 === "function"
// String.fromCharCode takes its characters as arguments, and engines bound how many.
const PIECE_BYTES = 8_192

/** Standard alphabet, with padding. */
export function toBase64(bytes: Uint8Array): string {
  if (native) return bytes.toBase64()
  let text = ""
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES))
  }
  return btoa(text)
}

/** Throws an Error (its class differs by engine) when the text is not base64. */
export function fromBase64(text: string): Uint8Array {
  if (native) return Uint8Array.fromBase64(text)
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at)
  return bytes
}
