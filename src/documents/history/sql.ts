/**
 * The statements of the history of apps' documents. A document at a revision is what it was made as a whole the last
 * time before (`create`, `state`), with every later patch applied; SQLite does that, and changes no number on the way.
 */
import type { Param, Statement } from "../../feed/statement.ts"

export const COLLECTION = "/api/apps/"

/** Both must hold of a change to be at that point or before. */
export interface Until {
  revision: number
  /** Epoch milliseconds. */
  at: number
}

// An index over part of a table serves a query that states that part in the same words.
const APPS = `event <> 'create' AND uri > '${COLLECTION}' AND uri < '/api/apps0'`
const JOURNAL = "changes INDEXED BY changes_of_apps"

const COLUMNS = "revision, at, event, body, extra"

/** The first and the last revision of the journal, and when the change before the first was made; 0: there was none. */
export const bounds: Statement = {
  sql: `SELECT coalesce((SELECT min(revision) FROM changes), 1) AS first,
    coalesce((SELECT max(revision) FROM changes), 0) AS last,
    coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'trimmed'), 0) AS trimmedAt`,
  params: [],
}

/** The document as it is now; its data only where that is what it was at that point, too. */
export function standing(name: string, { revision, at }: Until, now: number): Statement {
  const since = "d.revision <= ?3 AND coalesce(c.at, 0) <= ?4"
  return {
    sql: `SELECT d.revision, coalesce(d.expires_at <= ?5, 0) AS isExpired, CASE WHEN ${since} THEN d.data END AS data,
        CASE WHEN k.revision <= ?3 AND k.at <= ?4 THEN k.revision END AS created
      FROM documents d LEFT JOIN changes c ON c.revision = d.revision
        LEFT JOIN changes k ON k.revision = d.created
      WHERE d.collection = ?1 AND d.name = ?2`,
    params: [COLLECTION, name, revision, at, now],
  }
}

/** The last change up to that point; of `events`, which must not be `create`. */
export function latest(
  uri: string,
  { revision, at }: Until,
  events?: "whole" | "delete",
): Statement {
  const wanted =
    events === "whole" ? "AND event <> 'patch'" : events ? `AND event = '${events}'` : ""
  return {
    sql: `SELECT revision, event FROM ${JOURNAL} WHERE uri = ?1 AND ${APPS} ${wanted}
      AND revision <= ?2 AND at <= ?3 ORDER BY revision DESC LIMIT 1`,
    params: [uri, revision, at],
  }
}

/** What it was before the journal begins. */
export function past(name: string): Statement {
  return { sql: "SELECT revision FROM document_pasts WHERE name = ?1", params: [name] }
}

/** When it was created in a run of revisions, newest first: no index helps, so ask only where one must be. */
export function creations(
  uri: string,
  after: number,
  { revision, at }: Until,
  limit: number,
): Statement {
  return {
    sql: `SELECT ${COLUMNS} FROM changes NOT INDEXED
      WHERE revision > ?2 AND revision <= ?3 AND at <= ?4 AND event = 'create' AND uri = ?1
      ORDER BY revision DESC LIMIT ?5`,
    params: [uri, after, revision, at, limit],
  }
}

/**
 * The data after the change `last`, starting from `whole`, or from the past when that is 0, as a subquery: no row, or
 * NULL, where the journal could not hold all of it. The arguments are SQL expressions.
 */
function folded(name: string, uri: string, whole: string, last: string): string {
  return `WITH RECURSIVE fold (revision, data) AS (
      SELECT ${whole}, CASE WHEN ${whole} > 0
        THEN (SELECT jsonb_extract(body, '$.data') FROM changes WHERE revision = ${whole})
        ELSE (SELECT jsonb(data) FROM document_pasts WHERE name = ${name}) END
      UNION ALL
      SELECT c.revision, jsonb_patch(fold.data, coalesce(
          jsonb_extract(c.body, '$.data'), CASE WHEN c.body IS NOT NULL THEN jsonb('{}') END))
      FROM fold CROSS JOIN changes AS c NOT INDEXED ON c.revision = (
        SELECT min(revision) FROM ${JOURNAL}
        WHERE uri = ${uri} AND ${APPS} AND revision > fold.revision AND revision <= ${last})
    ) SELECT json(data) FROM fold WHERE revision = ${last}`
}

export function state(name: string, uri: string, whole: number, newest: number): Statement {
  const wanted = newest > 0 ? folded("?1", "?2", "?3", "?4") : PAST
  const params: Param[] = newest > 0 ? [name, uri, whole, newest] : [name]
  return { sql: `SELECT (${wanted}) AS data`, params }
}

const PAST = "SELECT data FROM document_pasts WHERE name = ?1"

/** Changes before a revision, newest first, without those that created. */
export function entries(uri: string, before: number, limit: number): Statement {
  return {
    sql: `SELECT ${COLUMNS} FROM ${JOURNAL} WHERE uri = ?1 AND ${APPS} AND revision < ?2
      ORDER BY revision DESC LIMIT ?3`,
    params: [uri, before, limit],
  }
}

/** The change that made the document that is there now, when it comes before a revision. */
export function creation(name: string, before: number): Statement {
  return {
    sql: `SELECT ${COLUMNS} FROM changes WHERE revision < ?3
      AND revision = (SELECT created FROM documents WHERE collection = ?1 AND name = ?2)`,
    params: [COLLECTION, name, before],
  }
}

/** Changes of documents in a run that is to be trimmed, oldest first. */
export function trimmed(first: number, last: number, limit: number): Statement {
  return {
    sql: `SELECT revision, uri, event FROM changes NOT INDEXED
      WHERE revision >= ?1 AND revision <= ?2 AND uri > '${COLLECTION}' AND uri < '/api/apps0'
      ORDER BY revision LIMIT ?3`,
    params: [first, last, limit],
  }
}

/** How a document fared in a run that is trimmed. */
export interface Fared {
  name: string
  uri: string
  /** Its newest `create` or `state` there; 0 when there is none. */
  whole: number
  newest: number
  isDeleted: boolean
}

const listed = (fared: Fared[]) =>
  JSON.stringify(
    fared.map(({ name, uri, whole, newest, isDeleted }) => [
      name,
      uri,
      whole,
      newest,
      Number(isDeleted),
    ]),
  )

const OF = "LEFT JOIN documents d ON d.collection = ?2 AND d.name = l.value ->> 0"

/** What the documents were at the end of the run, kept for those that changed after it. */
export function keep(fared: Fared[], end: number): Statement[] {
  const list = listed(fared)
  const data = folded("l.value ->> 0", "l.value ->> 1", "(l.value ->> 2)", "(l.value ->> 3)")
  return [
    {
      sql: `INSERT OR REPLACE INTO document_pasts (name, revision, data)
        SELECT l.value ->> 0, l.value ->> 3, (${data}) FROM json_each(?1) l ${OF}
        WHERE l.value ->> 4 = 0 AND coalesce(d.revision > ?3, true)`,
      params: [list, COLLECTION, end],
    },
    {
      sql: `DELETE FROM document_pasts WHERE name IN (SELECT l.value ->> 0 FROM json_each(?1) l ${OF}
        WHERE l.value ->> 4 = 1 OR d.revision <= ?3)`,
      params: [list, COLLECTION, end],
    },
  ]
}
