/** Readers that were so far behind that what waited for them was dropped: once they have caught up, they are told anew. */
import { JOURNAL } from "../../protocol/changes.ts"
import { patchText } from "../../protocol/frames.ts"
import type { Bench } from "./command.ts"
import { join, type Asked, type Joined } from "./join.ts"
import type { Session } from "../session.ts"
import { topicText } from "./state.ts"
import { selectionOf, type Resolve } from "../uris.ts"

/** A reader has taken all that was sent before a mark. Never rejects. */
export async function acknowledge(mark: number, session: Session, bench: Bench): Promise<void> {
  session.outlet.acknowledge(mark)
  if (!isDue(session)) return
  // Among its commands, because they change what it follows. It adds nothing to what waits of those.
  await session.enqueue(0, Number.POSITIVE_INFINITY, async () => {
    try {
      if (isDue(session)) await tellAnew(session, bench)
    } catch (error) {
      console.error({ event: "reader_left_behind", message: String(error) })
      session.close(1011, "What was missed could not be told, connect again")
    }
  })
}

function isDue({ closed, outlet }: Session): boolean {
  return !closed && outlet.isLost && !outlet.isBehind
}

async function tellAnew(session: Session, bench: Bench): Promise<void> {
  const { resolve } = bench
  const asked = session.topics.flatMap((topic): Asked[] => {
    const target = topic === JOURNAL ? null : (selectionOf(topic) ?? resolve(topic))
    return target ? [{ target, since: undefined, throttle: session.interval(topic) }] : []
  })
  await join(asked, session, bench, ({ joined }) => {
    const { epoch, revision } = bench.follower.position
    const texts = joined.map((one) => anewText(one, epoch, revision, resolve))
    session.outlet.regain()
    if (session.floor(JOURNAL) === undefined) return texts
    return [...texts, patchText({ uri: JOURNAL, revision, patch: "{}" })]
  })
}

/** As it is now. What cannot be read is as good as gone, unless it is worth trying again. */
function anewText(
  { target, floor, reply, reading = null, refusal }: Joined,
  epoch: string,
  current: number,
  resolve: Resolve,
): string {
  if (refusal?.code === "overloaded") throw refusal
  const { revision = current } = reply
  const place = { revision, position: Math.max(revision, floor), reset: true, epoch } as const
  return topicText(target.topic, reading, place, resolve)
}
