/** How Workers KV comes to say what the index says. */
import type { Database } from "../feed/database.ts"
import { busy, chunksOf, UNFINISHED, type EdgeCopies } from "./edge.ts"
import { valueOf, type Entry } from "./entry.ts"
import * as sql from "./sql.ts"

/** A list of pairs travels as one parameter, which D1 bounds at 2,000,000 bytes. */
const PAIRS_AT_ONCE = 500
/** Rounds before giving up; each lasts one write to Workers KV, and others may commit meanwhile. */
const ROUNDS = 10

/**
 * The last step of every write. The order of writes is the order of their commits, but what two writers send to
 * Workers KV afterwards may arrive the other way round, and the older would stay. So every writer, after it wrote to
 * Workers KV, looks at the index once more; finds it another revision than the one it wrote, it writes the newest
 * and looks again. Whoever writes last then finds what it wrote: had a newer commit come before that look, it would
 * have seen it, and had it come after, its own writer would have written later still.
 *
 * @param revisions what Workers KV was given last, by name; 0: nothing
 * Throws Problem overloaded; the write stays recorded then.
 */
export async function settle(
  db: Database,
  edge: EdgeCopies,
  now: number,
  revisions: Map<string, number>,
): Promise<void> {
  let doubtful = [...revisions]
  for (let round = 0; round < ROUNDS; round++) {
    const wrong = await newest(db, doubtful)
    if (wrong.length === 0) return
    await edge.write(wrong, now)
    doubtful = wrong.map(([name, entry]) => [name, entry?.revision ?? 0])
  }
  throw busy(UNFINISHED)
}

/** Of pairs of a name and a revision, those that the index tells otherwise, as the index tells them. */
async function newest(
  db: Database,
  pairs: [name: string, revision: number][],
): Promise<[name: string, Entry | null][]> {
  const found: [string, Entry | null][] = []
  for (const some of chunksOf(pairs, PAIRS_AT_ONCE)) {
    for (const row of await db.all<sql.FullRow | sql.NoRow>(sql.otherwise(some))) {
      if (row.revision === null) found.push([row.name, null])
      else {
        const value = valueOf(row)
        // A value that only Workers KV has was written longer ago than the journal reaches: nothing is in doubt.
        if (value !== null)
          found.push([row.name, { ...value, revision: row.revision, expiresAt: row.expiresAt }])
      }
    }
  }
  return found
}
