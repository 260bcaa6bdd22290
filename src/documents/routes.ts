/** The handlers of the documents. */
import type { Handlers } from "../protocol/endpoint.ts"
import type { documentEndpoints } from "../protocol/documents.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { readPoint } from "./history/point.ts"
import type { HistoryServices } from "./history/routes.ts"
import { applyMask, parseMask } from "./mask.ts"
import type { Shape } from "./store.ts"

const PATH = "/api/apps/:name"

/** An app's document as GET answers it. */
export const appShape: Shape = {
  resource: (name, data) => `{"name":${JSON.stringify(name)},"data":${data}}`,
  patch: (patch) => `{"data":${patch}}`,
}

export const documentHandlers: Handlers<typeof documentEndpoints, HistoryServices> = {
  "documents.list": async ({ uri, headers }, { apps }) => {
    const mask = parseMask(headers.get("X-Fields"))
    const { names, revision } = await apps.names(uri)
    const entries = names.map((name) => applyMask({ name: JSON.stringify(name) }, mask))
    return { json: `[${entries.join()}]`, revision }
  },

  "documents.create": async ({ body }, { apps }) => {
    const uri = fill(PATH, { name: body.name })
    const data = JSON.stringify(body.data)
    const revision = await apps.create(uri, data)
    const json = appShape.resource(body.name, data)
    return { status: 201, json, revision, headers: { Location: uri } }
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
