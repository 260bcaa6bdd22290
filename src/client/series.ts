/** Patches of series, for the live client: `{ patchers: { "/api/store/": patchSeries } }`. Pure. */

type Cell = unknown
/** A frame in orient `columns`, which GET answers without a query. */
type Columns = Record<string, Record<string, Cell>>

interface SeriesPatch {
  removed?: [from: string | number, to: string | number][]
  rows?: { columns: string[]; index: (string | number)[]; data: Cell[][] }
}

/** The frame after the patch: ranges go, both ends inclusive, then whole rows come. Neither argument is changed. */
export function patchSeries(resource: unknown, patch: unknown): Columns {
  const frame = (resource ?? {}) as Columns
  const { removed = [], rows = { columns: [], index: [], data: [] } } = patch as SeriesPatch
  const columns = [...new Set([...Object.keys(frame), ...rows.columns])]
  const stays = (label: string) =>
    !removed.some(([from, to]) => order(String(from), label) <= 0 && order(label, String(to)) <= 0)
  const table = new Map<string, Cell[]>()
  for (const label of Object.keys(Object.values(frame)[0] ?? {})) {
    if (stays(label))
      table.set(
        label,
        columns.map((column) => frame[column]?.[label] ?? null),
      )
  }
  const places = columns.map((column) => rows.columns.indexOf(column))
  for (const [row, label] of rows.index.entries()) {
    table.set(
      String(label),
      places.map((place) => rows.data[row]?.[place] ?? null),
    )
  }
  const ordered = [...table].sort(([one], [other]) => order(one, other))
  return Object.fromEntries(
    columns.map((column, at) => [
      column,
      Object.fromEntries(ordered.map(([label, row]) => [label, row[at]])),
    ]),
  )
}

/** Integers by size; times of one series are all written alike, so that their texts sort as they do. */
function order(one: string, other: string): number {
  const [a, b] = /^-?\d+$/.test(one) ? [Number(one), Number(other)] : [one, other]
  return a < b ? -1 : a > b ? 1 : 0
}
