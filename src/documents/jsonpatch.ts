/**
 * JSON Patch (RFC 6902) of trees, with `inc`. Our own, because the libraries work on JavaScript's objects, which put a
 * member called "1" first and round what a double cannot hold; the public test suite runs against it. Pure.
 */
import { merged } from "../lib/merge.ts"
import { pathOf, pointerOf } from "../lib/pointer.ts"
import { cloneOf, isNumber, isSame, textOf, type Tree } from "../lib/tree.ts"
import { sumOf } from "./sum.ts"

/**
 * The operations of RFC 6902, `inc`, and two that sub-documents are written with: `put` replaces what is there or adds
 * it, in arrays too; `merge` applies an RFC 7396 merge patch.
 */
export type Operation =
  | { op: "add" | "replace" | "test" | "inc" | "put" | "merge"; path: string[]; value: Tree }
  | { op: "remove"; path: string[] }
  | { op: "move" | "copy"; path: string[]; from: string[] }

/** Why an operation cannot be done: what it needs is not there, a test failed, or what it makes is no document. */
export type Failure = "missing" | "test" | "invalid" | "large"

export class PatchFailed extends Error {
  override name = "PatchFailed"
  readonly failure: Failure
  readonly index: number
  readonly pointer: string
  /** Of which document it is said, where that is not the one of now: the end of the sentence. */
  when = ""

  constructor(failure: Failure, index: number, path: readonly string[], reason: string) {
    super(reason)
    this.failure = failure
    this.index = index
    this.pointer = pointerOf(path)
  }
}

/** The operations that a checked patch document holds. */
export function operationsOf(patch: Tree): Operation[] {
  const members = patch as Map<string, Tree>[]
  return members.map((member) => {
    const word = (name: string) => JSON.parse(member.get(name) as string) as string
    const path = (name: string) => pathOf(word(name)) ?? []
    const op = word("op")
    const wants = op === "move" || op === "copy" ? { from: path("from") } : {}
    const value = member.get("value")
    const takes = op === "remove" || "from" in wants ? {} : { value }
    return { op, path: path("path"), ...wants, ...takes } as Operation
  })
}

/**
 * The tree after the operations, in order; it may share with `root`, which is of no use after that.
 * @param maxCopied characters that all copies together may have, so that a few cannot fill the memory
 * Throws PatchFailed for the first that cannot be done.
 */
export function applied(root: Tree, operations: readonly Operation[], maxCopied: number): Tree {
  const patching = new Patching(root, maxCopied)
  for (const [index, operation] of operations.entries()) patching.apply(operation, index)
  return patching.root
}

class Patching {
  root: Tree
  #left: number
  #index = 0

  constructor(root: Tree, maxCopied: number) {
    this.root = root
    this.#left = maxCopied
  }

  apply(operation: Operation, index: number): void {
    this.#index = index
    const { path } = operation
    switch (operation.op) {
      case "add":
        return this.#add(path, cloneOf(operation.value))
      case "put":
        return this.#put(path, cloneOf(operation.value))
      case "replace":
        this.#get(path)
        return this.#set(path, cloneOf(operation.value))
      case "merge":
        return this.#set(path, merged(this.#get(path), operation.value))
      case "inc":
        return this.#increase(path, operation.value as string)
      case "test":
        return this.#test(path, operation.value)
      case "remove":
        return this.#remove(path)
      case "move":
        return this.#move(operation.from, path)
      case "copy":
        return this.#add(path, this.#copy(operation.from))
    }
  }

  #get(path: readonly string[]): Tree {
    const found = childAt(this.root, path)
    if (found === undefined) throw this.#failed("missing", path, "is not there")
    return found
  }

  #test(path: string[], value: Tree): void {
    if (!isSame(this.#get(path), value)) throw this.#failed("test", path, "is not what was tested")
  }

  #copy(from: string[]): Tree {
    const copied = this.#get(from)
    this.#left -= textOf(copied).length
    if (this.#left < 0) throw this.#failed("large", from, "the copies are too large")
    return cloneOf(copied)
  }

  #move(from: string[], path: string[]): void {
    const moved = this.#get(from)
    const isInside = from.length < path.length && from.every((token, at) => token === path[at])
    if (isInside) throw this.#failed("missing", path, "is inside of what is moved")
    if (from.length === path.length && from.every((token, at) => token === path[at])) return
    this.#remove(from)
    this.#add(path, moved)
  }

  #increase(path: string[], by: string): void {
    const parent = this.#parentOf(path)
    const current = parent === null ? this.root : (childAt(parent, path.slice(-1)) ?? "0")
    if (!isNumber(current)) throw this.#failed("invalid", path, "is not a number")
    const sum = sumOf(current, by)
    if (sum === null) {
      throw this.#failed(
        "invalid",
        path,
        `${current} and ${by} add up to more than is kept exactly`,
      )
    }
    this.#put(path, sum)
  }

  #add(path: string[], value: Tree): void {
    const parent = this.#parentOf(path)
    if (Array.isArray(parent)) parent.splice(this.#place(parent, path, true), 0, value)
    else this.#set(path, value)
  }

  #put(path: string[], value: Tree): void {
    const parent = this.#parentOf(path)
    if (Array.isArray(parent)) parent[this.#place(parent, path, true)] = value
    else this.#set(path, value)
  }

  #remove(path: string[]): void {
    this.#get(path)
    const parent = this.#parentOf(path)
    // Nothing is left; what a document may be is checked in the end.
    if (parent === null) this.root = "null"
    else if (Array.isArray(parent)) parent.splice(this.#place(parent, path, false), 1)
    else parent.delete(path.at(-1) ?? "")
  }

  #set(path: string[], value: Tree): void {
    const parent = this.#parentOf(path)
    if (parent === null) this.root = value
    else if (Array.isArray(parent)) parent[this.#place(parent, path, false)] = value
    else parent.set(path.at(-1) ?? "", value)
  }

  /** What the last member of a path is in; null for the whole. */
  #parentOf(path: string[]): Exclude<Tree, string> | null {
    if (path.length === 0) return null
    const parent = this.#get(path.slice(0, -1))
    if (typeof parent !== "string") return parent
    throw this.#failed("missing", path, "is inside of what is neither object nor array")
  }

  #place(items: Tree[], path: string[], mayAppend: boolean): number {
    const place = placeIn(items, path.at(-1) ?? "", mayAppend)
    if (place === null) throw this.#failed("missing", path, `is no place in ${items.length} items`)
    return place
  }

  #failed(failure: Failure, path: readonly string[], reason: string): PatchFailed {
    return new PatchFailed(failure, this.#index, path, reason)
  }
}

/** What is at a path; undefined when there is nothing. */
export function childAt(root: Tree, path: readonly string[]): Tree | undefined {
  let found: Tree | undefined = root
  for (const token of path) {
    if (found === undefined || typeof found === "string") return undefined
    if (Array.isArray(found)) {
      const place = placeIn(found, token, false)
      found = place === null ? undefined : found[place]
    } else found = found.get(token)
  }
  return found
}

/** The place in an array that a token names: "-" and the length are the one behind the last. */
function placeIn(items: readonly Tree[], token: string, mayAppend: boolean): number | null {
  if (token === "-") return mayAppend ? items.length : null
  if (!/^(0|[1-9]\d{0,14})$/.test(token)) return null
  const place = Number(token)
  return place < items.length || (mayAppend && place === items.length) ? place : null
}
