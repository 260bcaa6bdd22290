/** Keeps values in the index that the journal is about to lose before Workers KV is known to have them. */
import type { Database } from "../feed/database.ts"
import type { Keeper, Trimmed } from "../feed/feed.ts"
import type { Statement } from "../feed/statement.ts"
import { TRIM_MAX_KEPT_BYTES, TRIM_MAX_KEPT_KEYS } from "../protocol/limits.ts"
import { nameOf, type Entry } from "./entry.ts"
import { keeping, newest } from "./kept.ts"
import { unchecked, type Unchecked } from "./check-sql.ts"
import * as sql from "./sql.ts"

/**
 * A value is in its change until Workers KV has it. Whoever writes it there may die before it does, and readers may be
 * given an older copy for a while; until `check` has looked, the change is all there is.
 */
export class KeyKeeper implements Keeper {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** How far trimming may go at once, and the statements that keep what only the journal is sure to have. */
  async keep({ last }: Trimmed): Promise<{ last: number; statements: Statement[] }> {
    const changes = await this.#db.all<Unchecked>(unchecked(last, TRIM_MAX_KEPT_KEYS + 1))
    const end = endOf(changes, last)
    const names = changes.filter(({ revision }) => revision <= end).map(({ uri }) => nameOf(uri))
    const known = await newest(
      this.#db,
      [...new Set(names)].map((name) => [name, sql.NONE]),
    )
    const isLost = (one: [string, Entry | null]): one is [string, Entry] =>
      one[1] !== null && one[1].revision <= end
    return { last: end, statements: keeping(known.filter(isLost)) }
  }
}

/** Before the change that is one too many, or whose value is; the first always goes. */
function endOf(changes: readonly Unchecked[], last: number): number {
  let bytes = 0
  const beyond = changes.find(
    (change, at) =>
      at === TRIM_MAX_KEPT_KEYS || ((bytes += change.bytes) > TRIM_MAX_KEPT_BYTES && at > 0),
  )
  return beyond ? beyond.revision - 1 : last
}
