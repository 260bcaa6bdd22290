/** The way of frames to one reader: at once, as often as it wishes, or as it can take them. */
import { Allowance, type KeptAllowance } from "./allowance.ts"
import { Pace, type Kept } from "./pace.ts"
import { Throttle, type Clock } from "./throttle.ts"

export interface OutletParts {
  /** To the socket. */
  write: (text: string) => void
  /** Keeps `kept`. */
  save: () => void
  /** Ends the socket of a reader that acknowledges nothing, once it was sent so much. */
  end: () => void
  clock: Clock
}

/** What is known of a reader: where it acknowledges its pace, null when it is new; else how much it may be sent. */
export type Reader =
  | { readonly pace: Kept | null }
  | { readonly pace?: undefined; readonly allowance: KeptAllowance }

export class Outlet {
  readonly #throttle: Throttle
  /** Null for a reader that acknowledges nothing: of it nothing is known, and it is told everything at once … */
  readonly #pace: Pace | null
  /** … up to this much. */
  readonly #allowance: Allowance | null

  constructor({ write, save, end, clock }: OutletParts, reader: Reader) {
    this.#throttle = new Throttle(clock, (text) => this.tell(text))
    const isAcking = reader.pace !== undefined
    this.#pace = isAcking ? new Pace({ send: write, save, now: clock.now }, reader.pace) : null
    this.#allowance = isAcking ? null : new Allowance({ send: write, save, end }, reader.allowance)
  }

  /** What outlives hibernation. */
  get kept(): Reader {
    if (this.#allowance) return { allowance: this.#allowance.kept }
    return { pace: this.#pace?.kept ?? null }
  }

  /** Sends a text now. */
  send(text: string): void {
    this.#pace?.send(text)
    this.#allowance?.send(text)
  }

  /** Tells a frame, as soon as the reader can take it. */
  tell(text: string): void {
    this.#pace?.pass(text)
    this.#allowance?.send(text)
  }

  /** Tells a frame of a topic, at most as often as says its interval in milliseconds; 0 for at once. */
  tellAtTimes(topic: string, interval: number, text: string): void {
    this.#throttle.pass(topic, interval, text)
  }

  /** Tells that all before is to be forgotten. False when the reader cannot take that now, and must be told anew. */
  tellReset(text: string): boolean {
    if (this.#pace?.isBehind) {
      this.#pace.lose()
      return false
    }
    this.flush()
    this.send(text)
    return true
  }

  /** Sends all that waits. */
  flush(): void {
    this.#throttle.flush()
    this.#pace?.flush()
  }

  /** The reader has taken all that was sent before a mark. */
  acknowledge(mark: number): void {
    this.#pace?.acknowledge(mark)
  }

  /** The reader was not told all: nothing is told until `regain`. */
  get isLost(): boolean {
    return this.#pace?.isLost ?? false
  }

  /** It has to read on before it is told more. */
  get isBehind(): boolean {
    return this.#pace?.isBehind ?? false
  }

  /** It has to read on before it may ask for anything. */
  get isFull(): boolean {
    return this.#pace?.isFull ?? false
  }

  /** In this very turn the reader is told everything anew. The caller saves. */
  regain(): void {
    this.#pace?.regain()
  }
}
