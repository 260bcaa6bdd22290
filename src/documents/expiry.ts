/** `expire_in` of documents. Pure. */
import type { Expiry } from "../feed/expiry.ts"
import { readDuration } from "../lib/durations.ts"
import { EXPIRE_MAX_SECONDS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"

const WISH = `must be seconds (60), a duration (90s, 5m, 1h30m, 30d) up to ${EXPIRE_MAX_SECONDS} seconds, or none`

/**
 * When a document is to expire, in epoch milliseconds; null for `none`, undefined when nothing is said.
 * @param now epoch milliseconds
 * Throws Problem invalid_request.
 */
export function readExpiry(text: string | undefined, now: number): Expiry {
  if (text === undefined) return undefined
  if (text === "none") return null
  const microseconds = /^\d+$/.test(text) ? Number(text) * 1_000_000 : readDuration(text)
  const milliseconds = Math.floor((microseconds ?? 0) / 1_000)
  if (milliseconds >= 1 && milliseconds <= EXPIRE_MAX_SECONDS * 1_000) return now + milliseconds
  const wrong = `${WISH}, got ${JSON.stringify(text.slice(0, 80))}`
  throw new Problem("invalid_request", `"expire_in" ${wrong}`, {
    errors: { "query.expire_in": wrong },
  })
}

/** Where a lifetime cannot be said: to take none in silence would be to keep what was to go. Throws Problem unprocessable. */
export function refuseExpiry({ searchParams }: URL): void {
  const given = searchParams.get("expire_in")
  if (given === null) return
  const flaw = "goes with a PUT or a merge patch of the whole document only"
  throw new Problem(
    "unprocessable",
    `"expire_in" ${flaw}, got ${JSON.stringify(given.slice(0, 80))}`,
    {
      errors: { "query.expire_in": flaw },
    },
  )
}
