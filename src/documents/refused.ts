/** What a patch that cannot be done means to the caller. Pure. */
import { Problem, type ProblemCode } from "../protocol/problem.ts"
import type { Failure, PatchFailed } from "./jsonpatch.ts"

const CODES: Record<Failure, ProblemCode> = {
  missing: "conflict",
  test: "conflict",
  invalid: "unprocessable",
  large: "too_large",
}

/** The problem, with the operation's index and the pointer of the place. */
export function problemOf({ failure, index, pointer, message }: PatchFailed): Problem {
  return new Problem(
    CODES[failure],
    `Operation ${index} of the patch cannot be done: "${pointer}" ${message}`,
    { index, pointer, errors: { [pointer]: message } },
  )
}
