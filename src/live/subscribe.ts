/** Subscribing: registered first, then the state with the revision it was read at, then everything after it. */
import { parsePosition, type Position } from "../protocol/change.ts"
import { doneText, type Command, type CommandId, type Done } from "../protocol/frames.ts"
import { ATTACHMENT_MAX_BYTES } from "../protocol/limits.ts"
import { EVERYTHING } from "../protocol/pattern.ts"
import { Problem } from "../protocol/problem.ts"
import { ask, read } from "./ask.ts"
import type { Bench } from "./command.ts"
import { missedBy } from "./missed.ts"
import type { Session } from "./session.ts"
import { topicText } from "./state.ts"
import { tidied, type Target } from "./uris.ts"

/** What a new subscriber is told at first. */
interface Welcome {
  reply: Pick<Done, "revision" | "resumed" | "reset" | "absent">
  texts: string[]
  /** All changes up to this revision are in it. */
  floor: number
}

/** Subscribes and replies. Throws Problem or Refusal; the session follows then what it did before. */
export async function subscribe(
  { id, uri, since }: Extract<Command, { event: "subscribe" }>,
  session: Session,
  bench: Bench,
): Promise<void> {
  const { topics, follower } = bench
  if (uri === EVERYTHING) return followAll(id, session, bench)
  const target = bench.resolve(uri)
  if (!target || target.endpoint.isExport) {
    // The app says in its own words what is wrong with it.
    if (!target) await ask(bench.dispatch, session.who, "GET", tidied(uri))
    throw new Problem("unknown_uri", `"${uri}" cannot be subscribed to`)
  }
  const { topic } = target
  if (!session.hasRoomFor(topic)) throw full(topic)
  await follower.ready()
  if (session.closed) return
  session.hold()
  topics.add(topic, session)
  try {
    const from = follower.position
    const { reply, texts, floor } = await welcome(target, since, from, session.who, bench)
    if (session.closed) return
    // From here to the end of the turn nothing waits, so nothing can come between.
    session.follow(topic, floor)
    follower.save()
    const { epoch } = follower.position
    const frames = texts.length
    session.send(doneText(id, { uri: topic, ...reply, epoch, position: floor, frames }))
    for (const text of texts) session.send(text)
  } finally {
    if (session.floor(topic) === undefined || session.closed) topics.remove(topic, session)
    session.release()
  }
}

/** There is no state of everything; what follows says no more than that there are changes. */
async function followAll(
  id: CommandId,
  session: Session,
  { topics, follower }: Bench,
): Promise<void> {
  if (!session.hasRoomFor(EVERYTHING)) throw full(EVERYTHING)
  await follower.ready()
  if (session.closed) return
  topics.add(EVERYTHING, session)
  const { epoch, revision } = follower.position
  session.follow(EVERYTHING, revision)
  follower.save()
  session.send(doneText(id, { uri: EVERYTHING, revision, epoch, position: revision, frames: 0 }))
}

async function welcome(
  target: Target,
  since: string | undefined,
  from: Position,
  who: string,
  { dispatch, feed, resolve }: Bench,
): Promise<Welcome> {
  const asked = since === undefined ? null : parsePosition(since)
  if (asked?.epoch === from.epoch) {
    const missed = await missedBy(target, asked, from.revision, feed(), resolve)
    if (missed) {
      const { texts, through } = missed
      return { reply: { revision: through, resumed: true }, texts, floor: through }
    }
  }
  const reading = await read(dispatch, who, target.topic)
  // Registered before it was read: whatever the hub had passed by then is in it.
  const revision = reading?.revision ?? from.revision
  const floor = Math.max(revision, from.revision)
  const reset = since === undefined ? {} : { reset: true as const }
  if (!reading) return { reply: { revision, ...reset, absent: true }, texts: [], floor }
  // Where to resume from is in the reply, which comes right before it.
  const text = topicText(target.topic, reading, { revision, position: revision }, resolve)
  return { reply: { revision, ...reset }, texts: [text], floor }
}

function full(topic: string): Problem {
  return new Problem(
    "too_many_subscriptions",
    `This socket has no room for "${topic}" beside what it is subscribed to; open another`,
    { limit: ATTACHMENT_MAX_BYTES },
  )
}
