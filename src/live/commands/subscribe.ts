/** Subscribing to one topic. */
import { doneText, type Command, type CommandId } from "../../protocol/frames.ts"
import { JOURNAL } from "../../protocol/changes.ts"
import type { Bench } from "./command.ts"
import { full, join, letIn, targetAt } from "./join.ts"
import type { Session } from "../session.ts"
import { topicText } from "./state.ts"

/** Subscribes and replies. Throws Problem or Refusal; the session follows then what it did before. */
export async function subscribe(
  { id, uri, since, throttle }: Extract<Command, { event: "subscribe" }>,
  session: Session,
  bench: Bench,
): Promise<void> {
  const { follower, resolve } = bench
  if (uri === JOURNAL) return followJournal(id, throttle, session, bench)
  const target = await targetAt(uri, session, bench)
  const { topic } = target
  if (!session.hasRoomFor([topic, throttle])) throw full(topic)
  await letIn(target, session, bench)
  await join([{ target, since, throttle }], session, bench, ({ joined: [one], missed }) => {
    if (!one || one.refusal) throw one?.refusal ?? new Error("Nothing was joined")
    const { reply, floor, reading } = one
    const revision = reply.revision ?? floor
    // Where to resume from is in the reply, which comes right before the state.
    const texts = reading
      ? [topicText(topic, reading, { revision, position: revision }, resolve)]
      : missed
    const { epoch } = follower.position
    const frames = texts.length
    return [doneText(id, { uri: topic, ...reply, epoch, position: floor, frames }), ...texts]
  })
}

/** There is no state of it; what follows says no more than that there are changes. */
async function followJournal(
  id: CommandId,
  throttle: number | undefined,
  session: Session,
  { topics, follower }: Bench,
): Promise<void> {
  if (!session.hasRoomFor([JOURNAL, throttle])) throw full(JOURNAL)
  do await follower.ready()
  while (!follower.isReady)
  if (session.closed) return topics.isEmpty ? follower.rest() : undefined
  topics.add(JOURNAL, session)
  const { epoch, revision } = follower.position
  session.follow(JOURNAL, revision, throttle)
  follower.save()
  session.send(doneText(id, { uri: JOURNAL, revision, epoch, position: revision, frames: 0 }))
}
