/** The handlers of the documents. */
import type { Handlers } from "../protocol/endpoint.ts"
import type { documentEndpoints } from "../protocol/documents.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { answerList } from "./list/answer.ts"
import type { DocumentLists } from "./list/reader.ts"
import { applyMask, parseMask } from "./mask.ts"
import type { DocumentStore, Shape } from "./store.ts"

const PATH = "/api/apps/:name"

/** An app's document as GET answers it. */
export const appShape: Shape = {
  resource: (name, data) => `{"name":${JSON.stringify(name)},"data":${data}}`,
  patch: (patch) => `{"data":${patch}}`,
}

export const documentHandlers: Handlers<
  typeof documentEndpoints,
  { apps: DocumentStore; appLists: DocumentLists }
> = {
  "documents.list": ({ uri, url, query, headers }, { appLists }) =>
    answerList({ uri, url, query, mask: parseMask(headers.get("X-Fields")) }, appLists),

  "documents.create": async ({ body }, { apps }) => {
    const uri = fill(PATH, { name: body.name })
    const data = JSON.stringify(body.data)
    const revision = await apps.create(uri, data)
    const json = appShape.resource(body.name, data)
    return { status: 201, json, revision, headers: { Location: uri } }
  },

  "documents.get": async ({ uri, params, headers }, { apps }) => {
    const mask = parseMask(headers.get("X-Fields"))
    const document = await apps.get(uri)
    if (!document) {
      // The null members are what the original's clients look at.
      throw new Problem("not_found", `There is no document "${params.name}"`, {
        name: null,
        data: null,
      })
    }
    const parts = { name: JSON.stringify(document.name), data: document.data }
    return { json: applyMask(parts, mask), revision: document.revision }
  },

  "documents.put": async ({ uri, body, conditions }, { apps }) => {
    return { status: 204, revision: await apps.put(uri, JSON.stringify(body.data), conditions) }
  },

  "documents.patch": async ({ uri, body, conditions }, { apps }) => {
    const patch = JSON.stringify(body.data ?? {})
    return { status: 204, revision: await apps.patch(uri, patch, conditions) }
  },

  "documents.delete": async ({ uri, conditions }, { apps }) => {
    const revision = await apps.remove(uri, conditions)
    return { status: 204, ...(revision > 0 ? { revision } : {}) }
  },
}
