/** Which definition is meant. Pure. */
import { bySpecificity, isList, match } from "../protocol/uri.ts"
import { convertible } from "./path.ts"
import type { Definition } from "./resources.ts"
import { stored } from "./tools.ts"

/** The item defined directly below a list: for `/todo/` the segment `:id` of `/todo/:id`, and its name. */
export function itemOf(
  list: string,
  all: readonly Definition[],
): { segment: string; name: string } | null {
  if (!list.endsWith("/")) return null
  const below = all.find(
    ({ path }) => path.startsWith(list) && /^:\w+$/.test(path.slice(list.length)),
  )
  const segment = below?.path.slice(list.length)
  return segment ? { segment, name: segment.slice(1) } : null
}

/** True for a path whose GET answers what is stored there. */
export function isStored(path: string, all: readonly Definition[]): boolean {
  return all.find((definition) => definition.path === path)?.getter === stored
}

/** Whether what is written to a URI is what its GET answers; also where there is no GET that could answer otherwise. */
export function isToldBy(all: readonly Definition[]): (uri: string) => boolean {
  const readable = ranked(all.filter(({ getter }) => getter))
  return (uri) => {
    const found = readable.find(({ path, converters }) => {
      const params = path.endsWith("/") === isList(uri) && match(path, uri)
      return params && convertible(converters, params)
    })
    return !found || found.getter === stored
  }
}

/** In the order in which they are asked; of those that are alike first those that convert more, which take less. */
export function ranked(all: readonly Definition[]): Definition[] {
  return [...all].sort(
    (one, other) => bySpecificity(one, other) || narrownessOf(other) - narrownessOf(one),
  )
}

function narrownessOf({ converters }: Definition): number {
  return Object.values(converters).filter(({ isOpen }) => !isOpen).length
}
