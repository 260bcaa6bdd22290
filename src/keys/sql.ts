/** The statements of the keys. */
import type { Param, Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"
import { EXPIRED, LIVE, type Expiry } from "../feed/expiry.ts"

/** A key as the index has it. */
export interface Row {
  name: string
  revision: number
  expiresAt: number | null
  /** Of the value, in bytes of UTF-8. */
  size: number
}

/** A key with what D1 knows of its value: the change row's body, or `value` where it is too large for one. */
export interface FullRow extends Row {
  body: string | null
  value: string | null
}

/** A name that the index does not have. */
export interface NoRow {
  name: string
  revision: null
}

/** A change's body. */
export interface Body {
  revision: number
  body: string
}

/** What a write stores in the index. */
export interface Stored {
  size: number
  /** The value, if the change row cannot carry it. */
  value: string | null
}

export const TABLE = "keys"

export const ROW = "k.name, k.revision, k.expires_at AS expiresAt, k.size"
export const FULL_ROW = `${ROW}, c.body, k.value`

/** The revision of a live key, NULL when there is none; parameters: name, now. */
export const CURRENT = `SELECT revision FROM keys WHERE name = ? AND ${LIVE}`

export function live(name: string, now: number): Condition {
  return { sql: `EXISTS (${CURRENT})`, params: [name, now] }
}

export function absent(name: string, now: number): Condition {
  return { sql: `NOT EXISTS (${CURRENT})`, params: [name, now] }
}

/** True when the key has expired and nobody has said so yet. */
export function lapsed(name: string, now: number): Condition {
  return {
    sql: `EXISTS (SELECT 1 FROM keys WHERE name = ? AND ${EXPIRED})`,
    params: [name, now],
  }
}

/** The revision of the list: that of the last change, whatever it was about. */
export const HEAD = `SELECT coalesce(${REVISION}, 0) AS revision`

export const head: Statement = { sql: HEAD, params: [] }

export function get(name: string): Statement {
  return {
    sql: `SELECT ${FULL_ROW} FROM keys k LEFT JOIN changes c ON c.revision = k.revision
      WHERE k.name = ?1`,
    params: [name],
  }
}

/** The bodies of the changes at these revisions, as far as the journal has them. */
export function bodies(revisions: number[]): Statement {
  return {
    sql: `SELECT revision, body FROM changes
      WHERE revision IN (SELECT value FROM json_each(?1)) AND body IS NOT NULL`,
    params: [JSON.stringify(revisions)],
  }
}

/** Of these keys, those whose values D1 holds itself. */
export function values(names: string[]): Statement {
  return {
    sql: `SELECT name, value FROM keys
      WHERE name IN (SELECT value FROM json_each(?1)) AND value IS NOT NULL`,
    params: [JSON.stringify(names)],
  }
}

/** Of pairs of a name and a revision, those that the index tells otherwise; no revision: no such key. */
export function otherwise(pairs: [name: string, revision: number][]): Statement {
  return {
    sql: `SELECT w.value->>0 AS name, k.revision, k.expires_at AS expiresAt, k.size, c.body, k.value
      FROM json_each(?1) w LEFT JOIN keys k ON k.name = w.value->>0
      LEFT JOIN changes c ON c.revision = k.revision
      WHERE coalesce(k.revision, 0) <> w.value->>1`,
    params: [JSON.stringify(pairs)],
  }
}

export function put(
  name: string,
  uri: string,
  expiresAt: number | null,
  { size, value }: Stored,
): Statement {
  return {
    sql: `INSERT INTO keys (name, uri, revision, expires_at, type, size, value)
      VALUES (?1, ?2, ${REVISION}, ?3, 'text/plain', ?4, ?5)
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, expires_at = excluded.expires_at,
        size = excluded.size, value = excluded.value`,
    params: [name, uri, expiresAt, size, value],
  }
}

/** Without `stored` the value stays as it is. */
export function patch(name: string, stored: Stored | null, expiry: Expiry): Statement {
  const sets = [`revision = ${REVISION}`]
  const params: Param[] = []
  if (stored) {
    sets.push("size = ?", "value = ?")
    params.push(stored.size, stored.value)
  }
  if (expiry !== undefined) {
    sets.push("expires_at = ?")
    params.push(expiry)
  }
  return { sql: `UPDATE keys SET ${sets.join(", ")} WHERE name = ?`, params: [...params, name] }
}

export function remove(name: string): Statement {
  return { sql: "DELETE FROM keys WHERE name = ?1", params: [name] }
}

export const clear: Statement = { sql: "DELETE FROM keys", params: [] }
