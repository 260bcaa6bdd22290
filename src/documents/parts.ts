/** The handlers of sub-documents. */
import type { Conditions, Handlers } from "../protocol/endpoint.ts"
import type { partEndpoints } from "../protocol/parts.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { pathOf } from "../lib/pointer.ts"
import { parseTree, textOf } from "../lib/tree.ts"
import type { DocumentEditor } from "./editor.ts"
import { refuseExpiry } from "./expiry.ts"
import { readPoint } from "./history/point.ts"
import type { HistoryServices } from "./history/routes.ts"
import { childAt, operationsOf, PatchFailed, type Operation } from "./jsonpatch.ts"
import { notFound, problemOf } from "./refused.ts"

interface Services extends HistoryServices {
  editor: DocumentEditor
}

interface Called {
  params: { name: string; pointer: string }
  conditions: Conditions
  uri: string
  url: URL
}

export const partHandlers: Handlers<typeof partEndpoints, Services> = {
  "parts.get": async ({ params, query, url }, { apps, appHistory, now }) => {
    checkEnd(url)
    const uri = documentOf(params.name)
    const document =
      query.as_of === undefined
        ? await apps.get(uri)
        : await appHistory.at(params.name, uri, readPoint(query.as_of, now(), "query.as_of"))
    if (!document) throw notFound(params.name)
    const path = tokensOf(params.pointer)
    const part = path.length === 0 ? null : childAt(parseTree(document.data), path)
    if (part === undefined) throw nothingAt(`/data/${params.pointer}`)
    return { json: part === null ? document.data : textOf(part), revision: document.revision }
  },

  "parts.put": async ({ body, ...call }, { editor }) => {
    const revision = await edit(call, editor, (path) => [{ op: "put", path, value: body.tree }])
    return { status: 204, revision }
  },

  "parts.patch": async ({ body, ...call }, { editor }) => {
    const isJsonPatch = body.type === "application/json-patch+json"
    const operations = (path: string[]): Operation[] =>
      isJsonPatch ? below(path, operationsOf(body.tree)) : [{ op: "merge", path, value: body.tree }]
    const revision = await edit(call, editor, operations, isJsonPatch)
    return { status: 204, revision }
  },

  "parts.delete": async (call, { editor }) => {
    try {
      return { status: 204, revision: await edit(call, editor, (path) => [{ op: "remove", path }]) }
    } catch (error) {
      if (error instanceof Problem && error.code === "not_found") return { status: 204 }
      throw error
    }
  },
}

/** Applies operations at the place called. Throws Problem; not_found where the place is not there. */
async function edit(
  { params, conditions, uri, url }: Called,
  editor: DocumentEditor,
  operations: (path: string[]) => Operation[],
  isJsonPatch = false,
): Promise<number> {
  checkEnd(url)
  refuseExpiry(url)
  const path = ["data", ...tokensOf(params.pointer)]
  try {
    const part = { uri, path }
    return await editor.apply(documentOf(params.name), operations(path), conditions, part)
  } catch (error) {
    if (!(error instanceof PatchFailed)) throw error
    const isOwn =
      operations(path).length === 1 && error.pointer.length <= `/data/${params.pointer}`.length
    if (error.failure === "missing" && isOwn) throw nothingAt(error.pointer, error.when)
    throw problemOf(error, isJsonPatch)
  }
}

function below(base: string[], operations: Operation[]): Operation[] {
  return operations.map((operation) => ({
    ...operation,
    path: [...base, ...operation.path],
    ...("from" in operation ? { from: [...base, ...operation.from] } : {}),
  }))
}

/**
 * Elsewhere a slash at the end is nothing. Here it would be a member with an empty name, and what it is in must not be
 * written in its stead.
 */
function checkEnd({ pathname }: URL): void {
  if (!pathname.endsWith("/")) return
  const wish = "must not end with a slash: a member with an empty name is reached by a JSON Patch"
  throw new Problem("invalid_request", `"path.pointer" is wrong: ${wish}, got "${pathname}"`, {
    errors: { "path.pointer": wish },
  })
}

function documentOf(name: string): string {
  return fill("/api/apps/:name", { name })
}

function tokensOf(pointer: string): string[] {
  return pointer === "" ? [] : (pathOf(`/${pointer}`) ?? [])
}

function nothingAt(pointer: string, when = ""): Problem {
  return new Problem("not_found", `There is nothing at "${pointer}" in this document${when}`, {
    pointer,
  })
}
