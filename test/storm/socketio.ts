/**
 * A stock Socket.IO client. The frames of a command come before its acknowledgement, and nothing but order tells whose
 * they are: so items are subscribed to before the lists that tell of them too, and who comes back resumes all at once.
 */
import { io } from "socket.io-client"
import { PATCHERS } from "../../src/client/live.ts"
import { Topic } from "../../src/client/subscription.ts"
import { isPattern } from "../../src/protocol/pattern.ts"
import type { Done, Frame, Refused } from "../../src/protocol/frames.ts"
import type { Resumed } from "../../src/protocol/resume.ts"
import { resumed, type Named } from "../../src/client/welcome.ts"
import { BACK_MILLISECONDS, copyFaults, PING_MILLISECONDS, show, type OpenMouth } from "./mouth.ts"

const EVENTS = ["state", "create", "patch", "delete", "expiring"] as const
/** Who is not answered by then has lost the line, which says so only after Socket.IO's own pings. */
const ANSWER_MILLISECONDS = 3 * PING_MILLISECONDS

export const openSocketIo: OpenMouth = ({ url, uris, heard, polls = false }) => {
  const failures: string[] = []
  const topics: Named[] = [...uris].sort(byKind).map((uri) => [uri, new Topic(uri, PATCHERS)])
  const joined = new Set<Topic>()
  /** What came while a command waits for its acknowledgement. */
  let waiting: Frame[] | null = null
  let line = 0
  const transports = polls ? ["polling", "websocket"] : ["websocket"]
  const socket = io(url, {
    forceNew: true,
    transports,
    reconnectionDelay: BACK_MILLISECONDS,
    reconnectionDelayMax: 8 * BACK_MILLISECONDS,
    randomizationFactor: 0,
    // What is cut off between the WebSocket and the first packet is no error to it (4.8.4): it waits so long, 20 s by default.
    timeout: ANSWER_MILLISECONDS,
  })

  for (const event of EVENTS) {
    socket.on(event, (payload: object) => {
      const frame = { event, ...payload } as Frame
      if (waiting) waiting.push(frame)
      tell(frame, joined, waiting === null)
      heard(show(frame))
    })
  }
  socket.on("connect", () => {
    heard("is connected")
    void join(++line)
  })
  socket.on("disconnect", (reason) => {
    heard(`is disconnected: ${reason}`)
    line++
    waiting = null
    joined.clear()
    for (const [, { replica }] of topics) replica.pause()
    // Only then it does not come back by itself.
    if (reason === "io server disconnect") socket.connect()
  })

  const pings = setInterval(() => {
    const mine = line
    if (socket.connected) void ask("unsubscribe", "/api/apps/nobody").catch(() => lose(mine))
  }, PING_MILLISECONDS)

  /**
   * Comes back on another line. A stock client (4.8.4) whose probe is cut off while it goes over to a WebSocket polls no
   * more and cannot be closed either: it would come back only when it has missed the pings of 45 seconds.
   */
  function lose(mine: number): void {
    if (line !== mine) return
    if (socket.io.engine.transport.name === "polling") socket.disconnect().connect()
    else socket.io.engine.close()
  }

  /** `then` runs before the next packet is read, which a promise would not. */
  function ask<Reply extends { ok: true }>(
    event: string,
    payload: unknown,
    then: (reply: Reply | Refused) => void = () => {},
  ): Promise<Reply | Refused> {
    heard(`says ${event} ${JSON.stringify(payload)}`)
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, reply: Reply | Refused) => {
        if (error) return reject(error)
        heard(`${event}: ${show(reply)}`)
        then(reply)
        resolve(reply)
      }
      socket.timeout(ANSWER_MILLISECONDS).emit(event, payload, done)
    })
  }

  async function join(mine: number): Promise<void> {
    try {
      const held = topics.filter(([, { replica }]) => replica.since !== undefined)
      if (held.length > 0) await resume(held)
      for (const named of topics) {
        if (line !== mine) return
        if (!joined.has(named[1])) await subscribe(named)
      }
    } catch {
      lose(mine)
    }
  }

  async function subscribe(named: Named): Promise<void> {
    const [uri, topic] = named
    const own: Frame[] = (waiting = [])
    const mine = line
    // As the clients of Flask-SocketAPI write it.
    await ask<Done>("subscribe", uri, (reply) => {
      waiting = null
      if (!reply.ok) return refused(uri, reply.problem, mine)
      topic.begin(reply)
      joined.add(topic)
      if (!reply.frames) topic.settle(reply)
      let isOver = !reply.frames
      for (const frame of own) {
        if (!isOver && (frame.event !== "state" || frame.uri !== reply.uri)) continue
        tell(frame, [topic], false)
        if (!isOver) topic.settle(reply)
        isOver = true
      }
      if (!isOver) failures.push(`${uri}: no state came before the acknowledgement`)
    })
  }

  /** On a new line: what comes first is the answer's. */
  async function resume(held: Named[]): Promise<void> {
    const own: Frame[] = (waiting = [])
    const mine = line
    const known = held.map(([uri, { replica }]) => ({ uri, since: replica.since }))
    await ask<Resumed>("resume", { uris: known }, (reply) => {
      waiting = null
      if (!reply.ok) return refused("resume", reply.problem, mine)
      const welcome = resumed(held, reply, (uri, _topic, problem) => refused(uri, problem, mine))
      for (const [at, frame] of own.entries()) {
        if (at === reply.frames) welcome.done()
        const concerned = at < reply.frames ? [...welcome.of(frame)] : held
        tell(
          frame,
          concerned.map(([, topic]) => topic),
          false,
        )
      }
      if (own.length <= reply.frames) welcome.done()
      if (own.length < reply.frames) failures.push(`${reply.frames} frames, but ${own.length} came`)
      for (const [, topic] of held) joined.add(topic)
    })
  }

  function refused(uri: string, problem: Refused["problem"], mine: number): void {
    if (problem.status !== 503) failures.push(`${uri}: ${problem.detail}`)
    lose(mine)
  }

  /** @param isNews whether somebody must learn something by it */
  function tell(frame: Frame, concerned: Iterable<Topic>, isNews: boolean): void {
    const outcomes = [...concerned].map((topic) => topic.take(frame))
    if (outcomes.includes("lost")) failures.push(`${show(frame)} cannot be applied`)
    // What had to be read again, and what tells one topic alone, may come to who knows it.
    const isExact = frame.position === undefined && !frame.view && !frame.reset
    const isNew = outcomes.some((outcome) => outcome === "changed" || outcome === "warned")
    if (isNews && isExact && !isNew) {
      failures.push(`nothing new in ${show(frame)}`)
    }
  }

  return {
    faults: (truths) => {
      const wrong = topics.flatMap(([uri, topic]) =>
        joined.has(topic)
          ? copyFaults(uri, topic.replica.value, truths, "by its events")
          : [`${uri} is not subscribed to`],
      )
      return [...failures, ...wrong]
    },
    flush: async () => {
      await ask("unsubscribe", "/api/apps/nobody").catch(() => {})
    },
    rejoin: () => {
      const last = topics.at(-1)
      // An item would be told by its list meanwhile.
      if (!last || kindOf(last[0]) === 0 || !joined.has(last[1]) || waiting) return
      const [uri, topic] = last
      const mine = line
      const again = new Topic(uri, PATCHERS)
      ask("unsubscribe", topic.replica.uri, () => {
        joined.delete(topic)
        topics.splice(-1, 1, [uri, again])
      })
        .then(() => (line === mine ? subscribe([uri, again]) : undefined))
        .catch(() => lose(mine))
    },
    close: () => {
      clearInterval(pings)
      socket.disconnect()
    },
  }
}

/** Items first, then what tells them too. */
function byKind(one: string, other: string): number {
  return kindOf(one) - kindOf(other)
}

function kindOf(uri: string): number {
  return isPattern(uri) ? 2 : uri.endsWith("/") || uri.includes("?") ? 1 : 0
}
