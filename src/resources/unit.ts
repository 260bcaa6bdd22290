/** Collects what a handler reads and writes, so that its writes and its change are one commit. */
import type { Commit, Committer, Journal } from "../feed/feed.ts"
import type { Condition } from "../feed/sql.ts"
import { guard } from "../feed/statement.ts"
import type { Change } from "../protocol/change.ts"
import { Problem } from "../protocol/problem.ts"

/** Thrown when something that was read has changed before the commit. */
export class Stale extends Problem {
  constructor() {
    super("conflict", "What was read has changed meanwhile, try again")
  }
}

export class UnitOfWork implements Committer {
  readonly #commits: Commit[] = []
  /** URI → what must still be so, as it was read first. */
  readonly #reads = new Map<string, Condition>()

  readonly #isTold: (uri: string) => boolean

  /** @param isTold false where what GET answers is not what is written: then followers are told what is read again */
  constructor(isTold: (uri: string) => boolean) {
    this.#isTold = isTold
  }

  /** Nothing is written yet, so there are no changes to answer. */
  async commit(commit: Commit): Promise<Change[]> {
    const drafts = commit.drafts.map((draft) =>
      "each" in draft || this.#isTold(draft.uri) ? draft : { ...draft, body: null },
    )
    this.#commits.push({ ...commit, drafts })
    return []
  }

  /** What was read at this URI counts only while this holds. */
  noteRead(uri: string, unchanged: Condition): void {
    if (!this.#reads.has(uri)) this.#reads.set(uri, unchanged)
  }

  /** What was read, in a form that can be compared. */
  get seen(): string {
    return JSON.stringify([...this.#reads])
  }

  /** True when a collected change is about this URI. */
  covers(uri: string): boolean {
    return this.#commits.some(({ drafts }) =>
      drafts.some((draft) => "uri" in draft && draft.uri === uri),
    )
  }

  /**
   * Writes all of it in one transaction; answers the last revision, 0 when nothing changed.
   * Throws Stale, and what the commits say.
   */
  async flush(feed: Journal): Promise<number> {
    if (this.#commits.length === 0) return 0
    const guards = [...this.#reads.values()].map(({ sql, params }) => ({
      ...guard(sql, params, () => new Stale()),
      isPlain: true as const,
    }))
    // First: what was decided on something old must not be told as the caller's fault.
    const changes = await feed.commitAll([{ guards, drafts: [], writes: [] }, ...this.#commits])
    return changes.at(-1)?.revision ?? 0
  }
}
