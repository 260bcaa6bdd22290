/** A copy of a series as GET answers it, kept up to date by its patches. Pure. */

type Value = unknown

/** Column → label → value: the orient columns. Every column has the labels of all rows. */
export type SeriesState = Record<string, Record<string, Value>>

type Label = string | number

/** Rows in orient split. */
export interface SplitState {
  columns: readonly string[]
  index: readonly Label[]
  data: readonly (readonly Value[])[]
}

/** What a `patch` frame of a series carries. */
export interface SeriesPatch {
  /** Ranges to take away, both ends inclusive. */
  removed: readonly (readonly [Label, Label])[]
  /** Rows to put over what is there then, one by one. */
  rows: SplitState
}

/** The state of a series' URI after a patch, in orient columns or split; `order=desc` has the last row first. */
export function applyToSeries(value: unknown, patch: unknown, uri: string): unknown {
  const state = value as SeriesState | SplitState
  const isTurned = new URLSearchParams(uri.split("?")[1]).get("order") === "desc"
  return isSplit(state)
    ? applyToSplit(state, patch as SeriesPatch, isTurned)
    : applyPatch(state, patch as SeriesPatch, isTurned)
}

/** Label → value, by column. */
type Columns = Map<string, Map<string, Value>>

/**
 * The state after a patch: ranges are taken away, then the rows come; a new column is null in rows that lack it, and
 * a new row in columns that it lacks. Labels are in order. The state given stays as it was.
 */
export function applyPatch(state: SeriesState, patch: SeriesPatch, isTurned = false): SeriesState {
  const columns: Columns = new Map(
    Object.entries(state).map(([name, values]) => [name, new Map(Object.entries(values))]),
  )
  patchColumns(columns, patch)
  // fromEntries, because an assignment to "__proto__" would be none.
  return Object.fromEntries(
    [...columns].map(([name, values]) => [name, Object.fromEntries(inOrder(values, isTurned))]),
  )
}

/** The same of a state in orient split. */
function applyToSplit(
  { columns, index, data }: SplitState,
  patch: SeriesPatch,
  isTurned: boolean,
): SplitState {
  const rows = new Map(index.map((label) => [String(label), label]))
  for (const label of patch.rows.index) rows.set(String(label), label)
  const values: Columns = new Map(
    columns.map((name, at) => [
      name,
      new Map(index.map((label, row) => [String(label), data[row]?.[at] ?? null])),
    ]),
  )
  // So that there are labels also where there are no columns.
  const labels = new Map(index.map((label) => [String(label), null]))
  patchColumns(new Map([["", labels]]), { ...patch, rows: { ...patch.rows, columns: [] } })
  patchColumns(values, patch)
  const kept = inOrder(labels, isTurned).map(([label]) => label)
  return {
    columns: [...values.keys()],
    index: kept.map((label) => rows.get(label) ?? label),
    data: kept.map((label) => [...values.values()].map((column) => column.get(label) ?? null)),
  }
}

/** True for a state in orient split. */
function isSplit(state: SeriesState | SplitState): state is SplitState {
  return Array.isArray(state.columns)
}

function patchColumns(columns: Columns, { removed, rows }: SeriesPatch): void {
  for (const values of columns.values()) take(values, removed)
  const [first = new Map<string, Value>()] = columns.values()
  const known = [...first.keys()]
  for (const name of rows.columns) {
    if (!columns.has(name)) columns.set(name, new Map(known.map((label) => [label, null])))
  }
  const places = new Map(rows.columns.map((name, at) => [name, at]))
  for (const [name, values] of columns) {
    const at = places.get(name)
    for (const [row, label] of rows.index.entries()) {
      values.set(String(label), at === undefined ? null : (rows.data[row]?.[at] ?? null))
    }
  }
}

function take(values: Map<string, Value>, removed: SeriesPatch["removed"]): void {
  for (const [from, to] of removed) {
    for (const label of values.keys()) {
      if (isBefore(label, from) || isBefore(to, label)) continue
      values.delete(label)
    }
  }
}

/** Times of one series are written alike, so their order is that of their texts. */
function isBefore(one: Label, other: Label): boolean {
  return typeof one === "number" || typeof other === "number"
    ? Number(one) < Number(other)
    : one < other
}

/** The entries by label; nearly always they are in order, because rows come at the end. */
function inOrder(values: Map<string, Value>, isTurned: boolean): [string, Value][] {
  const entries = [...values]
  const isNumeric = entries[0] !== undefined && /^-?\d+$/.test(entries[0][0])
  const compare = ([one]: [string, Value], [other]: [string, Value]) =>
    (isNumeric ? Number(one) - Number(other) : one < other ? -1 : 1) * (isTurned ? -1 : 1)
  const isOrdered = entries.every((entry, at) => at === 0 || compare(entries[at - 1]!, entry) < 0)
  return isOrdered ? entries : entries.toSorted(compare)
}
