/** The answer of a list: what a query asks for, read and shown. */
import type * as z from "zod"
import type { Answer } from "../../protocol/endpoint.ts"
import type { KeyListQuery } from "../../protocol/keys-list.ts"
import { LIST_MAX_ITEMS } from "../../protocol/limits.ts"
import { consistencyOf } from "../reading.ts"
import { patternOf } from "./pattern.ts"
import type { KeyLists } from "./reader.ts"

interface Asked {
  uri: string
  url: URL
  query: z.output<typeof KeyListQuery>
}

/** Throws Problem: too_large, overloaded. */
export async function answerList({ uri, url, query }: Asked, lists: KeyLists): Promise<Answer> {
  const { entries, revision, next, total } = await lists.page({
    pattern: patternOf(query),
    limit: query.limit ?? LIST_MAX_ITEMS,
    after: query.cursor ?? "",
    isKeysOnly: query.keys_only === "1",
    isCounted: query.count === "1",
  })
  const headers: Record<string, string> = consistencyOf({ consistency: "strong" })
  if (total !== null) headers["X-Total-Count"] = String(total)
  if (next !== null) {
    const parameters = new URLSearchParams(url.searchParams)
    parameters.set("cursor", next)
    headers["Link"] = `<${uri}?${parameters}>; rel="next"`
  }
  return { json: `[${entries.join()}]`, revision, headers }
}
