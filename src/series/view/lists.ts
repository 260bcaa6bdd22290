/** How those who watch the references, or the series of one, are told of changes. Pure. */
import type { Shown, Telling, View, ViewDesk, ViewPlace } from "../../protocol/view.ts"
import { fill, listOf, pathOf } from "../../protocol/uri.ts"

/** `/api/store/?prefix=`: names alone decide. */
export const referencesView: View = {
  list: ({ query }) => ({
    memberOf: (element) => fill("/api/store/:reference/", element as { reference: string }),
    ...(prefixOf(query) === null ? { isPage: true } : { order: "name" }),
  }),
  remember: isWhole,
  tell: ({ uri, event, extra: json }, desk) => {
    const prefix = prefixOf(desk.query)
    if (prefix === null || desk.memory === false) return "state"
    const name = nameIn(desk, uri)
    if (!name?.startsWith(prefix)) return { frames: [] }
    const extra = json === null ? {} : { extra: JSON.parse(json) as object }
    if (event === "delete") return { frames: [{ event, member: uri, ...extra }] }
    const resource = JSON.stringify({ reference: name })
    return { frames: [{ event: "create", member: uri, resource, ...extra }] }
  },
}

/** `/api/store/<reference>/`: what a series' entry is then, only the list itself can say, so that one is read. */
export const seriesListView: View = {
  list: ({ query, params }) => ({
    memberOf: (element) =>
      fill("/api/store/:reference/:symbol", {
        reference: params["reference"] ?? "",
        symbol: (element as { symbol: string }).symbol,
      }),
    ...(prefixOf(query, "latest") === null ? { isPage: true } : { order: "name" }),
  }),
  remember: isWhole,
  tell: ({ uri, event }, desk) => {
    const prefix = prefixOf(desk.query, "latest")
    if (prefix === null || desk.memory === false) return "state"
    const symbol = nameIn(desk, uri)
    if (!symbol?.startsWith(prefix)) return { frames: [] }
    if (event === "delete") return { frames: [{ event, member: uri }] }
    // What it was before that is nothing to anybody.
    if (desk.changes.some((later) => later.event === "delete")) return { frames: [] }
    return tellEntry(uri, symbol, desk)
  },
}

function tellEntry(
  uri: string,
  symbol: string,
  { topic, query, changes, read }: ViewDesk,
): Telling {
  const narrow = new URLSearchParams(query)
  narrow.set("prefix", symbol)
  // Of all that begin like this, the one with nothing behind it is first.
  narrow.set("limit", "1")
  const shown = read(`${pathOf(topic)}?${narrow}`)
  if (shown === undefined) return "wait"
  if (shown === null) return "state"
  const [entry] = JSON.parse(shown.json) as { symbol: string }[]
  // It was deleted since, and that will be told.
  if (entry?.symbol !== symbol) return { frames: [] }
  const resource = shown.json.trim().slice(1, -1)
  const event = changes[0]?.event === "create" ? "create" : "state"
  return { frames: [{ event, member: uri, resource }] }
}

/** The prefix that is asked for; null where pages decide, too. */
function prefixOf(query: URLSearchParams, ...others: string[]): string | null {
  const given = [...query].filter(([, value]) => value !== "")
  if (!given.every(([name]) => name === "prefix" || others.includes(name))) return null
  return query.get("prefix") ?? ""
}

/** The name of what changed in the list that is watched; null for what is not of it. */
function nameIn({ topic }: ViewPlace, uri: string): string | null {
  const list = pathOf(topic)
  if (listOf(uri) !== list) return null
  return decodeURIComponent(uri.slice(list.length).replace(/\/$/, ""))
}

function isWhole({ isPart = false }: Shown): boolean {
  return !isPart
}
