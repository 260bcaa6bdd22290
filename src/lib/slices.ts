/** Parts of a JSON text as they are written there. The text must be known to be JSON. Pure. */
import { endOfString } from "./json.ts"

/** The texts of an array's elements. */
export function elementsOf(text: string): string[] {
  return partsOf(text, "[").map(([from, to]) => text.slice(from, to))
}

/** The texts of an object's members by name; of several with one name the last, as JSON.parse has it. */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>()
  for (const [from, to] of partsOf(text, "{")) {
    const end = endOfString(text, from) + 1
    const name = JSON.parse(text.slice(from, end)) as string
    members.set(name, text.slice(text.indexOf(":", end) + 1, to).trim())
  }
  return members
}

/** Where the parts between the commas of the outermost bracket are, without the blanks around them. */
function partsOf(text: string, bracket: "[" | "{"): [from: number, to: number][] {
  const parts: [number, number][] = []
  let depth = 0
  let from = -1
  let to = -1
  for (let at = text.indexOf(bracket); at < text.length; at++) {
    const character = text.charAt(at)
    if (" \t\n\r".includes(character)) continue
    if (depth === 1 && ",]}".includes(character)) {
      if (from >= 0) parts.push([from, to])
      from = -1
    } else if (depth === 1 && from < 0) from = at
    if (character === '"') at = endOfString(text, at)
    else if ("[{".includes(character)) depth++
    else if ("]}".includes(character) && --depth === 0) break
    to = at + 1
  }
  return parts
}
