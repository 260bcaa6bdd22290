/** The statements of the journal. */
import type { Param, Statement } from "./statement.ts"

/** Inside a commit: the revision of the change that was recorded last. */
export const REVISION = "(SELECT max(revision) FROM changes)"

/** A condition on stored rows; its parameters are `?` in order. */
export interface Condition {
  sql: string
  params: Param[]
}

const COLUMNS = "revision, at, uri, event, body, extra"
/** What was recorded, and when the change before it was made. */
const RECORDED = `${COLUMNS},
  (SELECT last.at FROM changes last WHERE last.revision = changes.revision - 1) AS "before"`

/**
 * Records one change, if the condition holds at that moment of the batch.
 * @param row at, uri, event and body
 * @param extra the members beside them; `other` has those that take their place under a condition of its own
 */
export function append(
  row: Param[],
  extra: string | null,
  other: { when: Condition; extra: string | null } | undefined,
  when: Condition = { sql: "true", params: [] },
): Statement {
  const members = other ? `CASE WHEN ${other.when.sql} THEN ? ELSE ? END` : "?"
  const params = other ? [...other.when.params, other.extra, extra] : [extra]
  return {
    sql: `INSERT INTO changes (at, uri, event, body, extra) SELECT ?, ?, ?, ?, ${members} WHERE ${when.sql}
      RETURNING ${RECORDED}`,
    params: [...row, ...params, ...when.params],
  }
}

/** Records one change per row of a SELECT of (at, uri, event, body, extra). */
export function appendEach(select: Statement): Statement {
  return {
    sql: `INSERT INTO changes (at, uri, event, body, extra) ${select.sql} RETURNING ${RECORDED}`,
    params: select.params,
  }
}

/** Epoch, the first and last revision that are kept, and when the last change was made. */
export const position: Statement = {
  sql: `SELECT (SELECT value FROM meta WHERE name = 'epoch') AS epoch,
    coalesce((SELECT min(revision) FROM changes), 1) AS first,
    coalesce((SELECT max(revision) FROM changes), 0) AS last,
    (SELECT at FROM changes ORDER BY revision DESC LIMIT 1) AS at`,
  params: [],
}

/** When a change was made, as far as it is kept. */
export function madeAt(revision: number): Statement {
  return { sql: "SELECT at FROM changes WHERE revision = ?1", params: [revision] }
}

/** A new epoch in place of this one; of several at it one wins. */
export function renew(epoch: string): Statement {
  return {
    sql: "UPDATE meta SET value = lower(hex(randomblob(8))) WHERE name = 'epoch' AND value = ?1",
    params: [epoch],
  }
}

/** Who is to be told of commits. */
export const listeners: Statement = { sql: "SELECT name FROM listeners ORDER BY name", params: [] }

/** From here on every commit finds the name among the listeners. Writes no row where it stands already. */
export function listen(name: string, at: number): Statement {
  return {
    sql: `INSERT INTO listeners (name, at) VALUES (?1, ?2)
      ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE excluded.at > at`,
    params: [name, at],
  }
}

/** Takes back what was asked for at that time or before, so that one that comes late takes nothing newer back. */
export function unlisten(name: string, at: number): Statement {
  return { sql: "DELETE FROM listeners WHERE name = ?1 AND at <= ?2", params: [name, at] }
}

/** Changes after a revision, oldest first. */
export function after(revision: number, rows: number): Statement {
  return {
    sql: `SELECT ${COLUMNS} FROM changes WHERE revision > ?1 ORDER BY revision LIMIT ?2`,
    params: [revision, rows],
  }
}

/**
 * Changes of one resource after a revision; none when they are more or larger than the limits, or the journal does not
 * reach back. There is no index by URI, which would cost every write a row: so many revisions are looked through.
 */
export function since(
  uri: string,
  revision: number,
  maxRevisions: number,
  maxChanges: number,
  maxBytes: number,
): Statement {
  return {
    sql: `WITH found AS MATERIALIZED (
        SELECT revision, event, body FROM changes
        WHERE revision > ?2 AND revision <= ?2 + ?3 AND uri = ?1 ORDER BY revision LIMIT ?4 + 1
      )
      SELECT revision, event, body FROM found
      WHERE (SELECT min(revision) <= ?2 + 1 AND max(revision) <= ?2 + ?3 FROM changes)
        AND (SELECT count(*) <= ?4 AND total(octet_length(body)) <= ?5 FROM found)`,
    params: [uri, revision, maxRevisions, maxChanges, maxBytes],
  }
}

/**
 * The last revision that is past age or count, `last`, and the first that is kept now; never the newest row, from
 * which the next revision is counted. One run from the first on, also where clocks were not at one.
 */
export function trimmable(before: number, keepRows: number): Statement {
  return {
    sql: `SELECT (SELECT min(revision) FROM changes) AS first, min(
        ${REVISION} - 1,
        max(
          coalesce((SELECT revision FROM changes WHERE at >= ?1 ORDER BY revision LIMIT 1), ${REVISION}) - 1,
          ${REVISION} - ?2
        )
      ) AS last`,
    params: [before, keepRows],
  }
}

/** Removes the changes up to a revision, and notes when the last of them was made. */
export function trim(last: number): Statement[] {
  return [
    {
      sql: `INSERT INTO meta (name, value)
        SELECT 'trimmed', CAST(at AS TEXT) FROM changes WHERE revision <= ?1 ORDER BY revision DESC LIMIT 1
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      params: [last],
    },
    { sql: "DELETE FROM changes WHERE revision <= ?1", params: [last] },
  ]
}

/** True while no other trimming came between. */
export function beginsAt(first: number): Condition {
  return { sql: "(SELECT min(revision) FROM changes) = ?", params: [first] }
}
