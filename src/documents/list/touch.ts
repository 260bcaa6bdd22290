/** Which changes a list with a query can ignore, so that whoever watches it is not told what did not change. Pure. */
import { parseExact } from "../../lib/json.ts"
import type { Change } from "../../protocol/change.ts"
import { matches } from "./match.ts"
import { parseWhere } from "./where.ts"

const COLLECTION = "/api/apps/"

/**
 * False when the answer to the query is the same before and after the change of a document: its name begins
 * otherwise, or it was created and is not among those wanted. What else a document was before, no change says.
 */
export function isListTouched(query: URLSearchParams, change: Change): boolean {
  const { uri, event, body, revision } = change
  if (!uri.startsWith(COLLECTION)) return true
  const name = decodeURIComponent(uri.slice(COLLECTION.length))
  if (!name.startsWith(query.get("prefix") ?? "")) return false
  const where = query.get("where")
  if (event !== "create" || body === null || !where) return true
  const { data } = parseExact(body) as { data: unknown }
  return matches(parseWhere(where), { name, revision, created: revision, data })
}
