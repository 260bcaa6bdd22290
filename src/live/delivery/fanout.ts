/** Changes → deliveries: what must be read again for them, and what followers are told. Pure. */
import type { Change } from "../../protocol/change.ts"
import { patchText } from "../../protocol/frames.ts"
import { JOURNAL } from "../../protocol/changes.ts"
import { listOf } from "../../protocol/uri.ts"
import type { Telling } from "../../protocol/view.ts"
import { deliveryOf, isTold, type Delivery } from "./delivery.ts"
import type { Topics } from "../topics.ts"
import { topicText } from "../commands/state.ts"
import { isTouched, type Resolve, type Target } from "../uris.ts"
import { differenceOf, memoryOf, tellingOf, viewTexts, warningText, type Memory } from "./views.ts"

/** What a GET answered; null when there is nothing. */
export type Reading = {
  /** JSON text. */
  json: string
  /** Null where the answer names none. */
  revision: number | null
  /** The first page of a list that has more. */
  isPart?: boolean
} | null

/** The resource was gone when it was read: a patch tells nothing until something whole has come. */
export const GONE = Number.MAX_SAFE_INTEGER

/** What became different is told in so many characters even where the whole would be shorter: it says more. */
const STATE_MIN_CHARACTERS = 1_024

/** Of a view that was nothing when it was read, and whose delete is still to come. */
const goneKey = (view: string) => `gone ${view}`

/** What a plan is made from. */
export interface Desk {
  topics: Topics
  resolve: Resolve
  /** URI or view → the revision at which it was read again; older changes of it are told by that. */
  floors: ReadonlyMap<string, number>
  /** What was read after every change up to `through` was known; so it tells them all. */
  readings: ReadonlyMap<string, Reading>
  through: number
  /** All changes after the cursor that are known, at least up to the newest reading. */
  known: readonly Change[]
  /** What is kept of views. */
  memories: { get: (view: string) => Memory | undefined }
}

export interface Plan {
  deliveries: Delivery[]
  floors: Map<string, number>
  /** What is to be kept of views from now on; undefined: nothing. */
  memories: Map<string, Memory | undefined>
  /** URIs to be read before this plan can be made. */
  missing: string[]
  /** How many of the changes the plan covers. */
  covers: number
}

/** What is to be sent for these changes, in order; at most `maxReadings` readings are asked for at a time. */
export function planOf(changes: readonly Change[], desk: Desk, maxReadings: number): Plan {
  const { topics, readings, through } = desk
  const floors = new Map(desk.floors)
  const memories = new Map<string, Memory | undefined>()
  const deliveries: Delivery[] = []
  const missing = new Set<string>()
  let covers = 0

  for (const change of changes) {
    tellFollowers(change)
    for (const view of topics.viewsOf(change.uri)) {
      const target = desk.resolve(view)
      if (target && isTouched(target, change)) tellView(target, change)
    }
    if (missing.size > maxReadings && covers > 0) break
    covers++
  }
  tellOfMore(changes[covers - 1])
  return { deliveries, floors, memories, missing: [...missing], covers }

  function tellFollowers(change: Change): void {
    const { uri } = change
    const list = listOf(uri)
    const patterns = topics.patternsOf(uri)
    const wanted = { item: topics.has(uri), list: list !== null && topics.has(list), patterns }
    if (change.event === "expiring") {
      // In no state that was read, so that none tells it already.
      const isWanted = wanted.item || wanted.list || patterns.length > 0
      if (isWanted) deliveries.push(deliveryOf(change, wanted, desk.resolve))
      return
    }
    const isGone = floors.get(uri) === GONE
    const isWhole = change.event === "delete" || (isTold(change) && change.event !== "patch")
    if (isGone && isWhole) floors.delete(uri)
    if (!wanted.item && !wanted.list && patterns.length === 0) return
    if (!isGone && change.revision <= (floors.get(uri) ?? 0)) return
    if (isWhole || (isTold(change) && !isGone)) {
      deliveries.push(deliveryOf(change, wanted, desk.resolve))
      return
    }
    const reading = readings.get(uri)
    if (reading === undefined) {
      missing.add(uri)
      return
    }
    const revision = Math.max(reading?.revision ?? through, change.revision)
    const later = laterOf(change, revision)
    if (reading === null || later.some(({ event }) => event === "delete")) {
      // Deleted since: nothing before that delete can be told, and nothing needs to be. What came to be again
      // after it is told in its own place, because its place in the list is another.
      floors.set(uri, GONE)
      return
    }
    floors.set(uri, revision)
    const event = change.event === "create" ? "create" : "state"
    const covered = { ...change, event, extra: later.at(-1)?.extra ?? null } as const
    const reread = { json: reading.json, revision, position: change.revision }
    deliveries.push(deliveryOf(covered, wanted, desk.resolve, reread))
  }

  /** The change and those of its URI behind it, which make the resource what it is at the revision. */
  function laterOf({ uri, revision: from }: Change, to: number): Change[] {
    return desk.known.filter(
      ({ uri: other, revision, event }) =>
        other === uri && revision >= from && revision <= to && event !== "expiring",
    )
  }

  /** Who follows the journal reads it itself, and is only told that there is more. */
  function tellOfMore(last: Change | undefined): void {
    if (!last || !topics.has(JOURNAL)) return
    const { revision } = last
    const text = patchText({ uri: JOURNAL, revision, patch: "{}" })
    deliveries.push({ revision, frames: [[JOURNAL, text]] })
  }

  function tellView(target: Target, change: Change): void {
    const view = target.topic
    if (change.event === "expiring") {
      deliveries.push({ revision: change.revision, frames: [[view, warningText(target, change)]] })
      return
    }
    // Of their own, because a URI may be both a view and the member of a list.
    const key = `view ${view}`
    const ownKey = `${key} ${change.uri}`
    const memory = memories.has(view) ? memories.get(view) : desk.memories.get(view)
    const floor = Math.max(floors.get(key) ?? 0, floors.get(ownKey) ?? 0, memory?.floor ?? 0)
    if (floor >= change.revision) return
    if (change.event === "delete") floors.delete(goneKey(view))
    else if (floors.has(goneKey(view))) {
      tellWhole(target, key, change, undefined)
      return
    }
    const upTo = (last: number) => laterOf(change, last)
    let later = upTo(through)
    let { told, readAt } = tellFrom(target, change, later, memory)
    const covered = readAt === null ? later : upTo(Math.max(readAt, through))
    if (covered.length > later.length && told !== "wait") {
      // It was read after more of the changes, and is told as all of them. As less, it would not reach those who know that
      // much by their state; and what is remembered would say that it had.
      later = covered
      ;({ told, readAt } = tellFrom(target, change, later, memory))
      if (readAt !== null && readAt < (later.at(-1)?.revision ?? 0)) told = "state"
    }
    const last = readAt === null ? change.revision : (later.at(-1) ?? change).revision
    // What is told is the way from before the first change to after the last, and no way from anywhere between.
    if (told !== "wait" && topics.isPartlyKnown(view, change.revision, last)) told = "state"
    if (told === "wait") return
    if (told === "state") {
      tellWhole(target, key, change, memory?.value)
      return
    }
    if (readAt !== null) floors.set(ownKey, last)
    const value = "memory" in told ? told.memory : memory?.value
    // Where there is none, that something was told is worth knowing.
    if (value === undefined) memories.set(view, undefined)
    else if (value !== memory?.value) memories.set(view, { floor: memory?.floor ?? 0, value })
    for (const text of viewTexts(view, told.frames, last, change.revision)) {
      deliveries.push({ revision: last, frames: [[view, text]] })
    }
  }

  /** What is to be told of the changes of one resource, and up to which revision all is in what was read for it. */
  function tellFrom(
    target: Target,
    change: Change,
    later: readonly Change[],
    memory: Memory | undefined,
  ): { told: Telling; readAt: number | null } {
    let readAt: number | null = null
    const readFor = (uri: string) => {
      const reading = read(uri)
      readAt = Math.min(readAt ?? Infinity, reading?.revision ?? through)
      return reading
    }
    const own = { changes: later, memory: memory?.value, read: readFor }
    const told = tellingOf(target, change, own)
    return { told, readAt }
  }

  function read(uri: string): Reading | undefined {
    const reading = readings.get(uri)
    if (reading === undefined) missing.add(uri)
    return reading
  }

  /** The end of a run of changes, or where the first of them is that no reading tells. */
  function beforeWarnings(after: number, to: number): number {
    const first = desk.known.find(
      ({ event, revision }) => event === "expiring" && revision > after && revision <= to,
    )
    return first ? first.revision - 1 : to
  }

  /** What became different, where that is known to be so for all who follow; else all of it. */
  function tellWhole(target: Target, key: string, change: Change, memory: unknown): void {
    const view = target.topic
    const reading = read(view)
    if (reading === undefined) return
    const revision = Math.max(reading?.revision ?? through, change.revision)
    const news = desk.known.filter(
      (other) => other.revision >= change.revision && other.event !== "expiring",
    )
    const isKnown = !topics.isPartlyKnown(view, change.revision, Math.max(revision, through))
    const told =
      reading && isKnown ? differenceOf(target, reading, { changes: news, memory, read }) : "state"
    if (told === "wait") return
    // Where its delete is still to come it may change before that; what shows parts of others is read each time.
    const last = desk.known.findLast(({ uri, revision: at }) => uri === change.uri && at <= through)
    const isGone = reading === null && target.endpoint.view && last?.event !== "delete"
    floors.set(key, Math.max(reading?.revision ?? 0, through))
    if (isGone) floors.set(goneKey(view), GONE)
    else floors.delete(goneKey(view))
    const value = told !== "state" ? told.memory : reading ? memoryOf(target, reading) : undefined
    memories.set(view, value === undefined ? undefined : { floor: 0, value })
    const position = beforeWarnings(change.revision, revision)
    const whole = topicText(view, reading, { revision, position }, desk.resolve)
    const parts = told === "state" ? [whole] : viewTexts(view, told.frames, revision, position)
    const length = parts.reduce((sum, text) => sum + text.length, 0)
    const isLong = length > Math.max(whole.length, STATE_MIN_CHARACTERS)
    for (const text of isLong ? [whole] : parts) {
      deliveries.push({ revision, frames: [[view, text]] })
    }
  }
}
