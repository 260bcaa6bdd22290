/**
 * Globs as Redis has them, by character instead of byte: `*` any text, `?` one character, `[a-z]` one of these, `[^a]`
 * none of these, `\` takes what follows for itself; the whole name must match. As there, nothing is malformed: a
 * bracket that is not closed ends with the pattern, `[]` matches nothing, and `[^]` any character. Pure.
 */
import type { NamePattern } from "./pattern.ts"

/** Takes a character, as a code point, or not. */
type One = (point: number) => boolean

/** A place of the pattern; `*` takes any text, and has no `one`. */
interface Token {
  one: One | null
  /** The character that is the only one it takes. */
  literal: string | null
}

const ANY_TEXT: Token = { one: null, literal: null }

export function parseGlob(text: string): NamePattern {
  const tokens = tokensOf(Array.from(text))
  const special = tokens.findIndex(({ literal }) => literal === null)
  const isWhole = special < 0
  const beginning = isWhole ? tokens : tokens.slice(0, special)
  const ones = tokens.map(({ one }) => one)
  return {
    prefix: beginning.map(({ literal }) => literal).join(""),
    isWhole,
    isExact: isWhole || (special === tokens.length - 1 && tokens[special] === ANY_TEXT),
    matches: (name) => matches(ones, pointsOf(name)),
    cost: text.length,
  }
}

/**
 * Where a character does not fit, the last `*` takes one more: the ones before it need never be tried again, so that
 * the time is bounded by the length of the pattern times that of the name.
 */
function matches(ones: readonly (One | null)[], points: readonly number[]): boolean {
  let at = 0
  let token = 0
  let afterStar = -1
  let starEnd = 0
  while (at < points.length) {
    const one = ones[token]
    if (one === null) {
      afterStar = ++token
      starEnd = at
    } else if (one?.(points[at] ?? -1)) {
      at++
      token++
    } else if (afterStar >= 0) {
      token = afterStar
      at = ++starEnd
    } else return false
  }
  while (ones[token] === null) token++
  return token === ones.length
}

function tokensOf(pattern: readonly string[]): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ""
    if (character === "*") {
      if (tokens.at(-1) !== ANY_TEXT) tokens.push(ANY_TEXT)
    } else if (character === "?") tokens.push({ one: () => true, literal: null })
    else if (character === "[") {
      const { one, end } = bracketAt(pattern, at + 1)
      tokens.push({ one, literal: null })
      at = end
    } else {
      // At the end of the pattern a backslash is itself.
      const literal = character === "\\" ? (pattern[++at] ?? character) : character
      const wanted = pointOf(literal)
      tokens.push({ one: (point) => point === wanted, literal })
    }
  }
  return tokens
}

/** What stands in a bracket, and where it is closed. */
function bracketAt(pattern: readonly string[], start: number): { one: One; end: number } {
  const isNot = pattern[start] === "^"
  const singles = new Set<number>()
  const ranges: [least: number, most: number][] = []
  let at = isNot ? start + 1 : start
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    const character = pattern[at] ?? ""
    if (character === "\\" && at + 1 < pattern.length) singles.add(pointOf(pattern[++at]))
    else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      // The second end is whatever stands there, a backslash or a closing bracket too.
      const ends = [pointOf(character), pointOf(pattern[at + 2])] as const
      ranges.push([Math.min(...ends), Math.max(...ends)])
      at += 2
    } else singles.add(pointOf(character))
  }
  const isAmong: One = (point) =>
    singles.has(point) || ranges.some(([least, most]) => point >= least && point <= most)
  return { one: isNot ? (point) => !isAmong(point) : isAmong, end: at }
}

function pointsOf(name: string): number[] {
  return Array.from(name, pointOf)
}

function pointOf(character = ""): number {
  return character.codePointAt(0) ?? -1
}
