/**
 * `every`: time cut into buckets by the calendar and clock of a zone. Pure.
 *
 * Buckets are counted on the local clock: `ms s m h d w` from midnight of Monday 2000-01-03 (as Timescale does; a
 * width that divides the day begins anew at every midnight, `7d` is `1w`), `mo y` from January of year 0. In UTC
 * every bucket is a real span, the next begins where it ends:
 *
 * - A bucket begins when the local clock first shows its beginning, or first is past it: a day begins at 01:00
 *   where midnight was skipped, and a day that was skipped whole (Apia, 2011-12-30) has no bucket. `1d` is 23
 *   or 25 hours long when the clock changes, `2h` is 1 or 3 (Timescale's rule).
 * - Where the clock is changed by a multiple of the width, every bucket keeps its width: the hour that comes twice is
 *   two buckets of `1h` (QuestDB's rule since its PR 6858; Timescale makes one of two hours of it).
 * - Where it is put back by more than the width but no multiple, a bucket is cut short there and a new one begins.
 */
import { EVERY_UNITS, type BucketSide } from "../../protocol/resample.ts"
import { Problem } from "../../protocol/problem.ts"
import { DAY, gridOf, leastLength, type Every, type Grid } from "./grid.ts"
import type { Period, Zone } from "./zone.ts"

/** Microseconds; `end` is the `start` of the next bucket. */
export interface Bucket {
  start: number
  end: number
}

const WIDTH_MAX = 36_525 * DAY
/** Longer than any change of a clock: Manila skipped a day in 1844, Apia in 2011. */
const CHANGE_MAX = 2 * DAY
/** Edges and changes lie on whole milliseconds. After 2255 doubles do not know the microsecond before. */
const JUST = 1_000

/** Reads `15m`, `1h`, `1d`, `1w`, `1mo`, `1y`. Throws Problem invalid_request. */
export function readEvery(text: string): Every {
  const [, digits = "", unit = ""] = /^(\d+)([a-z]+)$/.exec(text) ?? []
  const known = EVERY_UNITS.find((one) => one === unit)
  const every = known && { count: Number(digits), unit: known }
  const span = every ? leastLength(every) : 0
  if (every && span > 0 && span <= WIDTH_MAX) return every
  const wish =
    span > WIDTH_MAX
      ? "must be at most 100 years"
      : "must be a whole number above 0 and a unit, such as 250ms, 30s, 15m, 1h, 1d, 1w, 1mo or 1y"
  throw new Problem("invalid_request", `"every" ${wish}; it is ${JSON.stringify(text)}`, {
    errors: { "query.every": `is ${JSON.stringify(text)}, ${wish}` },
  })
}

/** All buckets of one width in one zone; they partition time. */
export class Buckets {
  readonly #grid: Grid
  readonly #zone: Zone
  readonly #shift: number
  readonly #resumes = new Map<Period, number>()

  /** @param closed "left": a bucket holds its start and not its end; "right" the other way round */
  constructor(every: Every, zone: Zone, closed: BucketSide = "left") {
    this.#grid = gridOf(every)
    this.#zone = zone
    this.#shift = closed === "right" ? 1 : 0
  }

  /** The bucket that holds a stamp. */
  at(stamp: number): Bucket {
    // Stamps are whole microseconds: (start, end] holds a stamp when [start, end) holds the one before it.
    const instant = stamp - this.#shift
    const period = this.#zone.periodAt(instant)
    const edge = this.#edgeAt(instant, period.offset)
    const start = edge - period.offset
    const end = this.#grid.next(edge) - period.offset
    const resume = this.#resume(period)
    if (start >= resume && end < period.to) return { start, end }
    return {
      start: instant < resume ? this.#startBefore(period) : Math.max(start, resume),
      end: this.#endFrom(instant < resume ? resume : end, period),
    }
  }

  /** The bucket that begins where this one ends. */
  after({ end }: Bucket): Bucket {
    return this.at(end + this.#shift)
  }

  /** The last stamp of a bucket, which ends at `end`. */
  lastOf(end: number): number {
    return end - 1 + this.#shift
  }

  /** True when one bucket holds both stamps and what is between them. */
  holds(first: number, last: number): boolean {
    return last <= this.lastOf(this.at(first).end)
  }

  #edgeAt(instant: number, offset: number): number {
    const edge = this.#grid.floor(instant + offset)
    // Within hours of the first and last stamp, local times are rounded to 2 µs, and up to an edge. Edges never are.
    return edge - offset > instant ? this.#grid.floor(edge - JUST) : edge
  }

  /** The start of the bucket that is under way when a period begins. */
  #startBefore(period: Period): number {
    const instant = period.from - JUST
    const earlier = this.#zone.periodAt(instant)
    const resume = this.#resume(earlier)
    if (instant < resume) return this.#startBefore(earlier)
    return Math.max(this.#grid.floor(instant + earlier.offset) - earlier.offset, resume)
  }

  /** Where a bucket ends that by the clock of a period would end at `end`, which may be after the period. */
  #endFrom(end: number, period: Period): number {
    let [reached, current] = [end, period]
    while (reached >= current.to) {
      current = this.#zone.periodAt(current.to)
      reached = this.#resume(current)
    }
    return reached
  }

  /** Until when the bucket lasts that was under way when a period began; its beginning when a bucket begins there. */
  #resume(period: Period): number {
    let resume = this.#resumes.get(period)
    if (resume === undefined) {
      resume = this.#findResume(period)
      this.#resumes.set(period, resume)
    }
    return resume
  }

  #findResume({ from, offset, before }: Period): number {
    if (from === -Infinity) return from
    const change = offset - before
    const reach = this.#reachBefore(from, before)
    if (change % this.#grid.width === 0) return reach - before
    return -change >= this.#grid.width ? from : Math.max(from, reach - offset)
  }

  /** The local time at which the bucket ends that is under way just before an instant. */
  #reachBefore(instant: number, before: number): number {
    const earlier = this.#zone.periodAt(instant - JUST)
    // Put back across an edge, the clock needs a while until it shows again what it showed already.
    const resume = instant - earlier.from < CHANGE_MAX ? this.#resume(earlier) : -Infinity
    if (instant <= resume) return resume + before
    return this.#grid.next(this.#grid.floor(instant - JUST + before))
  }
}
