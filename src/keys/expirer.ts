/** Ends keys that have something to do when they expire, together with it. */
import type { Database } from "../feed/database.ts"
import { expired, REASON } from "../feed/expiry.ts"
import type { Commit, Feed, Journal } from "../feed/feed.ts"
import { commitTogether } from "../feed/joint.ts"
import { guard } from "../feed/statement.ts"
import { ON_EXPIRE_KEYS_AT_ONCE, REQUEST_MAX_QUERIES } from "../protocol/limits.ts"
import { Problem, Stopped } from "../protocol/problem.ts"
import { stepsOf } from "./action.ts"
import { busy } from "./persist.ts"
import * as sql from "./sql.ts"

/** Queries of one key's end, with some to spare: a request does no more of them than it can. */
const QUERIES_OF_ONE = 20

/** Answers a request whose writes go to the journal. */
export type Act = (journal: Journal, request: Request) => Promise<Response>

/** What went wrong, as the change tells it; null for nothing. */
type Failure = { code: string; detail: string } | null

const GONE = { code: "gone", detail: "Somebody else ended the key" }

export class Expirer {
  readonly #db: Database
  readonly #feed: Feed
  readonly #act: Act
  readonly #now: () => number

  constructor(db: Database, feed: Feed, now: () => number, act: Act) {
    this.#db = db
    this.#feed = feed
    this.#act = act
    this.#now = now
  }

  /**
   * Lets `sweep` end what has nothing to do, then ends the others; answers what it says: when the next thing expires, in
   * epoch milliseconds, null for never. Throws as `expire`.
   */
  async after(sweep: () => Promise<number | null>): Promise<number | null> {
    const next = await sweep()
    if (!expired(next, this.#now())) return next
    await this.expire(null)
    return sweep()
  }

  /**
   * Ends the keys that have expired and have something to do then, in the order of expiry, each in one transaction with
   * what it does; what cannot be done is told in the change, and the key ends all the same. As many as a request has
   * queries for, one at least; the others stay due.
   * @param name only this one
   * Throws Problem overloaded when something was not to be had just now; its key stays due.
   */
  async expire(name: string | null): Promise<void> {
    const now = this.#now()
    const rows = await this.#db.all<sql.DueRow>(sql.due(now, name, ON_EXPIRE_KEYS_AT_ONCE))
    let late: unknown
    for (const [at, row] of rows.entries()) {
      if (at > 0 && this.#db.cost.queries > REQUEST_MAX_QUERIES - QUERIES_OF_ONE) break
      // One that has to wait must not hold up those behind it.
      await this.#end(row, now).catch((error: unknown) => (late ??= error))
    }
    if (late !== undefined) throw late
  }

  async #end(row: sql.DueRow, now: number): Promise<void> {
    const { results, at } = await commitTogether<Failure>(
      this.#feed,
      [
        (journal) => tryTo(() => journal.commit(endOf(row, now, { on_expire: "done" }))),
        (journal) => this.#do(journal, row),
      ],
      (failure) => failure === null,
    )
    // Refused itself, the end of the key is somebody else's, and what was to be done with it.
    if (at !== 1) return
    const told = { on_expire: "failed", problem: results[1] }
    console.warn({ event: "on_expire_failed", uri: row.uri, ...results[1] })
    await tryTo(() => this.#feed.commit(endOf(row, now, told)))
  }

  async #do(journal: Journal, { onExpire, expiresAt }: sql.DueRow): Promise<Failure> {
    for (const { request, unless } of stepsOf(onExpire, expiresAt)) {
      const response = await this.#act(journal, request)
      if (response.ok) return null
      // Not refused, only not now.
      if (response.status === 503) throw busy("What a key is to do when it expires must wait")
      if (response.status === unless) continue
      const { code, detail } = (await response.json()) as Exclude<Failure, null>
      return { code, detail }
    }
    return { code: "conflict", detail: "It changed at the same moment" }
  }
}

function endOf(row: sql.DueRow, now: number, told: Record<string, unknown>): Commit {
  const { sql: isDue, params } = sql.isDue(row, now)
  return {
    guards: [guard(isDue, params)],
    drafts: [{ uri: row.uri, event: "delete", extra: { ...REASON, ...told } }],
    writes: [sql.remove(row.name)],
    explain: async () => new Problem("conflict", GONE.detail),
  }
}

/** Null when it went well or `GONE`. Throws what is no refusal. */
async function tryTo(commit: () => Promise<unknown>): Promise<Failure> {
  try {
    await commit()
    return null
  } catch (error) {
    if (error instanceof Problem && error.code === "conflict") return GONE
    throw error
  }
}

/** How often a write lets expired keys end before it gives up: each time, some of many. */
const ATTEMPTS = 5

/**
 * A commit that stops where a key has expired that has something to do: that is done first.
 * Throws what the commit throws, and Problem overloaded.
 */
export async function afterExpiry<Result>(
  commit: () => Promise<Result>,
  expire: () => Promise<void>,
): Promise<Result> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await commit()
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      await expire()
    }
  }
  throw busy("Keys that have expired have more to do than one request can, try again")
}
