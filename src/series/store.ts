/** Time series by reference and symbol: frames in, frames out, a log of packed chunks between. */
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Database } from "../feed/database.ts"
import { guard, type Statement } from "../feed/statement.ts"
import type { Commit, Committer } from "../feed/feed.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { LIST_MAX_ITEMS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import type { SeriesEntry } from "../protocol/series.ts"
import { readRange, type Range } from "./bounds.ts"
import { between, type Frame } from "./frame.ts"
import { merge } from "./merge.ts"
import type { Patch } from "./patch.ts"
import { floorOf } from "./retention.ts"
import * as sql from "./sql.ts"
import type { ChunkRow, Place, SeriesRow } from "./sql.ts"
import { entriesOf, entryOf, shapeOf } from "./stored.ts"
import {
  changeOf,
  commitOf,
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
   * @param now the clock, epoch milliseconds: bounds may be relative to it
   * @param piledUp told when a log has so many small chunks that it should be compacted
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

  /** The references that have series, by name, with the revision they were read at. */
  async references(): Promise<{ references: string[]; revision: number }> {
    const [head, rows] = await this.#db.batch<{ reference: string; revision: number }>([
      sql.head,
      sql.references(LIST_MAX_ITEMS),
    ])
    const references = (rows ?? []).map((row) => row.reference)
    return { references, revision: head?.[0]?.revision ?? 0 }
  }

  /** The series of a reference by symbol, with the revision they were read at. */
  async list(reference: string): Promise<{ entries: SeriesEntry[]; revision: number }> {
    const [head, rows] = await this.#db.batch<SeriesRow>([
      sql.head,
      sql.list(reference, LIST_MAX_ITEMS),
    ])
    return {
      entries: (rows ?? []).map((row) => entryOf(row, this.#now())),
      revision: head?.[0]?.revision ?? 0,
    }
  }

  /**
   * The rows from `start` to `end`, both inclusive; null when there is no such series.
   * Throws Problem invalid_request naming the bound.
   */
  async read(
    place: Place,
    query: { start?: string | undefined; end?: string | undefined },
  ): Promise<{ frame: Frame; revision: number } | null> {
    // Which of the two is right, only the series knows, and it is read at one moment with its chunks.
    const times = attempt(() => readRange(query, "naive", this.#now()))
    const integers = attempt(() => readRange(query, "integer", this.#now()))
    if (times instanceof Problem && integers instanceof Problem) throw times
    const [rows, chunks] = await this.#db.batch<SeriesRow & ChunkRow>([
      sql.get(place),
      sql.chunks(place, rangeOr(times), rangeOr(integers)),
    ])
    const row = rows?.[0]
    if (!row) return null
    const range = row.kind === "integer" ? integers : times
    if (range instanceof Problem) throw range
    const frame = merge(entriesOf(chunks ?? [], place, row.kind), shapeOf(row))
    const first = Math.max(range.first, floorOf(row, this.#now()) ?? range.first)
    return { frame: between(frame, first, range.last), revision: row.revision }
  }

  /**
   * Replaces everything from the frame's first stamp to its last by its rows; new columns are added. Makes the
   * series when there is none. Answers the revision.
   * Throws Problem: unprocessable, too_large, precondition_failed.
   */
  save(place: Place, frame: Frame, conditions: Conditions = {}): Promise<number> {
    const write = replacement(frame)
    return this.#commit(place, conditions, this.#commitOf(place, write), (stored) =>
      explainShape(stored, place, write),
    )
  }

  /** The same where there must be none. Throws Problem: unprocessable, too_large, conflict. */
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

  #commitOf(place: Place, write: Write, guards: Statement[] = []): Commit {
    return commitOf(place, write, guards, () => this.#piledUp(place))
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
    const guards = conditionGuards(conditions, sql.CURRENT, [reference, symbol])
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

function attempt(read: () => Range): Range | Problem {
  try {
    return read()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

/** A range that nothing is in, for the one that does not apply. */
function rangeOr(range: Range | Problem): Range {
  return range instanceof Problem ? { first: 1, last: 0 } : range
}
