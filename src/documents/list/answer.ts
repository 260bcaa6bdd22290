/** The answer of a list: what a query asks for, read and shown. */
import type * as z from "zod"
import type { DocumentListQuery } from "../../protocol/documents-list.ts"
import type { Answer } from "../../protocol/endpoint.ts"
import { LIST_MAX_ITEMS } from "../../protocol/limits.ts"
import { applyMask } from "../mask.ts"
import { parseCursor } from "./cursor.ts"
import { parseFields, project, type Selection } from "./fields.ts"
import type { DocumentLists } from "./reader.ts"
import { parseSort } from "./sort.ts"
import type { Row, Wish } from "./sql.ts"
import { parseWhere } from "./where.ts"

interface Asked {
  /** The list's. */
  uri: string
  url: URL
  query: z.output<typeof DocumentListQuery>
  mask: string[] | null
}

/** The name alone, as the original answers. */
const NAMES: Selection = new Map([["name", null]])

/** Throws Problem invalid_request where the query is wrong, too_large. */
export async function answerList(
  { uri, url, query, mask }: Asked,
  lists: DocumentLists,
): Promise<Answer> {
  const selection = query.fields ? parseFields(query.fields) : NAMES
  const sort = parseSort(query.sort ?? "")
  const wish: Wish = {
    collection: uri,
    prefix: query.prefix ?? "",
    where: query.where ? parseWhere(query.where) : null,
    sort,
    after: query.cursor ? parseCursor(query.cursor, sort) : null,
    limit: query.limit ?? LIST_MAX_ITEMS,
    withData: selection.has("data"),
  }
  const { rows, revision, next, total } = await lists.page(wish, query.count === "1")
  const headers: Record<string, string> = {}
  if (total !== null) headers["X-Total-Count"] = String(total)
  if (next !== null) headers["Link"] = `<${uri}?${withCursor(url, next)}>; rel="next"`
  const entries = rows.map((row) => applyMask(project(partsOf(row), selection), mask))
  return { json: `[${entries.join()}]`, revision, headers }
}

function partsOf({ name, revision, created, data }: Row) {
  const parts = {
    name: JSON.stringify(name),
    revision: String(revision),
    created: String(created),
  }
  return data ? { ...parts, data } : parts
}

function withCursor({ searchParams }: URL, cursor: string): URLSearchParams {
  const parameters = new URLSearchParams(searchParams)
  parameters.set("cursor", cursor)
  return parameters
}
