/**
 * Whether commits are told to this hub. Who follows something is told only while the hub stands among the journal's
 * listeners, so it listens before the first subscriber's state is read, and ends when the last one has left.
 */
import * as z from "zod"
import type { Feed, Mark } from "../../feed/feed.ts"
import type { Storage } from "./cursor.ts"

const Stored = z.object({ at: z.number(), isOn: z.boolean() })
const KEY = "listening"

export interface ListeningParts {
  storage: Storage
  feed: () => Pick<Feed, "listen" | "unlisten">
  /** What the Worker finds this hub by. */
  name: string
  /** Epoch milliseconds. */
  now: () => number
}

export class Listening {
  readonly #parts: ListeningParts
  /** When it was begun last, in epoch milliseconds and always later than before. */
  #at: number
  #isOn: boolean

  constructor(parts: ListeningParts) {
    this.#parts = parts
    const { success, data } = Stored.safeParse(parts.storage.get(KEY))
    this.#at = success ? data.at : 0
    this.#isOn = success && data.isOn
  }

  /** True only while every commit is sure to name this hub. */
  get isOn(): boolean {
    return this.#isOn
  }

  /** Every commit after the position that this answers names this hub. Again sees to it that it is still so. */
  async begin(): Promise<Mark> {
    const { feed, name, now } = this.#parts
    if (!this.#isOn) {
      // Saved before the call goes out, so that no time is ever used twice: an end that D1 is late with, or carries out
      // although it seemed to fail, must not take back what was begun after it.
      this.#at = Math.max(this.#at + 1, now())
      this.#save(false)
    }
    const position = await feed().listen(name, this.#at)
    if (!this.#isOn) this.#save(true)
    return position
  }

  /** Commits need not be told to this hub; some may be for a while. */
  async end(): Promise<void> {
    const { feed, name, now } = this.#parts
    // Whatever the database knows of this hub is over, also what the hub itself forgot.
    this.#at = Math.max(this.#at, now())
    // Before the call: from here on nobody may rely on it.
    if (this.#isOn) this.#save(false)
    await feed().unlisten(name, this.#at)
  }

  #save(isOn: boolean): void {
    this.#isOn = isOn
    this.#parts.storage.put(KEY, { at: this.#at, isOn })
  }
}
