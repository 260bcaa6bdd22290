/** The statistics of chunks, where those will do instead of rows. Pure. */
import { kindOf } from "../kinds.ts"
import { parseJson } from "../json.ts"
import type { Shape } from "../merge.ts"
import { canUseStats, type Aggregate } from "../resample/aggregate.ts"
import type { ResampleOptions } from "../resample/options.ts"
import type { ChunkStats } from "../resample/resample.ts"
import type { Stats } from "../stats.ts"
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
  readonly #known = new Map<number, ChunkStats | null>()
  readonly #isOfUse: boolean

  /** @param shape the columns that are looked at */
  constructor(shape: Shape, options: ResampleOptions) {
    this.#shape = shape
    this.#options = options
    this.#isOfUse = canUseStats(options.aggregates, shape.columns)
  }

  /** True for a chunk that lies within one bucket and says enough of itself; what waits in the tail does not. */
  has(chunk: ChunkMeta): boolean {
    return this.#isOfUse && !isTailId(chunk.id) && this.statsOf(chunk) !== null
  }

  statsOf(chunk: ChunkMeta): ChunkStats | null {
    const known = this.#known.get(chunk.id)
    if (known !== undefined) return known
    const isHeld = this.#options.buckets.holds(chunk.first, chunk.last)
    const stats = isHeld ? read(chunk, this.#shape) : null
    this.#known.set(chunk.id, stats)
    return stats
  }
}

function read({ first, last, stats }: ChunkMeta, { columns }: Shape): ChunkStats | null {
  const lists = (stats === null ? [] : parseJson(stats)) as unknown as Stats[]
  const found = new Map(lists.map((list) => [list[0], list]))
  const result: ChunkStats = { first, last, columns: [] }
  for (const { name, mask } of columns) {
    const list = found.get(name)
    if (!list) continue
    const [, count, min, max, sum, , , carry] = list
    // Beyond all doubles there is no sum to tell.
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
