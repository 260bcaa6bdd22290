/** Changes told by code: of what is not stored here, or follows from something else. They go through the journal like all. */
import type { Committer, Draft } from "../feed/feed.ts"

/** URIs are encoded as in a path. What is told is sent to followers once the handler's commit is written. */
export interface Emit {
  /** The resource is another now; without a value followers are sent what its GET answers. */
  state(uri: string, resource?: unknown): Promise<void>
  /** An RFC 7396 merge patch of what GET answers. */
  patch(uri: string, patch: unknown): Promise<void>
  /** There is a new member; its list is the part of its URI before the last segment. */
  create(member: string, resource?: unknown): Promise<void>
  delete(uri: string): Promise<void>
}

/**
 * @param isTold false for URIs whose GET answers other than what is told: followers are sent what it answers then
 */
export function emitterOf(
  committer: Pick<Committer, "commit">,
  isTold: (uri: string) => boolean,
): Emit {
  const tell = async (draft: Draft) => {
    const body = isTold(draft.uri) ? (draft.body ?? null) : null
    await committer.commit({ drafts: [{ ...draft, body }], writes: [] })
  }
  return {
    state: (uri, resource) => tell({ uri, event: "state", body: textOf(resource) }),
    patch: (uri, patch) => tell({ uri, event: "patch", body: textOf(patch) }),
    create: (uri, resource) => tell({ uri, event: "create", body: textOf(resource) }),
    delete: (uri) => tell({ uri, event: "delete" }),
  }
}

function textOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
