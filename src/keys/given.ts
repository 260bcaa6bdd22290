/** Values as JSON bodies give them. Pure. */
import { fromBase64 } from "../lib/base64.ts"
import { stringOf, textOf, type Tree } from "../lib/tree.ts"
import { Problem } from "../protocol/problem.ts"
import { kindOf, readType, textValue, valueOfBytes, type Value } from "./value.ts"

/** The members that give a value. */
export const GIVING = ["value", "base64", "type"] as const

/**
 * The value that these members give: `value` is text or any JSON, `base64` bytes; `type` their media type, where it is not
 * text/plain, application/json or application/octet-stream. Undefined where none of them is there.
 * Throws Problem: invalid_request, unprocessable.
 */
export function readGiven(members: ReadonlyMap<string, Tree>): Value | undefined {
  const [value, base64, given] = GIVING.map((name) => members.get(name))
  const type = given === undefined ? null : mediaTypeOf(given)
  if (base64 !== undefined) {
    if (value !== undefined) refuse("base64", 'is one too many beside "value"')
    return valueOfBytes(bytesOf(base64), readType(type))
  }
  if (value !== undefined) return valueOf(value, type)
  return type === null ? undefined : refuse("type", 'goes with "value" or "base64"')
}

/** The same where there must be one. */
export function readValue(members: ReadonlyMap<string, Tree>): Value {
  const value = readGiven(members)
  if (value) return value
  const errors = { value: "is missing" }
  throw new Problem("invalid_request", '"value" or "base64" must give the value', { errors })
}

/** Text, or the JSON that it is. */
function valueOf(given: Tree, type: string | null): Value {
  const text = stringOf(given)
  const kept = readType(type ?? (text === null ? "application/json" : "text/plain"))
  const kind = kindOf({ type: kept, blob: null })
  if (kind === "json") return textValue(textOf(given), kept)
  if (kind === "bytes") refuse("value", 'must be in "base64" to be of that type')
  return textValue(text ?? refuse("value", "must be text to be of that type"), kept)
}

function mediaTypeOf(given: Tree): string {
  const type = stringOf(given)
  try {
    if (type) return readType(type)
  } catch {
    // Told below.
  }
  return refuse("type", "must be a media type such as image/png, in ASCII")
}

function bytesOf(given: Tree): Uint8Array {
  const wish = "must be bytes in base64, of the standard alphabet and with its padding"
  const text = stringOf(given)
  try {
    if (text !== null && text.length % 4 === 0) return fromBase64(text)
  } catch {
    // Told below.
  }
  return refuse("base64", wish)
}

function refuse(place: string, wish: string): never {
  throw new Problem("invalid_request", `"${place}" ${wish}`, { errors: { [place]: wish } })
}
