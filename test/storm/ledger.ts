/** What one subscriber was told of one topic, held against the journal: each change once, in order, none missed. Pure. */
import { isPattern, parsePattern } from "../../src/protocol/pattern.ts"
import { listOf } from "../../src/protocol/uri.ts"

/** A change, as the journal had it. */
export interface Entry {
  revision: number
  uri: string
  event: string
  /** Whether the journal itself tells it; else the resource was read again. */
  told: boolean
}

/** What happened to a subscription, in order. */
export type Event =
  /** All up to `floor` is known, by the state. */
  | { kind: "state"; floor: number }
  /** It goes on after `since`. */
  | { kind: "resume"; since: number }
  /**
   * A frame of a member or of the resource itself: the changes of `uri` from `position` to `revision`. What tells a
   * subscriber at its beginning what it missed is its `own`: others of the same socket may be told of that later.
   */
  | Told

export interface Told {
  kind: "frame"
  id: number
  uri: string
  position: number
  revision: number
  own?: boolean
}

export interface Audit {
  missed: number[]
  faults: string[]
  /** Frames that told something new. */
  useful: Set<number>
}

/** Whether who follows the topic is told of changes of `uri`; a view is told of its own. */
export function concerns(topic: string): (uri: string) => boolean {
  const pattern = isPattern(topic) ? parsePattern(topic) : null
  return pattern ? pattern.matches : (uri) => uri === topic || listOf(uri) === topic
}

/** @param topic an item, a list whose members are told, or a pattern; a view has no ledger */
export function audit(topic: string, events: readonly Event[], journal: readonly Entry[]): Audit {
  const isConcerned = concerns(topic)
  const concerning = journal.filter(({ uri }) => isConcerned(uri))
  const known = new Map<number, "state" | "own" | "frame">()
  const faults: string[] = []
  const useful = new Set<number>()
  let place = 0
  let floor = 0
  let begun = false

  for (const event of events) {
    if (event.kind === "state") {
      begun = true
      known.clear()
      for (const { revision } of concerning) {
        if (revision <= event.floor) known.set(revision, "state")
      }
      place = floor = event.floor
    } else if (event.kind === "resume") {
      // Whatever was told before is known like a state: who tells now may be behind it, and then covers it again with
      // what it reads.
      for (const revision of known.keys()) {
        if (revision > event.since) known.delete(revision)
        else known.set(revision, "state")
      }
      place = floor = event.since
    } else {
      take(event)
    }
  }
  return { missed: begun ? missed() : [], faults, useful }

  function take({ id, uri, position, revision, own = false }: Told): void {
    const told = concerning.filter(
      (entry) =>
        entry.uri === uri &&
        entry.revision >= position &&
        entry.revision <= revision &&
        // No state tells what will be.
        (entry.event !== "expiring" || position === revision),
    )
    const where = `${topic}: the frame of ${uri} at ${position}–${revision}`
    if (told.length === 0) faults.push(`${where} tells of no change`)
    const fresh = told.filter((entry) => !known.has(entry.revision))
    const again = told.filter((entry) => {
      const by = known.get(entry.revision)
      return by === "frame" || (own && by === "own")
    })
    if (fresh.length > 0) useful.add(id)
    if (again.length > 0) faults.push(`${where} comes twice`)
    else if (fresh.length > 0 && position <= place && position > floor) {
      faults.push(`${where} comes after ${place}`)
    }
    for (const entry of fresh) known.set(entry.revision, own ? "own" : "frame")
    place = Math.max(place, position)
  }

  /**
   * What was not told. A change that must be read again and whose resource is gone by then need not be, nor patches after
   * it; also where only who tells had to read it, because it was behind what the subscriber knew by a state.
   */
  function missed(): number[] {
    const missing: number[] = []
    for (const uri of new Set(concerning.map((entry) => entry.uri))) {
      let gap: Entry[] = []
      let isUnsure = false
      for (const entry of concerning.filter((each) => each.uri === uri)) {
        if (!known.has(entry.revision)) {
          gap.push(entry)
          continue
        }
        const isMoot = (isUnsure || gap[0]?.told === false) && entry.event !== "patch"
        if (!isMoot) missing.push(...gap.map(({ revision }) => revision))
        gap = []
        if (!entry.told) isUnsure = known.get(entry.revision) !== "frame"
        else if (entry.event !== "patch") isUnsure = false
      }
      missing.push(...gap.map(({ revision }) => revision))
    }
    return missing
  }
}
