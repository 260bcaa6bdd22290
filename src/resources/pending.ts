/** What a handler has written and is not committed yet, so that it reads its own writes. Pure. */
import { merged } from "../lib/merge.ts"
import { parseTree, textOf } from "../lib/tree.ts"
import { encodeSegment, listOf } from "../protocol/uri.ts"

/** From what is stored to what will be, both JSON text; null: there is none. */
type Step = (stored: string | null) => string | null

export class Pending {
  readonly #steps = new Map<string, Step[]>()

  put(uri: string, json: string): void {
    this.#steps.set(uri, [() => json])
  }

  remove(uri: string): void {
    this.#steps.set(uri, [() => null])
  }

  removeAll(list: string, stored: readonly { name: string }[]): void {
    for (const { name } of stored) this.remove(list + encodeSegment(name))
    for (const uri of this.#steps.keys()) if (listOf(uri) === list) this.remove(uri)
  }

  /** RFC 7396. */
  patch(uri: string, mergePatch: string): void {
    const step: Step = (stored) =>
      stored && textOf(merged(parseTree(stored), parseTree(mergePatch)))
    this.#steps.set(uri, [...(this.#steps.get(uri) ?? []), step])
  }

  after(uri: string, stored: string | null): string | null {
    return (this.#steps.get(uri) ?? []).reduce((json, step) => step(json), stored)
  }

  /** The documents of a list; those that are new come last. */
  listAfter(list: string, stored: readonly { name: string; data: string }[]): string[] {
    const all = new Map<string, string | null>()
    for (const { name, data } of stored) all.set(list + encodeSegment(name), data)
    for (const uri of this.#steps.keys()) {
      if (listOf(uri) === list) all.set(uri, this.after(uri, all.get(uri) ?? null))
    }
    return [...all.values()].filter((json) => json !== null)
  }
}
