/** How often a subscriber is told at most. */
import * as z from "zod"
import { THROTTLE_MAX_MILLISECONDS } from "./live-limits.ts"

/** `250ms` or `2s`, read as milliseconds. */
export const Throttle = z.string().transform((text, context) => {
  const [, count = "0", unit] = /^(\d{1,6})(ms|s)$/.exec(text) ?? []
  const milliseconds = Number(count) * (unit === "s" ? 1_000 : 1)
  if (milliseconds >= 1 && milliseconds <= THROTTLE_MAX_MILLISECONDS) return milliseconds
  context.addIssue(`must be a duration such as 250ms, up to ${THROTTLE_MAX_MILLISECONDS}ms`)
  return z.NEVER
})
