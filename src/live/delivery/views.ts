/** Views: what those who watch a GET with a query are told of a change. Pure. */
import type { Change } from "../../protocol/change.ts"
import {
  createText,
  deleteText,
  expiringText,
  patchText,
  stateText,
} from "../../protocol/frames.ts"
import { Problem } from "../../protocol/problem.ts"
import { pathOf } from "../../protocol/uri.ts"
import {
  isCopied,
  type Shown,
  type Telling,
  type ViewDesk,
  type ViewFrame,
  type ViewList,
  type ViewPlace,
} from "../../protocol/view.ts"
import { differPage, rememberPage } from "./pages.ts"
import { isFollowable, sourceOf, type Target } from "../uris.ts"

/** What is kept of a view between changes. */
export interface Memory {
  /** Changes up to here are in it. */
  floor: number
  value: unknown
}

/** What is to be told of a change; "state" where the table does not say it better. */
export function tellingOf(
  target: Target,
  change: Change,
  desk: Pick<ViewDesk, "changes" | "memory" | "read">,
): Telling {
  const { view } = target.endpoint
  if (!view) return "state"
  try {
    return view.tell(change, { ...placeOf(target), ...desk })
  } catch (error) {
    // Whoever reads the view says what is wrong with it.
    if (!(error instanceof Problem)) report(error)
    return "state"
  }
}

/**
 * What is to be told of a view that was read again as a whole: the frames that make what all who follow it hold what
 * was read; "state" where that is not known.
 */
export function differenceOf(
  target: Target,
  shown: Shown,
  desk: Pick<ViewDesk, "changes" | "memory" | "read">,
): Telling {
  const { view } = target.endpoint
  if (!isCopied(desk.memory)) return "state"
  try {
    const list = listAt(target)
    if (list?.isPage) {
      return differPage(
        shown.json,
        list,
        desk.memory as Parameters<typeof differPage>[2],
        desk.changes,
      )
    }
    return view?.differ?.(shown, { ...placeOf(target), ...desk }) ?? "state"
  } catch (error) {
    if (!(error instanceof Problem)) report(error)
    return "state"
  }
}

/** What the view is to be remembered by, as it was read; undefined for nothing. */
export function memoryOf(target: Target, shown: Shown): unknown {
  const { view } = target.endpoint
  if (!view || isFollowable(target)) return undefined
  try {
    const list = listAt(target)
    if (list?.isPage) return rememberPage(shown.json, list)
    return view.remember?.(shown, placeOf(target), membersOf(target, shown))
  } catch (error) {
    if (!(error instanceof Problem)) report(error)
    return undefined
  }
}

/**
 * The URIs of a list's elements, so that whoever follows can keep its copy; null where frames do not tell them, as of
 * the first page of a list that was asked for as a whole.
 */
export function membersOf(target: Target, { json, isPart }: Shown): string[] | null {
  const list = listAt(target)
  if (!list || (isPart && !list.isPage)) return null
  const elements: unknown = JSON.parse(json)
  return Array.isArray(elements) ? elements.map(list.memberOf) : null
}

/** How the elements of a list are named and ordered; null where frames do not tell them. */
export function listAt(target: Target): ViewList | null {
  const { endpoint, params } = target
  if (!isFollowable(target)) return viewListAt(target)
  const { memberOf, order } = endpoint
  if (!memberOf) return null
  return { memberOf: (element) => memberOf(element, params), ...(order ? { order } : {}) }
}

/** A fault of ours, which costs no more than a reading. */
function report(error: unknown): void {
  console.error({ event: "view_failed", message: String(error) })
}

function viewListAt(target: Target): ViewList | null {
  try {
    return target.endpoint.view?.list?.(placeOf(target)) ?? null
  } catch {
    return null
  }
}

/**
 * The frames of one change, as texts.
 * @param revision what the frames are told with; `position` is the change's, where to resume from
 */
export function viewTexts(
  topic: string,
  frames: readonly ViewFrame[],
  revision: number,
  position: number,
): string[] {
  return frames.map((frame, at) => {
    // All but the last tell a part: who resumes must begin before the change.
    const from = at < frames.length - 1 ? position - 1 : position
    const more = at < frames.length - 1 ? { more: true as const } : {}
    return viewText(topic, frame, {
      revision,
      ...(from === revision ? {} : { position: from }),
      view: true,
      ...more,
    })
  })
}

/** The frame of an `expiring`, which every view is told alike. */
export function warningText(target: Target, { uri, revision, extra }: Change): string {
  const { topic } = target
  const whose = sourceOf(target) === uri ? { uri: topic } : { uri, list: topic }
  return expiringText({ ...whose, revision, view: true, extra })
}

type Place = { revision: number; position?: number; view: true; more?: true }

function viewText(topic: string, frame: ViewFrame, place: Place): string {
  const extra = frame.extra ? JSON.stringify(frame.extra) : null
  if (!("member" in frame)) {
    const own = { uri: topic, ...place, extra }
    return frame.event === "delete" ? deleteText(own) : patchText({ ...own, patch: frame.patch })
  }
  if (frame.event === "create") {
    const { member, resource, entry = null } = frame
    return createText({ uri: topic, member, ...place, resource, entry, extra })
  }
  const own = { uri: frame.member, list: topic, ...place, extra }
  if (frame.event === "delete") return deleteText(own)
  const entry = frame.entry ?? null
  return frame.event === "patch"
    ? patchText({ ...own, patch: frame.patch, entry })
    : stateText({ ...own, resource: frame.resource, entry })
}

function placeOf({ topic, params }: Target): ViewPlace {
  return { topic, params, query: new URLSearchParams(topic.slice(pathOf(topic).length)) }
}
