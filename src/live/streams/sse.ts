/** Any GET URI as server-sent events: the frames of a subscription, each with the place to go on from as its id. */
import { EventStream, EVENT_STREAM_HEADERS } from "../../lib/event-stream.ts"
import { deleteText, resetText, type Head } from "../../protocol/frames.ts"
import {
  EVENTS_HEARTBEAT_MILLISECONDS,
  EVENTS_RETRY_MILLISECONDS,
  EVENTS_WAITING_MAX_BYTES,
} from "../../protocol/live-limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { FrameStream } from "./frame-stream.ts"
import type { Ear, Listen, Wish } from "./listen.ts"

/**
 * The answer to whoever wants events of a URI. It ends when the hub goes; the client comes back with the id of the
 * last event, and gets what it missed, or a frame that says `reset`.
 * @param random 0 ≤ chance < 1; spreads clients that were cut off together
 */
export async function watch(wish: Wish, listen: Listen, random: () => number): Promise<Response> {
  try {
    const ear = await listen(wish)
    const reply = await ear.reply
    if (reply.ok) return pipe(ear, reply, wish.request, random)
    ear.close()
    const headers = { "Content-Type": "application/problem+json" }
    const { problem } = reply
    return new Response(JSON.stringify(problem), { status: problem?.status ?? 500, headers })
  } catch (error) {
    return comeBack(error, random)
  }
}

/**
 * An event stream that is over at once, because the hub is away: a page gives up for good when it sees a status that
 * is no success. Throws what is no Problem.
 */
export function comeBack(error: unknown, random: () => number): Response {
  if (!(error instanceof Problem)) throw error
  const text = `retry: ${retryMilliseconds(random)}\n: ${error.message}\n\n`
  return new Response(text, { headers: { ...EVENT_STREAM_HEADERS } })
}

/** An event stream with the limits of this service, which a request's end ends. */
export function eventStream(
  request: Request,
  random: () => number,
  { isAlive, taken, ended }: { isAlive?: () => boolean; taken?: () => void; ended: () => void },
): EventStream {
  const end = () => stream.end()
  const stream = new EventStream({
    retryMilliseconds: retryMilliseconds(random),
    heartbeatMilliseconds: EVENTS_HEARTBEAT_MILLISECONDS,
    waitingMaxBytes: EVENTS_WAITING_MAX_BYTES,
    ...(isAlive ? { isAlive } : {}),
    ...(taken ? { taken } : {}),
    ended: () => {
      request.signal.removeEventListener("abort", end)
      ended()
    },
  })
  request.signal.addEventListener("abort", end)
  return stream
}

function pipe(
  ear: Ear,
  { uri, revision, frames = 0, reset, absent, position = 0, epoch = "" }: Head,
  request: Request,
  random: () => number,
): Response {
  const stream = eventStream(request, random, {
    isAlive: () => ear.ping(),
    taken: () => events.flush(),
    ended: () => ear.close(),
  })
  const events = new FrameStream(stream, epoch)
  // All up to the position of the reply is told when the last of its own frames is.
  let own = frames
  if (frames === 0) {
    const gone = deleteText({ uri, revision, reset: true, epoch })
    if (reset && absent) events.send(gone, { event: "delete" }, position)
    else events.place(position)
  }
  ear.listen({
    heard: (text, head) => {
      if (own === 0) {
        events.tell(text, head)
        return
      }
      const isFirst = own === frames
      own--
      const at = own === 0 ? position : (head.position ?? head.revision)
      events.send(isFirst && reset ? resetText(text, epoch) : text, head, at)
    },
    closed: () => stream.end(),
  })
  return stream.response
}

function retryMilliseconds(random: () => number): number {
  return Math.round(EVENTS_RETRY_MILLISECONDS * (0.5 + random()))
}
