/** Frames of one URI that wait, made fewer without changing what they make of a copy. Pure. */
import { merged } from "../lib/merge.ts"
import { Ambiguous, parseTree, textOf, type Tree } from "../lib/tree.ts"
import { headOf } from "../protocol/frames.ts"
import { composedRows } from "./conflate-series.ts"

type Members = Map<string, Tree>

/**
 * The frames that tell what these and one more tell, in order. Patches become one where a merge patch (RFC 7396) can
 * say both, and part of the state before them; what cannot be said by fewer stays as it is.
 */
export function conflated(waiting: readonly string[], text: string): string[] {
  const last = waiting.at(-1)
  if (last === undefined) return [text]
  const { event, view, list } = headOf(text)
  const isWhole = list === undefined && (event === "state" || event === "delete")
  if (view) return isWhole ? [text] : [...waiting, text]
  const { event: lastEvent } = headOf(last)
  if (event === "delete") return [text]
  // A list that holds it must lose it first: what joins stands at the end.
  if (event === "create") return lastEvent === "delete" ? [last, text] : [...waiting, text]
  if (event === "state" && lastEvent !== "create") return [text]
  try {
    const [before, next] = [parseTree(last) as Members, parseTree(text) as Members]
    const both = event === "state" ? joining(before, next) : patched(before, next)
    if (both) return [...waiting.slice(0, -1), textOf(both)]
  } catch (error) {
    // What a tree does not hold is not worth less.
    if (!(error instanceof Ambiguous)) throw error
  }
  return [...waiting, text]
}

/** A patch on top of what was told before; null where one frame cannot say both. */
function patched(before: Members, next: Members): Members | null {
  const patch = next.get("patch")
  const isRows = eventOf(before) === "patch" && !next.has("view")
  const rows = isRows ? composedRows(before.get("patch"), patch) : null
  if (rows) return new Map(next).set("patch", rows)
  if (!isMergePatch(next, patch)) return null
  if (eventOf(before) === "patch") {
    const first = before.get("patch")
    const both = isMergePatch(before, first) ? composed(first, patch) : null
    return both && new Map(next).set("patch", both)
  }
  const resource = before.get("resource")
  if (resource === undefined) return null
  const told = new Map(next).set("resource", merged(resource, patch))
  told.delete("patch")
  if (eventOf(before) === "create") return joining(before, told)
  return told.set("event", '"state"')
}

/** The creation of a member as a later state has it. */
function joining(create: Members, state: Members): Members {
  const told = new Map(state).set("event", '"create"')
  for (const name of ["uri", "member"]) told.set(name, create.get(name) ?? "null")
  return told
}

/** Views and series have patches of their own. What only looks like one of those is told in more frames than needed. */
function isMergePatch(frame: Members, patch: Tree | undefined): patch is Members {
  return patch instanceof Map && !frame.has("view") && !patch.has("removed") && !patch.has("rows")
}

/** The merge patch that does what one and then another does; null where there is none. */
function composed(first: Members, second: Members): Members | null {
  const both = new Map(first)
  for (const [name, value] of second) {
    const earlier = first.get(name)
    if (!(value instanceof Map) || earlier === undefined) both.set(name, value)
    // An object in place of what was taken away: a patch can only add to what there was at first.
    else if (!(earlier instanceof Map)) return null
    else {
      const part = composed(earlier, value)
      if (!part) return null
      both.set(name, part)
    }
  }
  return both
}

function eventOf(frame: Members): string {
  return JSON.parse(frame.get("event") as string) as string
}
