/** How those who watch some of the keys are told of changes: a name never changes, so it alone decides. Pure. */
import type { View } from "../protocol/view.ts"
import { listOf } from "../protocol/uri.ts"
import { nameOf, uriOf } from "./entry.ts"
import { patternOf } from "./list/pattern.ts"

const LIST = "/keys/"

/** What is kept of a view: whether it has all that match. */
type Memory = boolean

export const keysView: View = {
  list: ({ query }) =>
    wantedBy(query) && {
      memberOf: (element) => uriOf(Object.keys(element as object)[0] ?? ""),
      order: "name",
    },

  remember: ({ isPart = false }): Memory => !isPart,

  tell: ({ uri, event, body, extra: json }, { query, memory }) => {
    const wanted = wantedBy(query)
    if (!wanted || memory === false) return "state"
    if (listOf(uri) !== LIST || !wanted(nameOf(uri))) return { frames: [] }
    const extra = json === null ? {} : { extra: JSON.parse(json) as object }
    if (event === "delete") return { frames: [{ event, member: uri, ...extra }] }
    if (body === null) return "state"
    return {
      frames: [
        event === "patch"
          ? { event, member: uri, patch: body, ...extra }
          : { event, member: uri, resource: body, ...extra },
      ],
    }
  },
}

/** Which names a query takes; null where pages decide, too. */
function wantedBy(query: URLSearchParams): ((name: string) => boolean) | null {
  const given = [...query].filter(([, value]) => value !== "")
  if (!given.every(([parameter]) => parameter === "filter" || parameter === "match")) return null
  try {
    const { filter, match } = Object.fromEntries(given)
    return patternOf({ filter, match }).matches
  } catch {
    // Whoever reads it says what is wrong with it.
    return null
  }
}
