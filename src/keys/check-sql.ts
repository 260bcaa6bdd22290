/** The statements of the look at what Workers KV has. */
import { REVISION } from "../feed/sql.ts"
import type { Statement } from "../feed/statement.ts"

/** A change of a key, as far as it is looked at by `check`. */
export interface Told {
  revision: number
  /** Epoch milliseconds. */
  at: number
  uri: string
}

/** How far Workers KV has been checked, and how far there is to go: revisions. */
export interface Ends {
  checked: number
  head: number
}

const CHECKED = "coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'keys_checked'), 0)"

export const ends: Statement = {
  sql: `SELECT ${CHECKED} AS checked, coalesce(${REVISION}, 0) AS head`,
  params: [],
}

/** The changes of keys since then, oldest first. */
export function toldSinceChecked(limit: number): Statement {
  return {
    sql: `SELECT revision, at, uri FROM changes
      WHERE revision > ${CHECKED} AND uri > '/keys/' AND uri < '/keys0' ORDER BY revision LIMIT ?1`,
    params: [limit],
  }
}

/** A change of a key of which nobody has looked whether it came to Workers KV. */
export interface Unchecked {
  revision: number
  uri: string
  /** Of its body. */
  bytes: number
}

/** Those up to a revision, oldest first. */
export function unchecked(last: number, limit: number): Statement {
  return {
    sql: `SELECT revision, uri, coalesce(octet_length(body), 0) AS bytes FROM changes
      WHERE revision > ${CHECKED} AND revision <= ?1 AND uri > '/keys/' AND uri < '/keys0'
      ORDER BY revision LIMIT ?2`,
    params: [last, limit],
  }
}

export function setChecked(revision: number): Statement {
  return {
    sql: `INSERT INTO meta (name, value) VALUES ('keys_checked', CAST(?1 AS INTEGER))
      ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    params: [revision],
  }
}
