/** A WebSocket and nothing else: what comes over it is written down, and held against the journal. */
import { listOf } from "../../src/protocol/uri.ts"
import type { Done, Frame, Refused } from "../../src/protocol/frames.ts"
import { audit, type Event } from "./ledger.ts"
import {
  BACK_MILLISECONDS,
  isFollowable,
  PING_MILLISECONDS,
  show,
  type OpenMouth,
} from "./mouth.ts"

/** To what is said here; nobody here resumes many topics at once. */
type Reply = Done | Refused

function isReply(said: Frame | Reply): said is Reply {
  return "ok" in said
}

interface Topic {
  /** As it was asked for. */
  uri: string
  canonical: string
  epoch: string | undefined
  position: number
  events: Event[]
  /** Of a view: the position of the change that was told last. */
  shown: number
  /** And whether more of the same is to come. */
  more: boolean
}

export const openSocket: OpenMouth = ({ url, uris, heard }) => {
  const topics = new Map<string, Topic>()
  const asked = new Map<number, (reply: Reply) => void>()
  const failures: string[] = []
  /** Frames that are no one's welcome: each must tell something to a topic that is followed. */
  const shared = new Map<number, string>()
  let frames = 0
  let ids = 0
  let welcome: { topic: Topic; left: number } | null = null
  let socket: WebSocket | null = null
  let isClosed = false

  for (const uri of uris) {
    topics.set(uri, {
      uri,
      canonical: uri,
      epoch: undefined,
      position: 0,
      events: [],
      shown: 0,
      more: false,
    })
  }
  open()

  function open(): void {
    const mine = new WebSocket(`${url.replace("http", "ws")}/live`)
    socket = mine
    mine.addEventListener("open", () => {
      for (const topic of topics.values()) subscribe(topic)
    })
    let isSilent = false
    const pings = setInterval(() => {
      // As clients must: not every line that is dead says so.
      if (isSilent) mine.close()
      else if (mine.readyState === 1) mine.send("ping")
      isSilent = true
    }, PING_MILLISECONDS)
    mine.addEventListener("message", ({ data }) => {
      isSilent = false
      if (socket !== mine || data === "pong") return
      const said = JSON.parse(String(data)) as Frame | Reply
      take(said)
      heard(show(said))
    })
    const gone = () => {
      clearInterval(pings)
      if (socket !== mine) return
      heard("the socket is gone")
      socket = null
      welcome = null
      asked.clear()
      if (!isClosed) setTimeout(() => !isClosed && open(), BACK_MILLISECONDS)
    }
    mine.addEventListener("close", gone)
    mine.addEventListener("error", gone)
  }

  function say(command: object, then: (reply: Reply) => void): void {
    if (socket?.readyState !== 1) return
    asked.set(++ids, then)
    const text = JSON.stringify({ id: ids, ...command })
    heard(`says ${text}`)
    socket.send(text)
  }

  function subscribe(topic: Topic): void {
    const { uri, epoch, position } = topic
    const since = epoch === undefined ? {} : { since: `${epoch}.${position}` }
    say({ event: "subscribe", uri, ...since }, (reply) => {
      if (!reply.ok) {
        if (reply.problem.status !== 503) failures.push(`${uri}: ${reply.problem.detail}`)
        // It is worth coming back: a new socket subscribes again.
        socket?.close()
        return
      }
      topic.canonical = reply.uri
      topic.epoch = reply.epoch
      if (reply.resumed) topic.events.push({ kind: "resume", since: position })
      else {
        topic.events.push({ kind: "state", floor: reply.position ?? 0 })
        topic.shown = 0
      }
      topic.position = reply.position ?? 0
      welcome = reply.frames ? { topic, left: reply.frames } : null
    })
  }

  function take(said: Frame | Reply): void {
    if (isReply(said)) {
      const then = asked.get(Number(said.id))
      asked.delete(Number(said.id))
      then?.(said)
    } else {
      hear(said)
    }
  }

  function hear(frame: Frame): void {
    const id = ++frames
    const uri = frame.event === "create" ? frame.member : frame.uri
    if (welcome) {
      const { topic } = welcome
      if (--welcome.left === 0) welcome = null
      // The state is in the reply's position; what was missed is told change by change.
      if (topic.events.at(-1)?.kind !== "state") write(topic, frame, uri, id, true)
      return
    }
    let isMine = false
    for (const topic of topics.values()) {
      // What tells a view tells that alone.
      if (frame.view && topic.canonical !== (frame.list ?? frame.uri)) continue
      const isOwn = (frame.list ?? frame.uri) === topic.canonical || uri === topic.canonical
      if (!isOwn && (listOf(uri) !== topic.canonical || frame.view || frame.reset)) continue
      if (!isFollowable(topic.uri) && !isOwn) continue
      isMine = true
      write(topic, frame, uri, id, false)
    }
    if (!isMine) failures.push(`a frame of ${frame.uri}, which is not followed`)
    // What had to be read again may be told to who knows it: then its position is not above what is known.
    const isExact = frame.position === undefined
    if (isExact && !frame.view && !frame.reset) shared.set(id, show(frame))
  }

  function write(topic: Topic, frame: Frame, uri: string, id: number, own: boolean): void {
    const { revision, position = revision, reset, epoch } = frame
    // Of a change told in parts, all but the last say to resume from before it.
    const change = frame.more ? position + 1 : position
    if (reset) {
      topic.events.push({ kind: "state", floor: position })
      topic.position = position
      topic.epoch = epoch ?? topic.epoch
    } else {
      if (isFollowable(topic.uri)) {
        topic.events.push({ kind: "frame", id, uri, position, revision, own })
      } else if (frame.view && change <= topic.shown && !topic.more) {
        failures.push(`${topic.uri} was shown at ${change} after ${topic.shown}`)
      }
      topic.position = Math.max(topic.position, position)
    }
    // The list that a view is a member of tells of it, too, and is in no order with it.
    if (frame.view || reset) topic.shown = change
    if (frame.view) topic.more = frame.more === true
  }

  return {
    faults: (_truths, journal) => {
      const useful = new Set<number>()
      const wrong = [...topics.values()].flatMap((topic) => {
        if (topic.epoch === undefined) return [`${topic.uri} was never subscribed to`]
        if (!isFollowable(topic.uri)) return []
        const found = audit(topic.canonical, topic.events, journal)
        for (const id of found.useful) useful.add(id)
        const missed = found.missed.map((revision) => `${topic.uri} missed ${revision}`)
        return [...found.faults, ...missed]
      })
      const needless = [...shared].filter(([id]) => !useful.has(id))
      return [...failures, ...wrong, ...needless.map(([, frame]) => `nothing new in ${frame}`)]
    },
    flush: () =>
      new Promise((resolve) => {
        if (socket?.readyState !== 1) resolve()
        else say({ event: "unsubscribe", uri: "/api/apps/nobody" }, () => resolve())
      }),
    rejoin: () => {
      const [topic] = topics.values()
      if (!topic) return
      say({ event: "unsubscribe", uri: topic.canonical }, () => {})
      topic.epoch = undefined
      topic.shown = 0
      subscribe(topic)
    },
    close: () => {
      isClosed = true
      socket?.close()
    },
  }
}
