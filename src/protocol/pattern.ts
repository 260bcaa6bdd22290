/**
 * Patterns over URIs. Pure. `*` stands for any run of characters within a segment (alone, for one segment that is not
 * empty), `**` as a segment for any number of segments, at the end for one or more: all that is below. A star in a
 * name is written `%2A`.
 */
import { encodeSegment, pathOf } from "./uri.ts"

export interface Pattern {
  /** In one form, however it was encoded; patterns of one text match the same. */
  text: string
  /** Whether a canonical URI matches, whatever its query. Never steps back, so a long pattern costs no more than it is long. */
  matches: (uri: string) => boolean
}

/** The pieces between the stars of a segment, encoded as canonical URIs are. */
type Segment = readonly string[]

/** True for what names many URIs. */
export function isPattern(uri: string): boolean {
  return pathOf(uri).includes("*")
}

/** The pattern in a text, or null when it has a query or a broken percent escape. */
export function parsePattern(text: string): Pattern | null {
  if (text.includes("?")) return null
  try {
    const words = `/${text}`
      .replace(/\/{2,}/g, "/")
      .slice(1)
      .split("/")
    const groups: Segment[][] = [[]]
    for (const word of words) {
      if (word === "**") groups.push([])
      else groups.at(-1)?.push(word.split("*").map(canonical))
    }
    const written = groups.map((group) => group.map((segment) => segment.join("*")).join("/"))
    return { text: `/${joined(written)}`, matches: (uri) => matches(groups, segmentsOf(uri)) }
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function canonical(piece: string): string {
  return encodeSegment(decodeURIComponent(piece))
}

function joined(groups: readonly string[]): string {
  return groups
    .flatMap((group, at) => [...(at > 0 ? ["**"] : []), ...(group ? [group] : [])])
    .join("/")
}

function segmentsOf(uri: string): string[] {
  return pathOf(uri).slice(1).split("/")
}

/** The first group stands at the start, the last at the end, those between as early as they can. */
function matches(groups: readonly Segment[][], path: readonly string[]): boolean {
  const [first = [], ...rest] = groups
  if (!standsAt(first, path, 0)) return false
  const last = rest.pop()
  if (!last) return first.length === path.length
  // Nothing behind `**` means something below.
  const end = path.length - Math.max(last.length, last.length === 0 ? 1 : 0)
  let at = first.length
  for (const group of rest) {
    while (at + group.length <= end && !standsAt(group, path, at)) at++
    at += group.length
  }
  return at <= end && (last.length === 0 || standsAt(last, path, end))
}

function standsAt(group: readonly Segment[], path: readonly string[], at: number): boolean {
  return (
    at + group.length <= path.length &&
    group.every((segment, offset) => fits(segment, path[at + offset] ?? ""))
  )
}

function fits(segment: Segment, text: string): boolean {
  const [head = "", ...rest] = segment
  const tail = rest.pop()
  if (tail === undefined) return text === head
  if (head + tail === "" && rest.every((piece) => piece === "")) return text !== ""
  const end = text.length - tail.length
  if (head.length > end || !text.startsWith(head) || !text.endsWith(tail)) return false
  let at = head.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= end
}
