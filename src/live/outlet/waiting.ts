/** Frames that wait, of each URI what becomes of it. Pure. */
import { placedText, type Head } from "../../protocol/frames.ts"
import { FRAME_COST_CHARACTERS } from "../../protocol/live-limits.ts"
import { folded } from "./conflate.ts"

interface Entry {
  texts: string[]
  /** Who has been told all before this lacks nothing of these. */
  since: number
}

/** What must stay in order: frames of one URI, or of one view, whichever members they tell. */
export function keyOf({ uri, member = uri, list = uri, view }: Head): string {
  return view ? `view ${list}` : member
}

/** How much a text takes of what is bounded. */
export function costOf(text: string): number {
  return text.length + FRAME_COST_CHARACTERS
}

export class Waiting {
  readonly #entries = new Map<string, Entry>()
  #characters = 0
  /** The newest position of what waits. */
  #newest = 0

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  /** What all of it takes, as `costOf` says. */
  get characters(): number {
    return this.#characters
  }

  /** The position up to which nothing waits; null while nothing does. */
  get owedFrom(): number | null {
    let lowest: number | null = null
    for (const { since } of this.#entries.values()) lowest = Math.min(lowest ?? since, since)
    return lowest === null ? null : lowest - 1
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  add(text: string, head: Head): void {
    const key = keyOf(head)
    const { event, revision, position = revision } = head
    const entry = this.#entries.get(key) ?? { texts: [], since: Math.min(revision, position) }
    entry.texts.push(text)
    // What comes to be anew stands behind those that came to be before it.
    if (event === "create") this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#characters += costOf(text)
    this.#newest = Math.max(this.#newest, position)
  }

  /** The same, of no more than may wait. False when it is too much however few the frames are made. */
  addWithin(maxCharacters: number, text: string, head: Head): boolean {
    this.add(text, head)
    if (this.#characters <= maxCharacters) return true
    this.#characters = 0
    for (const entry of this.#entries.values()) {
      entry.texts = folded(entry.texts)
      for (const each of entry.texts) this.#characters += costOf(each)
    }
    // Half, so that what it took to make them fewer is not spent on every frame that comes.
    return this.#characters <= maxCharacters / 2
  }

  clear(): void {
    this.#entries.clear()
    this.#characters = 0
    this.#newest = 0
  }

  /**
   * All that waits, as few frames, which then wait no more. None of them lets its receiver go on from behind one that
   * comes after it.
   * @param position where to go on from after the last
   */
  take(position = this.#newest): string[] {
    const entries = [...this.#entries.values()]
    this.clear()
    let owedFrom = position
    const taken: string[] = []
    for (const { texts, since } of entries.reverse()) {
      for (const text of folded(texts).reverse()) {
        taken.push(placedText(text, owedFrom))
        owedFrom = Math.min(owedFrom, since - 1)
      }
    }
    return taken.reverse()
  }
}
