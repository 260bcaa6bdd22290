/** A key's content, which may be in a blob beside it. */
import type { Blobs, Content } from "./blobs.ts"
import { busy } from "./persist.ts"
import type { Read, ReadWish } from "./reading.ts"

/** Text, or bytes as they come; null where there is no key. */
export interface ReadContent extends Read {
  content: Content | null
}

/** Reads of a value whose blob goes meanwhile. */
const ATTEMPTS = 3

/**
 * What a live key holds.
 * @param get reads the key, as the caller wants it or otherwise
 * Throws Problem overloaded.
 */
export async function readContent(
  blobs: Blobs,
  get: (wish?: ReadWish) => Promise<Read>,
): Promise<ReadContent> {
  let read = await get()
  for (let attempt = 0; read.entry && attempt < ATTEMPTS; attempt++) {
    const content = await blobs.contentOf(read.entry)
    if (content !== null) return { ...read, content }
    // The blob of a value that has been replaced since, and swept.
    read = await get({ consistency: "strong" })
  }
  if (read.entry) throw busy("The value changes faster than it can be read, try again")
  return { ...read, content: null }
}
