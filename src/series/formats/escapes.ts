/** Backslashes of line protocol: where they take a separator's meaning away, and what they stand for. Pure. */

/** The first such character from `from` on before which there is no backslash that counts, or -1. */
export function findBare(text: string, character: string, from: number): number {
  let at = text.indexOf(character, from)
  while (at > 0 && isEscaped(text, at, from)) at = text.indexOf(character, at + 1)
  return at
}

/** Of backslashes side by side, each second one is escaped itself. */
function isEscaped(text: string, at: number, from: number): boolean {
  let first = at
  while (first > from && text.charCodeAt(first - 1) === 0x5c) first--
  return (at - first) % 2 === 1
}

/** The text of a measurement; other backslashes stand for themselves. */
export function measurementText(raw: string): string {
  return raw.includes("\\") ? raw.replace(/\\([\\, ])/g, "$1") : raw
}

/** The text of a tag's key or value, or of a field's key. */
export function nameText(raw: string): string {
  return raw.includes("\\") ? raw.replace(/\\([\\,= ])/g, "$1") : raw
}

/** The text of a field's value between its quotes. */
export function stringText(raw: string): string {
  return raw.includes("\\") ? raw.replace(/\\([\\"])/g, "$1") : raw
}

/** A tag's key or value as part of a symbol: whatever it holds, it cannot be taken for two. */
export function symbolText(text: string): string {
  return text.replace(/[\\,=]/g, "\\$&")
}

/** Whether a string value is open at the end of a line of line protocol, when it was or was not at its beginning. */
export function stringIsOpen(text: string, open: boolean): boolean {
  let at = 0
  let inside = open
  if (!inside) {
    const start = text.search(/[^ \t]/)
    // Quotes mean something in the fields only, which a space begins.
    at = text[start] === "#" ? -1 : findBare(text, " ", Math.max(0, start))
    if (at < 0) return false
  }
  for (;;) {
    if (inside) {
      const end = findBare(text, '"', at)
      if (end < 0) return true
      at = end + 1
    }
    at = findBare(text, '="', at) + 2
    if (at < 2) return false
    inside = true
  }
}
