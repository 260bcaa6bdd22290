/** The filter of the list: every `$` is one character, the rest is itself, matched at the beginning. Pure. */
import type { NamePattern } from "./pattern.ts"

/**
 * The caller's text never becomes a regular expression but for `$`, so it cannot take more time than its length
 * (the original ran it as one).
 */
export function parseFilter(text: string): NamePattern {
  const [prefix = "", ...rest] = text.split("$")
  // u: a character is a code point, not half of one. s: a line break is a character too.
  const pattern = new RegExp(`^${[prefix, ...rest].map(literally).join(".")}`, "su")
  return {
    prefix,
    isWhole: false,
    isExact: rest.length === 0,
    matches: (name) => pattern.test(name),
    cost: 1,
  }
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
}
