/** The state of a topic as a frame. Pure. */
import { deleteText, stateText } from "../../protocol/frames.ts"
import { isPattern } from "../../protocol/pattern.ts"
import type { Reading } from "../delivery/fanout.ts"
import { isFollowable, type Resolve } from "../uris.ts"
import { listAt, membersOf } from "../delivery/views.ts"

interface Place {
  revision: number
  /** Where to resume from. */
  position: number
  reset?: true
  epoch?: string
}

/** What was read at a topic, as `state`; where there is nothing, as `delete`. */
export function topicText(
  topic: string,
  reading: Reading,
  { position, ...place }: Place,
  resolve: Resolve,
): string {
  const target = resolve(topic)
  const at = {
    uri: topic,
    ...place,
    ...(position === place.revision ? {} : { position }),
    ...(isPattern(topic) || (target && isFollowable(target)) ? {} : { view: true as const }),
  }
  if (reading === null) return deleteText(at)
  const members = target && membersOf(target, reading)
  const order = members && target && listAt(target)?.order
  return stateText({ ...at, ...(order ? { order } : {}), members, resource: reading.json })
}
