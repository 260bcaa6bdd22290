/** A change → its frames. Pure: one text per change, however many sockets get it. */
import type { Change } from "../../protocol/change.ts"
import {
  createText,
  deleteText,
  expiringText,
  patchText,
  stateText,
} from "../../protocol/frames.ts"
import { listOf } from "../../protocol/uri.ts"
import type { Resolve } from "../uris.ts"

/**
 * What happened at one place of the journal, as frames by topic. A session gets the first that it follows with a
 * floor below `revision`.
 */
export interface Delivery {
  revision: number
  frames: (readonly [topic: string, text: string])[]
  /** Of a reset: it goes to every follower whatever it knows, and tells all up to here. */
  floor?: number
}

/** A resource that was read at `revision`, in the place of the change at `position`. */
interface Reread {
  json: string
  revision: number
  position: number
}

/** Which topics the frames are for. */
interface Wanted {
  item: boolean
  list: boolean
  patterns: readonly string[]
}

/** True when the journal alone tells the change. */
export function isTold({ event, body }: Change): boolean {
  return event === "delete" || event === "expiring" || body !== null
}

/**
 * The frames of a change that the journal tells, or that was read again. The list's comes first, because it serves all;
 * patterns are told as lists are.
 */
export function deliveryOf(
  change: Change,
  wanted: Wanted,
  resolve: Resolve,
  reread?: Reread,
): Delivery {
  const { uri, extra } = change
  const list = listOf(uri)
  const revision = reread?.revision ?? change.revision
  const position = reread && reread.position !== revision ? reread.position : undefined
  const place = { uri, revision, ...(position === undefined ? {} : { position }), extra }
  const resource = reread?.json ?? change.body
  const entry = wanted.list ? entryOf(uri, revision, resolve) : null
  const frames: Delivery["frames"] = []

  if (change.event === "create" && list !== null) {
    const many = wanted.list ? [list, ...wanted.patterns] : wanted.patterns
    if (many.length > 0) {
      const text = createText({ ...place, uri: list, member: uri, resource, entry })
      frames.push(...many.map((topic) => [topic, text] as const))
    }
    if (wanted.item) frames.push([uri, stateText({ ...place, resource })])
    return { revision, frames }
  }
  const text =
    change.event === "expiring"
      ? expiringText(place)
      : change.event === "delete"
        ? deleteText(place)
        : change.event === "patch" && !reread
          ? patchText({ ...place, patch: resource, entry })
          : stateText({ ...place, resource, entry })
  if (wanted.list && list !== null) frames.push([list, text])
  if (wanted.item) frames.push([uri, text])
  for (const pattern of wanted.patterns) frames.push([pattern, text])
  return { revision, frames }
}

/** The element that the list shows for an item, as JSON text; null when it is the resource itself. */
function entryOf(uri: string, revision: number, resolve: Resolve): string | null {
  const target = resolve(uri)
  const entry = target?.endpoint.entryOf?.(target.params, revision)
  return entry === undefined ? null : JSON.stringify(entry)
}
