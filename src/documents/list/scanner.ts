/** Reads a query parameter piece by piece; what does not fit is a problem that names the character. Pure. */
import { Problem } from "../../protocol/problem.ts"

const WORD = /[\p{L}\p{N}_$-]+/uy
const TEXT = /"(?:[^"\\]|\\.)*"/suy
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_.])/uy
const SHOWN_CHARACTERS = 20

export class Scanner {
  readonly #parameter: string
  readonly #text: string
  #at = 0

  /** @param parameter the name of the query parameter, for problems */
  constructor(parameter: string, text: string) {
    this.#parameter = parameter
    this.#text = text
  }

  /** Where the next piece begins, for `fail`. */
  get place(): number {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.place === this.#text.length
  }

  /** Whether the next piece does not begin right here. */
  get isAtSpace(): boolean {
    return /\s/.test(this.#text[this.#at] ?? "")
  }

  /** Takes a symbol if it is next. */
  take(symbol: string): boolean {
    if (!this.#text.startsWith(symbol, this.place)) return false
    this.#at += symbol.length
    return true
  }

  /** The word that is next, left where it is; "" when there is none. */
  peekWord(): string {
    return this.#found(WORD) ?? ""
  }

  /** Takes the word if it is next. */
  takeWord(word: string): boolean {
    if (this.peekWord() !== word) return false
    this.#at += word.length
    return true
  }

  /** Takes a word; null when there is none. */
  word(): string | null {
    return this.#taken(WORD)
  }

  /** Takes a number as it is written in JSON; null when there is none. */
  number(): string | null {
    return this.#taken(NUMBER)
  }

  /** Takes a JSON string and answers its content; null when there is none. Throws Problem when it is malformed. */
  text(): string | null {
    const start = this.place
    if (this.#text[start] !== '"') return null
    const found = this.#taken(TEXT)
    if (found === null) this.fail("a closing double quote", start)
    try {
      return JSON.parse(found) as string
    } catch {
      return this.fail("a text as JSON writes it", start)
    }
  }

  /** Throws Problem invalid_request: what was expected at this place, and what stands there. */
  fail(expected: string, at = this.place): never {
    const rest = this.#text.slice(at)
    const shown = rest.length > SHOWN_CHARACTERS ? `${rest.slice(0, SHOWN_CHARACTERS)}…` : rest
    const position = Array.from(this.#text.slice(0, at)).length + 1
    const found = rest === "" ? "the end" : JSON.stringify(shown)
    const what = `at character ${position}: expected ${expected}, found ${found}`
    throw new Problem("invalid_request", `"${this.#parameter}" is wrong ${what}`, {
      errors: { [`query.${this.#parameter}`]: what },
      position,
    })
  }

  #found(pattern: RegExp): string | null {
    pattern.lastIndex = this.place
    return pattern.exec(this.#text)?.[0] ?? null
  }

  #taken(pattern: RegExp): string | null {
    const found = this.#found(pattern)
    this.#at += found?.length ?? 0
    return found
  }
}
