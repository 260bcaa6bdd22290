/**
 * The language of `where`, parsed. Pure.
 *
 *     expression = all { "or" all }          all = one { "and" one }
 *     one        = "not" one | "(" expression ")" | path test
 *     test       = ("eq" | "ne") value | ("lt" | "lte" | "gt" | "gte") (number | text)
 *                | "in" "[" [ value { "," value } ] "]" | "contains" value | "exists" [ "true" | "false" ]
 *     value      = text | number | "true" | "false" | "null"        as JSON writes them
 */
import { WHERE_MAX_DEPTH, WHERE_MAX_TERMS } from "../../protocol/limits.ts"
import { parsePath, type Path } from "./path.ts"
import { Scanner } from "./scanner.ts"
import type { Kind } from "./value.ts"

/** A value as it was written. */
export interface Literal {
  kind: Extract<Kind, "null" | "true" | "false" | "number" | "text">
  json: string
}

/** A test of one place in a document; it holds or does not, and nothing between. `ne` is `not` of `in`. */
export type Term =
  | { op: "in"; path: Path; values: Literal[] }
  | { op: Order | "contains"; path: Path; value: Literal }
  | { op: "exists"; path: Path }

export type Order = "lt" | "lte" | "gt" | "gte"

export type Expression =
  | Term
  | { op: "and"; of: Expression[] }
  | { op: "or"; of: Expression[] }
  | { op: "not"; of: Expression }

const TESTS = "eq, ne, lt, lte, gt, gte, in, contains or exists"
const VALUE = "a value: a text in double quotes, a number, true, false or null"

/** Throws Problem invalid_request that names the character. */
export function parseWhere(text: string): Expression {
  return new Parser(new Scanner("where", text)).whole()
}

/** How many tests are in it. */
export function countTests(expression: Expression): number {
  if (expression.op === "not") return countTests(expression.of)
  if (expression.op !== "and" && expression.op !== "or") return 1
  return expression.of.reduce((sum, one) => sum + countTests(one), 0)
}

class Parser {
  readonly #scanner: Scanner
  #terms = 0

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  whole(): Expression {
    const found = this.#expression(0)
    if (!this.#scanner.isAtEnd) this.#scanner.fail('"and", "or" or the end')
    return found
  }

  #expression(depth: number): Expression {
    return this.#chain("or", () => this.#chain("and", () => this.#one(depth)))
  }

  #chain(op: "and" | "or", part: () => Expression): Expression {
    const first = part()
    const of = [first]
    while (this.#scanner.takeWord(op)) of.push(part())
    return of.length === 1 ? first : { op, of }
  }

  #one(depth: number): Expression {
    const scanner = this.#scanner
    const start = scanner.place
    if (depth > WHERE_MAX_DEPTH) {
      scanner.fail(`at most ${WHERE_MAX_DEPTH} parentheses and "not" within each other`, start)
    }
    if (scanner.takeWord("not")) return { op: "not", of: this.#one(depth + 1) }
    if (scanner.take("(")) {
      const inner = this.#expression(depth + 1)
      if (!scanner.take(")")) scanner.fail('"and", "or" or ")"')
      return inner
    }
    if (++this.#terms > WHERE_MAX_TERMS) {
      scanner.fail(`at most ${WHERE_MAX_TERMS} tests ("in" takes a list of values)`, start)
    }
    return this.#test(parsePath(scanner))
  }

  #test(path: Path): Expression {
    const scanner = this.#scanner
    const start = scanner.place
    const op = scanner.word() ?? ""
    if (op === "eq") return { op: "in", path, values: [this.#value()] }
    if (op === "ne") return { op: "not", of: { op: "in", path, values: [this.#value()] } }
    if (op === "in") return { op: "in", path, values: this.#values() }
    if (op === "contains") return { op: "contains", path, value: this.#value() }
    if (isOrder(op)) {
      const at = scanner.place
      const value = this.#value()
      if (value.kind !== "number" && value.kind !== "text") {
        scanner.fail(`a number or a text, because ${value.json} has no order`, at)
      }
      return { op, path, value }
    }
    if (op !== "exists") scanner.fail(TESTS, start)
    if (scanner.takeWord("false")) return { op: "not", of: { op: "exists", path } }
    scanner.takeWord("true")
    return { op: "exists", path }
  }

  #values(): Literal[] {
    const scanner = this.#scanner
    const values: Literal[] = []
    if (!scanner.take("[")) scanner.fail('a list such as ["dark",7]')
    if (scanner.take("]")) return values
    do values.push(this.#value())
    while (scanner.take(","))
    if (!scanner.take("]")) scanner.fail('"," or "]"')
    return values
  }

  #value(): Literal {
    const scanner = this.#scanner
    const text = scanner.text()
    if (text !== null) return { kind: "text", json: JSON.stringify(text) }
    const number = scanner.number()
    if (number !== null) return { kind: "number", json: number }
    const word = scanner.peekWord()
    if (word !== "true" && word !== "false" && word !== "null") return scanner.fail(VALUE)
    scanner.takeWord(word)
    return { kind: word, json: word }
  }
}

function isOrder(word: string): word is Order {
  return word === "lt" || word === "lte" || word === "gt" || word === "gte"
}
