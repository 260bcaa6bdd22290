/** Coming back: everything that a connection followed, by one command. */
import type { Command, Refused } from "../../protocol/frames.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Resumed, ResumedTopic } from "../../protocol/resume.ts"
import { Refusal } from "../ask.ts"
import type { Bench } from "./command.ts"
import { full, join, letIn, targetAt, type Asked, type Joined } from "./join.ts"
import type { Session } from "../session.ts"
import { topicText } from "./state.ts"

/** One URI of a resume. */
interface Wish {
  uri: string
  since: string | undefined
  throttle?: number | undefined
}

type Trouble = Refused["problem"]

/** Subscribes to all of the URIs that it can, and replies what became of each. */
export async function resume(
  { id, since, uris }: Extract<Command, { event: "resume" }>,
  session: Session,
  bench: Bench,
): Promise<void> {
  const asked = new Map<string, Asked>()
  const answers: (string | ResumedTopic)[] = []
  for (const each of uris) {
    const one: Wish = { since, ...(typeof each === "string" ? { uri: each } : each) }
    try {
      const target = await targetAt(one.uri, session, bench)
      const { topic } = target
      const wanted = [...asked].map(([other, { throttle }]) => [other, throttle] as const)
      if (!session.hasRoomFor(...wanted, [topic, one.throttle])) throw full(topic)
      if (!asked.has(topic)) await letIn(target, session, bench)
      const { since: other, throttle } = asked.get(topic) ?? one
      // Two positions need not be of one epoch, so that neither is the earlier: then it goes on from none.
      asked.set(topic, { target, since: other === one.since ? other : "", throttle })
      answers.push(topic)
    } catch (error) {
      answers.push({ uri: one.uri, problem: problemOf(error) })
    }
  }
  await join([...asked.values()], session, bench, ({ joined, missed, through }) => {
    const { epoch } = bench.follower.position
    const states = joined.flatMap((one) => stateOf(one, epoch, bench))
    const outcomes = new Map(joined.map((one) => [one.target.topic, outcomeOf(one)]))
    const topics = answers.map((answer) =>
      typeof answer === "string" ? (outcomes.get(answer) ?? { uri: answer }) : answer,
    )
    const frames = missed.length + states.length
    const reply: Resumed = { id, ok: true, epoch, position: through, frames, topics }
    return [JSON.stringify(reply), ...missed, ...states]
  })
}

function outcomeOf({ target, floor, reply, refusal }: Joined): ResumedTopic {
  const uri = target.topic
  return refusal ? { uri, problem: problemOf(refusal) } : { uri, ...reply, position: floor }
}

/** Marked as a reset, because it is in no order with what others missed. */
function stateOf(
  { target, floor, reply, reading }: Joined,
  epoch: string,
  { resolve }: Bench,
): string[] {
  if (!reading) return []
  const place = { revision: reply.revision ?? floor, position: floor, reset: true, epoch } as const
  return [topicText(target.topic, reading, place, resolve)]
}

/** Throws what is none. */
function problemOf(error: unknown): Trouble {
  if (error instanceof Refusal) return JSON.parse(error.json) as Trouble
  if (error instanceof Problem) return JSON.parse(error.toText()) as Trouble
  throw error
}
