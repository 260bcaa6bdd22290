/** What goes with a key's expiry, told in a write that leaves the expiry as it is: there must be one. Pure. */
import { guard, type Guard } from "../feed/statement.ts"
import type { Problem } from "../protocol/problem.ts"
import type { Entry } from "./entry.ts"
import { immortal } from "./refused.ts"
import { mortal } from "./sql.ts"
import type { Ending } from "./write.ts"

interface Rule {
  guards: Guard[]
  /** After a guard failed: the problem, if it was one of these, given the key as it is. */
  explain: (key: Entry | null) => Problem | null
}

/** A dead man's switch that nothing ever trips must not be taken for one. */
export function ruleOf(name: string, now: number, { expiry, warn, onExpire }: Ending): Rule {
  const member =
    typeof warn === "number" ? "warn" : typeof onExpire === "string" ? "on_expire" : null
  if (expiry !== undefined || member === null) return { guards: [], explain: () => null }
  const { sql, params } = mortal(name, now)
  return {
    guards: [guard(sql, params)],
    explain: (key) => (key?.expiresAt == null ? immortal(name, member) : null),
  }
}
