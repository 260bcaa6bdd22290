/** Frames and replies of frames.ts as Socket.IO says them: by cutting text, because one text serves every socket. Pure. */
import type { Json } from "../../protocol/frames.ts"
import { ackText, eventText } from "./packet.ts"

const FRAME = '{"event":"'
const REPLY = '{"id":null,'
const DONE = `${REPLY}"ok":true,`
const REFUSED = `${REPLY}"ok":false,"problem":`
const ROOTED = '"uri":"/'
const BARE = '"uri":"'

/** True for the reply to a command without an id, false for a frame. */
export function isReply(text: string): boolean {
  return text.startsWith(REPLY)
}

/** True for the reply to a command that was done. */
export function isDone(reply: string): boolean {
  return reply.startsWith(DONE)
}

/** The problem document in a reply to a command that was not done. */
export function problemOf(reply: string): Json {
  return reply.slice(REFUSED.length, -1)
}

/** The URI that a frame is about. */
export function uriOf(text: string): string {
  const found = /"uri":("(?:[^"\\]|\\.)*")/.exec(text.slice(0, 20_000))
  return found?.[1] ? (JSON.parse(found[1]) as string) : ""
}

/** A reply as the acknowledgement of a command. */
export function ackOf(namespace: string, id: string, reply: string, isBare: boolean): string {
  const members = reply.slice(REPLY.length)
  return ackText(namespace, id, `{${isDone(reply) ? spelled(members, isBare) : members}`)
}

/** Makes one packet of a frame, however many sockets get it in a row. */
export class Events {
  readonly #namespace: string
  readonly #last = { plain: { frame: "", packet: "" }, bare: { frame: "", packet: "" } }

  constructor(namespace: string) {
    this.#namespace = namespace
  }

  /** @param isBare whether the URI is to be told without its first slash */
  of(frame: string, isBare: boolean): string {
    const last = isBare ? this.#last.bare : this.#last.plain
    // The same string object as a rule, so that this costs no comparison of characters.
    if (last.frame === frame) return last.packet
    const end = frame.indexOf('"', FRAME.length)
    const payload = `{${spelled(frame.slice(end + 2), isBare)}`
    const packet = eventText(this.#namespace, frame.slice(FRAME.length, end), payload)
    Object.assign(last, { frame, packet })
    return packet
  }
}

/** Its first `uri`, which is its own, as the client writes it. */
function spelled(members: Json, isBare: boolean): Json {
  return isBare ? members.replace(ROOTED, BARE) : members
}
