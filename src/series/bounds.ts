/** `start` and `end` of a query: the one grammar of times, both inclusive. Pure; the clock is passed in. */
import { instant, INSTANT_WISH, type Side } from "../lib/instant.ts"
import { Problem } from "../protocol/problem.ts"
import { STAMP_MAX, type IndexKind } from "./frame.ts"

export interface Range {
  first: number
  last: number
}

/** As a query has them. */
export interface Bounds {
  start?: string | undefined
  end?: string | undefined
}

export const EVERYTHING: Range = { first: -STAMP_MAX, last: STAMP_MAX }

/**
 * The stamps that the query asks for; empty or missing bounds are open.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the bound.
 */
export function readRange({ start, end }: Bounds, kind: IndexKind, now: number): Range {
  return {
    first: start ? readBound(start, "start", kind, now) : EVERYTHING.first,
    last: end ? readBound(end, "end", kind, now) : EVERYTHING.last,
  }
}

/**
 * One bound as a stamp: RFC 3339, a date (as `end` the whole of it), an epoch number whose unit is guessed as
 * pandas does, or `now-1h30m`; an integer index takes integers. What lies outside the stamps becomes their edge.
 * @param now epoch milliseconds
 * Throws Problem invalid_request naming the place.
 */
export function readBound(
  text: string,
  side: Side,
  kind: IndexKind,
  now: number,
  place = `query.${side}`,
): number {
  const stamp = kind === "integer" ? integer(text) : instant(text, side, now)
  if (stamp !== null) return Math.max(-STAMP_MAX, Math.min(STAMP_MAX, stamp))
  const wish = kind === "integer" ? "an integer: the index has no times" : INSTANT_WISH
  const found = JSON.stringify(text)
  throw new Problem("invalid_request", `"${place}" must be ${wish}; it is ${found}`, {
    errors: { [place]: `is ${found}, must be ${wish}` },
  })
}

function integer(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null
}
