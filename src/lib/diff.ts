/** What makes one JSON value into another, as a JSON Patch (RFC 6902). Pure. */
import { pointerOf } from "./pointer.ts"
import { textOf, type Tree } from "./tree.ts"

/** One operation; `value` is JSON text, so that its numbers stay as they were written. */
export interface Operation {
  op: "add" | "remove" | "replace"
  path: string
  value?: string
}

/**
 * The operations that, applied in order to `from`, give `to`: equal as JSON values, and every number written as there.
 * The order of members is nothing to a JSON Patch. What an array begins and ends with in both is left alone; it takes time
 * in proportion to the size and depth of both.
 */
export function diff(from: Tree, to: Tree): Operation[] {
  const operations: Operation[] = []
  compare(from, to, [], operations)
  return operations
}

/** The operations as JSON text. */
export function patchText(operations: readonly Operation[]): string {
  const texts = operations.map(({ op, path, value }) => {
    const place = `"op":"${op}","path":${JSON.stringify(path)}`
    return value === undefined ? `{${place}}` : `{${place},"value":${value}}`
  })
  return `[${texts.join()}]`
}

type Path = readonly (string | number)[]

function compare(from: Tree, to: Tree, path: Path, into: Operation[]): void {
  if (from instanceof Map && to instanceof Map) compareMembers(from, to, path, into)
  else if (Array.isArray(from) && Array.isArray(to)) compareItems(from, to, path, into)
  else if (from !== to) into.push({ op: "replace", path: pointerOf(path), value: textOf(to) })
}

function compareMembers(
  from: ReadonlyMap<string, Tree>,
  to: ReadonlyMap<string, Tree>,
  path: Path,
  into: Operation[],
): void {
  for (const name of from.keys()) {
    if (!to.has(name)) into.push({ op: "remove", path: pointerOf([...path, name]) })
  }
  for (const [name, value] of to) {
    const before = from.get(name)
    if (before !== undefined) compare(before, value, [...path, name], into)
    else into.push({ op: "add", path: pointerOf([...path, name]), value: textOf(value) })
  }
}

function compareItems(from: Tree[], to: Tree[], path: Path, into: Operation[]): void {
  const shorter = Math.min(from.length, to.length)
  let start = 0
  while (start < shorter && isExact(from[start], to[start])) start++
  let same = 0
  while (same < shorter - start && isExact(from.at(-1 - same), to.at(-1 - same))) same++
  const [oldEnd, newEnd] = [from.length - same, to.length - same]
  const both = Math.min(oldEnd, newEnd)
  for (let at = start; at < both; at++) {
    compare(from[at] as Tree, to[at] as Tree, [...path, at], into)
  }
  // From the end, so that the places of the others stay.
  for (let at = oldEnd - 1; at >= both; at--) {
    into.push({ op: "remove", path: pointerOf([...path, at]) })
  }
  for (let at = both; at < newEnd; at++) {
    into.push({ op: "add", path: pointerOf([...path, at]), value: textOf(to[at] as Tree) })
  }
}

/** The same value, every number in it written the same. */
function isExact(one: Tree | undefined, other: Tree | undefined): boolean {
  if (one === undefined || other === undefined) return false
  if (typeof one === "string" || typeof other === "string") return one === other
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
    return one.every((item, at) => isExact(item, other[at]))
  }
  if (one.size !== other.size) return false
  return [...one].every(([name, value]) => isExact(value, other.get(name)))
}
