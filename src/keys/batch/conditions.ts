/** Why a batch of keys was refused: its operations are followed in thought. Pure. */
import { Problem } from "../../protocol/problem.ts"
import { ANY, type Operation } from "./operations.ts"

/** What an operation before wrote: no revision that anybody can have named. */
const WRITTEN = Number.POSITIVE_INFINITY

/**
 * The problem of the first operation whose condition does not hold, or null.
 * @param stored the revisions of the keys that there are
 */
export function explain(
  operations: readonly Operation[],
  stored: ReadonlyMap<string, number>,
): Problem | null {
  const revisions = new Map(stored)
  for (const operation of operations) {
    const { name, kind } = operation
    const current = revisions.get(name)
    if (!holds(operation, current)) return unmet(operation, current)
    if (kind === "set") revisions.set(name, WRITTEN)
    else if (kind === "delete") revisions.delete(name)
    else if (kind === "expire" && current !== undefined) revisions.set(name, WRITTEN)
  }
  return null
}

function holds({ match, none }: Operation, current: number | undefined): boolean {
  const isIt = (tag: number) => current !== undefined && (tag === ANY || tag === current)
  return (match === null || isIt(match)) && (none === null || !isIt(none))
}

function unmet({ at, kind, name, uri }: Operation, current: number | undefined): Problem {
  const found =
    current === undefined
      ? "does not exist"
      : current === WRITTEN
        ? "was written by an operation before it"
        : `is at revision ${current}`
  return new Problem(
    "precondition_failed",
    `Operation ${at} (${kind} "${name}") was refused, so nothing is written: "${uri}" ${found}`,
    { operation: at, instance: uri },
  )
}
