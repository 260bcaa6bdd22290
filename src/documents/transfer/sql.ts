/** The statements of export and import of apps' documents. */
import { REVISION, type Condition } from "../../feed/sql.ts"
import type { Statement } from "../../feed/statement.ts"
import { CHANGE_BODY_MAX_BYTES } from "../../protocol/limits.ts"

const COLLECTION = "/api/apps/"

/** Where an export ends: what is created later is not part of it. And the revision it begins at. */
export const end: Statement = {
  sql: `SELECT coalesce(${REVISION}, 0) AS revision,
    coalesce((SELECT max(created) FROM documents WHERE collection = ?1), 0) AS last`,
  params: [COLLECTION],
}

/** The next documents in the order of creation, as many as `bytes` hold, at least one. */
export function page(after: number, last: number, rows: number, bytes: number): Statement {
  return {
    sql: `WITH sized AS (
        SELECT created, sum(size) OVER (ORDER BY created ROWS UNBOUNDED PRECEDING) AS bytes FROM (
          SELECT created, octet_length(data) + octet_length(name) AS size FROM documents
          WHERE collection = ?1 AND created > ?2 AND created <= ?3 ORDER BY created LIMIT ?4))
      SELECT created, name, data, expires_at AS expiresAt FROM documents WHERE collection = ?1 AND created > ?2 AND created <=
        coalesce((SELECT max(created) FROM sized WHERE bytes <= ?5), (SELECT min(created) FROM sized))
      ORDER BY created`,
    params: [COLLECTION, after, last, rows, bytes],
  }
}

/** A part of an import: lines as the JSON text of a list. */
export interface Part {
  part: number
  count: number
  lines: string
}

export function stage(id: string, at: number, parts: readonly Part[]): Statement {
  return {
    sql: `INSERT INTO document_imports (import, part, at, count, lines)
      VALUES ${parts.map(() => "(?, ?, ?, ?, ?)").join()}`,
    params: parts.flatMap(({ part, count, lines }) => [id, part, at, count, lines]),
  }
}

export function unstage(id: string): Statement {
  return { sql: "DELETE FROM document_imports WHERE import = ?1", params: [id] }
}

/** Takes away what requests left that died. */
export function sweep(before: number): Statement {
  return { sql: "DELETE FROM document_imports WHERE at < ?1", params: [before] }
}

// The joins are crossed, which makes SQLite take the tables in the order that is written: that of the lines.
const LINES = "document_imports AS i CROSS JOIN json_each(i.lines) AS e"
const NAME = "e.value ->> 0"
const URI = "e.value ->> 1"
const DATA = "json_extract(e.value, '$[2]')"
const EXPIRES = "e.value ->> 3"
const TAKEN = `EXISTS (SELECT 1 FROM documents d WHERE d.collection = '${COLLECTION}' AND d.name = ${NAME})`

/** No document of the import is there already. */
export function free(id: string): Condition {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM ${LINES} WHERE i.import = ? AND ${TAKEN})`,
    params: [id],
  }
}

export function taken(id: string, limit: number): Statement {
  return {
    sql: `SELECT ${NAME} AS name FROM ${LINES} WHERE i.import = ?1 AND ${TAKEN} LIMIT ?2`,
    params: [id, limit],
  }
}

/** Drops the documents that are there already. */
export function skip(id: string): Statement[] {
  return [
    {
      sql: `UPDATE document_imports AS i SET lines = coalesce(
          (SELECT json_group_array(json(e.value)) FROM json_each(i.lines) AS e WHERE NOT ${TAKEN}), '[]')
        WHERE i.import = ?1`,
      params: [id],
    },
    {
      sql: "UPDATE document_imports SET count = json_array_length(lines) WHERE import = ?1",
      params: [id],
    },
  ]
}

// Who knows of an expiry is told that there is none any more.
const CLEARED = `EXISTS (SELECT 1 FROM documents d
  WHERE d.collection = '${COLLECTION}' AND d.name = ${NAME} AND d.expires_at IS NOT NULL)`
const CHANGES = `SELECT ?2, ${URI}, CASE WHEN ${TAKEN} THEN 'state' ELSE 'create' END,
    CASE WHEN octet_length(e.value) <= ${CHANGE_BODY_MAX_BYTES}
      THEN '{"name":' || (e.value -> 0) || ',"data":' || ${DATA} || '}' END,
    CASE WHEN ${EXPIRES} IS NOT NULL OR ${CLEARED}
      THEN json_set(coalesce(?3, '{}'), '$.expires_at', ${EXPIRES}) ELSE ?3 END
  FROM ${LINES} WHERE i.import = ?1`
const IS_LAST = `(e.key = i.count - 1 AND i.part = (
  SELECT max(part) FROM document_imports WHERE import = ?1 AND count > 0))`

/** Records a change for every document but the last: answering them all would take as much memory as all of them. */
export function record(id: string, at: number, extra: string | null): Statement {
  return {
    sql: `INSERT INTO changes (at, uri, event, body, extra) ${CHANGES} AND NOT ${IS_LAST}`,
    params: [id, at, extra],
  }
}

/** The change of the last one. */
export function lastChange(id: string, at: number, extra: string | null): Statement {
  return { sql: `${CHANGES} AND ${IS_LAST}`, params: [id, at, extra] }
}

/** Creates and replaces, each under the revision of its change: those are the newest, one after the other. */
export function write(id: string): Statement {
  return {
    sql: `WITH placed AS MATERIALIZED (
        SELECT part, sum(count) OVER (ORDER BY part) - count AS before, sum(count) OVER () AS total
        FROM document_imports WHERE import = ?1)
      INSERT INTO documents (collection, created, name, revision, data, expires_at, uri)
      SELECT ?2, ${REVISION} - p.total + p.before + e.key + 1, ${NAME},
        ${REVISION} - p.total + p.before + e.key + 1, ${DATA},
        ${EXPIRES}, CASE WHEN ${EXPIRES} IS NOT NULL THEN ${URI} END
      FROM placed AS p CROSS JOIN document_imports AS i ON i.import = ?1 AND i.part = p.part
        CROSS JOIN json_each(i.lines) AS e WHERE true
      ON CONFLICT (collection, name) DO UPDATE SET revision = excluded.revision,
        expires_at = excluded.expires_at, uri = excluded.uri, data = excluded.data`,
    params: [id, COLLECTION],
  }
}

/** How many of the documents just written were created, and how many there were. */
export function counts(id: string): Statement {
  return {
    sql: `WITH all_of (total) AS (
        SELECT coalesce(sum(count), 0) FROM document_imports WHERE import = ?1)
      SELECT total, (SELECT count(*) FROM changes
        WHERE revision > ${REVISION} - total AND event = 'create') AS created FROM all_of`,
    params: [id],
  }
}
