/** What a key held before a write. */
import type { Commit } from "../feed/feed.ts"
import { toPastJson, valueOf, type Entry } from "./entry.ts"
import * as sql from "./sql.ts"

/**
 * The reads of a commit that look, in the same transaction, at what it takes the place of; `json` tells it afterwards: what
 * GET answered, or `null`.
 * @param last read before: it has the value that D1 has forgotten. What changed since, D1 has not forgotten.
 */
export function previousOf(name: string, now: number, last: Entry | null) {
  const found: { row?: sql.FullRow } = {}
  const reads: Commit["reads"] = [
    {
      statement: sql.getLive(name, now),
      take: ([row]) => {
        if (row) found.row = row as sql.FullRow
      },
    },
  ]
  const json = () => {
    const value = found.row && (valueOf(found.row) ?? last)
    return value ? toPastJson(name, value) : "null"
  }
  return { reads, json }
}
