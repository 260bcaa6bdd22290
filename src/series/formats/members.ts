/** JSON objects as columns. Pure. */
import type { Column, Json } from "../frame.ts"
import * as kinds from "../kinds.ts"
import type { Line } from "../../lines/lines.ts"

/** A line that was read. */
export interface Entry {
  line: Line
  members: { [name: string]: Json }
}

interface Gathered {
  mask: number
  cells: Json[]
}

/** The members as columns, in the order in which they are first seen. */
export function gather(rows: readonly Entry[], index: string): Column[] {
  const columns = new Map<string, Gathered>()
  for (const [at, { members, line }] of rows.entries()) {
    let isFloat: ((name: string) => boolean) | null = null
    for (const name of Object.keys(members)) {
      if (name === index) continue
      let column = columns.get(name)
      if (!column) {
        column = { mask: 0, cells: Array.from<Json>({ length: rows.length }).fill(null) }
        columns.set(name, column)
      }
      const value = members[name] as Json
      column.cells[at] = value
      const mask = kinds.bitsOf(value)
      // What JSON.parse makes of `1.0` is an integer. That matters only in a column that has no other float.
      if (mask === kinds.INTEGER && (column.mask & kinds.FLOAT) === 0) {
        isFloat ??= floatsIn(line.text)
        column.mask |= isFloat(name) ? kinds.FLOAT : mask
      } else column.mask |= mask
    }
  }
  return [...columns].map(([name, { mask, cells }]) =>
    kinds.columnOf(name, kinds.kindOf(mask), cells),
  )
}

const MAYBE_FLOAT = /"\s*:\s*-?\d+[.eE]/
const FLOAT_VALUE = /\s*:\s*-?\d+[.eE]/y
/** Looking for every name of a longer line would take longer than parsing it once more. */
const SEARCHED_CHARACTERS = 500

/** Tells of an object's members that are whole numbers which are written with a point or an exponent. */
function floatsIn(text: string): (name: string) => boolean {
  if (!MAYBE_FLOAT.test(text)) return () => false
  const isPlain = text.length <= SEARCHED_CHARACTERS && !text.includes("\\")
  let parsed: Set<string> | null = null
  return (name) => {
    // A name that stands there once, with no escapes about, is the member's.
    const quoted = `"${name}"`
    const at = isPlain ? text.indexOf(quoted) : -1
    if (at < 0 || text.includes(quoted, at + 1)) return (parsed ??= parseFloats(text)).has(name)
    FLOAT_VALUE.lastIndex = at + quoted.length
    return FLOAT_VALUE.test(text)
  }
}

/** The names of those members by parsing again; with a reviver that takes four times as long. */
function parseFloats(text: string): Set<string> {
  const found: [holder: unknown, name: string][] = []
  const root: unknown = JSON.parse(
    text,
    function note(this: unknown, name, value, context?: Source) {
      if (typeof value === "number" && /[.eE]/.test(context?.source ?? "")) found.push([this, name])
      return value as unknown
    },
  )
  return new Set(found.filter(([holder]) => holder === root).map(([, name]) => name))
}

/** TypeScript's library does not know the reviver's third argument yet. */
interface Source {
  source?: string
}
