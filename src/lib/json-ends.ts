/** Where the values of a JSON text end, byte by byte. Pure. */

export const SPACE = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const BACKSLASH = 0x5c
export const OPEN_LIST = 0x5b
export const CLOSE_LIST = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d

export function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** The place after the value that begins at `start`. Throws SyntaxError when it has no end. */
export function endOfValue(bytes: Uint8Array, start: number): number {
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

/** The reader was somewhere else than it thought. */
export function fail(reason: string): never {
  throw new SyntaxError(reason)
}
