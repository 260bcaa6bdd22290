/**
 * Packets of Engine.IO 4 and Socket.IO 5 as text. Not `socket.io-parser`: it parses payloads with a plain JSON reader and
 * writes values, while here JSON passes as text, so that int64 and `1.0` survive. Pure.
 * The forms are those of https://socket.io/docs/v4/engine-io-protocol/ and …/socket-io-protocol/.
 */
import type { Json } from "../../protocol/frames.ts"
import {
  FRAME_MAX_BYTES,
  SOCKETIO_PING_INTERVAL_MILLISECONDS,
  SOCKETIO_PING_TIMEOUT_MILLISECONDS,
} from "../../protocol/live-limits.ts"

/** Types of Engine.IO packets: their first character. */
export const ENGINE = { close: "1", ping: "2", pong: "3", message: "4", upgrade: "5", noop: "6" }

/** Between the packets of one polling request or answer. */
export const SEPARATOR = "\x1e"

/** A Socket.IO packet as it came. */
export interface Packet {
  type: "connect" | "disconnect" | "event" | "ack" | "binary"
  namespace: string
  /** What an acknowledgement must name; null where none is wanted. */
  id: string | null
  /** The payload, not parsed; "" for none. */
  json: string
}

const TYPES: Record<string, Packet["type"]> = {
  "0": "connect",
  "1": "disconnect",
  "2": "event",
  "3": "ack",
  "5": "binary",
  "6": "binary",
}

// <type>[<number of attachments>-][<namespace>,][<acknowledgement>][<JSON>]
const FORM = /^([0-356])(?:(\d{1,9})-)?(?:(\/[^,]*)(?:,|$))?(\d{1,15})?((?:[[{][^]*)?)$/

/** Reads the content of an Engine.IO message; null when it has not the form of a packet. */
export function readPacket(text: string): Packet | null {
  const [, digit = "", attachments, namespace = "/", id = null, json = ""] = FORM.exec(text) ?? []
  const type = TYPES[digit]
  if (!type || (attachments !== undefined) !== (type === "binary")) return null
  const isFit = {
    connect: !json.startsWith("["),
    disconnect: json === "",
    event: json.startsWith("["),
    ack: id !== null && json.startsWith("["),
    binary: json.startsWith("["),
  }[type]
  // A query after the namespace is a habit of older clients.
  return isFit ? { type, namespace: namespace.replace(/\?.*/s, ""), id, json } : null
}

/** The first packet of a connection. */
export function openText(sid: string, upgrades: string[]): string {
  const facts = {
    sid,
    upgrades,
    pingInterval: SOCKETIO_PING_INTERVAL_MILLISECONDS,
    pingTimeout: SOCKETIO_PING_TIMEOUT_MILLISECONDS,
    maxPayload: FRAME_MAX_BYTES,
  }
  return `0${JSON.stringify(facts)}`
}

/** `namespace` as packets write it: nothing for "/". */
function within(namespace: string): string {
  return namespace === "/" ? "" : `${namespace},`
}

export function connectedText(namespace: string, sid: string): string {
  return `40${within(namespace)}${JSON.stringify({ sid })}`
}

/** CONNECT was refused; the client throws `message`, with `data` beside it. */
export function notConnectedText(namespace: string, message: string, data?: unknown): string {
  return `44${within(namespace)}${JSON.stringify({ message, data })}`
}

export function ackText(namespace: string, id: string, outcome: Json): string {
  return `43${within(namespace)}${id}[${outcome}]`
}

export function eventText(namespace: string, name: string, payload: Json): string {
  return `42${within(namespace)}["${name}",${payload}]`
}
