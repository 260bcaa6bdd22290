/** The patch in a change of a series, its values as they were written. Pure. */
import { parseTree, type Tree } from "../../lib/tree.ts"
import type { IndexKind, Unit } from "../frame.ts"
import type { Span } from "../ranges.ts"
import { parseMoment } from "../../lib/moment.ts"

export interface ToldPatch {
  removed: Span[]
  rows: ToldRows
  kind: IndexKind
  unit: Unit
}

/** Rows in orient split. */
export interface ToldRows {
  /** JSON texts. */
  columns: string[]
  index: string[]
  stamps: number[]
  data: Tree[]
}

/** Reads the body of a change. */
export function readTold(body: string): ToldPatch {
  const patch = parseTree(body) as Map<string, Tree>
  const rows = readSplit(patch.get("rows") as Tree)
  const removed = patch.get("removed") as [string, string][]
  const [label = ""] = [...rows.index, ...removed.flat()]
  return {
    removed: removed.map(([from, to]): Span => [stampOf(from), stampOf(to)]),
    rows,
    kind: !label.startsWith('"') ? "integer" : label.endsWith('Z"') ? "utc" : "naive",
    unit: /\.\d{6}/.test(label) ? "us" : "ms",
  }
}

/** Reads a frame in orient split, as GET answers it. */
export function readSplit(frame: Tree): ToldRows {
  const members = frame as Map<string, Tree>
  const index = members.get("index") as string[]
  return {
    columns: members.get("columns") as string[],
    index,
    stamps: index.map(stampOf),
    data: members.get("data") as Tree[],
  }
}

/** The names of the columns. */
export function namesOf({ columns }: Pick<ToldRows, "columns">): string[] {
  return columns.map((name) => JSON.parse(name) as string)
}

/** A label as a stamp. Throws Error for what is none. */
export function stampOf(label: string): number {
  const stamp = label.startsWith('"')
    ? parseMoment(JSON.parse(label) as string)?.stamp
    : Number(label)
  if (stamp === undefined || Number.isNaN(stamp)) throw new Error(`${label} is no stamp`)
  return stamp
}
