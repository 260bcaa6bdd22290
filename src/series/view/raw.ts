/** Views of a range and some columns: a change is cut to them, and nothing is read. Pure. */
import type { Tree } from "../../lib/tree.ts"
import type { Telling, ViewDesk } from "../../protocol/view.ts"
import { EVERYTHING, type Range } from "../bounds.ts"
import { spanTexts } from "../patch.ts"
import { cover, type Span } from "../ranges.ts"
import type { Asked } from "./ask.ts"
import { namesOf, type ToldPatch, type ToldRows } from "./patch.ts"
import { rowTexts } from "./shown.ts"

/** What is kept of a view. */
export interface RawMemory {
  /** The columns that it has. */
  columns: string[]
}

/** @param at when the change was made, epoch milliseconds */
export function tellRaw(asked: Asked, patch: ToldPatch, at: number, desk: ViewDesk): Telling {
  const memory = desk.memory as RawMemory | undefined
  const range = asked.range(patch.kind, at)
  const wanted = wantedOf(asked, memory)
  if (wanted === "unknown") return "state"
  const removed = removedOf(patch, range, asked)
  const rows = clipped(patch.rows, range, wanted)
  const names = namesOf(rows)
  const known = new Set(memory?.columns)
  const added = names.filter((name) => !known.has(name))
  if (removed.length === 0 && rows.index.length === 0 && added.length === 0) return { frames: [] }
  const spans = spanTexts(removed, patch.kind, patch.unit)
  const frame = { event: "patch" as const, patch: patchText(spans, rows) }
  if (!memory || added.length === 0) return { frames: [frame] }
  return { frames: [frame], memory: { ...memory, columns: [...memory.columns, ...added] } }
}

/** The columns asked for, null for all. Names may hold commas, so they must be known to be told apart. */
function wantedOf(
  { columns }: Asked,
  memory: RawMemory | undefined,
): Set<string> | null | "unknown" {
  if (columns === null) return null
  const names = columns.split(",")
  const known = new Set(memory?.columns)
  return names.every((name) => known.has(name)) ? new Set(names) : "unknown"
}

function removedOf({ removed }: ToldPatch, { first, last }: Range, { isMoving }: Asked): Span[] {
  const spans: Span[] = []
  for (const [from, to] of removed) {
    const [low, high] = [Math.max(from, first), Math.min(to, last)]
    if (low <= high) cover(spans, [low, high])
  }
  // What the clock took away meanwhile.
  if (isMoving && first > EVERYTHING.first) cover(spans, [EVERYTHING.first, first - 1])
  return spans
}

function clipped(rows: ToldRows, { first, last }: Range, wanted: Set<string> | null): ToldRows {
  const names = namesOf(rows)
  const places = [...names.keys()].filter((at) => !wanted || wanted.has(names[at] as string))
  const kept = [...rows.stamps.keys()].filter((at) => {
    const stamp = rows.stamps[at] as number
    return stamp >= first && stamp <= last
  })
  return {
    columns: places.map((at) => rows.columns[at] as string),
    index: kept.map((at) => rows.index[at] as string),
    stamps: kept.map((at) => rows.stamps[at] as number),
    data: kept.map((at) => places.map((place) => (rows.data[at] as Tree[])[place] as Tree)),
  }
}

/** @param removed ranges as JSON text */
export function patchText(removed: string, rows: Omit<ToldRows, "stamps">): string {
  return rowsText(removed, rows.columns, rows.index, rowTexts(rows))
}

/** The same of rows that are JSON texts. */
export function rowsText(
  removed: string,
  columns: readonly string[],
  index: readonly string[],
  rows: readonly string[],
): string {
  return `{"removed":${removed},"rows":{"columns":[${columns.join()}],"index":[${index.join()}],"data":[${rows.join()}]}}`
}
