/** A key with its value, and the forms it takes. Pure. */
import { byteLength } from "../lib/bytes.ts"
import { CHANGE_BODY_MAX_BYTES, KEY_VALUE_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { scaledOf } from "../lib/scaled.ts"
import type { FullRow, MetaRow, Stored } from "./sql.ts"
import { kindOf, type Value } from "./value.ts"

export interface Entry extends Value {
  revision: number
  /** Epoch milliseconds; null: never. */
  expiresAt: number | null
}

const PREFIX = "/keys/"

export function uriOf(name: string): string {
  return fill(`${PREFIX}:id`, { id: name })
}

export function nameOf(uri: string): string {
  return decodeURIComponent(uri.slice(PREFIX.length))
}

/** What GET answers, as JSON text. Not of an object, which would lose the key `__proto__`. */
export function toJson(name: string, value: Value): string {
  const url = `${uriOf(name)}/value`
  return `${jsonStart(name)}${shown(value) ?? described(value, { url })}}`
}

/** The same of a value that is there no more. */
export function toPastJson(name: string, value: Value): string {
  return `${jsonStart(name)}${shown(value) ?? described(value)}}`
}

/** What `meta=1` answers, as JSON text. */
export function toMetaJson(row: MetaRow, now: number): string {
  const { name, type, size, revision, expiresAt, warn, onExpire } = row
  const ttl = expiresAt === null ? null : Math.ceil((expiresAt - now) / 1_000)
  const seconds = warn === null ? null : warn / 1_000
  const meta = { name, type, size, revision, ttl, expires_at: expiresAt, warn: seconds }
  return `${JSON.stringify(meta).slice(0, -1)},"on_expire":${onExpire}}`
}

/** The beginning of such a text; the value and a brace follow. */
export function jsonStart(name: string): string {
  return `{${JSON.stringify(name)}:`
}

function shown(value: Value): string | null {
  const kind = kindOf(value)
  if (kind === "json") return value.text
  return kind === "text" ? JSON.stringify(value.text) : null
}

function described({ type, size }: Value, more: object = {}): string {
  return JSON.stringify({ type, size, ...more })
}

/** The value of a row as far as D1 knows it. */
export function valueOf(row: FullRow): Value | null {
  const { type, size, blob } = row
  const text = row.value ?? row.number
  if (text !== null || blob !== null) return { type, size, text, blob }
  if (row.body === null) return null
  const json = row.body.slice(jsonStart(row.name).length, -1)
  return { type, size, text: kindOf(row) === "json" ? json : (JSON.parse(json) as string), blob }
}

/**
 * Where a value goes: into the body of its change, or into the index where no change can carry it.
 * Throws Problem: too_large, unprocessable.
 */
export function place(name: string, value: Value): { body: string | null; stored: Stored } {
  const { type, size, text, blob } = value
  const kind = kindOf(value)
  if (blob === null && size > KEY_VALUE_MAX_BYTES) {
    throw new Problem(
      "too_large",
      `A value must be at most ${KEY_VALUE_MAX_BYTES} bytes, this one has ${size}; PUT ${uriOf(name)} takes more, as its body`,
      { limit: KEY_VALUE_MAX_BYTES, errors: { value: `has ${size} bytes` } },
    )
  }
  if (text?.isWellFormed() === false) {
    const errors = { value: "holds half a character (a lone surrogate)" }
    throw new Problem("unprocessable", "A value must be text that UTF-8 can hold", { errors })
  }
  const json = toJson(name, value)
  const body = byteLength(json) <= CHANGE_BODY_MAX_BYTES ? json : null
  const isKept = kind === "bytes" || body === null
  const number = kind !== "bytes" && text !== null && scaledOf(text) ? text : null
  return { body, stored: { type, size, number, blob, value: isKept ? text : null } }
}
