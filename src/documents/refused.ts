/** What a patch that cannot be done means to the caller. Pure. */
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
