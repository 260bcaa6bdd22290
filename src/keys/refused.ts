/** Why keys are not read or written. */
import { Problem } from "../protocol/problem.ts"

/** The problem of a key that is not there. */
export function notFound(name: string, headers: Record<string, string> = {}): Problem {
  return new Problem("not_found", `There is no key "${name}"`, {}, headers)
}

/** The problem of a name that is not free. */
export function taken(name: string): Problem {
  const errors = { name: "is taken" }
  return new Problem("conflict", `There is a key "${name}" already`, { errors })
}

/** The problem of a key of whose end nobody can be told, because it has none. */
export function immortal(name: string): Problem {
  const errors = { warn: "goes with an expiry" }
  return new Problem("unprocessable", `"${name}" never expires, so that it cannot warn of it`, {
    errors,
  })
}
