/** What a read is written as: an orient of JSON, CSV or JSON lines. Pure. */
import { Problem } from "../../protocol/problem.ts"
import type { DateFormat, Format, Orient } from "../../protocol/orients.ts"
import type { ReadQuery } from "../../protocol/series-read.ts"
import { csvDocument, ndjsonDocument } from "../formats/write.ts"
import type { Shape } from "../merge.ts"
import { documentOf } from "../orients/write.ts"
import { stream, write } from "../text/rows.ts"
import { emptyFrame, keep, type Frames } from "./hold.ts"

export interface Form {
  format: Format
  orient: Orient
  dates: DateFormat
}

const TYPES: Record<Format, string> = {
  json: "application/json",
  csv: "text/csv; charset=utf-8",
  ndjson: "application/x-ndjson",
}

/**
 * The form that a query and the header `Accept` ask for; the query has the last word.
 * Throws Problem invalid_request for what has no such dates.
 */
export function formOf(query: ReadQuery, accept: string | null, orient: Orient): Form {
  const dates = query.date_format || "iso"
  const format = query.format || accepted(accept)
  if (format === "json" && orient === "table" && dates === "epoch") {
    throw new Problem("invalid_request", `"date_format" must be iso for orient table`, {
      errors: { "query.date_format": "is epoch, must be iso for orient table" },
    })
  }
  return { format, orient, dates }
}

/** The type, and that it hangs on a header. */
export function headersOf({ format }: Form): Record<string, string> {
  return { "Content-Type": TYPES[format], Vary: "Accept" }
}

/** Of what the header names, that which it likes best; JSON when it does not say. */
function accepted(accept: string | null): Format {
  let best: Format = "json"
  let liked = 0
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith("q="))
    const likes = quality === undefined ? 1 : Number(quality.slice(2)) || 0
    const format = FORMATS_BY_TYPE[type]
    if (format === undefined || likes <= liked) continue
    best = format
    liked = likes
  }
  return best
}

const FORMATS_BY_TYPE: Record<string, Format> = {
  "application/json": "json",
  "*/*": "json",
  "text/csv": "csv",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
}

interface Told {
  shape: Shape
  frames: Frames
}

/** The text in pieces. Columns and split have their rows in several places, so they are read whole first. */
export async function* textOf(
  { shape, frames }: Told,
  { format, orient, dates }: Form,
): AsyncGenerator<Uint8Array> {
  const names = shape.columns.map(({ name }) => name)
  if (format === "csv") yield* stream(frames, csvDocument(names, dates))
  else if (format === "ndjson") yield* stream(frames, ndjsonDocument(names, dates))
  else {
    const document = documentOf(emptyFrame(shape), orient, dates)
    if (orient === "columns" || orient === "split") {
      yield* write(await keep(frames, shape), document)
    } else yield* stream(frames, document)
  }
}
