/** What a key holds: text, JSON, or bytes with a media type. Pure. */
import { toBase64 } from "../lib/base64.ts"
import { byteLength } from "../lib/bytes.ts"
import { depthOf, parseExact } from "../lib/json.ts"
import { CONTENT_TYPE_MAX_CHARACTERS, JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"

export interface Value {
  /** Media type; that of text in UTF-8 and of JSON without parameters. */
  type: string
  /** Of the content, in bytes. */
  size: number
  /** Text and JSON as they are, bytes in base64; null when `blob` names an entry of Workers KV that holds them. */
  text: string | null
  blob: string | null
}

/** How a value is told in JSON: text as a string, JSON as itself, bytes by what they are and where to get them. */
export type Kind = "text" | "json" | "bytes"

export const PLAIN = "text/plain"

/** What is in a blob is too large to be told, whatever its type. */
export function kindOf({ type, blob }: Pick<Value, "type" | "blob">): Kind {
  if (blob !== null) return "bytes"
  if (isJson(type)) return "json"
  return isText(type) ? "text" : "bytes"
}

export function textValue(text: string, type = PLAIN): Value {
  return { type, size: byteLength(text), text, blob: null }
}

/**
 * The value of a body that is in memory.
 * @param type as `readType` answers it
 * Throws Problem: invalid_json, invalid_request, unprocessable.
 */
export function valueOfBytes(bytes: Uint8Array, type: string): Value {
  if (isJson(type)) return textValue(compactJson(textOf(bytes)), type)
  if (isText(type)) return textValue(textOf(bytes), type)
  return { type, size: bytes.byteLength, text: toBase64(bytes), blob: null }
}

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/
const PARAMETERS = /^[\x20-\x7e]*$/
const UTF_8 = /^charset="?(?:utf-?8|us-ascii)"?$/i

/** The media type to keep of a `Content-Type`. Throws Problem unsupported_type. */
export function readType(header: string | null): string {
  const given = header?.trim() || "application/octet-stream"
  const [media = "", ...parameters] = given.split(";").map((part) => part.trim())
  const type = media.toLowerCase()
  const isOdd = !MEDIA_TYPE.test(type) || !PARAMETERS.test(given)
  if (isOdd || given.length > CONTENT_TYPE_MAX_CHARACTERS) {
    const wish = `must be a media type of at most ${CONTENT_TYPE_MAX_CHARACTERS} ASCII characters`
    const shown = JSON.stringify(given.slice(0, 80))
    throw new Problem("unsupported_type", `Content-Type ${wish}, it is ${shown}`)
  }
  // How curl labels what has no label.
  if (type === "application/x-www-form-urlencoded") return PLAIN
  if (isJson(type)) return type
  const kept = type.startsWith("text/") ? parameters.filter((one) => !UTF_8.test(one)) : parameters
  return [type, ...kept].join("; ")
}

/** The `Content-Type` of the content itself. */
export function contentType(type: string): string {
  return isText(type) ? `${type}; charset=utf-8` : type
}

function isJson(type: string): boolean {
  return /^[^;]*[/+]json$/.test(type)
}

/** Text in another charset is bytes to us. */
function isText(type: string): boolean {
  return /^text\/(?!.*;\s*charset=)/i.test(type)
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    const detail =
      "The body must be UTF-8 text, as its Content-Type says; application/octet-stream takes any bytes"
    throw new Problem("invalid_request", detail, { errors: { "": "is not valid UTF-8" } })
  }
}

/** The same value on one line; numbers stay as they were written. */
function compactJson(text: string): string {
  const depth = depthOf(text)
  if (depth > JSON_MAX_DEPTH) {
    throw new Problem(
      "unprocessable",
      `The body must nest at most ${JSON_MAX_DEPTH} levels deep, it has ${depth}`,
      { limit: JSON_MAX_DEPTH },
    )
  }
  try {
    return JSON.stringify(parseExact(text))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem("invalid_json", `The body must be JSON: ${reason}`, {
      errors: { "": reason },
    })
  }
}
