/** The statements of a batch: each does what it does to all keys of a step. They come after what has expired is gone. */
import { REVISION, type Condition } from "../../feed/sql.ts"
import type { Statement } from "../../feed/statement.ts"
import { CHANGE_BODY_MAX_BYTES } from "../../protocol/limits.ts"
import { rangeOf } from "../list/sql.ts"
import type { NamePattern } from "../list/pattern.ts"
import { EXTRA, INTEGER, KNOWN, ROW, type FullRow, type Row, type Stored } from "../sql.ts"

/** What is known of a key that was got. */
export interface GotRow extends FullRow {
  /** Of the operation. */
  at: number
}

/** A key whose last change the journal has forgotten, or that never had a body. */
export interface BareRow extends Row {
  number: string | null
  /** The index has its content. */
  isHeld: number
  /** That content, where a change could carry it: Workers KV is still owed it. */
  held: string | null
}

/** An element `w` of a JSON array. */
const given = (member: string) => `w.value->>'${member}'`

/** What a key's warning is from then on; of nothing when it does not expire. */
const WARN = `CASE WHEN ${given("keepsWarn")} THEN k.warn ELSE ${given("warn")} END`

/** True when every condition holds; the array has `name`, `match` and `none`, see Operation. */
export function conditionsHold(json: string): Condition {
  const [match, none] = [given("match"), given("none")]
  return {
    sql: `NOT EXISTS (SELECT 1 FROM json_each(?) w LEFT JOIN keys k ON k.name = ${given("name")}
      WHERE (${match} < 0 AND k.name IS NULL) OR (${match} >= 0 AND k.revision IS NOT ${match})
        OR (${none} < 0 AND k.name IS NOT NULL) OR (${none} >= 0 AND k.revision IS ${none}))`,
    params: [json],
  }
}

/** The bytes of the values of these keys, which an array names, some perhaps several times. */
export const sizeOf = (json: string): Condition => ({
  sql: `(SELECT coalesce(sum(k.size) FILTER (WHERE k.blob IS NULL), 0) FROM json_each(?) w JOIN keys k ON k.name = ${given("name")})`,
  params: [json],
})

/** The keys of an array of `at` and `name`. */
export function get(json: string): Statement {
  return {
    sql: `SELECT ${given("at")} AS at, ${ROW}, ${KNOWN}
      FROM json_each(?1) w JOIN keys k ON k.name = ${given("name")}
      LEFT JOIN changes c ON c.revision = k.revision`,
    params: [json],
  }
}

/** Of the keys in an array of names, those whose last change has no body any more. */
export function bare(json: string): Statement {
  return {
    sql: `SELECT ${ROW}, k.number, k.value IS NOT NULL AS isHeld,
        CASE WHEN k.size <= ${CHANGE_BODY_MAX_BYTES} THEN k.value END AS held
      FROM json_each(?1) w JOIN keys k ON k.name = w.value
      LEFT JOIN changes c ON c.revision = k.revision WHERE c.body IS NULL`,
    params: [json],
  }
}

/** Of the keys in an array of names, those that there are. */
export function revisions(json: string): Statement {
  return {
    sql: "SELECT k.name, k.revision FROM json_each(?1) w JOIN keys k ON k.name = w.value",
    params: [json],
  }
}

/**
 * The changes, of an array of items: one for each but those that find no key to delete or to expire. JSON that only
 * expires is told whole, because patched by itself it would lose its nulls.
 */
export function changes(json: string, now: number): Statement {
  const kind = given("kind")
  return {
    sql: `SELECT ${INTEGER}, ${given("uri")},
        CASE WHEN ${kind} = 'delete' THEN 'delete' WHEN name IS NULL THEN 'create'
          WHEN ${kind} = 'set' THEN ${given("event")}
          WHEN type LIKE '%json' THEN 'state' ELSE 'patch' END,
        CASE ${kind} WHEN 'set' THEN ${given("body")} WHEN 'expire' THEN
          coalesce((SELECT body FROM changes c WHERE c.revision = w.revision),
            CASE WHEN revision = ${given("keptAt")} THEN ${given("kept")} END) END,
        CASE WHEN ${kind} <> 'delete' THEN ${EXTRA} END
      FROM (SELECT w.key, w.value, k.name, k.revision, k.type, k.expires_at,
            ${given("expires")} AS ends, ${given("expires")} - ${WARN} AS warns
          FROM json_each(?) w LEFT JOIN keys k ON k.name = ${given("name")}) w
      WHERE ${kind} = 'set' OR name IS NOT NULL ORDER BY key`,
    params: [now, json],
  }
}

/**
 * The revision of each URI among the changes just recorded, which are the last; `count` is how many at most. To be joined
 * by CROSS JOIN behind the items: SQLite looks through the JSON once for each of these rows otherwise.
 */
const recorded = (count: number) =>
  `(SELECT uri, max(revision) AS revision FROM changes WHERE revision > ${REVISION} - ${count} GROUP BY uri)`

/** The columns that say what a key holds. */
const STORED: readonly (keyof Stored)[] = ["type", "size", "number", "blob", "value"]

const ENDING = ["expires_at", "warn", "warn_at", "on_expire"]

/** Sets the keys of the items; right after their changes. */
export function set(json: string, count: number): Statement {
  return {
    sql: `INSERT INTO keys (name, uri, revision, ${ENDING.join()}, ${STORED.join()})
      SELECT ${given("name")}, ${given("uri")}, c.revision, ${given("expires")}, ${given("warn")},
        ${given("expires")} - ${given("warn")}, ${given("onExpire")}, ${STORED.map(given).join()}
      FROM json_each(?1) w CROSS JOIN ${recorded(count)} c ON c.uri = ${given("uri")}
      WHERE ${given("kind")} = 'set'
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision,
        ${[...ENDING, ...STORED].map((column) => `${column} = excluded.${column}`).join()}`,
    params: [json],
  }
}

/** Gives the keys of the items another expiry; right after their changes. */
export function expire(json: string, count: number): Statement {
  return {
    sql: `UPDATE keys SET revision = n.revision, expires_at = n.expires, warn = n.warn,
        warn_at = n.expires - n.warn, on_expire = n.onExpire
      FROM (SELECT k.name, ${given("expires")} AS expires, c.revision, ${WARN} AS warn,
          CASE WHEN ${given("keepsAction")} THEN k.on_expire ELSE ${given("onExpire")} END AS onExpire
        FROM json_each(?1) w CROSS JOIN ${recorded(count)} c ON c.uri = ${given("uri")}
        JOIN keys k ON k.name = ${given("name")}
        WHERE ${given("kind")} = 'expire') n
      WHERE keys.name = n.name`,
    params: [json],
  }
}

/** True when no key has come to be in the pattern's range since the revision but those named, in arrays of names. */
export function nothingElse(pattern: NamePattern, revision: number, named: string[]): Condition {
  const notNamed = "AND name NOT IN (SELECT value FROM json_each(?)) ".repeat(named.length)
  return {
    sql: `NOT EXISTS (SELECT 1 FROM keys WHERE name >= ? AND name <= ? AND revision > ? ${notNamed})`,
    params: [...rangeOf(pattern), revision, ...named],
  }
}

/** The changes of deleting the keys in an array of names. */
export function deletions(json: string, now: number): Statement {
  return {
    sql: `SELECT ${INTEGER}, uri, 'delete', NULL, NULL FROM keys
      WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name`,
    params: [now, json],
  }
}

/** Deletes the keys in an array of names. */
export function removeNamed(json: string): Statement {
  return {
    sql: "DELETE FROM keys WHERE name IN (SELECT value FROM json_each(?1))",
    params: [json],
  }
}

/** Deletes the keys of the items. */
export function remove(json: string): Statement {
  return {
    sql: `DELETE FROM keys WHERE name IN (
      SELECT ${given("name")} FROM json_each(?1) w WHERE ${given("kind")} = 'delete')`,
    params: [json],
  }
}
