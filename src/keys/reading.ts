/** How a key is to be read, and was. Pure. */
import { CONSISTENCY_HEADER, type Consistency } from "../protocol/keys-consistency.ts"
import type { Entry } from "./entry.ts"

export interface ReadWish {
  /** Default: "edge". */
  consistency?: Consistency | undefined
  /** What is read must not be older than this revision, which may be that of any change. */
  minRevision?: number | undefined
}

export interface Read {
  entry: Entry | null
  consistency: Consistency
}

/** What a request wants. */
export function wishOf(
  query: { consistency?: Consistency | undefined; min_revision?: number | undefined },
  headers: Headers,
): ReadWish {
  const isStrong = headers.get(CONSISTENCY_HEADER) === "strong"
  return {
    consistency: isStrong ? "strong" : query.consistency,
    minRevision: query.min_revision,
  }
}

/** How an answer says how it was read. */
export function consistencyOf({ consistency }: Pick<Read, "consistency">) {
  return { [CONSISTENCY_HEADER]: consistency }
}
