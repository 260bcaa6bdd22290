/** `sort`, parsed: the keys by which a list is in order, the last of which no two documents share. Pure. */
import { SORT_MAX_KEYS } from "../../protocol/limits.ts"
import { parsePath, type Path } from "./path.ts"
import { Scanner } from "./scanner.ts"

export interface SortKey {
  path: Path
  descending: boolean
}

const CREATED: SortKey = { path: { field: "created", steps: [] }, descending: false }

/** `-data.size,name`; empty means the order of creation. Throws Problem invalid_request that names the character. */
export function parseSort(text: string): SortKey[] {
  const scanner = new Scanner("sort", text)
  const keys: SortKey[] = []
  if (scanner.isAtEnd) return [CREATED]
  do {
    if (keys.length === SORT_MAX_KEYS) scanner.fail(`at most ${SORT_MAX_KEYS} paths`)
    const descending = scanner.take("-")
    keys.push({ path: parsePath(scanner), descending })
  } while (scanner.take(","))
  if (!scanner.isAtEnd) scanner.fail('"," or the end')
  const unique = keys.findIndex(isUnique)
  // What comes after a key that decides has no say.
  return unique < 0 ? [...keys, CREATED] : keys.slice(0, unique + 1)
}

function isUnique({ path: { field } }: SortKey): boolean {
  return field === "name" || field === "created"
}

/** The order as a text, equal for equal orders. */
export function formatSort(keys: readonly SortKey[]): string {
  return keys
    .map(
      ({ path, descending }) =>
        (descending ? "-" : "") + JSON.stringify([path.field, ...path.steps]),
    )
    .join()
}
