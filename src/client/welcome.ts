/** Frames that a reply announced: whose they are, and what is to be done after the last. */
import type { Done, Frame, Refused } from "../protocol/frames.ts"
import type { Resumed } from "../protocol/resume.ts"
import type { Topic } from "./subscription.ts"

/** A topic and the URI by which it was asked for. */
export type Named = [uri: string, topic: Topic]

export interface Welcome {
  /** How many are still to come. */
  left: number
  of: (frame: Frame) => Iterable<Named>
  done: () => void
}

/** Begins the topic: all frames are its own. */
export function subscribed([uri, topic]: Named, reply: Done): Welcome {
  topic.begin(reply)
  return {
    left: reply.frames ?? 0,
    of: () => [[uri, topic]],
    done: () => topic.settle(reply),
  }
}

/** Begins the topics, in the order in which they were asked for; `fail` is told of those that were refused. */
export function resumed(
  topics: readonly Named[],
  { epoch, frames, topics: outcomes }: Resumed,
  fail: (uri: string, topic: Topic, problem: Refused["problem"]) => void,
): Welcome {
  const told: Named[] = []
  const anew: Named[] = []
  const settled: (() => void)[] = []
  for (const [at, [uri, topic]] of topics.entries()) {
    const { problem, ...outcome } = outcomes[at] ?? { uri }
    if (problem) {
      fail(uri, topic, problem)
      continue
    }
    const reply: Done = { id: null, ok: true, epoch, ...outcome }
    topic.begin(reply)
    settled.push(() => topic.settle(reply))
    if (outcome.resumed) told.push([uri, topic])
    else anew.push([uri, topic])
  }
  return {
    left: frames,
    // What is told anew is in no order with what the others missed.
    of: ({ reset, uri }) => (reset ? anew.filter(([, { replica }]) => replica.uri === uri) : told),
    done: () => settled.forEach((settle) => settle()),
  }
}
