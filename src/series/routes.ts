/** The handlers of the series. */
import type { Answer, Handlers } from "../protocol/endpoint.ts"
import { LIST_MAX_ITEMS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { ORIENTS, type Orient } from "../protocol/orients.ts"
import type { seriesEndpoints } from "../protocol/series.ts"
import { Name } from "../protocol/shared.ts"
import type { Json } from "./frame.ts"
import { writeHandlers, type WriteServices } from "./ingest/routes.ts"
import { parseSent } from "./json.ts"
import type { Keeper } from "./keeper.ts"
import { orientOf, toFrame } from "./orient.ts"
import { objectAt } from "./orients/read.ts"
import { readPatch } from "./patch.ts"
import { formOf, headersOf, textOf } from "./read/form.ts"
import type { Part } from "./read/listing.ts"
import type { Listing, SeriesLists } from "./read/lists.ts"
import type { SeriesReader } from "./read/reader.ts"
import { notFound, type SeriesStore } from "./store.ts"
import { uriOf } from "./write.ts"

interface Services extends WriteServices {
  series: SeriesStore
  seriesReader: SeriesReader
  seriesLists: SeriesLists
  keeper: Keeper
}

interface ListQuery {
  prefix?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
  latest?: string | undefined
}

export const seriesHandlers: Handlers<typeof seriesEndpoints, Services> = {
  ...writeHandlers,

  "series.references": async ({ query, uri }, { seriesLists }) =>
    listed(await seriesLists.references(partOf(query)), uri, query),

  "series.list": async ({ params, query, uri }, { seriesLists }) => {
    const isLatest = query.latest === "1"
    const listing = await seriesLists.series(params.reference, partOf(query), isLatest)
    return listed(listing, uri, query)
  },

  "series.retain": async ({ params, body }, { keeper }) => {
    const revision = await keeper.retain(params.reference, body.retention)
    return { body: { retention: body.retention }, ...(revision > 0 ? { revision } : {}) }
  },

  "series.create": async ({ params, body, conditions }, { series }) => {
    const { symbol, orient, frame } = readCreation(body)
    const place = { ...params, symbol }
    const rows = toFrame(frame, orient)
    const revision = await series.create(place, rows, conditions)
    return {
      status: 201,
      body: { status: true, revision, rows: rows.index.length },
      revision,
      headers: { Location: uriOf(place) },
    }
  },

  "series.get": async ({ params, query, headers }, { seriesReader }) => {
    const form = formOf(query, headers.get("Accept"), orientOf(query))
    const view = await seriesReader.read(params, query)
    if (!view) throw notFound(params)
    return {
      pieces: textOf(view, form),
      revision: view.revision,
      isAging: view.isAging,
      headers: { ...view.headers, ...headersOf(form) },
    }
  },

  "series.patch": async ({ params, body, conditions }, { series }) => {
    const patch = readPatch(body)
    const revision = await series.patch(params, patch, conditions)
    return { body: { status: true, revision, rows: patch.rows?.index.length ?? 0 }, revision }
  },

  "series.delete": async ({ params, query, conditions }, { series }) => {
    const isWhole = query.start === undefined && query.end === undefined
    const revision = isWhole
      ? await series.remove(params, conditions)
      : await series.erase(params, query, conditions)
    return revision > 0
      ? { body: { status: true, revision }, revision }
      : { body: { status: true } }
  },
}

function partOf({ prefix = "", limit = LIST_MAX_ITEMS, cursor = "" }: ListQuery): Part {
  return { prefix, limit, after: cursor }
}

/** The answer with a part of a list; `Link` names the next. */
function listed(listing: Listing, uri: string, query: ListQuery): Answer {
  const { entries, revision, next, retention, isAging } = listing
  const headers: Record<string, string> = retention === null ? {} : { Retention: retention }
  if (next !== null) {
    const parameters = new URLSearchParams({ cursor: next })
    for (const name of ["prefix", "limit", "latest"] as const) {
      if (query[name]) parameters.set(name, String(query[name]))
    }
    headers["Link"] = `<${uri}?${parameters}>; rel="next"`
  }
  return { json: `[${entries.join()}]`, revision, isAging, headers }
}

/** `{"symbol": …, "orient": …, "frame": …}`. Throws Problem: invalid_json, invalid_request. */
function readCreation(text: string): { symbol: string; orient: Orient; frame: Json } {
  const { symbol, orient = "columns", frame, ...rest } = objectAt(parseSent(text), "")
  const name = Name.safeParse(symbol)
  if (!name.success) throw creationProblem("symbol", name.error.issues[0]?.message ?? "is wrong")
  const known = ORIENTS.find((one) => one === orient)
  if (!known) throw creationProblem("orient", `must be one of ${ORIENTS.join(", ")}`)
  if (frame === undefined) throw creationProblem("frame", "must be there")
  const [stray] = Object.keys(rest)
  if (stray !== undefined) throw creationProblem(stray, "is none of symbol, orient, frame")
  return { symbol: name.data, orient: known, frame }
}

function creationProblem(place: string, flaw: string): Problem {
  return new Problem("invalid_request", `"${place}" of the body is wrong: ${flaw}`, {
    errors: { [place]: flaw },
  })
}
