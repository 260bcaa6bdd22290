/** A WebSocket and nothing else: what comes over it is written down, and held against the journal. */
import type { Done, Frame, Refused, Reply } from "../../src/protocol/frames.ts"
import type { Resumed, ResumedTopic } from "../../src/protocol/resume.ts"
import { audit, concerns, type Event } from "./ledger.ts"
import {
  BACK_MILLISECONDS,
  isFollowable,
  PING_MILLISECONDS,
  show,
  type OpenMouth,
} from "./mouth.ts"

function isReply(said: Frame | Reply): said is Reply {
  return "ok" in said
}

interface Topic {
  /** As it was asked for. */
  uri: string
  canonical: string
  isConcerned: (uri: string) => boolean
  /** Up to where it is known, once all that a reply announced has come. */
  epoch: string | undefined
  position: number
  /** False until then: what others of the socket are told is no place to go on from. */
  isJoined: boolean
  /** Of one that is resumed: what it knew then. */
  resumedFrom: number | undefined
  events: Event[]
  /** The epoch that the events are of. */
  era: string | undefined
  /** Of a view: the position of the change that was told last. */
  shown: number
  /** The newest revision it was shown at: what was read again is newer than its change. */
  newest: number
  /** More of the same is to come. */
  more: boolean
}

/** The next frames, which a reply announced: of one topic, or of all that were resumed. */
interface Welcome {
  topic: Topic | null
  left: number
  done: () => void
}

export const openSocket: OpenMouth = ({ url, uris, heard, resumes = false }) => {
  const topics = new Map<string, Topic>()
  const asked = new Map<number, (reply: never) => void>()
  const failures: string[] = []
  /** Frames that are no one's welcome: each must tell something to a topic that is followed. */
  const shared = new Map<number, string>()
  let frames = 0
  let ids = 0
  let welcome: Welcome | null = null
  let socket: WebSocket | null = null
  let isClosed = false

  for (const uri of uris) {
    topics.set(uri, {
      uri,
      canonical: uri,
      isConcerned: concerns(uri),
      epoch: undefined,
      position: 0,
      isJoined: false,
      resumedFrom: undefined,
      events: [],
      era: undefined,
      shown: 0,
      newest: 0,
      more: false,
    })
  }
  open()

  function open(): void {
    const mine = new WebSocket(`${url.replace("http", "ws")}/live`)
    socket = mine
    for (const topic of topics.values()) topic.isJoined = false
    mine.addEventListener("open", () => {
      const held = [...topics.values()].filter(({ epoch }) => resumes && epoch !== undefined)
      if (held.length > 0) resume(held)
      for (const topic of topics.values()) if (!held.includes(topic)) subscribe(topic)
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

  function say<Answer extends Done | Resumed>(
    command: object,
    then: (reply: Answer | Refused) => void,
  ): void {
    if (socket?.readyState !== 1) return
    asked.set(++ids, then)
    const text = JSON.stringify({ id: ids, ...command })
    heard(`says ${text}`)
    socket.send(text)
  }

  function refused(uri: string, problem: Refused["problem"]): void {
    if (problem.status !== 503) failures.push(`${uri}: ${problem.detail}`)
    // It is worth coming back: a new socket subscribes again.
    socket?.close()
  }

  function subscribe(topic: Topic): void {
    const { uri, epoch, position } = topic
    const since = epoch === undefined ? {} : { since: `${epoch}.${position}` }
    say<Done>({ event: "subscribe", uri, ...since }, (reply) => {
      if (!reply.ok) return refused(uri, reply.problem)
      const place = begin(topic, reply, position, reply.epoch)
      expect({ topic, left: reply.frames ?? 0, done: () => settle(topic, place, reply.epoch) })
    })
  }

  /** One command for all of them. */
  function resume(held: Topic[]): void {
    const sinces = new Map(held.map((topic) => [topic, topic.position]))
    const known = held.map(({ uri, epoch, position }) => ({ uri, since: `${epoch}.${position}` }))
    say<Resumed>({ event: "resume", uris: known }, (reply) => {
      if (!reply.ok) return refused("resume", reply.problem)
      const places: [Topic, number][] = []
      for (const [at, topic] of held.entries()) {
        const told = reply.topics[at]
        if (!told || told.problem) {
          const lost = { code: "none", status: 0, detail: "is not in the reply" }
          refused(topic.uri, told?.problem ?? lost)
        } else places.push([topic, begin(topic, told, sinces.get(topic) ?? 0, reply.epoch)])
      }
      const done = () => places.forEach(([topic, place]) => settle(topic, place, reply.epoch))
      expect({ topic: null, left: reply.frames, done })
    })
  }

  function begin(
    topic: Topic,
    { uri, resumed, position = 0 }: Done | ResumedTopic,
    since: number,
    epoch: string | undefined,
  ): number {
    turn(topic, epoch)
    topic.canonical = uri
    topic.isConcerned = concerns(uri)
    topic.resumedFrom = resumed && since
    if (resumed) topic.events.push({ kind: "resume", since })
    else {
      topic.events.push({ kind: "state", floor: position })
      topic.shown = topic.newest = 0
    }
    return position
  }

  /** In another epoch revisions are given out again: what was heard before can be held against nothing. */
  function turn(topic: Topic, epoch: string | undefined): void {
    if (topic.era !== undefined && topic.era !== epoch) {
      topic.events = []
      shared.clear()
    }
    topic.era = epoch
  }

  function settle(topic: Topic, position: number, epoch: string | undefined): void {
    topic.isJoined = true
    topic.epoch = epoch
    topic.position = position
  }

  function expect(next: Welcome): void {
    welcome = next.left > 0 ? next : null
    if (!welcome) next.done()
  }

  function take(said: Frame | Reply): void {
    if (isReply(said)) {
      const then = asked.get(Number(said.id)) as ((reply: Reply) => void) | undefined
      asked.delete(Number(said.id))
      then?.(said)
    } else {
      hear(said)
    }
  }

  function hear(frame: Frame): void {
    const id = ++frames
    const uri = frame.event === "create" ? frame.member : frame.uri
    const own = welcome
    // The state is in the reply's position; what was missed is told change by change.
    if (!own?.topic) share(frame, uri, id, own !== null)
    else if (own.topic.events.at(-1)?.kind !== "state") write(own.topic, frame, uri, id, true)
    if (own) expect({ ...own, left: own.left - 1 })
  }

  /** A frame for whoever it concerns. What a resume tells of is known to those that knew more than others. */
  function share(frame: Frame, uri: string, id: number, isMissed: boolean): void {
    const { revision, position = revision, reset, view, list } = frame
    let isMine = false
    for (const topic of topics.values()) {
      // What tells a view tells that alone.
      if (view && topic.canonical !== (list ?? frame.uri)) continue
      const isOwn = (list ?? frame.uri) === topic.canonical || uri === topic.canonical
      if (!isOwn && (!topic.isConcerned(uri) || view || reset)) continue
      if (!isFollowable(topic.uri) && !isOwn) continue
      isMine = true
      const { resumedFrom = Number.POSITIVE_INFINITY } = topic
      if (isMissed && !reset && position <= resumedFrom) continue
      write(topic, frame, uri, id, false)
    }
    if (!isMine) failures.push(`a frame of ${frame.uri}, which is not followed`)
    // What had to be read again may be told to who knows it: then its position is not above what is known.
    if (frame.position === undefined && !view && !reset) shared.set(id, show(frame))
  }

  function write(topic: Topic, frame: Frame, uri: string, id: number, own: boolean): void {
    const { revision, position = revision, reset, epoch } = frame
    // Of a change told in parts, all but the last say to resume from before it.
    const change = frame.more ? position + 1 : position
    if (reset) {
      turn(topic, epoch)
      topic.events.push({ kind: "state", floor: position })
      topic.position = position
      topic.epoch = epoch ?? topic.epoch
    } else {
      if (isFollowable(topic.uri)) {
        topic.events.push({ kind: "frame", id, uri, position, revision, own })
      } else if (frame.view && change <= topic.shown && !topic.more && !isNews(topic, frame)) {
        failures.push(`${topic.uri} was shown at ${change} after ${topic.shown}`)
      }
      if (topic.isJoined || welcome) topic.position = Math.max(topic.position, position)
    }
    // The list that a view is a member of tells of it, too, and is in no order with it.
    if (reset) topic.shown = topic.newest = 0
    if (frame.view || reset) {
      topic.shown = Math.max(topic.shown, change)
      topic.newest = Math.max(topic.newest, revision)
    }
    if (frame.view) topic.more = frame.more === true
  }

  /** All of a view, read after more than is known: its position is before what else happened meanwhile. */
  function isNews(topic: Topic, { event, list, revision }: Frame): boolean {
    return event === "state" && list === undefined && revision > topic.newest
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
      topic.isJoined = false
      topic.shown = topic.newest = 0
      subscribe(topic)
    },
    close: () => {
      isClosed = true
      socket?.close()
    },
  }
}
