/** What a caller may do, and what an endpoint asks for. Pure. */
import type { Endpoint } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"

/** Each may do what those before it may. */
export const SCOPES = ["none", "read", "write"] as const
export type Scope = (typeof SCOPES)[number]

type Asked = Pick<Endpoint, "verb" | "open" | "batch">

const CHANGING: readonly string[] = ["create", "replace", "patch", "delete"]

/** The scope an endpoint asks for: to change something, `write`; to know something, `read`. */
export function neededScope({ verb, open, batch }: Asked): Scope {
  if (open) return "none"
  // What is called writes too, where it says what a batch makes of it.
  return CHANGING.includes(verb) || batch !== undefined ? "write" : "read"
}

/** Throws Problem: unauthorized for callers without a scope, forbidden for those whose scope is too small. */
export function authorize(endpoint: Asked, scope: Scope): void {
  const needed = neededScope(endpoint)
  if (SCOPES.indexOf(scope) >= SCOPES.indexOf(needed)) return
  if (scope === "none") {
    throw new Problem(
      "unauthorized",
      "Send a token as Authorization: Bearer, or as ?token= where headers cannot be set",
      {},
      { "WWW-Authenticate": "Bearer" },
    )
  }
  throw new Problem("forbidden", `This token may ${scope}, the request asks to ${needed}`)
}
