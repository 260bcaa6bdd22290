/** What a subscriber missed, from the journal. */
import type { Feed } from "../feed/feed.ts"
import type { Change, Position } from "../protocol/change.ts"
import { CHANGES_PAGE_ROWS, RESUME_MAX_CHANGES } from "../protocol/limits.ts"
import { listOf } from "../protocol/uri.ts"
import { deliveryOf, isTold } from "./fanout.ts"
import { isFollowable, isTouched, sourceOf, type Resolve, type Target } from "./uris.ts"

export interface Missed {
  /** The frames, in order. */
  texts: string[]
  /** The revision up to which they tell everything. */
  through: number
}

/**
 * The frames of a topic after a position, at least up to `until`; null when the journal cannot tell exactly those,
 * and the subscriber must have the state instead.
 */
export async function missedBy(
  target: Target,
  since: Position,
  until: number,
  feed: Pick<Feed, "since">,
  resolve: Resolve,
): Promise<Missed | null> {
  const texts: string[] = []
  let { revision } = since
  for (let read = 0; read < RESUME_MAX_CHANGES; read += CHANGES_PAGE_ROWS) {
    const page = await feed.since({ epoch: since.epoch, revision })
    if (page.reset) return null
    for (const change of page.changes) {
      if (!concerns(target, change)) continue
      if (!isFollowable(target) || !isTold(change)) return null
      texts.push(textOf(target, change, resolve))
    }
    revision = page.changes.at(-1)?.revision ?? revision
    if (!page.more) return { texts, through: Math.max(revision, until) }
    if (revision >= until) return { texts, through: revision }
  }
  return null
}

/** Followable topics are concerned by themselves and their members, others by all that is below them. */
function concerns(target: Target, change: Change): boolean {
  const { uri } = change
  const source = sourceOf(target)
  const path = source ?? target.topic
  if (uri === path) return true
  if (source === null) return listOf(uri) === path
  return path.endsWith("/") && uri.startsWith(path) && isTouched(target, change)
}

function textOf({ topic }: Target, change: Change, resolve: Resolve): string {
  const item = change.uri === topic
  const { frames } = deliveryOf(change, { item, list: !item }, resolve)
  return frames[0]?.[1] ?? ""
}
