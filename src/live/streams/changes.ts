/** The journal for whoever asks: a page, a page as soon as there is one, or all that comes. */
import type { Bounds, Feed, Mark } from "../../feed/feed.ts"
import { formatPosition, parsePosition, type Change, type Position } from "../../protocol/change.ts"
import { changeText } from "../../protocol/frames.ts"
import { CHANGES_LOOK_ROWS, CHANGES_PAGE_ROWS } from "../../protocol/limits.ts"
import { JOURNAL } from "../../protocol/changes.ts"
import type { Pattern } from "../../protocol/pattern.ts"
import type { Ear, Listen } from "./listen.ts"
import { Signs } from "./signs.ts"
import { eventStream } from "./sse.ts"

type Journal = Pick<Feed, "since" | "bounds">

/** Which changes, and of them how many. */
export interface Selection {
  pattern: Pattern | undefined
  limit: number
}

export interface Page {
  changes: Change[]
  /** All up to here was looked at. */
  position: Mark
  more: boolean
  /** What came before the position is not all known. */
  reset: boolean
}

/** Where reading begins. `place` is what a caller says: nothing, `now`, a revision or a position. */
export async function beginning(
  place: string | null,
  journal: Journal,
  whenAbsent: (bounds: Bounds) => number,
): Promise<Position> {
  const position = parsePosition(place ?? "")
  if (position) return position
  const bounds = await journal.bounds()
  const { epoch } = bounds
  if (place === null) return { epoch, revision: whenAbsent(bounds) }
  if (place === "now") return { epoch, revision: bounds.last }
  // What is none of ours is of no epoch, and so unknown.
  return /^\d{1,15}$/.test(place) ? { epoch, revision: Number(place) } : { epoch: "", revision: 0 }
}

/** The changes after a position. It may be empty and have more: then none of many was wanted. */
export async function pageAfter(
  from: Mark,
  { pattern, limit }: Selection,
  journal: Journal,
): Promise<Page> {
  const changes: Change[] = []
  let position = from
  for (let looked = 0; ;) {
    const rows = pattern ? CHANGES_PAGE_ROWS : limit
    const since = await journal.since(position, rows)
    if (since.reset) {
      const { epoch, last, at } = await journal.bounds()
      return { changes: [], position: { epoch, revision: last, at }, more: false, reset: true }
    }
    for (const [nth, change] of since.changes.entries()) {
      const { revision, at } = change
      position = { epoch: from.epoch, revision, at }
      if (!pattern || pattern.matches(change.uri)) changes.push(change)
      if (changes.length < limit) continue
      const more = since.more || nth + 1 < since.changes.length
      return { changes, position, more, reset: false }
    }
    looked += since.changes.length
    const more = since.more && since.changes.length > 0
    if (!more || looked >= CHANGES_LOOK_ROWS) return { changes, position, more, reset: false }
  }
}

/** The page, as soon as there is something in it or the time is up. */
export async function pageWithin(
  seconds: number,
  from: Position,
  selection: Selection,
  journal: Journal,
  { listen, request }: { listen: Listen; request: Request },
): Promise<Page> {
  let page = await pageAfter(from, selection, journal)
  const isEmpty = ({ changes, more, reset }: Page) => changes.length === 0 && !more && !reset
  if (!isEmpty(page)) return page
  const ear = await listenToAll(listen, request)
  const signs = new Signs(ear, request.signal, seconds)
  try {
    do page = await pageAfter(page.position, selection, journal)
    while (isEmpty(page) && (await signs.nextOfMany()))
    return page
  } finally {
    signs.end()
  }
}

/** What events are sent with. */
interface Mouth {
  listen: Listen
  request: Request
  random: () => number
  /** How often is looked for what is new at most, in milliseconds; absent: at once. */
  throttle?: number | undefined
}

/** All that comes, as events. `id` is the position; an event `reset` says that what is held must be read anew. */
export async function eventsAfter(
  from: Position,
  pattern: Pattern | undefined,
  journal: Journal,
  { listen, request, random, throttle }: Mouth,
): Promise<Response> {
  const ear = await listenToAll(listen, request, throttle)
  const ended = () => ear.close()
  const stream = eventStream(request, random, { isAlive: () => ear.ping(), ended })
  const signs = new Signs(ear, request.signal, null)
  const selection = { pattern, limit: CHANGES_PAGE_ROWS }
  const flow = async () => {
    stream.send({ id: formatPosition(from) })
    let position = from
    do {
      for (let more = true; more && stream.isOpen;) {
        const page = await pageAfter(position, selection, journal)
        sendPage(page)
        ;({ position, more } = page)
        await stream.drained()
      }
    } while (stream.isOpen && (await signs.nextOfMany()))
  }
  const sendPage = ({ changes, position, reset }: Page) => {
    const id = formatPosition(position)
    if (reset) stream.send({ id, event: "reset", data: JSON.stringify({ position: id }) })
    for (const change of changes) {
      const { revision, event } = change
      stream.send({
        id: formatPosition({ epoch: position.epoch, revision }),
        event,
        data: changeText(change),
      })
    }
    // What was looked at and not wanted need not be looked at again.
    if (!reset && changes.at(-1)?.revision !== position.revision) stream.send({ id })
  }
  flow()
    .catch((error: unknown) => console.error({ event: "changes_broken", message: String(error) }))
    .finally(() => stream.end())
  return stream.response
}

async function listenToAll(listen: Listen, request: Request, throttle?: number): Promise<Ear> {
  const interval = throttle === undefined ? {} : { throttle: `${throttle}ms` }
  const ear = await listen({ request, uri: JOURNAL, ...interval })
  // Before anything is read: what is committed from here on is told.
  await ear.reply
  return ear
}
