/** The statements of the keys. */
import { STOP, type Param, type Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"
import { EXPIRED, LIVE, type Expiring } from "../feed/expiry.ts"
import type { Ending } from "./write.ts"

/** A parameter in JSON or arithmetic: D1 binds every number as REAL, and a change would show it. */
export const INTEGER = "CAST(? AS INTEGER)"

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

/** A key with how it is to end. */
export interface MetaRow extends Row {
  /** In milliseconds. */
  warn: number | null
  /** JSON text. */
  onExpire: string | null
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
export const SWEPT: Expiring = { table: "keys", only: "on_expire IS NULL", warns: true }

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

/** True of a live key that will expire. */
export function mortal(name: string, now: number): Condition {
  return {
    sql: "EXISTS (SELECT 1 FROM keys WHERE name = ? AND expires_at > ?)",
    params: [name, now],
  }
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

/** How a live key is, without its value. */
export function meta(name: string, now: number): Statement {
  return {
    sql: `SELECT ${ROW}, k.warn, k.on_expire AS onExpire FROM keys k
      WHERE k.name = ?1 AND (k.expires_at IS NULL OR k.expires_at > ?2)`,
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

/** Of these keys, those whose values D1 holds itself, each with its type: it may be newer than what was read before. */
export function values(names: string[]): Statement {
  return {
    sql: `SELECT name, type, size, blob, coalesce(value, number) AS text FROM keys
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

/** Where a key that is replaced has something from: itself, or what is given. */
const from = (given: unknown) => (given === undefined ? "keys" : "excluded")

/** A key that is there is replaced; what of its ending is undefined stays then. */
export function put(name: string, uri: string, ending: Ending, stored: Stored): Statement {
  const { expiry, warn, onExpire } = ending
  const { type, size, number, blob, value } = stored
  return {
    sql: `INSERT INTO keys
        (name, uri, revision, expires_at, type, size, number, blob, value, on_expire, warn, warn_at)
      VALUES (?1, ?2, ${REVISION}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?3 - ?10)
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision,
        expires_at = ${from(expiry)}.expires_at, type = excluded.type, size = excluded.size,
        number = excluded.number, blob = excluded.blob, value = excluded.value,
        on_expire = ${from(onExpire)}.on_expire, warn = ${from(warn)}.warn,
        warn_at = ${warn === undefined ? "keys.warn_at" : `${from(expiry)}.expires_at - ?10`}`,
    params: [name, uri, expiry ?? null, type, size, number, blob, value].concat(
      onExpire ?? null,
      warn ?? null,
    ),
  }
}

/** Without `stored` the value stays as it is. */
export function patch(name: string, stored: Stored | null, ending: Ending): Statement {
  const { expiry, warn, onExpire } = ending
  const columns: Record<string, Param> = {
    ...stored,
    ...(expiry === undefined ? {} : { expires_at: expiry }),
    ...(warn === undefined ? {} : { warn }),
    ...(onExpire === undefined ? {} : { on_expire: onExpire }),
  }
  const sets = Object.keys(columns).map((column) => `, ${column} = ?`)
  const at = warnAt(ending)
  return {
    sql: `UPDATE keys SET revision = ${REVISION}${sets.join("")}, warn_at = ${at.sql} WHERE name = ?`,
    params: [...Object.values(columns), ...at.params, name],
  }
}

/** When it is told of beforehand, of a live key whose ending is made another. */
export function warnAt({ expiry, warn }: Ending): Condition {
  if (expiry === undefined && warn === undefined) return { sql: "warn_at", params: [] }
  const [at, ats] = expiry === undefined ? ["expires_at", []] : [INTEGER, [expiry]]
  const [lead, leads] = warn === undefined ? ["warn", []] : [INTEGER, [warn]]
  return { sql: `${at} - ${lead}`, params: [...ats, ...leads] }
}

/**
 * What a change says beside the value, of a row that has, beside what it had, `ends` and `warns` as they are then: when the
 * key expires, null where it did and does not, and when that will be told of beforehand, if it still will.
 */
export const EXTRA = `CASE WHEN warns IS NOT NULL
    THEN json_object('expires_at', ends, 'warn_at', warns)
  WHEN coalesce(expires_at, ends) IS NOT NULL THEN json_object('expires_at', ends) END`

/** A key that has expired gives way to one that is to be nothing like it. */
export function removeExpired(name: string, now: number): Statement {
  return { sql: `DELETE FROM keys WHERE name = ? AND ${EXPIRED}`, params: [name, now] }
}

/**
 * Keeps values in the index, where the journal forgets them, as long as they are those of these revisions: an array of
 * [name, revision, value]. Counters keep their number and leave the value alone.
 */
export function keepAll(json: string): Statement {
  return {
    sql: `UPDATE keys SET value = kept.value ->> 2 FROM json_each(?1) AS kept
      WHERE keys.name = kept.value ->> 0 AND keys.revision = kept.value ->> 1
        AND keys.value IS NULL AND keys.number IS NULL`,
    params: [json],
  }
}

export function remove(name: string): Statement {
  return { sql: "DELETE FROM keys WHERE name = ?1", params: [name] }
}

export const clear: Statement = { sql: "DELETE FROM keys", params: [] }
