/** What operations do, said as a merge patch for those who follow, without knowing the document. Pure. */
import { textOf, type Tree } from "../lib/tree.ts"
import type { Operation } from "./jsonpatch.ts"

export class Described {
  readonly #patch: Map<string, Tree> = new Map()
  readonly #sums: string[][] = []
  #isExact = true

  /** @param operations on members of objects alone */
  constructor(operations: readonly Operation[]) {
    for (const operation of operations) this.#isExact &&= this.#describe(operation)
  }

  /** The merge patch; null when none says it: an object that replaces another, a member that becomes null. */
  get text(): string | null {
    return this.#isExact ? textOf(this.#patch) : null
  }

  /** Paths whose value in the patch is only known when it was added up. */
  get sums(): readonly (readonly string[])[] {
    return this.#sums
  }

  #describe(operation: Operation): boolean {
    const { op, path } = operation
    if (op === "test") return true
    if ("from" in operation) return false
    if (!("value" in operation)) return this.#say(path, "null")
    const { value } = operation
    if (op === "inc") this.#sums.push(path)
    // A merge patch in a merge patch, where nothing was said before.
    if (op === "merge" && value instanceof Map) return !this.#knows(path) && this.#say(path, value)
    return value !== "null" && !(value instanceof Map) && this.#say(path, value)
  }

  #say(path: readonly string[], value: Tree): boolean {
    let place = this.#patch
    for (const token of path.slice(0, -1)) {
      const next = place.get(token) ?? new Map<string, Tree>()
      if (!(next instanceof Map)) return false
      place.set(token, next)
      place = next
    }
    place.set(path.at(-1) ?? "", value)
    return true
  }

  #knows(path: readonly string[]): boolean {
    let place: Tree | undefined = this.#patch
    for (const token of path) place = place instanceof Map ? place.get(token) : place
    return place !== undefined
  }
}
