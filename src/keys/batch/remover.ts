/** Deletes the keys whose names match. */
import { conditionGuards, explainConditions } from "../../feed/conditions.ts"
import type { Database } from "../../feed/database.ts"
import { sweepOf } from "../../feed/expiry.ts"
import type { Feed } from "../../feed/feed.ts"
import { guard } from "../../feed/statement.ts"
import type { Conditions } from "../../protocol/endpoint.ts"
import { KEYS_DELETE_MAX, NAME_MAX_BYTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { byteLength } from "../../lib/bytes.ts"
import type { EdgeCopies } from "../edge.ts"
import type { NamePattern } from "../list/pattern.ts"
import type { KeyLists } from "../list/reader.ts"
import { busy } from "../persist.ts"
import { settle } from "../settle.ts"
import { afterExpiry } from "../expirer.ts"
import { HEAD, SWEPT_WITHIN } from "../sql.ts"
import { packed } from "../packed.ts"
import * as sql from "./sql.ts"

export interface KeyRemoverParts {
  db: Database
  feed: Feed
  edge: EdgeCopies
  lists: KeyLists
  /** Epoch milliseconds. */
  now: () => number
  /** Ends keys that have expired and have something to do then. */
  expire: (name: string | null) => Promise<void>
}

export interface Removed {
  /** How many keys there were. */
  count: number
  /** 0 when nothing changed. */
  revision: number
}

const LIST_URI = "/keys/"

/** Rounds before giving up: in each, somebody created a key that matches while it was looked for others. */
const ROUNDS = 10

/** Thrown, and caught here, when what was found is not all there is. */
const AGAIN = busy("Keys that match come to be faster than they can be deleted, try again")

export class KeyRemover {
  readonly #parts: KeyRemoverParts

  constructor(parts: KeyRemoverParts) {
    this.#parts = parts
  }

  /**
   * Deletes all keys that match, in one commit, unless there are more than `most`. The conditions are on the list's
   * revision. Throws Problem: conflict when there are more, precondition_failed, too_large, overloaded.
   */
  async remove(
    pattern: NamePattern,
    most: number | null,
    conditions: Conditions = {},
  ): Promise<Removed> {
    const { edge } = this.#parts
    // Nothing begins so, and Workers KV would not look for it.
    if (byteLength(pattern.prefix) > NAME_MAX_BYTES) return { count: 0, revision: 0 }
    const { names, changes } = await this.#commit(pattern, most, conditions)
    const gone = new Set(names)
    await edge.write(names.map((name) => [name, null]))
    await settle(this.#parts, zeros(names))
    // What an earlier try left behind is in no index any more, and only Workers KV can name it.
    for await (const page of edge.pages(pattern.prefix)) {
      const left = page.filter(([name]) => !gone.has(name) && pattern.matches(name))
      if (left.length > 0) await settle(this.#parts, new Map(left))
    }
    return { count: changes.length, revision: changes.at(-1)?.revision ?? 0 }
  }

  /** What matches is decided here, and that it is all there is in the batch. */
  async #commit(pattern: NamePattern, most: number | null, conditions: Conditions) {
    const { feed, lists, expire } = this.#parts
    for (let round = 1; ; round++) {
      const { names, revision } = await lists.names(pattern)
      checkCount(names.length, most)
      try {
        const changes = await afterExpiry(
          () => feed.commit(this.#commitOf(pattern, names, revision, conditions)),
          () => expire(null),
        )
        return { names, changes }
      } catch (error) {
        if (error !== AGAIN || round === ROUNDS) throw error
      }
    }
  }

  #commitOf(
    pattern: NamePattern,
    names: readonly string[],
    revision: number,
    conditions: Conditions,
  ): Parameters<Feed["commit"]>[0] {
    const { feed, now } = this.#parts
    const at = now()
    const packs = packed(names).map(({ json }) => json)
    const complete = sql.nothingElse(pattern, revision, packs)
    return {
      sweep: sweepOf(SWEPT_WITHIN, at),
      guards: [
        ...conditionGuards(conditions, HEAD, [], LIST_URI),
        guard(complete.sql, complete.params),
      ],
      drafts: packs.map((json) => ({ each: sql.deletions(json, at) })),
      writes: packs.map(sql.removeNamed),
      explain: async () => {
        const position = await feed.position()
        return explainConditions(LIST_URI, conditions, position.revision) ?? AGAIN
      },
    }
  }
}

function checkCount(count: number, most: number | null): void {
  if (most !== null && count > most) {
    throw new Problem(
      "conflict",
      `${count} keys match, more than "max_affected" allows (${most}); nothing is deleted`,
      { matched: count, max_affected: most },
    )
  }
  if (count > KEYS_DELETE_MAX) {
    throw new Problem(
      "too_large",
      `${count} keys match, more than can be deleted at once (${KEYS_DELETE_MAX}); nothing is deleted`,
      { matched: count, limit: KEYS_DELETE_MAX },
    )
  }
}

function zeros(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name) => [name, 0]))
}
