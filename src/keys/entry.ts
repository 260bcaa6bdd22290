/** A key with its value, and the forms it takes. Pure. */
import { byteLength } from "../lib/bytes.ts"
import { CHANGE_BODY_MAX_BYTES, KEY_VALUE_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import type { FullRow, Stored } from "./sql.ts"

export interface Entry {
  value: string
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
export function toJson(name: string, value: string): string {
  return `{${JSON.stringify(name)}:${JSON.stringify(value)}}`
}

/** The value in such a text. */
export function fromJson(json: string): string {
  return Object.values(JSON.parse(json) as Record<string, string>)[0] ?? ""
}

/** The value of a row as far as D1 knows it. */
export function valueOf({ body, value }: Pick<FullRow, "body" | "value">): string | null {
  return value ?? (body === null ? null : fromJson(body))
}

/**
 * Where a value goes: into the body of its change, or into the index where it is too large for one.
 * Throws Problem: too_large, unprocessable.
 */
export function place(name: string, value: string): { body: string | null; stored: Stored } {
  const size = byteLength(value)
  if (size > KEY_VALUE_MAX_BYTES) {
    throw new Problem(
      "too_large",
      `A value must be at most ${KEY_VALUE_MAX_BYTES} bytes, this one has ${size}`,
      { limit: KEY_VALUE_MAX_BYTES, errors: { value: `has ${size} bytes` } },
    )
  }
  if (!value.isWellFormed()) {
    const errors = { value: "holds half a character (a lone surrogate)" }
    throw new Problem("unprocessable", "A value must be text that UTF-8 can hold", { errors })
  }
  const body = toJson(name, value)
  return byteLength(body) <= CHANGE_BODY_MAX_BYTES
    ? { body, stored: { size, value: null } }
    : { body: null, stored: { size, value } }
}
