/**
 * What "expired" means, in TypeScript and in SQL side by side, and how it is made an event. A table takes part that has
 * the columns `uri` and `expires_at` (epoch milliseconds, NULL: never) with a partial index on the latter.
 */
import type { Database } from "./database.ts"
import type { Change, Position } from "../protocol/change.ts"
import type { Commit, Committer, Journal } from "./feed.ts"

/** When something is to expire, in epoch milliseconds; null: never; undefined: as before. */
export type Expiry = number | null | undefined

/** True from the very millisecond that the expiry names. Both are epoch milliseconds; null never expires. */
export function expired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}

/** The header of what expires; nothing where nothing does, or where nobody said. */
export function expiryHeaders(expiry: Expiry): Record<string, string> {
  return expiry == null ? {} : { "X-Expires-At": new Date(expiry).toISOString() }
}

/** `expired` as a condition on a row; its one parameter is now. */
export const EXPIRED = "expires_at <= ?"
/** Its opposite, for rows that never expire too. */
export const LIVE = "(expires_at IS NULL OR expires_at > ?)"

/** What the change of something that expired carries. */
export const REASON = { reason: "expired" }
export const REASON_SQL = `'${JSON.stringify(REASON)}'`

/** What is swept: a table, or those of its rows for which a condition holds. */
export interface Expiring {
  table: string
  only?: string
  /** True where the column `warn_at` (epoch milliseconds, NULL: never) says when an expiry is to be told of beforehand. */
  warns?: true
}

/** Everything in the table that has expired is deleted, in the order in which it did. */
export function sweepOf({ table, only = "true" }: Expiring, now: number): Commit {
  const due = `${EXPIRED} AND ${only}`
  const each = {
    sql: `SELECT CAST(? AS INTEGER), uri, 'delete', NULL, ${REASON_SQL} FROM ${table} WHERE ${due}
      ORDER BY expires_at, uri`,
    params: [now, now],
  }
  return {
    drafts: [{ each }],
    writes: [{ sql: `DELETE FROM ${table} WHERE ${due}`, params: [now] }],
  }
}

/** Of what is about to expire is told, once: whoever writes it anew sets another time, or none. */
function warningsOf({ table, warns }: Expiring, now: number): Commit {
  if (!warns) return { drafts: [], writes: [] }
  const due = "warn_at <= ?"
  const each = {
    sql: `SELECT CAST(? AS INTEGER), uri, 'expiring', NULL, json_object('expires_at', expires_at)
      FROM ${table} WHERE ${due} AND ${LIVE} ORDER BY warn_at, uri`,
    params: [now, now, now],
  }
  return {
    drafts: [{ each }],
    writes: [{ sql: `UPDATE ${table} SET warn_at = NULL WHERE ${due}`, params: [now] }],
  }
}

/** A journal that lets whatever has expired in the table be gone, with its event, before each commit looks at anything. */
export class SweptJournal implements Journal {
  readonly #journal: Journal
  readonly #table: string
  readonly #now: () => number

  constructor(journal: Journal, table: string, now: () => number) {
    this.#journal = journal
    this.#table = table
    this.#now = now
  }

  commit(commit: Commit): Promise<Change[]> {
    return this.commitAll([commit])
  }

  commitAll([first, ...rest]: Commit[]): Promise<Change[]> {
    if (!first) return Promise.resolve([])
    return this.#journal.commitAll([
      { ...first, sweep: sweepOf({ table: this.#table }, this.#now()) },
      ...rest,
    ])
  }

  position(): Promise<Position> {
    return this.#journal.position()
  }
}

/**
 * Deletes what has expired in the tables and records it, and that some soon will where that is to be told; answers when
 * there is more of either to do, in epoch milliseconds, null for never.
 */
export async function sweep(
  db: Database,
  committer: Pick<Committer, "commit">,
  tables: readonly Expiring[],
  now: number,
): Promise<number | null> {
  const sweeps = tables.flatMap((one) => [sweepOf(one, now), warningsOf(one, now)])
  await committer.commit({
    drafts: sweeps.flatMap(({ drafts }) => drafts),
    writes: sweeps.flatMap(({ writes }) => writes),
  })
  const next = tables.flatMap(({ table, warns }) =>
    (warns ? ["expires_at", "warn_at"] : ["expires_at"]).map(
      (column) => `SELECT min(${column}) AS at FROM ${table} WHERE ${column} IS NOT NULL`,
    ),
  )
  const sql = `SELECT min(at) AS at FROM (${next.join(" UNION ALL ")})`
  return (await db.first<{ at: number | null }>({ sql, params: [] }))?.at ?? null
}
