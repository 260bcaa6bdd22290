/** The statements of the keys. */
import { STOP, type Param, type Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"
import { EXPIRED, LIVE, type Expiry } from "../feed/expiry.ts"

/** A key as the index has it. */
export interface Row {
  name: string
  revision: number
  expiresAt: number | null
  type: string
  /** Of the value, in bytes. */
  size: number
  blob: string | null
}

/** A key with what D1 knows of its value: the change row's body, or `value` where no change can carry it. */
export interface FullRow extends Row {
  body: string | null
  number: string | null
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
  type: string
  size: number
  /** The value, if it can be counted up. */
  number: string | null
  /** The entry of Workers KV that holds the value, if D1 does not. */
  blob: string | null
  /** The value, if the change row cannot carry it. */
  value: string | null
}

/** The keys whose expiry is all there is to it. */
export const SWEPT = { table: "keys", only: "on_expire IS NULL" }

/** On a row that has expired: stops the commit where something is to be done then, which comes first. */
export const DONE = `CASE WHEN on_expire IS NULL THEN true ELSE ${STOP} END`

/** The keys within a commit of others: it stops where one has something to do, which comes first. */
export const SWEPT_WITHIN = { table: "keys", only: DONE }

/** A key that has expired, and what is to be done then. */
export interface DueRow {
  name: string
  uri: string
  revision: number
  expiresAt: number
  onExpire: string
}

const BARE_ROW = "k.revision, k.expires_at AS expiresAt, k.type, k.size, k.blob"
export const ROW = `k.name, ${BARE_ROW}`
export const KNOWN = "c.body, k.number, k.value"

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
    sql: `EXISTS (SELECT 1 FROM keys WHERE name = ? AND ${EXPIRED} AND ${DONE})`,
    params: [name, now],
  }
}

/** The keys that have expired and have something to do, or that one of them. */
export function due(now: number, name: string | null, limit: number): Statement {
  return {
    sql: `SELECT name, uri, revision, expires_at AS expiresAt, on_expire AS onExpire FROM keys
      WHERE expires_at <= ?1 AND on_expire IS NOT NULL AND (?2 IS NULL OR name = ?2)
      ORDER BY expires_at, name LIMIT ?3`,
    params: [now, name, limit],
  }
}

/** True while the key is the one that was read, and has expired. */
export function isDue({ name, revision }: DueRow, now: number): Condition {
  return {
    sql: `EXISTS (SELECT 1 FROM keys WHERE name = ? AND revision = ? AND ${EXPIRED})`,
    params: [name, revision, now],
  }
}

/** The revision of the list: that of the last change, whatever it was about. */
export const HEAD = `SELECT coalesce(${REVISION}, 0) AS revision`

export const head: Statement = { sql: HEAD, params: [] }

export function get(name: string): Statement {
  return {
    sql: `SELECT ${ROW}, ${KNOWN} FROM keys k LEFT JOIN changes c ON c.revision = k.revision
      WHERE k.name = ?1`,
    params: [name],
  }
}

/** The same, of a key that has not expired. */
export function getLive(name: string, now: number): Statement {
  return {
    sql: `${get(name).sql} AND (k.expires_at IS NULL OR k.expires_at > ?2)`,
    params: [name, now],
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
    sql: `SELECT name, coalesce(value, number) AS value FROM keys
      WHERE name IN (SELECT value FROM json_each(?1)) AND coalesce(value, number) IS NOT NULL`,
    params: [JSON.stringify(names)],
  }
}

/** A revision that nothing has. */
export const NONE = -1

/** Of pairs of a name and a revision, those that the index tells otherwise; no revision: no such key. */
export function otherwise(pairs: [name: string, revision: number][]): Statement {
  return {
    sql: `SELECT w.value->>0 AS name, ${BARE_ROW}, ${KNOWN}
      FROM json_each(?1) w LEFT JOIN keys k ON k.name = w.value->>0
      LEFT JOIN changes c ON c.revision = k.revision
      WHERE coalesce(k.revision, 0) <> w.value->>1`,
    params: [JSON.stringify(pairs)],
  }
}

/**
 * @param expiry undefined: as before, where the key is there
 * @param onExpire undefined: as before, where the expiry is
 */
export function put(
  name: string,
  uri: string,
  { expiry, onExpire }: { expiry: Expiry; onExpire?: string | null | undefined },
  stored: Stored,
): Statement {
  const kept = expiry === undefined ? "keys" : "excluded"
  const actsAs = onExpire === undefined ? kept : "excluded"
  const { type, size, number, blob, value } = stored
  return {
    sql: `INSERT INTO keys (name, uri, revision, expires_at, type, size, number, blob, value, on_expire)
      VALUES (?1, ?2, ${REVISION}, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, expires_at = ${kept}.expires_at,
        type = excluded.type, size = excluded.size, number = excluded.number, blob = excluded.blob,
        value = excluded.value, on_expire = ${actsAs}.on_expire`,
    params: [name, uri, expiry ?? null, type, size, number, blob, value, onExpire ?? null],
  }
}

/** Without `stored` the value stays as it is. */
export function patch(
  name: string,
  stored: Stored | null,
  { expiry, onExpire }: { expiry?: Expiry; onExpire?: string | null | undefined },
): Statement {
  const columns: Record<string, Param> = {
    ...stored,
    ...(expiry === undefined ? {} : { expires_at: expiry }),
    ...(onExpire === undefined ? {} : { on_expire: onExpire }),
  }
  const sets = Object.keys(columns).map((column) => `, ${column} = ?`)
  return {
    sql: `UPDATE keys SET revision = ${REVISION}${sets.join("")} WHERE name = ?`,
    params: [...Object.values(columns), name],
  }
}

/** A key that has expired gives way to one that is to be nothing like it. */
export function removeExpired(name: string, now: number): Statement {
  return { sql: `DELETE FROM keys WHERE name = ? AND ${EXPIRED}`, params: [name, now] }
}

/** Keeps a value in the index, where the journal forgets it, as long as it is that of this revision. */
export function keep(name: string, revision: number, value: string): Statement {
  return {
    // Counters keep their number and leave the value alone, so that there must be none.
    sql: `UPDATE keys SET value = ?3
      WHERE name = ?1 AND revision = ?2 AND value IS NULL AND number IS NULL`,
    params: [name, revision, value],
  }
}

/** `keep` of many, an array of [name, revision, value]. */
export function keepAll(json: string): Statement {
  return {
    sql: `UPDATE keys SET value = kept.value ->> 2 FROM json_each(?1) AS kept
      WHERE keys.name = kept.value ->> 0 AND keys.revision = kept.value ->> 1
        AND keys.value IS NULL AND keys.number IS NULL`,
    params: [json],
  }
}

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

export function remove(name: string): Statement {
  return { sql: "DELETE FROM keys WHERE name = ?1", params: [name] }
}

export const clear: Statement = { sql: "DELETE FROM keys", params: [] }
