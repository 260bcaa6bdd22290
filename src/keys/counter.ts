/** Counting a key up or down in one commit, without a read before it. Pure. */
import { LIVE } from "../feed/expiry.ts"
import type { Commit } from "../feed/feed.ts"
import { REVISION } from "../feed/sql.ts"
import { guard, type Guard, type Statement } from "../feed/statement.ts"
import { Problem } from "../protocol/problem.ts"
import { scaledOf, shortest, type Scaled } from "../lib/scaled.ts"
import { sumSql, sumTextSql } from "./decimal.ts"
import * as drafts from "./drafts.ts"
import { jsonStart, place, uriOf } from "./entry.ts"
import * as sql from "./sql.ts"
import { textValue } from "./value.ts"
import type { Ending } from "./write.ts"

export interface Counting {
  name: string
  /** A decimal as `scaledOf` reads it. */
  by: string
  /** Epoch milliseconds. */
  now: number
  /** Of a key that is created by this. */
  ending: Ending
}

/** The commit that adds to a key; one that is not there counts from 0. The change's body is what GET answers then. */
export function countCommit(counting: Counting): Commit & { guards: Guard[] } {
  const { name, by, now, ending } = counting
  const first = place(name, textValue(shortest(by)))
  const start = jsonStart(name)
  const sums = sumsOf(counting)
  return {
    guards: [
      guard(
        `NOT EXISTS (SELECT 1 FROM keys WHERE name = ? AND ${LIVE} AND number IS NULL)`,
        [name, now],
        () => notNumber(name),
      ),
      guard(
        `coalesce((SELECT typeof(sum) = 'integer' FROM (${sums.sql})), true)`,
        sums.params,
        () => outOfRange(name),
      ),
    ],
    drafts: [
      ...drafts.created(name, uriOf(name), now, first.body, ending),
      drafts.patched(name, now, addedTo(start, sums), {}),
    ],
    writes: [sql.removeExpired(name, now), putSql(counting, start, first.stored)],
  }
}

/** What it means that a key cannot be counted, given whether it is a number. */
export function refusal(name: string, isNumber: boolean): Problem {
  return isNumber ? outOfRange(name) : notNumber(name)
}

function sumsOf({ name, by, now }: Counting): Statement {
  const row = `SELECT number FROM keys WHERE name = ? AND ${LIVE}`
  return { sql: sumSql(row, scaledOf(by) as Scaled), params: [name, now] }
}

/** What the change says: the sum under the key's name, in quotes unless the value is JSON. */
function addedTo(start: string, sums: Statement) {
  return {
    event: { sql: "'patch'", params: [] },
    body: {
      sql: `? || CASE WHEN type LIKE '%json' THEN '' ELSE '"' END
        || (SELECT result FROM (${sumTextSql(sums.sql)}))
        || CASE WHEN type LIKE '%json' THEN '}' ELSE '"}' END`,
      params: [start, ...sums.params],
    },
  }
}

/** Takes the number from the change that was recorded for it. */
function putSql(
  { name, ending: { expiry = null, warn = null, onExpire = null } }: Counting,
  start: string,
  first: ReturnType<typeof place>["stored"],
): Statement {
  const told = `(SELECT trim(substr(body, length(?6) + 1), '"}') FROM changes WHERE revision = ${REVISION})`
  return {
    sql: `INSERT INTO keys (name, uri, revision, expires_at, type, size, number, warn, warn_at, on_expire)
      VALUES (?1, ?2, ${REVISION}, ?3, ?4, ?5, ${told}, ?7, ?3 - ?7, ?8)
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, number = excluded.number,
        size = length(excluded.number)`,
    params: [name, uriOf(name), expiry, first.type, first.size, start, warn, onExpire],
  }
}

function notNumber(name: string): Problem {
  return new Problem(
    "unprocessable",
    `The value of "${name}" is no number that can be counted: a decimal of at most 18 digits behind the point, without an exponent, whose digits fit 64 bits`,
    { errors: { value: "is no number" } },
  )
}

function outOfRange(name: string): Problem {
  const detail = `"${name}" would have more digits than 64 bits hold`
  return new Problem("unprocessable", detail, { errors: { by: "leads out of 64 bits" } })
}
