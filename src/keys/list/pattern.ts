/** Which names are wanted. Pure. */
import { parseFilter } from "./filter.ts"
import { parseGlob } from "./glob.ts"

export interface NamePattern {
  /** What every matching name begins with; an index can find those. */
  prefix: string
  /** True when only the prefix itself matches. */
  isWhole: boolean
  /** True when every name in the range that these two say matches. */
  isExact: boolean
  matches: (name: string) => boolean
  /** What `matches` takes at most, in comparisons for each character of a name. */
  cost: number
}

const ALL: NamePattern = {
  prefix: "",
  isWhole: false,
  isExact: true,
  matches: () => true,
  cost: 0,
}

/** What a query asks for; an empty filter is none, as it was for the original. */
export function patternOf({
  filter,
  match,
}: {
  filter?: string | null | undefined
  match?: string | null | undefined
}): NamePattern {
  const patterns = [
    ...(filter ? [parseFilter(filter)] : []),
    ...(match == null ? [] : [parseGlob(match)]),
  ]
  return patterns.reduce(both, ALL)
}

/** The names that both want. */
function both(one: NamePattern, other: NamePattern): NamePattern {
  const [wide, narrow] = isWider(one, other) ? [one, other] : [other, one]
  return {
    prefix: narrow.prefix,
    isWhole: narrow.isWhole,
    isExact:
      wide.isExact &&
      narrow.isExact &&
      (wide.isWhole ? wide.prefix === narrow.prefix : narrow.prefix.startsWith(wide.prefix)),
    matches: (name) => wide.matches(name) && narrow.matches(name),
    cost: wide.cost + narrow.cost,
  }
}

function isWider(one: NamePattern, other: NamePattern): boolean {
  if (one.isWhole !== other.isWhole) return other.isWhole
  return one.prefix.length <= other.prefix.length
}
