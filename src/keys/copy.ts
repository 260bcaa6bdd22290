/** A key as an entry of Workers KV: the value, and beside it what readers must know. Pure. */
import { byteLength } from "../lib/bytes.ts"
import type { Entry } from "./entry.ts"
import { kindOf, PLAIN } from "./value.ts"

/** What stands beside a value; entries without it are not ours. */
interface Metadata {
  revision: number
  expiresAt: number | null
  /** Of what is not plain text. */
  type?: string
  /** Of what is not the text of the entry. */
  size?: number
  /** The entry that holds the value; then this one is empty. */
  blob?: string
}

/** What Workers KV answers. */
export interface Found {
  value: unknown
  metadata: unknown
}

/** The entry that was found, expired or not; null when there is none of ours. */
export function entryOf({ value, metadata }: Found): Entry | null {
  if (typeof value !== "string" || !isMetadata(metadata)) return null
  const { revision, expiresAt, type = PLAIN, size, blob = null } = metadata
  const text = blob === null ? value : null
  return { type, size: size ?? byteLength(value), text, blob, revision, expiresAt }
}

/** The revision of the entry, whatever its value; 0 when there is none of ours. */
export function revisionOf(found: Found | null | undefined): number {
  return found && found.value !== null && isMetadata(found.metadata) ? found.metadata.revision : 0
}

export function metadataOf(entry: Entry): Metadata {
  const { type, size, blob, revision, expiresAt } = entry
  return {
    revision,
    expiresAt,
    ...(type === PLAIN ? {} : { type }),
    ...(kindOf(entry) === "bytes" ? { size } : {}),
    ...(blob === null ? {} : { blob }),
  }
}

export function isMetadata(value: unknown): value is Metadata {
  const { revision, expiresAt } = (value ?? {}) as Partial<Metadata>
  return typeof revision === "number" && (expiresAt === null || typeof expiresAt === "number")
}
