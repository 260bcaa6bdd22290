/** `every`: a range as one row for each stretch of time, from statistics where they will do. */
import type { Database } from "../../feed/database.ts"
import { SERIES_PAGE_BYTES } from "../../protocol/limits.ts"
import { EVERYTHING, type Range } from "../bounds.ts"
import type { Frame } from "../frame.ts"
import { namesOf, type Shape } from "../merge.ts"
import { readAggregates } from "../resample/aggregate.ts"
import { firstKnown, lastKnown, type Knowns } from "../resample/known.ts"
import { readResample, type ResampleOptions, type ResampleQuery } from "../resample/options.ts"
import { Resampler, type ChunkStats } from "../resample/resample.ts"
import type { Place } from "../sql.ts"
import type { Choose, EdgeRows } from "./edge.ts"
import { emptyFrame } from "./hold.ts"
import { overwritten, readRows, takeSnapshot, type Snapshot } from "./snapshot.ts"
import type { Edge } from "./sql.ts"
import { areStatsOfUse, Sums } from "./sums.ts"
import { windowOf, type Window } from "./window.ts"

/** Null when there is no such series. Throws Problem as `readRows`, `readResample` and `Resampler` do. */
export async function summarize(
  db: Database,
  place: Place,
  window: Window,
  query: ResampleQuery,
  choose: Choose,
): Promise<EdgeRows | null> {
  const stats = areStatsOfUse(readAggregates(query.agg))
  const snapshot = await takeSnapshot(db, place, window, { stats, bytes: bytesFor(stats) })
  if (!snapshot) return null
  const { row, range, floor } = snapshot
  const shape = choose(row)
  const options = readResample(query, shape.kind)
  const looker = new Looker(db, snapshot, shape, { ...options, fill: "none" }, stats)
  const isCarried = options.fill === "previous" || options.fill === "linear"
  if (isCarried && range.first > floor) {
    options.before = await looker.look("last", { first: floor, last: range.first - 1 })
  }
  if (options.fill === "linear" && range.last < EVERYTHING.last) {
    options.after = await looker.look("first", { first: range.last + 1, last: EVERYTHING.last })
  }
  const buckets = await resampled(db, snapshot, shape, {
    ...options,
    window: window.of(shape.kind),
  })
  return { row, frame: { ...buckets, ...namesOf(shape) } }
}

/** Where statistics may do, bodies wait. */
function bytesFor(stats: boolean): number {
  return stats ? 0 : SERIES_PAGE_BYTES
}

async function resampled(
  db: Database,
  snapshot: Snapshot,
  shape: Shape,
  options: ResampleOptions,
): Promise<Frame> {
  const needed = neededOf(shape, options)
  const sums = new Sums(needed, options)
  const resampler = new Resampler(options)
  // Makes the columns known, all of them and in their order.
  resampler.push(emptyFrame(shape))
  const wanted = { shape: needed, sums: sums.has.bind(sums) }
  let told: ChunkStats[] = []
  // Column by column, many chunks at once: chunk by chunk, most of the work was calls.
  const flush = () => {
    if (told.length > 0) resampler.pushStats(told)
    told = []
  }
  for await (const [piece, frame] of readRows(db, snapshot, wanted)) {
    const stats = !frame && piece.chunks[0] && sums.statsOf(piece.chunks[0])
    told.push(...(stats || []))
    if (!frame) continue
    flush()
    resampler.push(frame)
  }
  flush()
  return resampler.finish()
}

/** The columns that are aggregated; all of them where one is asked for that is not there, for that is told later. */
function neededOf(shape: Shape, { aggregates }: ResampleOptions): Shape {
  const names = new Set(aggregates.map(({ column }) => column))
  const columns = shape.columns.filter(({ name }) => names.has(name))
  return names.has(null) || columns.length < names.size ? shape : { ...shape, columns }
}

/** Looks for the values that are nearest to a range, outside of it. */
class Looker {
  readonly #db: Database
  readonly #snapshot: Snapshot
  readonly #shape: Shape
  readonly #options: ResampleOptions
  readonly #stats: boolean

  constructor(
    db: Database,
    snapshot: Snapshot,
    shape: Shape,
    options: ResampleOptions,
    stats: boolean,
  ) {
    this.#db = db
    this.#snapshot = snapshot
    this.#shape = shape
    this.#options = options
    this.#stats = stats
  }

  /** In the chunk that is nearest; and in all there is, when a column has no value in that. */
  async look(side: Edge["side"], range: Range): Promise<Knowns> {
    const near = await this.#take(range, { side, rows: 1 })
    const part = this.#whole(near.part, range)
    // Where that is all there is, a column without a value has none anywhere.
    const isAll = part.first <= range.first && part.last >= range.last
    const known = await this.#known(side, part, isAll)
    return known ?? (await this.#known(side, range, true)) ?? new Map()
  }

  /** Null when a column is not known. */
  async #known(side: Edge["side"], range: Range, partly = false): Promise<Knowns | null> {
    const snapshot = await this.#take(range)
    const frame = await resampled(this.#db, snapshot, this.#shape, this.#options)
    const known = side === "last" ? lastKnown(frame) : firstKnown(frame)
    return partly || frame.columns.every(({ name }) => known.has(name)) ? known : null
  }

  /** The part with the buckets at its ends taken whole, as far as the range goes. */
  #whole(part: Range, range: Range): Range {
    const { buckets } = this.#options
    const first = Math.max(range.first, part.first)
    const last = Math.min(range.last, part.last)
    return {
      first:
        first > range.first
          ? Math.max(range.first, buckets.lastOf(buckets.at(first).start) + 1)
          : first,
      last: last < range.last ? Math.min(range.last, buckets.lastOf(buckets.at(last).end)) : last,
    }
  }

  async #take(range: Range, edge?: Edge): Promise<Snapshot> {
    const { place, row, now } = this.#snapshot
    const stats = this.#stats && !edge
    const bytes = edge ? 0 : bytesFor(this.#stats)
    const snapshot = await takeSnapshot(this.#db, place, windowOf(range, now), {
      edge,
      stats,
      bytes,
    })
    if (snapshot?.row.revision !== row.revision) throw overwritten(place)
    return snapshot
  }
}
