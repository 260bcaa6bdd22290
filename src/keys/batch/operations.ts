/** The operations of a batch, and in what steps they can be done. Pure. */
import type * as z from "zod"
import type { Tree } from "../../lib/tree.ts"
import type { KeyBatchBody } from "../../protocol/keys-batch.ts"
import { Problem } from "../../protocol/problem.ts"
import { place, uriOf } from "../entry.ts"
import { readTreeEnding } from "../body.ts"
import { readValue } from "../given.ts"
import type { Stored } from "../sql.ts"
import { kindOf, type Value } from "../value.ts"
import { ofNew, type Ending } from "../write.ts"

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
  /** Of set and expire; undefined: as before. */
  warn?: Ending["warn"]
  onExpire?: Ending["onExpire"]
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
  warn: number | null
  onExpire: string | null
  /** Whether the key keeps what it has of these: 1 or 0. */
  keepsWarn: number
  keepsAction: number
  /** Of set: the event where there is such a key, and the body of its change, beside what the index stores. */
  event?: "patch" | "state"
  body?: string | null
  /** Of expire: the body to use if the journal has forgotten that of this revision. */
  kept?: string | null
  keptAt?: number
}

/**
 * @param trees the same as they were written
 * Throws Problem: invalid_request, unprocessable, too_large; they name the operation.
 */
export function readOperations(
  given: readonly Given[],
  trees: readonly Tree[],
  now: number,
): Operation[] {
  return given.map((operation, at) => {
    const { op: kind, name } = operation
    const members = trees[at] as Map<string, Tree>
    const base = { at, name, uri: uriOf(name), kind }
    try {
      return {
        ...base,
        value: kind === "set" ? readValue(members) : null,
        ...endingOf(operation, members, now),
        match: readTag(operation.if_match),
        none: readTag(operation.if_none_match),
      }
    } catch (error) {
      throw error instanceof Problem ? placed(error, at) : error
    }
  })
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
export function itemOf(operation: Operation): Item {
  const { at, kind, name, uri, value, expiresAt, warn, onExpire } = operation
  const kept = {
    keepsWarn: Number(warn === undefined),
    keepsAction: Number(onExpire === undefined),
  }
  const ending = { expires: expiresAt, warn: warn ?? null, onExpire: onExpire ?? null, ...kept }
  const item = { kind, name, uri, ...ending }
  if (value === null) return item
  try {
    const { body, stored } = place(name, value)
    // Only text says by itself what it takes the place of.
    const event = kindOf(value) === "text" ? "patch" : "state"
    return { ...item, event, body, ...stored }
  } catch (error) {
    throw error instanceof Problem ? placed(error, at) : error
  }
}

function endingOf(operation: Given, members: ReadonlyMap<string, Tree>, now: number) {
  const { op } = operation
  if (op === "get" || op === "delete") return { expiresAt: null }
  const ending = readTreeEnding(members, operation, now, op === "set" ? null : undefined)
  if (ending.expiry === undefined) {
    throw new Problem("invalid_request", '"expire_in" must say when it expires; null: never', {
      errors: { expire_in: "is missing" },
    })
  }
  const { expiry, warn, onExpire } = op === "set" ? ofNew(ending) : ending
  return { expiresAt: expiry ?? null, warn: expiry == null ? null : warn, onExpire }
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
