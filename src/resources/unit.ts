/** Collects what a handler writes, so that its writes and its change are one commit. */
import type { Commit, Committer, Journal } from "../feed/feed.ts"
import type { Change } from "../protocol/change.ts"

export class UnitOfWork implements Committer {
  readonly #commits: Commit[] = []

  /** Nothing is written yet, so there are no changes to answer. */
  async commit(commit: Commit): Promise<Change[]> {
    this.#commits.push(commit)
    return []
  }

  /** True when a collected change is about this URI. */
  covers(uri: string): boolean {
    return this.#commits.some(({ drafts }) =>
      drafts.some((draft) => "uri" in draft && draft.uri === uri),
    )
  }

  /** Writes all of it in one transaction; answers the last revision, 0 when nothing changed. */
  async flush(feed: Journal): Promise<number> {
    if (this.#commits.length === 0) return 0
    const changes = await feed.commitAll(this.#commits)
    return changes.at(-1)?.revision ?? 0
  }
}
