/** What GET answers of a series, its values as they are written. Pure. */
import { parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { readSplit, stampOf, type ToldRows } from "./patch.ts"

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
