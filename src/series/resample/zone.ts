/**
 * Time zones as periods of one offset. Pure: what Intl knows of a zone is looked up once and kept.
 *
 * Intl answers one instant in 1.5 µs, too dear for every row. So the changes of the offset are found by
 * bisection, one block of 52 weeks at a time and only where somebody asks.
 */
const SECOND = 1_000_000
const DAY_SECONDS = 86_400
/** Sampled this often, no excursion is missed: the shortest of tzdata 2025b is 4 days, Freetown in 1939. */
const STEP_SECONDS = 3.5 * DAY_SECONDS
const BLOCK_SECONDS = 364 * DAY_SECONDS
/** 1839: the first change of any zone is Manila's of 1844. */
const FIRST_BLOCK = -131
/** 2260: no stamp is later. */
const LAST_BLOCK = 291

/** A span of time, `from` (inclusive) to `to` (exclusive), with one offset. Microseconds all. */
export interface Period {
  from: number
  to: number
  /** Local time minus UTC. */
  offset: number
  /** The offset just before `from`; the same one where a period ends only because a block does. */
  before: number
}

export class Zone {
  /** As Intl spells it, or `±hh:mm`. */
  readonly name: string
  readonly #offsetAt: (seconds: number) => number
  readonly #blocks = new Map<number, Period[]>()
  #last: Period

  /** @param offsetAt seconds of local time minus UTC at a second since 1970; a number when it never changes */
  constructor(name: string, offsetAt: number | ((seconds: number) => number)) {
    this.name = name
    this.#offsetAt = typeof offsetAt === "number" ? () => offsetAt : offsetAt
    const whole = { from: -Infinity, to: Infinity, offset: 0, before: 0 }
    if (typeof offsetAt === "number") {
      this.#last = { ...whole, offset: offsetAt * SECOND, before: offsetAt * SECOND }
    } else {
      this.#last = { ...whole, to: -Infinity }
    }
  }

  /** The period that holds a stamp. */
  periodAt(stamp: number): Period {
    if (stamp >= this.#last.from && stamp < this.#last.to) return this.#last
    const block = Math.floor(stamp / (BLOCK_SECONDS * SECOND))
    const periods = this.#block(Math.max(FIRST_BLOCK - 1, Math.min(LAST_BLOCK, block)))
    this.#last = periods.findLast(({ from }) => from <= stamp) as Period
    return this.#last
  }

  #block(block: number): Period[] {
    const known = this.#blocks.get(block)
    if (known) return known
    const periods = this.#scan(block)
    this.#blocks.set(block, periods)
    return periods
  }

  #scan(block: number): Period[] {
    const from = block * BLOCK_SECONDS
    const to = from + BLOCK_SECONDS
    if (block < FIRST_BLOCK) {
      const offset = this.#offsetAt(to - 1) * SECOND
      return [{ from: -Infinity, to: to * SECOND, offset, before: offset }]
    }
    const before = this.#offsetAt(from - 1) * SECOND
    let offset = this.#offsetAt(from)
    const periods: Period[] = [
      { from: from * SECOND, to: to * SECOND, offset: offset * SECOND, before },
    ]
    if (block === LAST_BLOCK) {
      for (const only of periods) only.to = Infinity
      return periods
    }
    for (let low = from; low < to;) {
      const high = Math.min(low + STEP_SECONDS, to - 1)
      if (high === low) break
      if (this.#offsetAt(high) === offset) {
        low = high
        continue
      }
      const change = this.#bisect(low, high, offset)
      const last = periods.at(-1) as Period
      last.to = change * SECOND
      offset = this.#offsetAt(change)
      periods.push({
        from: change * SECOND,
        to: to * SECOND,
        offset: offset * SECOND,
        before: last.offset,
      })
      low = change
    }
    return periods
  }

  /** The second at which an offset that holds at `low` and not at `high` ends. */
  #bisect(low: number, high: number, offset: number): number {
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#offsetAt(middle) === offset) low = middle
      else high = middle
    }
    return high
  }
}

/** Where no zone is given, and for naive stamps, whose local time is all they have. */
export const UTC = new Zone("UTC", 0)
