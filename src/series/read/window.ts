/** The range that a query asks for, before it is known what kind of index the series has. Pure. */
import { Problem } from "../../protocol/problem.ts"
import { EVERYTHING, readRange, type Bounds, type Range } from "../bounds.ts"
import type { IndexKind } from "../frame.ts"

/** A range that nothing is in. */
const NOTHING: Range = { first: 1, last: 0 }

export interface Window {
  /** When it was asked, epoch microseconds: what is too old by then is not answered. */
  now: number
  /** Whether a bound moves with the clock. */
  isMoving: boolean
  times: Range
  integers: Range
  /** That of an index of this kind. Throws Problem invalid_request naming the bound that is none. */
  of: (kind: IndexKind) => Range
}

/**
 * Reads `start` and `end` for times and for integers; which is right, only the series knows.
 * @param now epoch milliseconds
 * Throws Problem invalid_request when they are neither.
 */
export function readWindow(query: Bounds, now: number): Window {
  const [times, integers] = (["naive", "integer"] as const).map((kind) => {
    try {
      return readRange(query, kind, now)
    } catch (error) {
      if (error instanceof Problem) return error
      throw error
    }
  }) as [Range | Problem, Range | Problem]
  if (times instanceof Problem && integers instanceof Problem) throw times
  return {
    now: now * 1_000,
    isMoving: [query.start, query.end].some((bound) => bound?.startsWith("now")),
    times: times instanceof Problem ? NOTHING : times,
    integers: integers instanceof Problem ? NOTHING : integers,
    of: (kind) => {
      const range = kind === "integer" ? integers : times
      if (range instanceof Problem) throw range
      return range
    },
  }
}

/** A range whose stamps are known already; `now` is in epoch microseconds. */
export function windowOf(range: Range, now: number): Window {
  return { now, isMoving: false, times: range, integers: range, of: () => range }
}

/** True when neither end was asked for. */
export function isOpen({ first, last }: Range): boolean {
  return first === EVERYTHING.first && last === EVERYTHING.last
}
