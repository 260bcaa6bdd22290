/** Members that a JSON object has twice, of which parsers keep the last without a word. Pure. */
import { endOfString } from "./json.ts"

interface Level {
  /** Those of an object so far; null in an array. */
  names: Set<string> | null
  /** Where in it the reader is. */
  at: string | number
}

/**
 * The names and places on the way to the first member that is there twice; null when there is none.
 * @param text JSON that a parser took
 * @param isFree true for how deep members may be repeated; those of the outermost object are at 1
 */
export function twiceIn(
  text: string,
  isFree: (depth: number) => boolean = () => false,
): string[] | null {
  const levels: Level[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    const level = levels.at(-1)
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        levels.push({ names: new Set(), at: "" })
        isName = true
        break
      case 0x5b: // [
        levels.push({ names: null, at: 0 })
        isName = false
        break
      case 0x7d: // }
      case 0x5d: // ]
        levels.pop()
        isName = false
        break
      case 0x2c: // ,
        isName = level?.names !== null
        if (typeof level?.at === "number") level.at++
        break
      case 0x22: {
        // "
        const end = endOfString(text, at)
        if (isName && level?.names) {
          level.at = nameOf(text.slice(at, end + 1))
          if (!isFree(levels.length)) {
            if (level.names.has(level.at)) return levels.map((one) => String(one.at))
            level.names.add(level.at)
          }
          isName = false
        }
        at = end
      }
    }
  }
  return null
}

function nameOf(quoted: string): string {
  return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
}
