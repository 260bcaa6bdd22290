/** A plan of deliveries, with all that had to be read for it. */
import type { Feed } from "../../feed/feed.ts"
import type { Change } from "../../protocol/change.ts"
import { READINGS_AT_ONCE } from "../../protocol/live-limits.ts"
import { isPattern } from "../../protocol/pattern.ts"
import type { Topics } from "../topics.ts"
import type { Resolve } from "../uris.ts"
import type { Cursor } from "./cursor.ts"
import { planOf, type Plan, type Reading } from "./fanout.ts"
import type { Memories } from "./memories.ts"

export interface PlanParts {
  topics: Topics
  memories: Memories
  feed: () => Pick<Feed, "since">
  resolve: Resolve
  /** Reads a resource as the hub; null when there is none. Throws when it is worth trying again. */
  read: (uri: string) => Promise<Reading>
}

/** A plan for as many of the changes as few enough readings allow, with what it needed read. */
export async function prepare(
  { floors, epoch }: Cursor,
  changes: readonly Change[],
  parts: PlanParts,
): Promise<[Plan, readonly Change[]]> {
  const { topics, memories, resolve } = parts
  const through = changes.at(-1)?.revision ?? 0
  const readings = new Map<string, Reading>()
  for (let part = changes, known = changes; ;) {
    // Made anew after every wait: who subscribed meanwhile is part of it.
    const desk = { topics, resolve, memories, floors, readings, through, known }
    const plan = planOf(part, desk, READINGS_AT_ONCE)
    if (plan.missing.length === 0) return [plan, part]
    part = part.slice(0, plan.covers)
    for (const [uri, reading] of await readAll(plan.missing, parts)) readings.set(uri, reading)
    known = await knownUntil(newestOf(readings), known, epoch, parts)
  }
}

/** What there is at these topics; of a pattern there is nothing to read. */
export async function readAll(
  topics: readonly string[],
  { read }: Pick<PlanParts, "read">,
): Promise<Map<string, Reading>> {
  const readings = topics.map(async (topic): Promise<[string, Reading]> => [
    topic,
    isPattern(topic) ? null : await read(topic),
  ])
  return new Map(await Promise.all(readings))
}

/** The changes known and those after them, up to a revision that something was read at meanwhile. */
async function knownUntil(
  revision: number,
  changes: readonly Change[],
  epoch: string,
  { feed }: PlanParts,
): Promise<readonly Change[]> {
  let known = changes
  for (;;) {
    const last = known.at(-1)?.revision ?? 0
    if (last >= revision) return known
    const page = await feed().since({ epoch, revision: last })
    if (page.reset) throw new Error("The journal was reset while it was read")
    if (page.changes.length === 0) return known
    known = [...known, ...page.changes]
  }
}

function newestOf(readings: ReadonlyMap<string, Reading>): number {
  return Math.max(...[...readings.values()].map((reading) => reading?.revision ?? 0))
}
