/** The filter of the list: every `$` is one character, the rest is itself, matched at the beginning. Pure. */

export interface Filter {
  /** What every matching name begins with; an index can find those. */
  prefix: string
  /** True when the prefix says it all. */
  exact: boolean
  matches: (name: string) => boolean
}

/**
 * The caller's text never becomes a regular expression but for `$`, so it cannot take more time than its length
 * (the original ran it as one).
 */
export function parseFilter(text: string): Filter {
  const [prefix = "", ...rest] = text.split("$")
  // u: a character is a code point, not half of one. s: a line break is a character too.
  const pattern = new RegExp(`^${[prefix, ...rest].map(literally).join(".")}`, "su")
  return { prefix, exact: rest.length === 0, matches: (name) => pattern.test(name) }
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
}
