/** The handlers of the history of apps' documents. */
import type { Handlers } from "../../protocol/endpoint.ts"
import type { documentHistoryEndpoints } from "../../protocol/documents-history.ts"
import { HISTORY_MAX_ENTRIES } from "../../protocol/limits.ts"
import { fill } from "../../protocol/uri.ts"
import { diff, patchText } from "../../lib/diff.ts"
import { parseTree } from "../../lib/tree.ts"
import type { DocumentStore } from "../store.ts"
import { LATEST, readPoint } from "./point.ts"
import type { DocumentHistory, Entry } from "./history.ts"

export interface HistoryServices {
  apps: DocumentStore
  appHistory: DocumentHistory
  now: () => number
}

const uriOf = (name: string) => fill("/api/apps/:name", { name })

export const historyHandlers: Handlers<typeof documentHistoryEndpoints, HistoryServices> = {
  "documents.history": async ({ params: { name }, query, uri }, { appHistory }) => {
    const { limit = HISTORY_MAX_ENTRIES, cursor } = query
    const before = cursor === undefined ? LATEST : Number(cursor)
    const page = await appHistory.entries(name, uriOf(name), before, limit)
    const json = `[${page.entries.map(entryText).join()}]`
    const answer = { json, revision: page.revision }
    if (!page.hasMore) return answer
    const next = new URLSearchParams({
      limit: String(limit),
      cursor: String(page.entries.at(-1)?.revision),
    })
    return { ...answer, headers: { Link: `<${uri}?${next}>; rel="next"` } }
  },

  "documents.diff": async ({ params: { name }, query }, { appHistory, now }) => {
    const time = now()
    const moments = [
      readPoint(query.from, time, "query.from"),
      readPoint(query.to ?? "now", time, "query.to"),
    ] as const
    const from = await appHistory.at(name, uriOf(name), moments[0])
    const to = await appHistory.at(name, uriOf(name), moments[1])
    const operations = diff(dataOf(from.data), dataOf(to.data))
    return {
      json: patchText(operations),
      revision: to.revision,
      headers: { "Content-Type": "application/json-patch+json" },
    }
  },

  "documents.restore": async (
    { params: { name }, body, conditions },
    { apps, appHistory, now },
  ) => {
    const point = readPoint(String(body.as_of), now(), "as_of")
    const { data } = await appHistory.at(name, uriOf(name), point)
    const revision = await apps.put(uriOf(name), data, { conditions })
    return { json: `{"name":${JSON.stringify(name)},"data":${data}}`, revision }
  },
}

/** As GET answers it, without the name, which is the same at all times. */
function dataOf(data: string) {
  return new Map([["data", parseTree(data)]])
}

function entryText({ revision, at, event, body, extra }: Entry): string {
  const members = [
    `"revision":${revision}`,
    `"at":"${new Date(at).toISOString()}"`,
    `"event":"${event}"`,
  ]
  if (extra !== null) members.push(extra.slice(1, -1))
  if (event === "patch") members.push(`"patch":${body}`)
  else if (event !== "delete") members.push(`"resource":${body}`)
  return `{${members.join()}}`
}
