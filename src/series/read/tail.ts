/** The tail of a series as chunks that are read already. Pure. */
import type { Range } from "../bounds.ts"
import type { Place } from "../sql.ts"
import { reaching, readTail } from "../tail.ts"
import type { ChunkMeta } from "./sql.ts"

/** Those that reach into a range. Throws Problem corrupt_data when the tail cannot be read. */
export function tailMetas(tail: string, place: Place, range: Range): ChunkMeta[] {
  return reaching(readTail(tail, place), range).map((part) => ({
    ...part,
    stats: null,
    size: part.body.length,
  }))
}
