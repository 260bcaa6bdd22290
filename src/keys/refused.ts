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

/** The problem of what would go with a key's end, where it has none. */
export function immortal(name: string, member: "warn" | "on_expire"): Problem {
  const errors = { [member]: "goes with an expiry" }
  const detail = `"${name}" never expires, so that "${member}" would do nothing; "expire_in" and "expire_at" say when it does`
  return new Problem("unprocessable", detail, { errors })
}
