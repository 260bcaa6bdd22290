/** Following topics: registered first, then told what there is, then everything after it. */
import { parsePosition, type Position } from "../../protocol/change.ts"
import type { Done } from "../../protocol/frames.ts"
import { ATTACHMENT_MAX_BYTES, RESUME_MAX_CHANGES } from "../../protocol/live-limits.ts"
import { isPattern } from "../../protocol/pattern.ts"
import { Problem } from "../../protocol/problem.ts"
import { ask, Refusal } from "../ask.ts"
import type { Bench } from "./command.ts"
import type { Reading } from "../delivery/fanout.ts"
import { endOf, missedBy } from "./missed.ts"
import type { Session } from "../session.ts"
import { isFollowable, selectionOf, tidied, type Selection, type Target } from "../uris.ts"
import { memoryOf } from "../delivery/views.ts"

/** A topic, and the position from which it is to go on, as the client wrote it. */
export interface Asked {
  target: Target | Selection
  since: string | undefined
  /** How often it is told at most, in milliseconds; absent: at once. */
  throttle?: number | undefined
}

/** A topic that is followed from now on, or could not be. */
export interface Joined {
  target: Target | Selection
  /** All changes up to this revision are told. */
  floor: number
  reply: Pick<Done, "revision" | "resumed" | "reset" | "absent" | "view">
  /** What is there, where it is not gone on from a position. */
  reading?: Reading
  refusal?: Refusal
}

/** What new followers are told at first. */
export interface Welcome {
  joined: Joined[]
  /** Frames of what those who go on from a position missed, in order, and up to where. */
  missed: string[]
  through: number
}

/** What can be followed at a URI. Throws Problem or Refusal. */
export async function targetAt(
  uri: string,
  { who }: Session,
  { resolve, dispatch }: Bench,
): Promise<Target | Selection> {
  if (isPattern(uri)) {
    const selection = selectionOf(uri)
    if (selection) return selection
    const detail = `"${uri}" is no pattern: it must be a path, in which * stands for a part of a segment and ** for many`
    throw new Problem("unknown_uri", detail)
  }
  const target = resolve(uri)
  // What is called is neither an item nor a list: no change tells of it, and it may be bytes, or longer than a hub has memory.
  if (target && target.endpoint.verb !== "call") return target
  // The app says in its own words what is wrong with it.
  if (!target) await ask(dispatch, who, "GET", tidied(uri))
  throw new Problem("unknown_uri", `"${uri}" cannot be subscribed to`)
}

/** Asks whoever defined the resource, unless it is followed already. Throws Problem. `join` tells of who did not get in. */
export async function letIn(
  target: Target | Selection,
  session: Session,
  { attendance }: Bench,
): Promise<void> {
  if (!("endpoint" in target) || session.floor(target.topic) !== undefined) return
  await attendance.come(target, session.who)
}

/** Why a socket cannot follow one more topic. */
export function full(topic: string): Problem {
  return new Problem(
    "too_many_subscriptions",
    `This socket has no room for "${topic}" beside what it is subscribed to; open another`,
    { limit: ATTACHMENT_MAX_BYTES },
  )
}

/**
 * Makes a session follow topics, each named once, and sends what `say` makes of the welcome. What cannot be read, and
 * everything when `say` throws, is followed no more and no less than before.
 */
export async function join(
  asked: readonly Asked[],
  session: Session,
  bench: Bench,
  say: (welcome: Welcome) => string[],
): Promise<void> {
  const { topics, memories, follower, attendance } = bench
  const outside = () =>
    asked.flatMap(({ target }) =>
      "endpoint" in target && session.floor(target.topic) === undefined ? [target] : [],
    )
  do await follower.ready()
  while (!follower.isReady)
  if (session.closed) {
    await attendance.gone(outside(), session.who)
    return topics.isEmpty ? follower.rest() : undefined
  }
  session.hold()
  for (const { target } of asked) {
    topics.add(target.topic, session)
    if (topics.isAlone(target.topic)) memories.begin(target.topic)
  }
  try {
    const welcome = await welcomeTo(asked, session, bench)
    if (session.closed) return
    // From here to the end of the turn nothing waits, so nothing can come between.
    const texts = say(welcome)
    const able = welcome.joined.filter(({ refusal }) => !refusal)
    const intervals = new Map(asked.map(({ target, throttle }) => [target.topic, throttle]))
    session.followAll(
      able.map(({ target: { topic }, floor }) => [topic, floor, intervals.get(topic)]),
    )
    follower.save()
    for (const { target, floor, reading } of able) {
      const value = reading && "endpoint" in target ? memoryOf(target, reading) : undefined
      if (value !== undefined && topics.isAlone(target.topic)) {
        memories.settle(target.topic, { floor, value })
      }
    }
    for (const text of texts) session.send(text)
  } finally {
    for (const { target } of asked) {
      if (session.floor(target.topic) === undefined || session.closed) {
        topics.remove(target.topic, session)
      }
    }
    session.release()
    // So that each subscriber's call is followed by one of the unsubscriber.
    await attendance.gone(outside(), session.who)
  }
}

async function welcomeTo(
  asked: readonly Asked[],
  session: Session,
  bench: Bench,
): Promise<Welcome> {
  const from = bench.follower.frontier(asked.map(({ target }) => target.topic))
  const { texts: missed, through, told } = await missedSince(asked, from, bench)
  // All of them begin there: what one of them was told already, none of the others is to tell again.
  const start = { epoch: from.epoch, revision: through }
  const joined = asked.map(async (one): Promise<Joined> => {
    const { target } = one
    if (!told.has(target.topic)) return anew(one, start, session, bench)
    const reply = { revision: through, resumed: true as const, ...kindOf(target) }
    return { target, floor: through, reply }
  })
  return { joined: await buried(await Promise.all(joined), start, bench), missed, through }
}

/**
 * Where there is nothing now, all up to its last delete is told. No answer says when there was nothing, and the hub may not
 * have come to the delete yet, so the journal is asked.
 */
async function buried(
  joined: readonly Joined[],
  from: Position,
  { backlog }: Bench,
): Promise<Joined[]> {
  if (!joined.some(({ reply }) => reply.absent)) return [...joined]
  const since = await backlog.since(from, "now")
  if (since.reset) return [...joined]
  return joined.map((one) => {
    const { target, reply } = one
    if (!reply.absent || "pattern" in target) return one
    const revision = Math.max(one.floor, endOf(target, since.changes))
    return { ...one, floor: revision, reply: { ...reply, revision } }
  })
}

/** What those missed whom the journal can tell it, the topics `told`. */
async function missedSince(asked: readonly Asked[], from: Position, { backlog, resolve }: Bench) {
  let known = asked.flatMap(({ target, since }) => {
    const position = since === undefined ? null : parsePosition(since)
    if (position?.epoch !== from.epoch) return []
    const { revision } = position
    return from.revision - revision > RESUME_MAX_CHANGES ? [] : [{ target, revision }]
  })
  while (known.length > 0) {
    const revisions = known.map((one) => one.revision)
    const position = { epoch: from.epoch, revision: Math.min(...revisions) }
    // Beyond where the hub is may be where the journal never came to: only the journal knows.
    const isBeyond = Math.max(...revisions) > from.revision
    const page = await backlog.since(position, isBeyond ? "now" : from.revision)
    if (!page.reset) {
      const through = Math.max(page.through, from.revision)
      // Where the journal has not come so far, it was put back since.
      const real = known.filter((one) => one.revision <= through)
      const { texts, lost } = missedBy(real, page.changes, resolve)
      const told = real.map(({ target }) => target.topic).filter((topic) => !lost.has(topic))
      return { texts, through, told: new Set(told) }
    }
    const { first = Number.POSITIVE_INFINITY } = page
    known = known.filter((one) => one.revision + 1 >= first)
  }
  return { texts: [], through: from.revision, told: new Set<string>() }
}

/** What must be known also of what is not there: a view may be the member of a list, and is not told as such. */
function kindOf(target: Target | Selection): { view?: true } {
  return "pattern" in target || isFollowable(target) ? {} : { view: true }
}

async function anew(
  { target, since }: Asked,
  from: Position,
  session: Session,
  { readings }: Bench,
): Promise<Joined> {
  try {
    const reset = since === undefined ? {} : { reset: true as const }
    if ("pattern" in target) {
      // What the socket was told of others is over, also where the hub has yet to come to it.
      const floors = session.topics.map((topic) => session.floor(topic) ?? 0)
      const revision = Math.max(from.revision, ...floors)
      return { target, floor: revision, reply: { revision, ...reset } }
    }
    const reading = await readings.read(session.who, target.topic)
    // Registered before it was read: whatever the hub had passed by then is in it.
    const revision = reading?.revision ?? from.revision
    const absent = reading ? {} : { absent: true as const }
    const floor = Math.max(revision, from.revision)
    const reply = { revision, ...reset, ...absent, ...kindOf(target) }
    return { target, floor, reply, reading }
  } catch (error) {
    if (error instanceof Refusal) return { target, floor: 0, reply: {}, refusal: error }
    throw error
  }
}
