/**
 * How far behind a reader is, by what it acknowledges, for the runtime does not say what a socket has not sent yet.
 * Whoever is behind by too much is told together what changes meanwhile, as soon as it has caught up; when that
 * becomes too much, too, it is dropped and the reader is `lost`: it has to be told everything anew. There is no timer,
 * only acknowledgements move it on. Pure but for the clock it is given.
 *
 * What waits is forgotten by a hub that hibernates, and then the reader is lost, as what is kept says.
 */
import { ackText } from "../../protocol/ack.ts"
import { headOf } from "../../protocol/frames.ts"
import {
  ACK_EVERY_CHARACTERS,
  BEHIND_MAX_CHARACTERS,
  BEHIND_WAITING_MAX_CHARACTERS,
  UNREAD_MAX_CHARACTERS,
} from "../../protocol/live-limits.ts"
import { costOf, Waiting } from "./waiting.ts"

/** What outlives hibernation: the last mark that was sent, what was not acknowledged then, and 1 where something waits. */
export type Kept = readonly [mark: number, unread: number, isBehind: 0 | 1]

export interface PaceParts {
  /** To the socket. */
  send: (text: string) => void
  /** Keeps `kept`. */
  save: () => void
  /** Epoch milliseconds. */
  now: () => number
}

export class Pace {
  readonly #parts: PaceParts
  /** Marks that were not acknowledged, and what was sent between each and the one before. */
  readonly #marks: (readonly [mark: number, characters: number])[] = []
  readonly #waiting = new Waiting()
  #lastMark = 0
  #unread = 0
  /** What was sent after the last mark. */
  #unmarked = 0
  #isLost = false

  /** @param kept of a socket that slept */
  constructor(parts: PaceParts, kept: Kept | null) {
    this.#parts = parts
    if (!kept) return
    const [mark, unread, isBehind] = kept
    this.#lastMark = mark
    this.#isLost = isBehind === 1
    if (unread > 0) this.#marks.push([mark, unread])
    // What was sent after that mark is not known, so that the next text brings one.
    this.#unmarked = ACK_EVERY_CHARACTERS
    this.#unread = unread + this.#unmarked
  }

  get kept(): Kept {
    return [this.#lastMark, this.#unread, this.#isLost || !this.#waiting.isEmpty ? 1 : 0]
  }

  /** What changes from now on waits. */
  get isBehind(): boolean {
    return this.#unread > BEHIND_MAX_CHARACTERS
  }

  /** Nothing more should be asked of it that it would be told at once. */
  get isFull(): boolean {
    return this.#unread > UNREAD_MAX_CHARACTERS
  }

  /** What it was not told is not known any more. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Passes a frame on as the reader can take it. */
  pass(text: string): void {
    if (this.#isLost) return
    const isFirst = this.#waiting.isEmpty
    if (isFirst && !this.isBehind) {
      this.send(text)
      return
    }
    const isWithin = this.#waiting.addWithin(BEHIND_WAITING_MAX_CHARACTERS, text, headOf(text))
    if (!isWithin) this.lose()
    else if (isFirst) this.#parts.save()
  }

  /** Sends a text, whatever the reader can take. */
  send(text: string): void {
    this.#parts.send(text)
    const characters = costOf(text)
    this.#unread += characters
    this.#unmarked += characters
    if (this.#unmarked < ACK_EVERY_CHARACTERS) return
    // Never one that was sent before, also not by a hub that has slept since.
    this.#lastMark = Math.max(this.#lastMark + 1, this.#parts.now())
    this.#marks.push([this.#lastMark, this.#unmarked])
    this.#unmarked = 0
    this.#parts.send(ackText(this.#lastMark))
    this.#parts.save()
  }

  /** The reader has taken all that was sent before a mark. */
  acknowledge(mark: number): void {
    const known = this.#marks.length
    for (let next = this.#marks[0]; next && next[0] <= mark; next = this.#marks[0]) {
      this.#unread -= next[1]
      this.#marks.shift()
    }
    if (this.#marks.length === known) return
    if (this.isBehind || this.#waiting.isEmpty) this.#parts.save()
    else this.flush()
  }

  /** Sends all that waits. */
  flush(): void {
    if (this.#waiting.isEmpty) return
    for (const text of this.#waiting.take()) this.send(text)
    this.#parts.save()
  }

  /** Drops what waits and what comes, until `regain`. */
  lose(): void {
    this.#waiting.clear()
    this.#isLost = true
    this.#parts.save()
  }

  /** From here on it is told again; the caller keeps `kept`. */
  regain(): void {
    this.#isLost = false
  }
}
