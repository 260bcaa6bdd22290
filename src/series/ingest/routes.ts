/** The handlers that write rows. */
import type { Answer, Call, Handlers } from "../../protocol/endpoint.ts"
import { BODY_MAX_BYTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { seriesEndpoints } from "../../protocol/series.ts"
import { readCsv } from "../formats/csv.ts"
import { readLineProtocol } from "../formats/lineprotocol.ts"
import { readNdjson } from "../formats/ndjson.ts"
import type { StreamOptions } from "../../lines/unzip.ts"
import { orientOf, readFrame } from "../orient.ts"
import { readQuickly } from "../orients/quick.ts"
import type { SeriesRow } from "../sql.ts"
import { stampFormat } from "../stamp.ts"
import { shapeOf } from "../stored.ts"
import type { Target } from "./target.ts"
import type { Delivery, Outcome, SeriesWriter, WriteOptions } from "./writer.ts"

export interface WriteServices {
  seriesWriter: SeriesWriter
  now: () => number
}

type Save = Call<(typeof seriesEndpoints)["series.put" | "series.post"]>
type WriteTable = Pick<typeof seriesEndpoints, "series.put" | "series.post" | "series.ingest">

export const writeHandlers: Handlers<WriteTable, WriteServices> = {
  // PUT and POST mean the same.
  "series.put": save,
  "series.post": save,

  "series.ingest": async ({ query, body }, { seriesWriter, now }) => {
    const { bytes, encoding } = body
    const precision = query.precision || "auto"
    const options = optionsOf(query, query.mode || "upsert", "unite")
    const outcome = await seriesWriter.ingest(
      pointsOf(bytes, now(), { encoding, precision }),
      options,
    )
    return { body: { ...answerOf(outcome), series: outcome.targets.length } }
  },
}

async function save(call: Save, { seriesWriter }: WriteServices): Promise<Answer> {
  const { params, query, conditions } = call
  const options = optionsOf(query, query.mode || "update")
  const format = formatOf(call)
  let deliveries: AsyncIterable<Delivery> | Delivery[]
  if (format === "json") {
    const orient = orientOf(query)
    const body = await call.body.whole(BODY_MAX_BYTES)
    const isUnique = options.onDuplicate === "error"
    const frame =
      readQuickly(body.bytes, orient) ??
      hinting(call.body.type, body.text(), (text) => readFrame(text, orient, isUnique))
    deliveries = [{ rows: [{ ...params, frame }], bad: [] }]
  } else {
    // How numbers and texts are read hangs on what is there; that it fits, the commit checks.
    const stored = options.mode === "replace" ? null : await seriesWriter.stored(params)
    deliveries = linesOf(call, format, stored)
  }
  const outcome = await seriesWriter.write(params, deliveries, options, conditions)
  const { revision } = outcome
  return { body: answerOf(outcome), revision }
}

/** Rows that came without their type are taken for JSON, which alone would be a riddle. */
function hinting<Result>(type: string, text: string, read: (text: string) => Result): Result {
  try {
    return read(text)
  } catch (error) {
    const isJson = /json/.test(type) || /^\s*[[{]/.test(text)
    if (isJson || !(error instanceof Problem) || error.code !== "invalid_json") throw error
    const hint = "CSV comes with Content-Type text/csv, JSON lines with application/x-ndjson"
    throw new Problem(error.code, `${error.message} (${hint})`, error.details)
  }
}

interface WriteQuery {
  on_duplicate?: "last" | "error" | "" | undefined
  partial?: "true" | "false" | "" | undefined
  counts?: "exact" | "" | undefined
}

function optionsOf(
  query: WriteQuery,
  mode: WriteOptions["mode"],
  onDuplicate: WriteOptions["onDuplicate"] = "last",
): WriteOptions {
  return {
    mode,
    onDuplicate: query.on_duplicate || onDuplicate,
    isPartial: query.partial === "true",
    isCounted: query.counts === "exact",
  }
}

const CSV = /^(?:text|application)\/csv$/
const NDJSON = /^application\/(?:x-)?(?:ndjson|jsonl|json-?lines)$/

function formatOf({ query, body }: Save): "json" | "csv" | "ndjson" {
  if (query.format) return query.format
  if (CSV.test(body.type)) return "csv"
  return NDJSON.test(body.type) ? "ndjson" : "json"
}

async function* linesOf(
  { params, query, body }: Save,
  format: "csv" | "ndjson",
  stored: SeriesRow | null,
): AsyncGenerator<Delivery> {
  const { bytes, encoding } = body
  const options = {
    encoding,
    ...(query.index ? { index: query.index } : {}),
    ...(stored?.kind ? { kind: stored.kind } : {}),
  }
  const columns = stored ? shapeOf(stored).columns : []
  const batches =
    format === "csv"
      ? readCsv(bytes, { ...options, columns, quotes: query.quotes || "text" })
      : readNdjson(bytes, options)
  for await (const { frame, bad } of batches) yield { rows: [{ ...params, frame }], bad }
}

async function* pointsOf(
  bytes: ReadableStream<Uint8Array>,
  now: number,
  options: StreamOptions & { precision: "auto" | "s" | "ms" | "us" | "ns" },
): AsyncGenerator<Delivery> {
  for await (const { series, bad } of readLineProtocol(bytes, now, options)) {
    yield { rows: series, bad }
  }
}

function answerOf(outcome: Outcome): Record<string, unknown> {
  const { revision, targets, rowsWritten, bad, badTotal, inserted, replaced, removed } = outcome
  const range = rangeOf(targets)
  return {
    status: true,
    ...(revision > 0 ? { revision } : {}),
    rows: targets.reduce((sum, { rows }) => sum + rows, 0),
    ...(inserted === undefined ? {} : { inserted }),
    ...(replaced === undefined ? {} : { replaced }),
    ...(removed === undefined ? {} : { removed }),
    ...(range ? { range } : {}),
    rows_written: rowsWritten,
    ...(badTotal > 0 ? { bad_lines: bad, bad_total: badTotal } : {}),
  }
}

/** The first and the last stamp of all rows, as GET would write them. */
function rangeOf(targets: readonly Target[]): [string | number, string | number] | null {
  const filled = targets.filter(({ kind }) => kind !== null)
  const kind = filled[0]?.kind
  if (!kind) return null
  const format = stampFormat(kind, filled.some(({ unit }) => unit === "us") ? "us" : "ms")
  const label = (stamp: number) => (kind === "integer" ? stamp : format(stamp))
  // One by one: there may be more than a call takes arguments.
  const first = filled.reduce((least, one) => Math.min(least, one.first), Infinity)
  const last = filled.reduce((most, one) => Math.max(most, one.last), -Infinity)
  return [label(first), label(last)]
}
