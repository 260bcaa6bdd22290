/** Which changes a list with a query can ignore, so that whoever watches it is not told what did not change. Pure. */
import type { Change } from "../../protocol/change.ts"
import { nameOf } from "../entry.ts"
import { patternOf } from "./pattern.ts"

/** False when the answer to the query is the same before and after the change of a key: names are never changed. */
export function isListTouched(query: URLSearchParams, { uri, event }: Change): boolean {
  const isOfValue = event === "patch" || event === "state"
  if (query.get("keys_only") === "1" && isOfValue) return false
  return patternOf({ filter: query.get("filter"), match: query.get("match") }).matches(nameOf(uri))
}
