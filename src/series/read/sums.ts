/** The statistics of chunks, where those will do instead of rows. Pure. */
import { kindOf } from "../kinds.ts"
import type { Shape } from "../merge.ts"
import { canUseStats, type Aggregate } from "../resample/aggregate.ts"
import type { ResampleOptions } from "../resample/options.ts"
import type { ChunkStats } from "../resample/resample.ts"
import { readStats, type Stretch } from "../stats.ts"
import { isTailId } from "../tail.ts"
import type { ChunkMeta } from "./sql.ts"

/** Whether statistics may be of use at all; only then are they read. */
export function areStatsOfUse(aggregates: readonly Aggregate[]): boolean {
  return canUseStats(aggregates)
}

/** Tells the chunks whose statistics will do, and is told them again by `statsOf`. */
export class Sums {
  readonly #shape: Shape
  readonly #options: ResampleOptions
  readonly #known = new Map<number, ChunkStats[] | null>()
  readonly #isOfUse: boolean

  /** @param shape the columns that are looked at */
  constructor(shape: Shape, options: ResampleOptions) {
    this.#shape = shape
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
    const found: ChunkStats[] = []
    for (const stretch of stats === null ? [] : readStats(stats)) {
      const { first, last } = stretch
      const one = this.#options.buckets.holds(first, last) ? chosen(stretch, this.#shape) : null
      if (!one) return null
      found.push(one)
    }
    // Without numbers there is nothing to say but that there are rows, and not where.
    return found.length > 0 ? found : null
  }
}

/** The statistics of the columns that are looked at; null when one has a sum beyond all doubles. */
function chosen({ first, last, columns }: Stretch, shape: Shape): ChunkStats | null {
  const result: ChunkStats = { first, last, columns: [] }
  for (const [at, { name, mask }] of shape.columns.entries()) {
    // Most chunks have the columns of the series, in their order.
    const there = columns[at]
    const [, stats] = (there?.[0] === name ? there : columns.find(([one]) => one === name)) ?? []
    if (!stats) continue
    const [count, min, max, sum, carry] = stats
    if (sum === null) return null
    const kind = kindOf(mask)
    const rest = carry ?? (kind === "float64" ? restOf(sum) : 0)
    result.columns.push({ name, kind, count, min, max, sum, carry: rest })
  }
  return result
}

/** What a double loses of a sum of integers. */
function restOf(sum: number | bigint): number {
  return typeof sum === "bigint" ? Number(sum - BigInt(Number(sum))) : 0
}
