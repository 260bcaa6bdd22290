/** Records of CSV as fields (RFC 4180). Pure. */

/** A field that was quoted keeps the quote before its text, which tells `"1"` from `1` and `""` from nothing. */
export const QUOTE = '"'

/** What `splitFields` refuses. */
export const STRAY_TEXT = "has text between a closing quote and the comma"

/**
 * Whether a quote is open at the end of a line of CSV. As everywhere but in RFC 4180, which forbids it, a quote inside
 * a field without quotes is a character like others: `5" pipe`.
 */
export function quoteIsOpen(text: string, open: boolean): boolean {
  let at = 0
  let inside = open
  if (!inside && text.startsWith('"')) {
    inside = true
    at = 1
  }
  for (;;) {
    if (inside) {
      const end = closingQuote(text, at)
      if (end < 0) return true
      at = end + 1
    }
    at = text.indexOf(',"', at) + 2
    if (at < 2) return false
    inside = true
  }
}

/**
 * The fields of a record; those with quotes begin with one, and their text follows. Null when there is text between a
 * closing quote and the comma, which readers of CSV take in different ways.
 */
export function splitFields(text: string): string[] | null {
  if (!text.includes('"')) return text.split(",")
  const fields: string[] = []
  for (let at = 0; at <= text.length; at++) {
    if (text.charCodeAt(at) !== 0x22) {
      const comma = text.indexOf(",", at)
      const end = comma < 0 ? text.length : comma
      fields.push(text.slice(at, end))
      at = end
      continue
    }
    const end = closingQuote(text, at + 1)
    if (end < 0 || (end + 1 < text.length && text.charCodeAt(end + 1) !== 0x2c)) return null
    const field = text.slice(at, end)
    fields.push(field.includes('"', 1) ? `"${field.slice(1).replaceAll('""', '"')}` : field)
    at = end + 1
  }
  return fields
}

/** The text of a field, quoted or not. */
export function textOf(field: string): string {
  return field.startsWith(QUOTE) ? field.slice(1) : field
}

/** The first quote from `from` on that is not doubled, or -1. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from)
  while (at >= 0 && text.charCodeAt(at + 1) === 0x22) at = text.indexOf('"', at + 2)
  return at
}
