/**
 * What a socket that acknowledges nothing is sent before it has to connect again. The runtime keeps what a socket has
 * not taken and does not say how much that is, so that without an end one that stands still would fill the memory of
 * all. Pure.
 */
import { ALLOWANCE_STEP_CHARACTERS, UNREAD_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import { costOf } from "./waiting.ts"

/** What outlives hibernation: not less than was sent, and how much is sent at most. */
export type KeptAllowance = readonly [reserved: number, most: number]

export interface AllowanceParts {
  /** To the socket. */
  send: (text: string) => void
  /** Keeps `kept`. */
  save: () => void
  /** Ends the socket, which has had all that it is sent. */
  end: () => void
}

/**
 * Of a new socket.
 * @param random 0 ≤ chance < 1; sockets that were opened together and hear the same do not end together
 */
export function newAllowance(random: () => number): KeptAllowance {
  return [0, Math.round(UNREAD_MAX_CHARACTERS * (1 - random() / 4))]
}

export class Allowance {
  readonly #parts: AllowanceParts
  readonly #most: number
  #sent: number
  /** Kept before it is sent, a step at a time: keeping each text would cost more than sending it. */
  #reserved: number

  constructor(parts: AllowanceParts, [reserved, most]: KeptAllowance) {
    this.#parts = parts
    this.#most = most
    this.#sent = reserved
    this.#reserved = reserved
  }

  get kept(): KeptAllowance {
    return [this.#reserved, this.#most]
  }

  /** Sends a text, also one larger than what is left: a state that is asked for has to come. After it nothing does. */
  send(text: string): void {
    if (this.#sent >= this.#most) {
      this.#parts.end()
      return
    }
    this.#parts.send(text)
    this.#sent += costOf(text)
    if (this.#sent <= this.#reserved) return
    this.#reserved = this.#sent + ALLOWANCE_STEP_CHARACTERS
    this.#parts.save()
  }
}
