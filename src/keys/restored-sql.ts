/** The statements of the look at Workers KV after the database was put back. */
import type { Statement } from "../feed/statement.ts"

/** The epoch, and how far the look has come, as JSON text. */
export interface Looked {
  epoch: string
  looked: string | null
}

export const looked: Statement = {
  sql: `SELECT (SELECT value FROM meta WHERE name = 'epoch') AS epoch,
    (SELECT value FROM meta WHERE name = 'keys_looked') AS looked`,
  params: [],
}

export function setLooked(text: string): Statement {
  return {
    sql: `INSERT INTO meta (name, value) VALUES ('keys_looked', ?1)
      ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    params: [text],
  }
}

/** Names of keys behind one of them. */
export function names(after: string, limit: number): Statement {
  return {
    sql: "SELECT name FROM keys WHERE name > ?1 ORDER BY name LIMIT ?2",
    params: [after, limit],
  }
}
