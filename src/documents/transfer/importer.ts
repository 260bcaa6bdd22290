/** Many documents in one transaction: staged in parts where nobody sees them, then written together. */
import type { Database } from "../../feed/database.ts"
import type { Commit, Committer, Journal } from "../../feed/feed.ts"
import { guard } from "../../feed/statement.ts"
import { byteLength } from "../../lib/bytes.ts"
import { refusalOf, type BadLine } from "../../lines/bad.ts"
import {
  BAD_LINES_SHOWN,
  DATABASE_TEXT_MAX_BYTES,
  IMPORT_MAX_DOCUMENTS,
  IMPORT_MAX_STAGED,
  IMPORT_PARTS_AT_ONCE,
  STAGED_KEEP_MINUTES,
} from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { fill } from "../../protocol/uri.ts"
import type { Named } from "./lines.ts"
import * as sql from "./sql.ts"

/** What becomes of documents whose names are taken. */
export type OnConflict = "replace" | "skip" | "error"

export interface ImportOptions {
  onConflict: OnConflict
  /** Keep the good lines when some are bad. */
  isPartial: boolean
  /** Who imports, as far as it is said. */
  by: string | null
}

export interface Imported {
  /** 0 when nothing was written. */
  revision: number
  created: number
  replaced: number
  skipped: number
  /** The first of them. */
  bad: BadLine[]
  badTotal: number
}

export interface ImporterOptions {
  /** What stages: plain, because everything that a commit does beside costs queries each time. */
  stager: Committer
  /** Epoch milliseconds. */
  now: () => number
  newId: () => string
  /** Told when the first of what was written expires, epoch milliseconds: of all its changes only the last is told. */
  ringBy: (at: number) => void
}

export class DocumentImporter {
  readonly #db: Database
  readonly #journal: Journal
  readonly #options: ImporterOptions

  constructor(db: Database, journal: Journal, options: ImporterOptions) {
    this.#db = db
    this.#journal = journal
    this.#options = options
  }

  /**
   * Writes all the documents or none, one change for each, in their order.
   * Throws Problem: unprocessable with the bad lines, conflict for taken names, too_large, and what the lines throw.
   */
  async import(lines: AsyncIterable<Named | BadLine>, options: ImportOptions): Promise<Imported> {
    const stage = new Stage(this.#options.stager, this.#options.newId(), this.#options.now())
    try {
      const { bad, badTotal } = await take(lines, stage, options.isPartial)
      if (badTotal > 0 && (!options.isPartial || stage.documents === 0)) {
        throw refusalOf(bad, badTotal)
      }
      await stage.flush()
      const written = await this.#commit(stage, options)
      return { ...written, bad, badTotal }
    } catch (error) {
      await stage.discard()
      throw error
    }
  }

  /** Takes away what imports left that died on the way. */
  async sweep(): Promise<void> {
    const before = this.#options.now() - STAGED_KEEP_MINUTES * 60_000
    await this.#options.stager.commit({ drafts: [], writes: [sql.sweep(before)] })
  }

  async #commit(stage: Stage, { onConflict, by }: ImportOptions) {
    const { id, documents } = stage
    const nothing = { revision: 0, created: 0, replaced: 0, skipped: 0 }
    if (documents === 0) return nothing
    const extra = by === null ? null : JSON.stringify({ by })
    const at = this.#options.now()
    let counts = { total: 0, created: 0 }
    const count = { statement: sql.counts(id), take: ([row]: unknown[]) => (counts = row as never) }
    const commits: Commit[] = [
      {
        ...(onConflict === "error" ? this.#onlyNew(id) : {}),
        drafts: [],
        writes: [...(onConflict === "skip" ? sql.skip(id) : []), sql.record(id, at, extra)],
      },
      { drafts: [{ each: sql.lastChange(id, at, extra) }], writes: [sql.write(id)] },
      { reads: [count], drafts: [], writes: [sql.unstage(id)] },
    ]
    const changes = await this.#journal.commitAll(commits)
    if (stage.firstExpiry !== null) this.#options.ringBy(stage.firstExpiry)
    const { total, created } = counts
    const revision = changes.at(-1)?.revision ?? 0
    return { revision, created, replaced: total - created, skipped: documents - total }
  }

  #onlyNew(id: string): Pick<Commit, "guards" | "explain"> {
    const free = sql.free(id)
    const explain = async () => {
      const rows = await this.#db.all<{ name: string }>(sql.taken(id, 10))
      const names = rows.map(({ name }) => name)
      if (names.length === 0) return null
      const shown = names.map((name) => JSON.stringify(name)).join(", ")
      return new Problem("conflict", `There are such documents already: ${shown}`, {
        errors: Object.fromEntries(names.map((name) => [name, "is taken"])),
      })
    }
    return { guards: [guard(free.sql, free.params)], explain }
  }
}

/** Stages what comes; after a bad line that refuses all, only flaws are looked for. */
async function take(lines: AsyncIterable<Named | BadLine>, stage: Stage, isPartial: boolean) {
  const bad: BadLine[] = []
  let badTotal = 0
  for await (const line of lines) {
    if ("reason" in line) {
      if (badTotal++ < BAD_LINES_SHOWN) bad.push(line)
    } else if (badTotal === 0 || isPartial) await stage.add(line)
  }
  return { bad, badTotal }
}

class Stage {
  readonly #committer: Committer
  readonly id: string
  readonly #at: number
  #open: string[] = []
  #bytes = 2
  #closed: sql.Part[] = []
  #parts = 0
  #statements = 0
  documents = 0
  firstExpiry: number | null = null

  constructor(committer: Committer, id: string, at: number) {
    this.#committer = committer
    this.id = id
    this.#at = at
  }

  async add({ name, data, expiresAt }: Named): Promise<void> {
    if (++this.documents > IMPORT_MAX_DOCUMENTS) {
      throw tooLarge(`${IMPORT_MAX_DOCUMENTS} documents`, IMPORT_MAX_DOCUMENTS)
    }
    const uri = fill("/api/apps/:name", { name })
    const text = `[${JSON.stringify(name)},${JSON.stringify(uri)},${data},${expiresAt}]`
    if (expiresAt !== null) this.firstExpiry = Math.min(this.firstExpiry ?? expiresAt, expiresAt)
    const bytes = byteLength(text) + 1
    if (this.#bytes + bytes > DATABASE_TEXT_MAX_BYTES) this.#close()
    this.#open.push(text)
    this.#bytes += bytes
    if (this.#closed.length === IMPORT_PARTS_AT_ONCE) await this.#store()
  }

  async flush(): Promise<void> {
    this.#close()
    await this.#store()
  }

  /** Takes away what was staged. */
  async discard(): Promise<void> {
    if (this.#statements === 0) return
    await this.#committer.commit({ drafts: [], writes: [sql.unstage(this.id)] })
  }

  #close(): void {
    const lines = this.#open
    if (lines.length === 0) return
    this.#closed.push({ part: this.#parts++, count: lines.length, lines: `[${lines.join()}]` })
    this.#open = []
    this.#bytes = 2
  }

  async #store(): Promise<void> {
    if (this.#closed.length === 0) return
    if (++this.#statements > IMPORT_MAX_STAGED) {
      const limit = IMPORT_MAX_STAGED * IMPORT_PARTS_AT_ONCE * DATABASE_TEXT_MAX_BYTES
      throw tooLarge(
        `${limit} bytes of documents, fewer when large ones do not fill the parts`,
        limit,
      )
    }
    const parts = this.#closed
    this.#closed = []
    await this.#committer.commit({ drafts: [], writes: [sql.stage(this.id, this.#at, parts)] })
  }
}

function tooLarge(most: string, limit: number): Problem {
  return new Problem("too_large", `An import takes at most ${most}; send it in parts`, { limit })
}
