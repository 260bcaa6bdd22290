/** What happened to one resource since a revision that somebody knows. */
import type { Conditions } from "../protocol/endpoint.ts"
import { MERGE_MAX_BYTES, MERGE_MAX_CHANGES, MERGE_MAX_REVISIONS } from "../protocol/limits.ts"
import type { Change } from "../protocol/change.ts"
import type { Database } from "./database.ts"
import { since } from "./sql.ts"

/**
 * The changes of a resource after the newest revision that If-Match names, as a JSON array of
 * `{revision, event, patch | resource}`; null where the journal cannot tell all of them, or they are too many.
 */
export async function changesSince(
  db: Database,
  uri: string,
  { ifMatch }: Conditions,
): Promise<string | null> {
  const known = Math.max(...(Array.isArray(ifMatch) ? ifMatch : []))
  if (known < 1 || !Number.isFinite(known)) return null
  const changes = await db.all<Pick<Change, "revision" | "event" | "body">>(
    since(uri, known, MERGE_MAX_REVISIONS, MERGE_MAX_CHANGES, MERGE_MAX_BYTES),
  )
  if (changes.some(({ event, body }) => event !== "delete" && body === null)) return null
  const texts = changes.map(({ revision, event, body }) => {
    const content = body === null ? "" : `,"${event === "patch" ? "patch" : "resource"}":${body}`
    return `{"revision":${revision},"event":"${event}"${content}}`
  })
  return texts.length > 0 ? `[${texts.join()}]` : null
}
