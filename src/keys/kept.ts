/** The newest values as D1 has them, and those of them that it keeps although the journal forgets. */
import type { Database } from "../feed/database.ts"
import type { Statement } from "../feed/statement.ts"
import { chunksOf } from "./edge.ts"
import { place, valueOf, type Entry } from "./entry.ts"
import { packed } from "./packed.ts"
import * as sql from "./sql.ts"

/** A list of pairs travels as one parameter, which D1 bounds at 2,000,000 bytes. */
const PAIRS_AT_ONCE = 1_000

/** Of pairs of a name and a revision, those that the index tells otherwise, as the index tells them. */
export async function newest(
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

/**
 * What keeps these values in the index until the next write of their keys, unless another was written since: those that
 * only their changes carry.
 */
export function keeping(entries: readonly [name: string, entry: Entry][]): Statement[] {
  const rows = entries.flatMap(([name, entry]) => {
    const { body, stored } = place(name, entry)
    const isHeld = body === null || stored.value !== null || stored.number !== null
    return isHeld || entry.text === null ? [] : [[name, entry.revision, entry.text]]
  })
  return packed(rows).map(({ json }) => sql.keepAll(json))
}
