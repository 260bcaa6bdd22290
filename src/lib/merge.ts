/** JSON merge patches (RFC 7396) of trees, and what one would have to say. Pure. */
import { cloneOf, textOf, type Tree } from "./tree.ts"

/** The target after the patch; nothing of the patch is shared, the target itself may be changed. */
export function merged(target: Tree | undefined, patch: Tree): Tree {
  if (!(patch instanceof Map)) return cloneOf(patch)
  const members: Map<string, Tree> = target instanceof Map ? target : new Map()
  for (const [name, value] of patch) {
    if (value === "null") members.delete(name)
    else members.set(name, merged(members.get(name), value))
  }
  return members
}

/** The merge patch that makes `before` into `after`; null when none does, because a member becomes null. */
export function mergeBetween(before: Tree | undefined, after: Tree): Tree | null {
  if (!(after instanceof Map)) return after
  const old: Map<string, Tree> = before instanceof Map ? before : new Map()
  const patch = new Map<string, Tree>()
  for (const name of old.keys()) if (!after.has(name)) patch.set(name, "null")
  for (const [name, value] of after) {
    const known = old.get(name)
    if (value === "null" && known !== "null") return null
    if (value instanceof Map) {
      const part = mergeBetween(known, value)
      if (part === null) return null
      const isNothing = part instanceof Map && part.size === 0 && known instanceof Map
      if (!isNothing) patch.set(name, part)
    } else if (known === undefined || textOf(known) !== textOf(value)) patch.set(name, value)
  }
  return patch
}
