/** Commits with the name of who makes them, told as `by` in frames and in the history. */
import type { Commit, Committer } from "../../feed/feed.ts"
import type { Change } from "../../protocol/change.ts"

export class SignedCommitter implements Committer {
  readonly #committer: Committer
  readonly #by: () => string | null

  /** @param by who it is, as far as it is said; may throw a Problem */
  constructor(committer: Committer, by: () => string | null) {
    this.#committer = committer
    this.#by = by
  }

  async commit(commit: Commit): Promise<Change[]> {
    const by = this.#by()
    if (by === null) return this.#committer.commit(commit)
    const drafts = commit.drafts.map((draft) => signed(draft, by))
    return this.#committer.commit({ ...commit, drafts })
  }
}

function signed(draft: Commit["drafts"][number], by: string): Commit["drafts"][number] {
  if (!("each" in draft)) return { ...draft, extra: { ...draft.extra, by } }
  const { sql, params } = draft.each
  // As a literal: who wrote the statement may have numbered its parameters, or not.
  const literal = `'${by.replaceAll("'", "''")}'`
  const each = `WITH told (at, uri, event, body, extra) AS (${sql})
    SELECT at, uri, event, body, json_set(coalesce(extra, '{}'), '$.by', ${literal}) FROM told`
  return { each: { sql: each, params } }
}
