/** The hourly look whether Workers KV has what the index says. */
import {
  KEYS_CHECK_STEPS,
  KEYS_CHECKED_AT_ONCE,
  KV_STALE_MILLISECONDS,
} from "../protocol/limits.ts"
import { nameOf } from "./entry.ts"
import { settle, type Sides } from "./settle.ts"
import * as sql from "./check-sql.ts"

/**
 * Repairs what a writer left behind that died between its commit and Workers KV, or that owed Workers KV a copy: of the keys
 * that the journal tells of since the last time, those copies are written that are not what the index says. Changes
 * younger than two lives of a stale copy wait for the next time, because what is read now may not be what is stored.
 * It costs a read of Workers KV for each such key.
 * @param now epoch milliseconds
 * Throws Problem overloaded; then it goes on from there the next time.
 */
export async function check(sides: Sides, now: number): Promise<void> {
  const before = now - 2 * KV_STALE_MILLISECONDS
  for (let step = 0; step < KEYS_CHECK_STEPS; step++) {
    if (await checkSome(sides, before)) return
  }
}

/** Answers whether that was all. */
async function checkSome({ db, feed, edge }: Sides, before: number): Promise<boolean> {
  const [ends = [], changes = []] = await db.batch<sql.Ends & sql.Told>([
    sql.ends,
    sql.toldSinceChecked(KEYS_CHECKED_AT_ONCE),
  ])
  const { checked = 0, head = 0 } = ends[0] ?? {}
  const young = changes.findIndex(({ at }) => at > before)
  const due = young < 0 ? changes : changes.slice(0, young)
  const isLast = due.length < KEYS_CHECKED_AT_ONCE
  const to = (young < 0 && isLast ? head : due.at(-1)?.revision) ?? checked
  if (to === checked) return true
  const names = new Set(due.map(({ uri }) => nameOf(uri)))
  await settle({ db, feed, edge }, await edge.revisions([...names]))
  await feed.commit({ drafts: [], writes: [sql.setChecked(to)] })
  return isLast
}
