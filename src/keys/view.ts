/** How those who watch some of the keys are told of changes: a name never changes, so it alone decides. Pure. */
import type { View } from "../protocol/view.ts"
import { listOf } from "../protocol/uri.ts"
import { nameOf, uriOf } from "./entry.ts"
import { patternOf } from "./list/pattern.ts"

const LIST = "/keys/"

/** What is kept of a view: whether it has all that match. */
type Memory = boolean

export const keysView: View = {
  list: ({ query }) => ({ memberOf, ...(wantedBy(query) ? { order: "name" } : { isPage: true }) }),

  remember: ({ isPart = false }): Memory => !isPart,

  tell: ({ uri, event, body, extra: json }, { query, memory }) => {
    const wanted = wantedBy(query)
    if (!wanted || memory === false) return "state"
    if (listOf(uri) !== LIST || !wanted(nameOf(uri))) return { frames: [] }
    const extra = json === null ? {} : { extra: JSON.parse(json) as object }
    if (event === "delete") return { frames: [{ event, member: uri, ...extra }] }
    if (query.get("keys_only") === "1") {
      const resource = JSON.stringify(nameOf(uri))
      return { frames: event === "create" ? [{ event, member: uri, resource }] : [] }
    }
    if (body === null || event === "expiring") return "state"
    return {
      frames: [
        event === "patch"
          ? { event, member: uri, patch: body, ...extra }
          : { event, member: uri, resource: body, ...extra },
      ],
    }
  },
}

function memberOf(element: unknown): string {
  return uriOf(typeof element === "string" ? element : (Object.keys(element as object)[0] ?? ""))
}

/** What does not decide which keys there are: the list is always strong, and what `count` asks for is in a header. */
const OTHERS = ["keys_only", "count", "consistency"]

/** Which names a query takes; null where pages decide, too. */
function wantedBy(query: URLSearchParams): ((name: string) => boolean) | null {
  const given = [...query].filter(([name, value]) => value !== "" && !OTHERS.includes(name))
  if (!given.every(([name]) => name === "filter" || name === "match")) return null
  try {
    const { filter, match } = Object.fromEntries(given)
    return patternOf({ filter, match }).matches
  } catch {
    // Whoever reads it says what is wrong with it.
    return null
  }
}
