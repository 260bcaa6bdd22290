/** The handlers of the documents. */
import { expiryHeaders } from "../feed/expiry.ts"
import type { Handlers, JsonBody } from "../protocol/endpoint.ts"
import type { documentEndpoints } from "../protocol/documents.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { readPoint } from "./history/point.ts"
import type { HistoryServices } from "./history/routes.ts"
import { readExpiry, refuseExpiry } from "./expiry.ts"
import { answerList } from "./list/answer.ts"
import type { DocumentLists } from "./list/reader.ts"
import { applyMask, parseMask } from "./mask.ts"
import { textOf, type Tree } from "../lib/tree.ts"
import type { DocumentEditor } from "./editor.ts"
import { operationsOf, PatchFailed } from "./jsonpatch.ts"
import { checkNames, problemOf } from "./refused.ts"
import type { Shape } from "./store.ts"

interface Services extends HistoryServices {
  appLists: DocumentLists
  editor: DocumentEditor
}

const PATH = "/api/apps/:name"

/** An app's document as GET answers it. */
export const appShape: Shape = {
  resource: (name, data) => `{"name":${JSON.stringify(name)},"data":${data}}`,
  patch: (patch) => `{"data":${patch}}`,
}

export const documentHandlers: Handlers<typeof documentEndpoints, Services> = {
  "documents.list": ({ uri, url, query, headers }, { appLists }) =>
    answerList({ uri, url, query, mask: parseMask(headers.get("X-Fields")) }, appLists),

  "documents.create": async ({ body, query, conditions }, { apps, now }) => {
    const { name } = body.value
    const uri = fill(PATH, { name })
    const data = dataOf(body)
    const expiry = readExpiry(query.expire_in, now()) ?? null
    const revision = await apps.create(uri, data, { conditions, expiry })
    const json = appShape.resource(name, data)
    return { status: 201, json, revision, headers: { Location: uri, ...expiryHeaders(expiry) } }
  },

  "documents.get": async ({ uri, params, query, headers }, { apps, appHistory, now }) => {
    const mask = parseMask(headers.get("X-Fields"))
    if (query.as_of !== undefined) {
      const point = readPoint(query.as_of, now(), "query.as_of")
      const { data, revision } = await appHistory.at(params.name, uri, point)
      return { json: applyMask({ name: JSON.stringify(params.name), data }, mask), revision }
    }
    const document = await apps.get(uri)
    if (!document) {
      // The null members are what the original's clients look at.
      throw new Problem("not_found", `There is no document "${params.name}"`, {
        name: null,
        data: null,
      })
    }
    const parts = { name: JSON.stringify(document.name), data: document.data }
    const { revision, expiresAt } = document
    return { json: applyMask(parts, mask), revision, headers: expiryHeaders(expiresAt) }
  },

  "documents.put": async ({ uri, body, query, conditions }, { apps, now }) => {
    const expiry = readExpiry(query.expire_in, now())
    const revision = await apps.put(uri, dataOf(body), { conditions, expiry })
    return { status: 204, revision, headers: expiryHeaders(expiry) }
  },

  "documents.patch": async (
    { uri, url, params, body, query, conditions },
    { apps, editor, now },
  ) => {
    if (body.type !== "application/json-patch+json") {
      checkName(body.value.name, params.name)
      const expiry = readExpiry(query.expire_in, now())
      const revision = await apps.patch(uri, dataOf(body), { conditions, expiry })
      return { status: 204, revision, headers: expiryHeaders(expiry) }
    }
    refuseExpiry(url)
    try {
      const revision = await editor.apply(uri, operationsOf(body.tree), conditions)
      return { status: 204, revision }
    } catch (error) {
      throw error instanceof PatchFailed ? problemOf(error) : error
    }
  },

  "documents.delete": async ({ uri, conditions }, { apps }) => {
    const revision = await apps.remove(uri, conditions)
    return { status: 204, ...(revision > 0 ? { revision } : {}) }
  },
}

/** The member `data` as it was written. Throws Problem unprocessable. */
function dataOf({ tree }: Pick<JsonBody<unknown>, "tree">): string {
  const data = (tree as Map<string, Tree>).get("data") ?? new Map<string, Tree>()
  const text = textOf(data)
  checkNames(data, text, ["data"])
  return text
}

function checkName(given: unknown, name: string): void {
  if (given === undefined || given === name) return
  throw new Problem("unprocessable", `The name of "${name}" cannot be changed`, {
    errors: { "/name": "cannot be changed" },
  })
}
