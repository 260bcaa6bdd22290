/** The statistics of chunks, where those will do instead of rows. Pure. */
import type { ColumnKind } from "../frame.ts"
import { kindOf } from "../kinds.ts"
import type { Shape } from "../merge.ts"
import { canUseStats, type Aggregate } from "../resample/aggregate.ts"
import type { ResampleOptions } from "../resample/options.ts"
import type { ChunkStats } from "../resample/resample.ts"
import { readStats } from "../stats.ts"
import { isTailId } from "../tail.ts"
import type { ChunkMeta } from "./sql.ts"

/** Whether statistics may be of use at all; only then are they read. */
export function areStatsOfUse(aggregates: readonly Aggregate[]): boolean {
  return canUseStats(aggregates)
}

/** Tells the chunks whose statistics will do, and is told them again by `statsOf`. */
export class Sums {
  readonly #kinds: ReadonlyMap<string, ColumnKind>
  readonly #options: ResampleOptions
  readonly #known = new Map<number, ChunkStats[] | null>()
  readonly #isOfUse: boolean

  /** @param shape the columns that are looked at */
  constructor(shape: Shape, options: ResampleOptions) {
    this.#kinds = new Map(shape.columns.map(({ name, mask }) => [name, kindOf(mask)]))
    this.#options = options
    this.#isOfUse = canUseStats(options.aggregates, shape.columns)
  }

  /** True for a chunk whose stretches lie within one bucket each; what waits in the tail says nothing. */
  has(chunk: ChunkMeta): boolean {
    return this.#isOfUse && !isTailId(chunk.id) && this.statsOf(chunk) !== null
  }

  statsOf(chunk: ChunkMeta): ChunkStats[] | null {
    const known = this.#known.get(chunk.id)
    if (known !== undefined) return known
    const stats = this.#read(chunk)
    this.#known.set(chunk.id, stats)
    return stats
  }

  /** Null for a chunk that must be opened. */
  #read({ stats }: ChunkMeta): ChunkStats[] | null {
    const { buckets } = this.#options
    const holds = (first: number, last: number) => buckets.holds(first, last)
    return stats === null ? null : readStats(stats, this.#kinds, holds)
  }
}
