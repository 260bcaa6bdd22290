/**
 * JSON as a tree that changes nothing: members stand in the order they were written (objects of JavaScript move
 * those called "1" to the front), numbers keep their digits, and a member may be called `__proto__`. Pure.
 */
import { endOfString } from "./json.ts"
import { pointerOf } from "./pointer.ts"

/** The text of a string, number, boolean or null; an array; or an object. */
export type Tree = string | Tree[] | Map<string, Tree>

/** JSON that is well-formed and yet does not say one thing: `pointer` (RFC 6901) names the place. */
export class Ambiguous extends Error {
  override name = "Ambiguous"
  readonly pointer: string

  constructor(pointer: string, reason: string) {
    super(reason)
    this.pointer = pointer
  }
}

/**
 * Reads JSON. It recurses: bound the depth of the text before. Strings are kept in the one form that JSON.stringify
 * gives them, so that equal strings are equal texts.
 * Throws SyntaxError, and Ambiguous for a member given twice and for half a surrogate pair.
 */
export function parseTree(text: string): Tree {
  return new Reader(text).read()
}

/** The tree as compact JSON text. */
export function textOf(tree: Tree): string {
  if (typeof tree === "string") return tree
  if (Array.isArray(tree)) return `[${tree.map(textOf).join()}]`
  return `{${[...tree].map(([name, value]) => `${JSON.stringify(name)}:${textOf(value)}`).join()}}`
}

/** What a string says; null for anything else. */
export function stringOf(tree: Tree): string | null {
  return typeof tree === "string" && tree.startsWith('"') ? (JSON.parse(tree) as string) : null
}

/** A tree that shares nothing with this one. */
export function cloneOf(tree: Tree): Tree {
  if (typeof tree === "string") return tree
  if (Array.isArray(tree)) return tree.map(cloneOf)
  return new Map([...tree].map(([name, value]) => [name, cloneOf(value)]))
}

/** Equal as JSON values, as RFC 6902 has it: the order of members is nothing, and 1 is 1.0. */
export function isSame(one: Tree, other: Tree): boolean {
  if (typeof one === "string" || typeof other === "string") {
    return one === other || (isNumber(one) && isNumber(other) && decimal(one) === decimal(other))
  }
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
    return one.every((item, at) => isSame(item, other[at] as Tree))
  }
  if (one.size !== other.size) return false
  return [...one].every(([name, value]) => {
    const match = other.get(name)
    return match !== undefined && isSame(value, match)
  })
}

/** How deep objects and arrays nest: 0 for a scalar. */
export function heightOf(tree: Tree): number {
  if (typeof tree === "string") return 0
  let deepest = 0
  for (const child of tree.values()) deepest = Math.max(deepest, heightOf(child))
  return deepest + 1
}

/** Where a member is whose name has U+0000 in it; null where none has. */
export function nulNameIn(tree: Tree): string[] | null {
  if (typeof tree === "string") return null
  for (const [name, child] of tree.entries()) {
    if (typeof name === "string" && name.includes("\0")) return [name]
    const below = nulNameIn(child)
    if (below) return [String(name), ...below]
  }
  return null
}

export function isNumber(tree: Tree): tree is string {
  return typeof tree === "string" && /^[-\d]/.test(tree)
}

/** A number's one name: its digits without zeros at either end, and the power of ten they are multiplied by. */
function decimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, "")
  const kept = digits.replace(/0+$/, "")
  // A power may have more digits than a double holds.
  const exponent = BigInt(power) - BigInt(fraction.length) + BigInt(digits.length - kept.length)
  return kept === "" ? "0" : `${sign}${kept}e${exponent}`
}

/** A string without escapes: no quote, backslash or control character in it. */
const PLAIN = /"[ !#-[\]-\uffff]*"/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const SPACE = /[ \t\n\r]*/y

class Reader {
  readonly #text: string
  #at = 0
  readonly #path: (string | number)[] = []

  constructor(text: string) {
    this.#text = text
  }

  read(): Tree {
    const tree = this.#value()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return tree
  }

  /** A value and the white space around it. */
  #value(): Tree {
    const next = this.#peek()
    const tree =
      next === "{"
        ? this.#object()
        : next === "["
          ? this.#array()
          : next === '"'
            ? this.#string()
            : this.#take(SCALAR)
    this.#peek()
    return tree
  }

  #object(): Tree {
    const members = new Map<string, Tree>()
    this.#at++
    if (this.#peek() === "}") return this.#end(members)
    for (;;) {
      if (this.#peek() !== '"') throw this.#unexpected()
      const name = JSON.parse(this.#string()) as string
      this.#path.push(name)
      if (members.has(name)) throw new Ambiguous(pointerOf(this.#path), "the member is given twice")
      if (this.#peek() !== ":") throw this.#unexpected()
      this.#at++
      members.set(name, this.#value())
      this.#path.pop()
      if (this.#text[this.#at] === "}") return this.#end(members)
      if (this.#text[this.#at] !== ",") throw this.#unexpected()
      this.#at++
    }
  }

  #array(): Tree {
    const items: Tree[] = []
    this.#at++
    if (this.#peek() === "]") return this.#end(items)
    for (;;) {
      this.#path.push(items.length)
      items.push(this.#value())
      this.#path.pop()
      if (this.#text[this.#at] === "]") return this.#end(items)
      if (this.#text[this.#at] !== ",") throw this.#unexpected()
      this.#at++
    }
  }

  #string(): string {
    PLAIN.lastIndex = this.#at
    if (PLAIN.test(this.#text)) {
      const text = this.#text.slice(this.#at, PLAIN.lastIndex)
      this.#at = PLAIN.lastIndex
      return text
    }
    const value = this.#escaped()
    if (!value.isWellFormed()) {
      throw new Ambiguous(pointerOf(this.#path), "half a surrogate pair is no text")
    }
    return JSON.stringify(value)
  }

  /** The text that a string stands for. No pattern finds its end: escapes by the million exhaust their stack. */
  #escaped(): string {
    const end = endOfString(this.#text, this.#at) + 1
    try {
      const value = JSON.parse(this.#text.slice(this.#at, end)) as string
      this.#at = end
      return value
    } catch {
      throw this.#unexpected("text with a broken escape, a control character or no end")
    }
  }

  /** The text of a token. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) throw this.#unexpected()
    const text = this.#text.slice(this.#at, pattern.lastIndex)
    this.#at = pattern.lastIndex
    return text
  }

  /** The next character that is no white space. */
  #peek(): string | undefined {
    const code = this.#text.charCodeAt(this.#at)
    if (code <= 0x20) {
      SPACE.lastIndex = this.#at
      SPACE.test(this.#text)
      this.#at = SPACE.lastIndex
    }
    return this.#text[this.#at]
  }

  #end(tree: Tree): Tree {
    this.#at++
    return tree
  }

  #unexpected(what?: string): SyntaxError {
    const found = this.#text[this.#at]
    if (what === undefined && found === undefined) {
      const size = this.#text.length
      return new SyntaxError(
        size === 0 ? "it is empty" : `it ends too soon, after character ${size}`,
      )
    }
    const lines = this.#text.slice(0, this.#at).split("\n")
    const column = (lines.at(-1)?.length ?? 0) + 1
    const place =
      lines.length > 1 ? `line ${lines.length}, character ${column}` : `character ${column}`
    return new SyntaxError(`unexpected ${what ?? JSON.stringify(found)} at ${place}`)
  }
}
