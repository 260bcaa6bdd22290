/** `since`: what of a range may be other than it was at a revision. Pure. */
import type { Range } from "../bounds.ts"
import { cover, type Span } from "../ranges.ts"
import type { ChunkMeta } from "./sql.ts"

export interface Changed {
  /** Ranges of which nothing is as it was: what is there now is among the rows. */
  removed: Span[]
  /** Whether a chunk is needed to tell them. */
  counts: (chunk: ChunkMeta) => boolean
  part: Range
}

/** More would not fit a header. */
const MOST_RANGES = 50

/**
 * Who takes the ranges away and then puts the rows over what is left has the series as it is now. There may be rows
 * among them that are as they were: a chunk has the revision of its newest row, also after compaction.
 * @param untold a revision: who asks since an older one is told everything, for chunks do not tell what happened then
 */
export function changedSince(
  metas: readonly ChunkMeta[],
  range: Range,
  since: number,
  untold = 0,
): Changed {
  const counts = ({ revision }: ChunkMeta) => revision > since || since < untold
  const changed = metas.filter(counts)
  const whole: Span = [range.first, range.last]
  // Nothing is left from then: the series may have been deleted meanwhile, or all of it.
  if (changed.length === metas.length) {
    return { removed: [whole], counts, part: range }
  }
  const clip = ({ first, last }: ChunkMeta): Span => [
    Math.max(first, range.first),
    Math.min(last, range.last),
  ]
  const removed: Span[] = []
  for (const chunk of changed) if (chunk.replaces === 1) cover(removed, clip(chunk))
  if (removed.length <= MOST_RANGES) return { removed, counts, part: range }
  // One range in place of many, then: everything from the first change to the last.
  const spans = changed.map(clip)
  const first = Math.min(...spans.map(([low]) => low))
  const last = Math.max(...spans.map(([, high]) => high))
  return { removed: [[first, last]], counts: () => true, part: { first, last } }
}
