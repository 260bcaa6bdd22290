/** The six JSON orients of pandas, text ⇄ frame. Pure. */
import type { DateFormat, Orient } from "../protocol/orients.ts"
import type { Frame, Json } from "./frame.ts"
import { parseSent } from "./json.ts"
import { readColumns, readIndex, readRecords, readSplit, readValues } from "./orients/read.ts"
import { frameOf } from "./orients/sheet.ts"
import { readTable } from "./orients/table.ts"
import { documentOf } from "./orients/write.ts"
import { write } from "./text/rows.ts"

type OrientQuery = Partial<Record<"orient" | "json_format" | "jsonformat", Orient | "" | undefined>>

/** The orient under any of its names; columns when there is none. */
export function orientOf({ orient, json_format, jsonformat }: OrientQuery): Orient {
  return orient || json_format || jsonformat || "columns"
}

/** How deep the labels are among the members, where they are members. */
const LABEL_DEPTHS: Partial<Record<Orient, number>> = { columns: 2, index: 1 }

/**
 * The frame in a JSON text, rows in the order of the text.
 * @param isUnique whether a label may be there only once; else of several the last counts
 * Throws Problem: invalid_json, invalid_request for another shape, unprocessable for what cannot be kept exactly.
 */
export function readFrame(text: string, orient: Orient, isUnique = false): Frame {
  const isFree = (depth: number) => !isUnique && depth === LABEL_DEPTHS[orient]
  return toFrame(parseSent(text, isFree), orient)
}

/** The same from a value that `parseJson` made. */
export function toFrame(value: Json, orient: Orient): Frame {
  switch (orient) {
    case "columns":
      return frameOf(readColumns(value))
    case "index":
      return frameOf(readIndex(value))
    case "split":
      return frameOf(readSplit(value))
    case "records":
      return frameOf(readRecords(value))
    case "values":
      return frameOf(readValues(value))
    case "table":
      return readTable(value)
  }
}

/** The JSON of a frame in one text, without spaces; whole numbers of a float column as `1.0`. */
export function frameText(frame: Frame, orient: Orient, dates: DateFormat = "iso"): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let text = ""
  for (const piece of write([frame], documentOf(frame, orient, dates))) {
    text += decoder.decode(piece, { stream: true })
  }
  return text
}
