/** What apps' documents were, from the journal. */
import type { Database } from "../../feed/database.ts"
import type { ChangeEvent } from "../../protocol/change.ts"
import { CHANGE_BODY_MAX_BYTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { DocumentStoreOptions } from "../store.ts"
import { LATEST, wrong, type Point } from "./point.ts"
import * as sql from "./sql.ts"

/** A document as it was; `data` is JSON text. */
export interface Past {
  data: string
  /** Of the change that made it so. */
  revision: number
}

/** A change as the journal has it. */
export interface Entry {
  revision: number
  /** Epoch milliseconds. */
  at: number
  event: ChangeEvent
  body: string | null
  extra: string | null
}

interface Bounds {
  first: number
  last: number
  trimmedAt: number
}

/** What there is of a document. */
interface Standing {
  revision: number
  data: string | null
  created: number | null
  isExpired: number
}

type Mark = Pick<Entry, "revision" | "event">

export class DocumentHistory {
  readonly #db: Database
  readonly #options: DocumentStoreOptions

  constructor(db: Database, options: DocumentStoreOptions) {
    this.#db = db
    this.#options = options
  }

  /**
   * The document as it was at that point.
   * Throws Problem: not_found when there was none, history_gone when the journal does not tell, invalid_request for a
   * revision that is yet to come.
   */
  async at(name: string, uri: string, point: Point): Promise<Past> {
    const [bounds, standing, last, whole, ended, past] = await this.#db.batch<unknown>([
      sql.bounds,
      sql.standing(name, point, this.#options.now()),
      sql.latest(uri, point),
      sql.latest(uri, point, "whole"),
      sql.latest(uri, { revision: LATEST, at: LATEST }, "delete"),
      sql.past(name),
    ])
    checkBounds(bounds?.[0] as Bounds, point)
    const now = standing?.[0] as Standing | undefined
    if (now?.isExpired) {
      await this.#options.sweep()
      return this.at(name, uri, point)
    }
    if (now?.data != null) return { data: now.data, revision: now.revision }
    const before = past?.[0] as Mark | undefined
    const marks = {
      last: last?.[0] as Mark | undefined,
      whole: whole?.[0] as Mark | undefined,
      ended: (ended?.[0] as Mark | undefined)?.revision ?? 0,
    }
    const created = now?.created ?? (await this.#creation(uri, point, marks, before))
    const start = Math.max(marks.whole?.revision ?? 0, created ?? 0)
    const newest = Math.max(marks.last?.revision ?? 0, start)
    const isDeleted = marks.whole?.event === "delete" && marks.whole.revision === newest
    if (isDeleted || (newest === 0 && !before)) throw absent(name, point)
    const revision = newest === 0 ? (before?.revision ?? 0) : newest
    const state = await this.#db.first<{ data: string | null }>(sql.state(name, uri, start, newest))
    if (state?.data == null) throw untold(name, revision)
    return { data: state.data, revision }
  }

  /** The change that created a document that was deleted later; the document that is there now has its own. */
  async #creation(
    uri: string,
    point: Point,
    { last, whole, ended }: { last?: Mark | undefined; whole?: Mark | undefined; ended: number },
    before: Mark | undefined,
  ): Promise<number | null> {
    const after = whole?.revision ?? 0
    // Where there was one already, or none came to be between its end and the point, there is nothing to look for.
    if (ended <= after || (whole ? whole.event !== "delete" : before)) return null
    const patched = last && last.revision > after ? last.revision : ended
    const until = { revision: Math.min(point.revision, patched), at: point.at }
    const rows = await this.#db.all<Entry>(sql.creations(uri, after, until, 1))
    return rows[0]?.revision ?? null
  }

  /**
   * The changes of a document before a revision, newest first, those of earlier documents of the name included; and the
   * revision of the newest of all. Throws Problem not_found when there never was one, as far as the journal knows.
   */
  async entries(
    name: string,
    uri: string,
    before: number,
    limit: number,
  ): Promise<{ entries: Entry[]; hasMore: boolean; revision: number }> {
    const everything = { revision: LATEST, at: LATEST }
    const [standing, last, ended, past, creation, rows = []] = await this.#db.batch<unknown>([
      sql.standing(name, everything, this.#options.now()),
      sql.latest(uri, everything),
      sql.latest(uri, everything, "delete"),
      sql.past(name),
      sql.creation(name, before),
      sql.entries(uri, before, limit + 1),
    ])
    const now = standing?.[0] as Standing | undefined
    if (now?.isExpired) {
      await this.#options.sweep()
      return this.entries(name, uri, before, limit)
    }
    const newest = last?.[0] as Mark | undefined
    if (!now && !newest && !past?.[0])
      throw new Problem("not_found", `There is no document "${name}"`)
    const found = rows as Entry[]
    const lowest = found.length > limit ? (found.at(-1)?.revision ?? 0) : 0
    const created = (creation as Entry[]).filter(({ revision }) => revision > lowest)
    const until = { revision: before - 1, at: LATEST }
    const earlier = ended?.[0]
      ? await this.#db.all<Entry>(sql.creations(uri, lowest, until, limit + 1))
      : []
    const all = new Map([...found, ...created, ...earlier].map((entry) => [entry.revision, entry]))
    const ordered = [...all.values()].toSorted((one, other) => other.revision - one.revision)
    return {
      entries: ordered.slice(0, limit),
      hasMore: ordered.length > limit,
      revision: Math.max(now?.revision ?? 0, newest?.revision ?? 0),
    }
  }
}

function checkBounds({ first, last, trimmedAt }: Bounds, point: Point): void {
  const { revision, at, place, text } = point
  if (revision !== LATEST && revision > last) {
    throw wrong(place, text, `must be a revision up to ${last}, which is the newest`)
  }
  if (revision >= first - 1 && (at >= trimmedAt || trimmedAt === 0)) return
  const time = new Date(trimmedAt).toISOString()
  throw new Problem(
    "history_gone",
    `"${place}" must be a revision from ${first - 1} or a time from ${time} on, older changes are not kept; it is ${JSON.stringify(text)}`,
    { oldest: { revision: first - 1, at: time } },
  )
}

function absent(name: string, { place, text }: Point): Problem {
  return new Problem(
    "not_found",
    `There was no document "${name}" at the point that "${place}" names, ${JSON.stringify(text)}`,
  )
}

function untold(name: string, revision: number): Problem {
  return new Problem(
    "history_gone",
    `"${name}" came to revision ${revision} by a change larger than ${CHANGE_BODY_MAX_BYTES} bytes, which the journal does not keep`,
    { limit: CHANGE_BODY_MAX_BYTES },
  )
}
