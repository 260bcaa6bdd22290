/**
 * The one table of WebSocket close codes: whether to come back, who sends them, what they mean. With it goes the second
 * column of the table of problems, whose codes close a socket that is refused. Pure.
 */

/** Whether a client that did not close by itself is to connect again, who sends the code, and what it says. */
export const CLOSES = {
  1000: [true, "client", "Closed as wished; whoever did not wish it connects again"],
  1001: [true, "either", "One side goes away"],
  1006: [true, "nobody", "The connection broke; the client makes this code itself"],
  1009: [true, "service", "A frame was larger than the runtime takes"],
  1011: [true, "service", "The connection failed inside the service"],
  1012: [true, "service", "The service starts anew, or in another version"],
  1013: [true, "between", "What stands between is busy"],
  4002: [true, "service", "As much was sent as a socket gets that acknowledges nothing (`acks`)"],
} as const satisfies Record<number, readonly [reconnect: boolean, by: string, meaning: string]>

/** From here to 4999 the service asks not to come back: the same request would be refused again. */
const FINAL_CODE = 4500
const LAST_CODE = 4999

/** A control frame holds 125 bytes (RFC 6455, 5.5), two of them are the code. */
const REASON_MAX_BYTES = 123

/** True when a client is to connect again after this code. */
export function isReconnectable(code: number): boolean {
  const row: readonly [boolean, ...string[]] | undefined = CLOSES[code as keyof typeof CLOSES]
  return row?.[0] ?? (code < FINAL_CODE || code > LAST_CODE)
}

/**
 * The reason of a close: a sentence, cut where a close frame ends, and when to come back:
 * `The service starts anew; retry_after_ms=1730`.
 */
export function closeReason(sentence: string, retryMilliseconds?: number): string {
  const hint = retryMilliseconds === undefined ? "" : `; retry_after_ms=${retryMilliseconds}`
  const room = REASON_MAX_BYTES - hint.length
  const bytes = new TextEncoder().encode(sentence)
  // A character that was cut in two is left out.
  const kept = new TextDecoder().decode(bytes.slice(0, room), { stream: bytes.length > room })
  return kept + hint
}

/** The milliseconds that a reason asks to wait before connecting again; null when it does not say. */
export function retryHintIn(reason: string): number | null {
  const found = /\bretry_after_ms=(\d{1,7})$/.exec(reason)
  return found ? Number(found[1]) : null
}

/** A time to come back at, another for each, so that those who were closed together do not return together. */
export function spreadMilliseconds(longest: number, random: () => number): number {
  return Math.round(longest * (0.2 + 0.8 * random()))
}
