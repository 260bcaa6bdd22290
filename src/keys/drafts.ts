/** The changes that keys leave in the journal. */
import type { Commit, Draft } from "../feed/feed.ts"
import type { Condition } from "../feed/sql.ts"
import { EXPIRED, LIVE, REASON, REASON_SQL } from "../feed/expiry.ts"
import * as sql from "./sql.ts"
import type { Kind } from "./value.ts"
import type { Ending } from "./write.ts"

type Drafts = Commit["drafts"]

/** A key is set: what expired unnoticed is deleted first, then the key is created, unless it is there. */
export function created(
  name: string,
  uri: string,
  now: number,
  body: string | null,
  { expiry, warn }: Ending,
): Drafts {
  const warned = warn == null ? {} : { warn_at: (expiry ?? 0) - warn }
  const extra = expiry == null ? {} : { expires_at: expiry, ...warned }
  return [
    lapsed(name, uri, now),
    { uri, event: "create", body, extra, when: sql.absent(name, now) },
  ]
}

/** What a change says of the value. */
interface Told {
  event: Condition
  body: Condition
}

/** A value that is given. Only text says by itself what it takes the place of: a merge patch would mix objects. */
export function given(body: string | null, kind: Kind): Told {
  return {
    event: { sql: "?", params: [kind === "text" ? "patch" : "state"] },
    body: { sql: "?", params: [body] },
  }
}

/**
 * The body that the key's last change has. What was read before, at `revision`, only stands in for a body that
 * has been trimmed: between that read and now somebody may have set another value.
 */
export function kept(revision: number, text: string | null): Told {
  return {
    // Patched by itself, JSON would lose its nulls.
    event: { sql: "CASE WHEN type LIKE '%json' THEN 'state' ELSE 'patch' END", params: [] },
    body: {
      sql: `coalesce((SELECT body FROM changes c WHERE c.revision = k.revision),
        CASE WHEN k.revision = ? THEN ? END)`,
      params: [revision, text],
    },
  }
}

/** A live key changes; `ending` as it will be, and undefined what stays. */
export function patched(
  name: string,
  now: number,
  { event, body }: Told,
  ending: Ending,
): Drafts[number] {
  const { expiry } = ending
  const [then, thens] = expiry === undefined ? ["expires_at", []] : [sql.INTEGER, [expiry]]
  const warned = sql.warnAt(ending)
  const params = [...event.params, ...body.params, ...thens, ...warned.params]
  return {
    each: {
      sql: `SELECT ${sql.INTEGER}, uri, ${event.sql}, ${body.sql}, ${sql.EXTRA}
        FROM (SELECT *, ${then} AS ends, ${warned.sql} AS warns FROM keys) k
        WHERE name = ? AND ${LIVE}`,
      params: [now, ...params, name, now],
    },
  }
}

/** A key is deleted, because somebody asked or because it had expired. */
export function deleted(name: string, uri: string, now: number): Drafts {
  return [lapsed(name, uri, now), { uri, event: "delete", when: sql.live(name, now) }]
}

/** Every key is deleted. */
export function cleared(now: number): Drafts {
  const each = {
    sql: `SELECT ${sql.INTEGER}, uri, 'delete', NULL,
        CASE WHEN ${EXPIRED} AND ${sql.DONE} THEN ${REASON_SQL} END
      FROM keys ORDER BY name`,
    params: [now, now],
  }
  return [{ each }]
}

export function lapsed(name: string, uri: string, now: number): Draft {
  return { uri, event: "delete", extra: REASON, when: sql.lapsed(name, now) }
}
