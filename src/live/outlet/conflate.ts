/** Frames of one URI that wait, made fewer without changing what they make of a copy. Pure. */
import { merged } from "../../lib/merge.ts"
import { Ambiguous, parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { headOf, isExpiring } from "../../protocol/frames.ts"
import { composedRows } from "./conflate-series.ts"

type Members = Map<string, Tree>

/**
 * The fewest frames found that tell what these do, in order. Patches become one where a merge patch (RFC 7396) can say
 * both, and part of the state before them; what cannot be said by fewer stays as it is. What warns is no part of that:
 * all of it is told, before what took the place of the others.
 */
export function folded(texts: readonly string[]): string[] {
  const end = texts.findLastIndex((text) => !isExpiring(text)) + 1
  const others = texts.slice(0, end)
  const states = others.filter((text) => !isExpiring(text))
  return [...others.filter(isExpiring), ...foldedStates(states), ...texts.slice(end)]
}

/** Halves are folded by themselves, because onto one that grows every text would be as dear as all before it. */
function foldedStates(texts: readonly string[]): string[] {
  if (texts.length < 2) return [...texts]
  const middle = texts.length >> 1
  const waiting = foldedStates(texts.slice(0, middle))
  for (const text of foldedStates(texts.slice(middle))) fold(waiting, text)
  return waiting
}

/** Takes one more frame to those that wait. */
function fold(waiting: string[], text: string): void {
  const last = waiting.at(-1)
  if (last === undefined) return void waiting.push(text)
  const { event, view, list } = headOf(text)
  const isWhole = list === undefined && (event === "state" || event === "delete")
  // What is told whole makes all before it needless, but that a member joined: by that it has its place.
  const joinedAt = event === "state" && !view ? waiting.findLastIndex(isCreate) : -1
  if (view && !isWhole) return void waiting.push(text)
  if (event === "create") {
    // A list that holds it must lose it first: what joins stands at the end.
    if (headOf(last).event === "delete") waiting.splice(0, waiting.length - 1)
    return void waiting.push(text)
  }
  if (isWhole && joinedAt < 0) return void waiting.splice(0, waiting.length, text)
  if (isWhole) waiting.length = joinedAt + 1
  const before = waiting.at(-1) ?? ""
  const both = together(before, text, isWhole)
  if (both === null) waiting.push(text)
  else waiting[waiting.length - 1] = both
}

function isCreate(text: string): boolean {
  return headOf(text).event === "create"
}

/** Two frames as one; null where one cannot say both. */
function together(one: string, other: string, isState: boolean): string | null {
  try {
    const [before, next] = [parseTree(one) as Members, parseTree(other) as Members]
    const both = isState ? joining(before, next) : patched(before, next)
    return both && textOf(both)
  } catch (error) {
    // What a tree does not hold is not worth less.
    if (!(error instanceof Ambiguous)) throw error
    return null
  }
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
