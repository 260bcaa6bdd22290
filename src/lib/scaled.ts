/**
 * Numbers that can be added up exactly: decimals whose digits, the point left out, are an int64. They stay text, because
 * a double would change them. Pure.
 */

const DECIMAL = /^-?(?:0|[1-9]\d{0,18})(?:\.(\d{1,18}))?$/
const INT64_MAX = 2n ** 63n - 1n

/** A decimal as an integer and the number of digits behind the point. */
export interface Scaled {
  /** The digits of an int64. */
  digits: string
  scale: number
}

/** The parts of such a number; null when the text is none. */
export function scaledOf(text: string): Scaled | null {
  const found = DECIMAL.exec(text)
  if (!found) return null
  const digits = BigInt(text.replace(".", ""))
  if (digits > INT64_MAX || digits < -INT64_MAX) return null
  return { digits: String(digits), scale: found[1]?.length ?? 0 }
}

/** The same number in fewest characters. */
export function shortest(text: string): string {
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text
  return short === "-0" ? "0" : short
}
