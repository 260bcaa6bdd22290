/** What becomes of Workers KV when the database is put back: nothing but the index goes back in time. */
import {
  KEYS_CHECKED_AT_ONCE,
  KEYS_RESTORED_REPAIRS,
  KEYS_RESTORED_STEPS,
} from "../protocol/limits.ts"
import { newest } from "./kept.ts"
import * as sql from "./restored-sql.ts"
import { settle, type Sides } from "./settle.ts"

/** How far this has come in an epoch: through the copies, then through the index, then `done`. */
interface Place {
  epoch: string
  side: "copies" | "index" | "done"
  /** The cursor of Workers KV, or the last name; "": from the start. */
  from: string
}

/**
 * In an epoch in which nobody has yet: looks whether all copies are what the index says, those of which the index knows
 * nothing any more among them, and repairs those that are not. Readers at the edge would be given them until somebody wrote
 * the key again. What only Workers KV had of a value is gone; then its copy stays as it is. A run goes so far and no
 * further, the next one goes on.
 * Throws Problem overloaded; then it goes on from there the next time.
 */
export async function checkRestored(sides: Sides): Promise<void> {
  const found = await sides.db.first<sql.Looked>(sql.looked)
  if (!found) return
  const { epoch, looked } = found
  let place = placeOf(looked)
  if (place?.epoch !== epoch) place = { epoch, side: "copies", from: "" }
  let left = KEYS_RESTORED_REPAIRS
  for (let step = 0; step < KEYS_RESTORED_STEPS && place.side !== "done"; step++) {
    const [revisions, next] = await pageAt(place, sides)
    const wrong = await newest(sides.db, revisions)
    const names = new Set(wrong.slice(0, left).map(([name]) => name))
    await settle(sides, new Map(revisions.filter(([name]) => names.has(name))))
    // The rest of this page has its turn the next time.
    if (wrong.length > left) return
    left -= wrong.length
    place = next
    await sides.feed.commit({ drafts: [], writes: [sql.setLooked(JSON.stringify(place))] })
  }
}

/** Some names with the revisions of their copies, 0 for none, and what comes after them. */
async function pageAt(
  place: Place,
  { db, edge }: Sides,
): Promise<[[name: string, revision: number][], Place]> {
  if (place.side === "copies") {
    const { entries, cursor } = await edge.page("", place.from || null)
    const side = cursor === null ? "index" : "copies"
    return [entries, { ...place, side, from: cursor ?? "" }]
  }
  const rows = await db.all<{ name: string }>(sql.names(place.from, KEYS_CHECKED_AT_ONCE))
  const names = rows.map(({ name }) => name)
  const side = names.length < KEYS_CHECKED_AT_ONCE ? "done" : "index"
  return [[...(await edge.revisions(names))], { ...place, side, from: names.at(-1) ?? "" }]
}

function placeOf(looked: string | null): Place | null {
  return looked === null ? null : (JSON.parse(looked) as Place)
}
