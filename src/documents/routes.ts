/** The handlers of the documents. */
import type { Handlers } from "../protocol/endpoint.ts"
import type { documentEndpoints } from "../protocol/documents.ts"
import { Problem } from "../protocol/problem.ts"
import { fill } from "../protocol/uri.ts"
import { readPoint } from "./history/point.ts"
import type { HistoryServices } from "./history/routes.ts"
import { expiryHeaders, readExpiry } from "./expiry.ts"
import { answerList } from "./list/answer.ts"
import type { DocumentLists } from "./list/reader.ts"
import { applyMask, parseMask } from "./mask.ts"
import type { Shape } from "./store.ts"

const PATH = "/api/apps/:name"

/** An app's document as GET answers it. */
export const appShape: Shape = {
  resource: (name, data) => `{"name":${JSON.stringify(name)},"data":${data}}`,
  patch: (patch) => `{"data":${patch}}`,
}

interface Services extends HistoryServices {
  appLists: DocumentLists
}

export const documentHandlers: Handlers<typeof documentEndpoints, Services> = {
  "documents.list": ({ uri, url, query, headers }, { appLists }) =>
    answerList({ uri, url, query, mask: parseMask(headers.get("X-Fields")) }, appLists),

  "documents.create": async ({ body, query }, { apps, now }) => {
    const uri = fill(PATH, { name: body.name })
    const data = JSON.stringify(body.data)
    const expiry = readExpiry(query.expire_in, now()) ?? null
    const revision = await apps.create(uri, data, expiry)
    const json = appShape.resource(body.name, data)
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
    const revision = await apps.put(uri, JSON.stringify(body.data), { conditions, expiry })
    return { status: 204, revision, headers: expiryHeaders(expiry) }
  },

  "documents.patch": async ({ uri, body, query, conditions }, { apps, now }) => {
    const patch = JSON.stringify(body.data ?? {})
    const expiry = readExpiry(query.expire_in, now())
    const revision = await apps.patch(uri, patch, { conditions, expiry })
    return { status: 204, revision, headers: expiryHeaders(expiry) }
  },

  "documents.delete": async ({ uri, conditions }, { apps }) => {
    const revision = await apps.remove(uri, conditions)
    return { status: 204, ...(revision > 0 ? { revision } : {}) }
  },
}
