/** The handlers of the series. */
import type { Answer, Call, Handlers } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import { ORIENTS, type Orient, type seriesEndpoints } from "../protocol/series.ts"
import { Name } from "../protocol/shared.ts"
import type { Json } from "./frame.ts"
import { parseJson } from "./json.ts"
import { frameText, readFrame, toFrame } from "./orient.ts"
import type { Keeper } from "./keeper.ts"
import { objectAt } from "./orients/read.ts"
import { readPatch } from "./patch.ts"
import { notFound, type SeriesStore } from "./store.ts"
import { uriOf } from "./write.ts"

type OrientQuery = Partial<Record<"orient" | "json_format" | "jsonformat", Orient | "" | undefined>>

interface Services {
  series: SeriesStore
  keeper: Keeper
}

/** PUT and POST mean the same. */
async function save(
  call: Call<(typeof seriesEndpoints)["series.put" | "series.post"]>,
  { series }: Services,
): Promise<Answer> {
  const frame = readFrame(call.body, orientOf(call.query))
  const revision = await series.save(call.params, frame, call.conditions)
  return { body: { status: true, revision, rows: frame.index.length }, revision }
}

export const seriesHandlers: Handlers<typeof seriesEndpoints, Services> = {
  "series.references": async (_call, { series }) => {
    const { references, revision } = await series.references()
    return { body: references.map((reference) => ({ reference })), revision }
  },

  "series.list": async ({ params }, { series, keeper }) => {
    const { entries, revision } = await series.list(params.reference)
    const retention = await keeper.retentionOf(params.reference)
    return { body: entries, revision, ...(retention ? { headers: { Retention: retention } } : {}) }
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

  "series.get": async ({ params, query }, { series }) => {
    const orient = orientOf(query)
    const dates = query.date_format || "iso"
    if (orient === "table" && dates === "epoch") {
      throw new Problem("invalid_request", `"date_format" must be iso for orient table`, {
        errors: { "query.date_format": "is epoch, must be iso for orient table" },
      })
    }
    const found = await series.read(params, query)
    if (!found) throw notFound(params)
    return { json: frameText(found.frame, orient, dates), revision: found.revision }
  },

  "series.put": save,
  "series.post": save,

  "series.patch": async ({ params, body, conditions }, { series }) => {
    const patch = readPatch(body)
    const revision = await series.patch(params, patch, conditions)
    return { body: { status: true, revision, rows: patch.rows?.index.length ?? 0 }, revision }
  },

  "series.delete": async ({ params, conditions }, { series }) => {
    const revision = await series.remove(params, conditions)
    return revision > 0
      ? { body: { status: true, revision }, revision }
      : { body: { status: true } }
  },
}

function orientOf({ orient, json_format, jsonformat }: OrientQuery): Orient {
  return orient || json_format || jsonformat || "columns"
}

/** `{"symbol": …, "orient": …, "frame": …}`. Throws Problem: invalid_json, invalid_request. */
function readCreation(text: string): { symbol: string; orient: Orient; frame: Json } {
  const { symbol, orient = "columns", frame, ...rest } = objectAt(parseJson(text), "")
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
