/** The statements of the blobs. */
import type { Condition } from "../feed/sql.ts"
import type { Statement } from "../feed/statement.ts"

/** @param key the key that is to name it */
export function note(name: string, key: string, now: number): Statement {
  return {
    sql: "INSERT INTO key_blobs (name, key, created_at) VALUES (?1, ?2, ?3)",
    params: [name, key, now],
  }
}

/** True while a key may come to name it. */
export function stands(name: string): Condition {
  return { sql: "EXISTS (SELECT 1 FROM key_blobs WHERE name = ? AND NOT doomed)", params: [name] }
}

/** Dooms blobs made before a time that no key names. */
export function doom(before: number, count: number): Statement {
  return {
    sql: `UPDATE key_blobs SET doomed = 1 WHERE name IN (
        SELECT name FROM key_blobs b WHERE NOT doomed AND created_at < ?1
          AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.name = b.key AND blob = b.name) LIMIT ?2)`,
    params: [before, count],
  }
}

export function doomed(count: number): Statement {
  return { sql: "SELECT name FROM key_blobs WHERE doomed LIMIT ?1", params: [count] }
}

export function forget(names: string[]): Statement {
  return {
    sql: "DELETE FROM key_blobs WHERE name IN (SELECT value FROM json_each(?1))",
    params: [JSON.stringify(names)],
  }
}
