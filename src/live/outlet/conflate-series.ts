/** Two patches of a series as one: ranges are taken away, then rows come. Pure. */
import type { Tree } from "../../lib/tree.ts"

interface SeriesPatch {
  removed: [Tree, Tree][]
  columns: Tree[]
  /** Label → the row's values by column. */
  rows: Map<Tree, Map<Tree, Tree>>
}

/** The patch that does what one and then another does; null where one of them is none of a series. */
export function composedRows(first: Tree | undefined, second: Tree | undefined): Tree | null {
  const [one, other] = [readPatch(first), readPatch(second)]
  if (!one || !other) return null
  const rows = new Map(one.rows)
  for (const label of one.rows.keys()) {
    if (other.removed.some(([from, to]) => !isBefore(label, from) && !isBefore(to, label))) {
      rows.delete(label)
    }
  }
  // A row is replaced as a whole: what it does not name becomes null.
  for (const [label, row] of other.rows) rows.set(label, row)
  const columns = [...new Set([...one.columns, ...other.columns])]
  const data = [...rows.values()].map((row) => columns.map((name) => row.get(name) ?? "null"))
  const frame = { columns, index: [...rows.keys()], data }
  return new Map<string, Tree>([
    ["removed", [...one.removed, ...other.removed]],
    ["rows", new Map<string, Tree>(Object.entries(frame))],
  ])
}

function readPatch(patch: Tree | undefined): SeriesPatch | null {
  if (!(patch instanceof Map) || patch.size !== 2) return null
  const [removed, rows] = [patch.get("removed"), patch.get("rows")]
  if (!Array.isArray(removed) || !(rows instanceof Map) || rows.size !== 3) return null
  const [columns, index, data] = ["columns", "index", "data"].map((name) => rows.get(name))
  if (!Array.isArray(columns) || !Array.isArray(index) || !Array.isArray(data)) return null
  const read = index.map((label, at): [Tree, Map<Tree, Tree>] => {
    const values = data[at]
    return [
      label,
      new Map(
        columns.map((name, place) => [
          name,
          Array.isArray(values) ? (values[place] ?? "null") : "null",
        ]),
      ),
    ]
  })
  return { removed: removed as [Tree, Tree][], columns, rows: new Map(read) }
}

/** Labels are numbers, or times that are written alike. */
function isBefore(one: Tree, other: Tree): boolean {
  const isText = String(one).startsWith('"') && String(other).startsWith('"')
  return isText ? one < other : Number(one) < Number(other)
}
