/** Changes of a series as a resource: made, patched, deleted. Rows come in by `ingest`, and go out by `read`. */
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Database } from "../feed/database.ts"
import { guard, type Statement } from "../feed/statement.ts"
import type { Commit, Committer } from "../feed/feed.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import type { Bounds } from "./bounds.ts"
import type { Frame } from "./frame.ts"
import type { Patch } from "./patch.ts"
import * as sql from "./sql.ts"
import type { Place, SeriesRow } from "./sql.ts"
import {
  changeOf,
  commitOf,
  erasureOf,
  explainShape,
  listUriOf,
  replacement,
  uriOf,
  type Write,
} from "./write.ts"

export class SeriesStore {
  readonly #db: Database
  readonly #committer: Committer
  readonly #now: () => number
  readonly #piledUp: (place: Place) => void

  /**
   * @param now the clock, epoch milliseconds: ranges of a patch may be relative to it
   * @param piledUp told of a series that should be compacted
   */
  constructor(
    db: Database,
    committer: Committer,
    now: () => number,
    piledUp: (place: Place) => void = () => {},
  ) {
    this.#db = db
    this.#committer = committer
    this.#now = now
    this.#piledUp = piledUp
  }

  /** Makes a series of a frame where there must be none. Answers the revision. Throws Problem: unprocessable, too_large, conflict. */
  create(place: Place, frame: Frame, conditions: Conditions = {}): Promise<number> {
    const { sql: absent, params } = sql.not(sql.exists(place))
    const commit = this.#commitOf(place, replacement(frame), [guard(absent, params)])
    return this.#commit(place, conditions, commit, (stored) => stored && taken(place))
  }

  /**
   * Takes away the ranges, then puts the rows over what is there. Answers the revision.
   * Throws Problem: not_found, invalid_request, unprocessable, too_large, precondition_failed.
   */
  async patch(place: Place, patch: Patch, conditions: Conditions = {}): Promise<number> {
    // Only what the ranges mean hangs on this read; that it still holds, the batch checks.
    const before = await this.#db.first<SeriesRow>(sql.get(place))
    if (!before) throw notFound(place)
    const write = changeOf(patch, before.kind, this.#now())
    const { sql: present, params } = sql.exists(place)
    const commit = this.#commitOf(place, write, [guard(present, params)])
    return this.#commit(place, conditions, commit, (stored) =>
      stored ? explainShape(stored, place, write) : notFound(place),
    )
  }

  /** Deletes, also when there is nothing to delete; answers the revision, 0 when nothing changed. */
  remove(place: Place, conditions: Conditions = {}): Promise<number> {
    const present = sql.exists(place)
    const alone = sql.not(sql.hasSeries(place.reference, place.symbol))
    const commit: Commit = {
      drafts: [
        { uri: listUriOf(place), event: "delete", when: sql.both(present, alone) },
        { uri: uriOf(place), event: "delete", when: present },
      ],
      writes: sql.remove(place),
    }
    return this.#commit(place, conditions, commit, () => null)
  }

  /**
   * Deletes the rows of a range; answers the revision, 0 when there is no such series.
   * Throws Problem: invalid_request, precondition_failed.
   */
  async erase(place: Place, bounds: Bounds, conditions: Conditions = {}): Promise<number> {
    // As for a patch, what the range means hangs on this read.
    const before = await this.#db.first<SeriesRow>(sql.get(place))
    const problem = explainConditions(uriOf(place), conditions, before?.revision)
    if (problem) throw problem
    const write = erasureOf(bounds, before?.kind ?? "naive", this.#now())
    if (!before) return 0
    const { sql: present, params } = sql.exists(place)
    const commit = this.#commitOf(place, write, [guard(present, params)])
    return this.#commit(place, conditions, commit, (stored) =>
      stored ? explainShape(stored, place, write) : notFound(place),
    )
  }

  #commitOf(place: Place, write: Write, guards: Statement[] = []): Commit {
    return commitOf(place, write, this.#now(), guards, () => this.#piledUp(place))
  }

  /**
   * Commits under the conditions; answers the series' revision, 0 when nothing changed.
   * @param refuse after a guard failed: what it means where the conditions hold
   */
  async #commit(
    place: Place,
    conditions: Conditions,
    commit: Commit,
    refuse: (stored: SeriesRow | null) => Problem | null,
  ): Promise<number> {
    const uri = uriOf(place)
    const { reference, symbol } = place
    const guards = conditionGuards(conditions, sql.CURRENT, [reference, symbol], uri)
    const changes = await this.#committer.commit({
      ...commit,
      guards: [...guards, ...(commit.guards ?? [])],
      explain: async () => {
        const stored = await this.#db.first<SeriesRow>(sql.get(place))
        return explainConditions(uri, conditions, stored?.revision) ?? refuse(stored)
      },
    })
    return changes.find((change) => change.uri === uri)?.revision ?? 0
  }
}

function taken({ reference, symbol }: Place): Problem {
  return new Problem("conflict", `There is a series "${symbol}" in "${reference}" already`, {
    errors: { symbol: "is taken" },
  })
}

/** There is no such series. */
export function notFound({ reference, symbol }: Place): Problem {
  return new Problem("not_found", `There is no series "${symbol}" in "${reference}"`)
}
