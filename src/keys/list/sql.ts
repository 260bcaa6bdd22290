/** The statements of the lists. */
import { EXPIRED, LIVE } from "../../feed/expiry.ts"
import type { Param, Statement } from "../../feed/statement.ts"
import { ROW } from "../sql.ts"
import type { NamePattern } from "./pattern.ts"

// Names have at most 512 bytes, so this many of the largest character sort after all that begins with a prefix.
const AFTER_ALL = "\u{10FFFF}".repeat(129)

/** The first and the last name that may match. */
export function rangeOf({ prefix, isWhole }: NamePattern): [from: string, to: string] {
  return [prefix, isWhole ? prefix : prefix + AFTER_ALL]
}

/** The live keys in the pattern's range that come after `after`, in order of name. */
export function page(pattern: NamePattern, after: string, limit: number, now: number): Statement {
  const [from, to] = rangeOf(pattern)
  return {
    // One lower bound, so that a page deep in the list does not read its way there from the beginning.
    sql: `SELECT ${ROW} FROM keys k WHERE k.name >= max(?, ?) AND k.name <= ? AND k.name <> ?
      AND ${LIVE} ORDER BY k.name LIMIT ?`,
    params: [from, after, to, after, now, limit],
  }
}

/** How many live keys are in the pattern's range; no more than `most` are counted. */
export function count(pattern: NamePattern, most: number, now: number): Statement {
  const params: Param[] = [...rangeOf(pattern), now, most]
  return {
    sql: `SELECT count(*) AS total FROM (
      SELECT 1 FROM keys WHERE name >= ? AND name <= ? AND ${LIVE} LIMIT ?)`,
    params,
  }
}

/** Whether something has expired that is still stored. */
export function due(now: number): Statement {
  return { sql: `SELECT EXISTS (SELECT 1 FROM keys WHERE ${EXPIRED}) AS due`, params: [now] }
}
