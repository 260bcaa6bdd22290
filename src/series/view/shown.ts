/** What GET answers of a series, its values as they are written. Pure. */
import { parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { readSplit, stampOf, type ToldRows } from "./patch.ts"

/** What is to be known of an answer that may be large: of its rows only the ends. */
export interface Outline {
  columns: string[]
  /** Labels, as JSON texts. */
  first: string | undefined
  last: string | undefined
  /** The last row has a value in every column. */
  isWhole: boolean
}

type Cells = Record<string, unknown>
type Split = { columns: string[]; index: unknown[]; data: unknown[][] }

/** The outline of orient split or columns. A tree of all would take many times its memory. */
export function outlineOf(json: string, isTurned: boolean): Outline {
  const shown = JSON.parse(json) as Split | Record<string, Cells>
  const { columns, labels, rowAt } = isSplit(shown) ? ofSplit(shown) : ofColumns(shown)
  const ends = labels.length > 0 ? [0, labels.length - 1] : []
  const [first, last] = isTurned ? ends.toReversed() : ends
  const labelAt = (at: number | undefined) =>
    at === undefined ? undefined : JSON.stringify(labels[at])
  const isWhole = last !== undefined && rowAt(last).every((value) => value !== null)
  return { columns, first: labelAt(first), last: labelAt(last), isWhole }
}

function isSplit(shown: Split | Record<string, Cells>): shown is Split {
  return Array.isArray(shown.columns)
}

function ofSplit({ columns, index, data }: Split) {
  return { columns, labels: index, rowAt: (at: number) => data[at] ?? [] }
}

function ofColumns(shown: Record<string, Cells>) {
  const labels: unknown[] = Object.keys(Object.values(shown)[0] ?? {})
  const rowAt = (at: number) => Object.values(shown).map((cells) => cells[String(labels[at])])
  return { columns: Object.keys(shown), labels, rowAt }
}

/** Reads orient split or columns, in the order of the stamps. */
export function readShown(json: string, isTurned: boolean): ToldRows {
  const tree = parseTree(json) as Map<string, Tree>
  const rows = Array.isArray(tree.get("columns")) ? readSplit(tree) : readColumns(tree)
  return isTurned ? turned(rows) : rows
}

function readColumns(frame: Map<string, Tree>): ToldRows {
  const columns = [...frame].map(([name, cells]) => [name, cells as Map<string, Tree>] as const)
  const index = [...(columns[0]?.[1].keys() ?? [])].map(labelOf)
  return {
    columns: columns.map(([name]) => JSON.stringify(name)),
    index,
    stamps: index.map(stampOf),
    data: dataOf(
      columns.map(([, cells]) => [...cells.values()]),
      index.length,
    ),
  }
}

function dataOf(columns: readonly (readonly Tree[])[], length: number): Tree[] {
  return Array.from({ length }, (_, row) => columns.map((cells) => cells[row] as Tree))
}

/** The label that stands as a key, as it stands in a list. */
function labelOf(key: string): string {
  return /^-?\d+$/.test(key) ? key : JSON.stringify(key)
}

function turned({ columns, index, stamps, data }: ToldRows): ToldRows {
  return {
    columns,
    index: index.toReversed(),
    stamps: stamps.toReversed(),
    data: data.toReversed(),
  }
}

/** The rows as JSON texts. */
export function rowTexts({ data }: Pick<ToldRows, "data">): string[] {
  return data.map(textOf)
}
