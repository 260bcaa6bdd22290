/** The ETag is the revision, quoted. */
import type { Conditions } from "../protocol/endpoint.ts"

/** `"42"`. */
export function formatEtag(revision: number): string {
  return `"${revision}"`
}

/** The conditions a request states. A tag that is none of ours matches nothing: it becomes revision -1. */
export function readConditions(headers: Headers): Conditions {
  const conditions: Conditions = {}
  const ifMatch = readTags(headers.get("If-Match"))
  const ifNoneMatch = readTags(headers.get("If-None-Match"))
  if (ifMatch) conditions.ifMatch = ifMatch
  if (ifNoneMatch) conditions.ifNoneMatch = ifNoneMatch
  return conditions
}

/** True when the caller already has this revision. */
export function isKnown({ ifNoneMatch }: Conditions, revision: number | undefined): boolean {
  if (revision === undefined || !ifNoneMatch) return false
  return ifNoneMatch === "*" || ifNoneMatch.includes(revision)
}

// Compared weakly: the edge may weaken a tag when it compresses.
function readTags(header: string | null): "*" | number[] | undefined {
  if (header === null) return undefined
  if (header.trim() === "*") return "*"
  return header.split(",").map((tag) => {
    const revision = /^\s*(?:W\/)?"(\d{1,15})"\s*$/.exec(tag)
    return revision ? Number(revision[1]) : -1
  })
}
