/**
 * How far a reader is. The service asks `{"event":"ack","mark":7}`, and the client sends that back as it is, in its
 * turn. It is neither a frame nor a command: it waits for none, and none is its reply.
 */
export interface Ack {
  event: "ack"
  mark: number
}

const MAX_CHARACTERS = 100
const BEGINNING = '{"event":"ack",'

export function ackText(mark: number): string {
  return JSON.stringify({ event: "ack", mark } satisfies Ack)
}

/** True for a text of the service that asks how far the reader is. */
export function isAck(text: string): boolean {
  return text.startsWith(BEGINNING)
}

/** The mark in a message that is an acknowledgement; null in any other. */
export function ackIn(message: string | ArrayBuffer): number | null {
  if (typeof message !== "string" || message.length > MAX_CHARACTERS) return null
  // Most messages are commands, which are parsed elsewhere.
  if (!message.includes('"ack"')) return null
  try {
    const { event, mark } = JSON.parse(message) as Partial<Ack>
    return event === "ack" && Number.isSafeInteger(mark) ? (mark as number) : null
  } catch {
    return null
  }
}
