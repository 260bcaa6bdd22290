/** What it means to the caller that a write, or a patch, cannot be done. Pure. */
import { DOCUMENT_MAX_BYTES } from "../protocol/limits.ts"
import { pointerOf } from "../lib/pointer.ts"
import { nulNameIn, type Tree } from "../lib/tree.ts"
import { Problem, type ProblemCode } from "../protocol/problem.ts"
import type { Failure, PatchFailed } from "./jsonpatch.ts"

const CODES: Record<Failure, ProblemCode> = {
  missing: "conflict",
  test: "conflict",
  invalid: "unprocessable",
  large: "too_large",
}

/**
 * The problem, with the pointer of the place.
 * @param isPatch true where it was a JSON Patch; then the operation's index is told, too
 */
export function problemOf(
  { failure, index, pointer, message, when }: PatchFailed,
  isPatch = true,
): Problem {
  const reason = `"${pointer}" ${message}${when}`
  const place = { pointer, errors: { [pointer]: message } }
  if (!isPatch) return new Problem(CODES[failure], `This cannot be done: ${reason}`, place)
  const detail = `Operation ${index} of the patch cannot be done: ${reason}`
  return new Problem(CODES[failure], detail, { index, ...place })
}

export function tooLarge(bytes: number | string): Problem {
  return new Problem(
    "too_large",
    `A document must be at most ${DOCUMENT_MAX_BYTES} bytes, this one would have ${bytes}`,
    { limit: DOCUMENT_MAX_BYTES },
  )
}

export function taken(name: string): Problem {
  return new Problem("conflict", `There is a document "${name}" already`, {
    errors: { name: "is taken" },
  })
}

export function notFound(name: string): Problem {
  return new Problem("not_found", `There is no document "${name}"`)
}

/** SQLite takes a member's name to end there, and would change another member in its stead. */
export const NUL_NAMED = "a name with U+0000 in it cannot be told from others"

/**
 * @param text the tree's; it says at little cost that there is nothing to look for
 * @param base where the tree is in what was sent
 * Throws Problem unprocessable.
 */
export function checkNames(tree: Tree, text: string, base: readonly string[] = []): void {
  const path = text.includes("\\u0000") ? nulNameIn(tree) : null
  if (path === null) return
  const pointer = pointerOf([...base, ...path])
  throw new Problem("unprocessable", `"${pointer}" cannot be kept exactly: ${NUL_NAMED}`, {
    errors: { [pointer]: NUL_NAMED },
  })
}
