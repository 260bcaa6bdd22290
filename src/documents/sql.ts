/** The statements of the documents. */
import { EXPIRED } from "../feed/expiry.ts"
import type { Param, Statement } from "../feed/statement.ts"
import { REVISION, type Condition } from "../feed/sql.ts"

export const TABLE = "documents"

/** The stored revision, NULL when there is no such document; parameters: collection, name. */
export const CURRENT = "SELECT revision FROM documents WHERE collection = ? AND name = ?"

export function exists(collection: string, name: string): Condition {
  return {
    sql: "EXISTS (SELECT 1 FROM documents WHERE collection = ? AND name = ?)",
    params: [collection, name],
  }
}

export function absent(collection: string, name: string): Condition {
  const { sql, params } = exists(collection, name)
  return { sql: `NOT ${sql}`, params }
}

/** True while a document is as it was read; at revision null it was not there. */
export function unchanged(collection: string, name: string, revision: number | null): Condition {
  if (revision === null) return absent(collection, name)
  return { sql: `(${CURRENT}) = ?`, params: [collection, name, revision] }
}

/** True while a collection is as it was read. Revisions only grow, so the count and the newest tell all. */
export function listUnchanged(
  collection: string,
  limit: number,
  count: number,
  newest: number,
): Condition {
  return {
    sql: `(SELECT count(*) = ? AND coalesce(max(revision), 0) = ? FROM
      (SELECT revision FROM documents WHERE collection = ? ORDER BY created LIMIT ?))`,
    params: [count, newest, collection, limit],
  }
}

export function all(collection: string, limit: number): Statement {
  return {
    sql: "SELECT name, revision, data FROM documents WHERE collection = ?1 ORDER BY created LIMIT ?2",
    params: [collection, limit],
  }
}

/** One change for each of these URIs, a JSON array of them. */
export function deletedEach(at: number, uris: string): Statement {
  return {
    sql: "SELECT ?1, value, 'delete', NULL, NULL FROM json_each(?2) ORDER BY key",
    params: [at, uris],
  }
}

export function removeAll(collection: string): Statement {
  return { sql: "DELETE FROM documents WHERE collection = ?1", params: [collection] }
}

export const head: Statement = { sql: `SELECT coalesce(${REVISION}, 0) AS revision`, params: [] }

export function get(collection: string, name: string): Statement {
  return {
    sql: `SELECT name, revision, expires_at AS expiresAt, data FROM documents
      WHERE collection = ?1 AND name = ?2`,
    params: [collection, name],
  }
}

/** Whether something has expired that is still stored. */
export function due(now: number): Statement {
  return { sql: `SELECT EXISTS (SELECT 1 FROM documents WHERE ${EXPIRED}) AS due`, params: [now] }
}

/** True for a document that is to expire. */
export function expires(collection: string, name: string): Condition {
  return {
    sql: `EXISTS (SELECT 1 FROM documents WHERE collection = ? AND name = ? AND expires_at IS NOT NULL)`,
    params: [collection, name],
  }
}

/** Keeps the place in the list when the document is there already. */
export function put(
  collection: string,
  name: string,
  data: string,
  expiresAt: number | null,
  uri: string,
): Statement {
  return {
    sql: `INSERT INTO documents (collection, created, name, revision, expires_at, uri, data)
      VALUES (?1, ${REVISION}, ?2, ${REVISION}, ?4, ?5, ?3)
      ON CONFLICT (collection, name) DO UPDATE SET revision = excluded.revision,
        expires_at = excluded.expires_at, uri = excluded.uri, data = excluded.data`,
    params: [collection, name, data, expiresAt, expiresAt === null ? null : uri],
  }
}

/** When a document expires, null for never; the rest of it stays. */
export function expire(
  collection: string,
  name: string,
  expiresAt: number | null,
  uri: string,
): Statement {
  return {
    sql: "UPDATE documents SET expires_at = ?3, uri = ?4 WHERE collection = ?1 AND name = ?2",
    params: [collection, name, expiresAt, expiresAt === null ? null : uri],
  }
}

/** Other data for a document that is there: a SELECT of it with numbered parameters. */
export function rewrite(
  collection: string,
  name: string,
  select: string,
  params: Param[],
): Statement {
  const next = params.length + 1
  return {
    sql: `UPDATE documents SET revision = ${REVISION}, data = (${select})
      WHERE collection = ?${next} AND name = ?${next + 1}`,
    params: [...params, collection, name],
  }
}

/** RFC 7396 where the document is: no read before it, no retry. */
export function patch(collection: string, name: string, mergePatch: string): Statement {
  return {
    sql: `UPDATE documents SET revision = ${REVISION}, data = json_patch(data, ?3)
      WHERE collection = ?1 AND name = ?2`,
    params: [collection, name, mergePatch],
  }
}

/** True when the patched document would still fit a row. */
export function patchedFits(
  collection: string,
  name: string,
  mergePatch: string,
  maxBytes: number,
): Condition {
  return {
    sql: `coalesce((SELECT octet_length(json_patch(data, ?)) FROM documents
      WHERE collection = ? AND name = ?), 0) <= ?`,
    params: [mergePatch, collection, name, maxBytes],
  }
}

export function remove(collection: string, name: string): Statement {
  return {
    sql: "DELETE FROM documents WHERE collection = ?1 AND name = ?2",
    params: [collection, name],
  }
}
