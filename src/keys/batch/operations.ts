/** The operations of a batch, and in what steps they can be done. Pure. */
import type * as z from "zod"
import { byteLength } from "../../lib/bytes.ts"
import type { Expiry } from "../../feed/expiry.ts"
import type { KeyBatchBody } from "../../protocol/keys-batch.ts"
import { DATABASE_TEXT_MAX_BYTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { place, uriOf } from "../entry.ts"
import { readBodyWhen } from "../input.ts"
import type { Stored } from "../sql.ts"
import { textValue, type Value } from "../value.ts"

type Given = z.output<typeof KeyBatchBody>["operations"][number]

/** An operation as its place in the batch has it. */
export interface Operation {
  at: number
  name: string
  uri: string
  kind: Given["op"]
  /** Of set. */
  value: Value | null
  /** Of set and expire, in epoch milliseconds; null: never. */
  expiresAt: number | null
  /** A revision that the key must have, ANY for whichever; null: no condition. */
  match: number | null
  /** The same that it must not have. */
  none: number | null
}

/** In a condition: any revision at all. */
export const ANY = -1

/** What a statement is told of an operation that writes. */
export interface Item extends Partial<Stored> {
  kind: Operation["kind"]
  name: string
  uri: string
  expires: number | null
  /** Of set: the body of its change, beside what the index stores. */
  body?: string | null
  /** Of expire: the body to use if the journal has forgotten that of this revision. */
  kept?: string | null
  keptAt?: number
}

/** Throws Problem invalid_request for an expiry that is none. */
export function readOperations(given: readonly Given[], now: number): Operation[] {
  return given.map((operation, at) => ({
    at,
    name: operation.name,
    uri: uriOf(operation.name),
    kind: operation.op,
    value: operation.op === "set" ? textValue(operation.value) : null,
    expiresAt: expiryOf(operation, at, now),
    match: readTag(operation.if_match),
    none: readTag(operation.if_none_match),
  }))
}

/**
 * Steps such that in each every key is read first and then written once at most: a step is then the same as its
 * operations one after the other, and can be done by a few statements whatever their number.
 */
export function stepsOf(operations: readonly Operation[]): Operation[][] {
  const steps: Operation[][] = []
  const last = new Map<string, { step: number; isWritten: boolean }>()
  for (const operation of operations) {
    const { step, isWritten } = last.get(operation.name) ?? { step: 0, isWritten: false }
    const own = isWritten ? step + 1 : step
    ;(steps[own] ??= []).push(operation)
    last.set(operation.name, { step: own, isWritten: operation.kind !== "get" })
  }
  return steps
}

/** Throws Problem: too_large, unprocessable; they name the operation. */
export function itemOf({ at, kind, name, uri, value, expiresAt }: Operation): Item {
  const item = { kind, name, uri, expires: expiresAt }
  if (value === null) return item
  try {
    const { body, stored } = place(name, value)
    return { ...item, body, ...stored }
  } catch (error) {
    throw error instanceof Problem ? placed(error, at) : error
  }
}

/** The items as JSON arrays, each small enough for a parameter. Throws Problem too_large for one that never is. */
export function packed(items: readonly unknown[]): { json: string; count: number }[] {
  const packs: { texts: string[]; bytes: number }[] = []
  for (const item of items) {
    const text = JSON.stringify(item)
    const bytes = byteLength(text) + 1
    if (bytes > DATABASE_TEXT_MAX_BYTES) {
      throw new Problem(
        "too_large",
        `A key must take at most ${DATABASE_TEXT_MAX_BYTES} bytes of JSON in a batch, this one takes ${bytes}`,
        { limit: DATABASE_TEXT_MAX_BYTES },
      )
    }
    const pack = packs.at(-1)
    if (pack && pack.bytes + bytes < DATABASE_TEXT_MAX_BYTES) {
      pack.texts.push(text)
      pack.bytes += bytes
    } else packs.push({ texts: [text], bytes })
  }
  return packs.map(({ texts }) => ({ json: `[${texts.join()}]`, count: texts.length }))
}

/** Throws Problem invalid_request. */
function expiryOf(operation: Given, at: number, now: number): number | null {
  if (operation.op === "get" || operation.op === "delete") return null
  let expiry: Expiry
  try {
    expiry = readBodyWhen(operation, now)
  } catch (error) {
    throw error instanceof Problem ? placed(error, at) : error
  }
  if (expiry !== undefined || operation.op === "set") return expiry ?? null
  const where = `operations.${at}.expire_in`
  throw new Problem("invalid_request", `"${where}" must say when it expires; null: never`, {
    errors: { [where]: "is missing" },
  })
}

function readTag(tag: string | number | undefined): number | null {
  if (tag === undefined) return null
  return tag === "*" ? ANY : Number(String(tag).replace(/\D/g, ""))
}

function placed(problem: Problem, at: number): Problem {
  const { errors = {}, ...details } = problem.details
  const places = Object.entries(errors).map(([where, what]) => [`operations.${at}.${where}`, what])
  return new Problem(problem.code, `Operation ${at}: ${problem.message}`, {
    ...details,
    operation: at,
    errors: Object.fromEntries(places),
  })
}
