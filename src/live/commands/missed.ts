/** What subscribers missed, from the journal. Pure. */
import type { Change } from "../../protocol/change.ts"
import { listOf } from "../../protocol/uri.ts"
import { deliveryOf, isTold } from "../delivery/delivery.ts"
import {
  isFollowable,
  isTouched,
  sourceOf,
  type Resolve,
  type Selection,
  type Target,
} from "../uris.ts"
import { tellingOf, viewTexts, warningText } from "../delivery/views.ts"

/** A topic and the revision up to which it is known. */
export interface Known {
  target: Target | Selection
  revision: number
}

interface View extends Known {
  target: Target
}

interface Selected extends Known {
  target: Selection
}

export interface Missed {
  /** The frames, in order; one that concerns a list and its member comes once, for both. */
  texts: string[]
  /** The topics whose changes the journal cannot tell exactly, and who must have the state instead. */
  lost: Set<string>
}

/** The frames of topics after what is known of them. `changes` are all, in order, from the lowest of them on. */
export function missedBy(
  known: readonly Known[],
  changes: readonly Change[],
  resolve: Resolve,
): Missed {
  const followed = new Map<string, Known>()
  const views: View[] = []
  const selected: Selected[] = []
  for (const { target, revision } of known) {
    if ("pattern" in target) selected.push({ target, revision })
    else if (isFollowable(target)) followed.set(target.topic, { target, revision })
    else views.push({ target, revision })
  }
  const patternsOf = (change: Change) =>
    selected
      .filter((one) => isAfter(one, change) && one.target.pattern.matches(change.uri))
      .map(({ target }) => target.topic)
  const lost = new Set<string>()
  for (const change of changes) {
    for (const { target } of views.filter((view) => concerns(view, change))) {
      if (!viewFrames(target, change)) lost.add(target.topic)
    }
    if (isTold(change)) continue
    for (const topic of patternsOf(change)) lost.add(topic)
    for (const topic of [change.uri, listOf(change.uri)]) {
      if (topic !== null && isAfter(followed.get(topic), change)) lost.add(topic)
    }
  }
  const texts = changes.flatMap((change) => {
    const isWanted = (topic: string | null) =>
      topic !== null && !lost.has(topic) && isAfter(followed.get(topic), change)
    const patterns = patternsOf(change).filter((topic) => !lost.has(topic))
    const wanted = { item: isWanted(change.uri), list: isWanted(listOf(change.uri)), patterns }
    const ofViews = views
      .filter((view) => !lost.has(view.target.topic) && concerns(view, change))
      .flatMap(({ target }) => viewFrames(target, change) ?? [])
    const [first] = deliveryOf(change, wanted, resolve).frames
    return first ? [first[1], ...ofViews] : ofViews
  })
  return { texts, lost }
}

/**
 * The last delete of what a topic shows, 0 where there is none. To who has nothing, all up to there is told: nobody could
 * make anything of a patch from before it.
 */
export function endOf(target: Target, changes: readonly Change[]): number {
  const uri = sourceOf(target) ?? target.topic
  return changes.findLast((each) => each.uri === uri && each.event === "delete")?.revision ?? 0
}

function isAfter(known: Known | undefined, { revision }: Change): boolean {
  return known !== undefined && revision > known.revision
}

/** Views are concerned by their source and, where it is a list, by all that is below it. */
function concerns(view: View, change: Change): boolean {
  const path = sourceOf(view.target)
  if (path === null || !isAfter(view, change)) return false
  if (change.uri === path) return true
  return path.endsWith("/") && change.uri.startsWith(path) && isTouched(view.target, change)
}

/** The frames of a view, where the change alone tells them; else null. */
function viewFrames(target: Target, change: Change): string[] | null {
  if (change.event === "expiring") return [warningText(target, change)]
  const desk = { changes: [change], memory: undefined, read: () => undefined }
  const told = tellingOf(target, change, desk)
  const { revision } = change
  return typeof told === "string" ? null : viewTexts(target.topic, told.frames, revision, revision)
}
