/**
 * Pages of lists, in whatever order: what became different from one reading to the next, as frames of members. A page
 * that is too large to be kept is told whole. Pure.
 */
import { parseTree, textOf } from "../../lib/tree.ts"
import type { Change } from "../../protocol/change.ts"
import { VIEW_COPY_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import type { Telling, ViewFrame, ViewList } from "../../protocol/view.ts"

/** What is kept of a page. */
interface PageMemory {
  copy: Page
}

interface Page {
  uris: string[]
  /** JSON texts. */
  elements: string[]
}

/** The page as it was read; undefined where it is too large. */
export function rememberPage(json: string, list: ViewList): PageMemory | undefined {
  return json.length > VIEW_COPY_MAX_CHARACTERS ? undefined : { copy: readPage(json, list) }
}

/**
 * What makes the page that was remembered the one that was read: first those go that are not there any more, then come,
 * from the last to the first, those that are new or stand elsewhere, each before the one that follows it; then those
 * that are otherwise. "state" where there is nothing to compare it with.
 * @param changes those that are told by it
 */
export function differPage(
  json: string,
  list: ViewList,
  memory: PageMemory | undefined,
  changes: readonly Change[],
): Telling {
  const next = rememberPage(json, list)
  if (!memory || !next) return "state"
  const [{ copy: before }, { copy: after }] = [memory, next]
  const places = new Map(before.uris.map((uri, at) => [uri, at]))
  const kept = new Set(after.uris)
  const gone = before.uris.filter((uri) => !kept.has(uri))
  const frames = gone.map((uri) => leaving(uri, changes))
  const known = after.uris.filter((uri) => places.has(uri))
  const steady = new Set(longestRising(known, (uri) => places.get(uri) as number))
  const changed: ViewFrame[] = []
  for (let at = after.uris.length - 1; at >= 0; at--) {
    const [member, resource] = [after.uris[at] as string, after.elements[at] as string]
    if (!steady.has(member)) {
      const follower = after.uris[at + 1]
      const extra = follower === undefined ? {} : { extra: { before: follower } }
      frames.push({ event: "create", member, resource, ...extra })
    } else if (before.elements[places.get(member) as number] !== resource) {
      changed.push({ event: "state", member, resource })
    }
  }
  return { frames: [...frames, ...changed], memory: next }
}

function readPage(json: string, { memberOf }: ViewList): Page {
  const uris = (JSON.parse(json) as unknown[]).map(memberOf)
  return { uris, elements: (parseTree(json) as ReturnType<typeof parseTree>[]).map(textOf) }
}

/** As the journal tells it, where it is gone; else it stands on another page now, or on none. */
function leaving(member: string, changes: readonly Change[]): ViewFrame {
  const last = changes.findLast(({ uri }) => uri === member)
  if (last?.event !== "delete") return { event: "delete", member, extra: { reason: "left" } }
  const extra = last.extra === null ? {} : { extra: JSON.parse(last.extra) as object }
  return { event: "delete", member, ...extra }
}

/** The most items whose places rise from one to the next (patience sorting): all others have to move. */
function longestRising<Item>(items: readonly Item[], placeOf: (item: Item) => number): Item[] {
  /** By length less one, the item with the lowest place that ends a run of it. */
  const ends: number[] = []
  const previous: number[] = []
  const places = items.map(placeOf)
  for (const [at, place] of places.entries()) {
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((places[ends[middle] as number] as number) < place) low = middle + 1
      else high = middle
    }
    previous[at] = low > 0 ? (ends[low - 1] as number) : -1
    ends[low] = at
  }
  const rising: Item[] = []
  for (let at = ends.at(-1) ?? -1; at >= 0; at = previous[at] as number) {
    rising.push(items[at] as Item)
  }
  return rising
}
