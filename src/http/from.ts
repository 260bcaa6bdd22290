/** `From` (RFC 9110, 10.1.2): who it is that changes something, in the caller's own words. */
import { FROM_MAX_CHARACTERS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"

/** What the request says, null when it says nothing. Nobody checks it. Throws Problem invalid_request. */
export function readFrom(headers: Headers): string | null {
  const from = headers.get("From")?.trim() ?? ""
  if (from.length <= FROM_MAX_CHARACTERS) return from === "" ? null : from
  const flaw = `must have at most ${FROM_MAX_CHARACTERS} characters, it has ${from.length}`
  throw new Problem("invalid_request", `"From" ${flaw}`, { errors: { From: flaw } })
}
