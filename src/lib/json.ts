/** JSON without loss: a number that a double would change keeps its digits. Pure. */

interface RawJson {
  rawJSON(text: string): unknown
}

// TypeScript's library does not know these yet; V8 has had them since 11.4 (TC39 "JSON.parse source text access").
const raw = JSON as unknown as RawJson

/**
 * Parses JSON. Numbers that JavaScript would write differently (beyond 2^53, `1.0`, `1e400`) become raw JSON
 * values, which `JSON.stringify` writes as they came. Throws SyntaxError.
 */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? raw.rawJSON(context.source)
      : value,
  ) as unknown
}

/** How deep a JSON text nests objects and arrays. Counts before parsing, because parsers recurse. */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === 0x22) at = endOfString(text, at)
    else if (character === 0x5b || character === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (character === 0x5d || character === 0x7d) depth--
  }
  return deepest
}

/** The closing quote of the string that opens at `start`, or the end of the text. */
export function endOfString(text: string, start: number): number {
  let end = start
  do {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
  } while (isEscaped(text, end))
  return end
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
  return backslashes % 2 === 1
}
