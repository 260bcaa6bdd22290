/** Cursors of lists: where the last document of a page stands in the order, so that none is skipped or comes twice. Pure. */
import { Problem } from "../../protocol/problem.ts"
import { fromBase64, toBase64 } from "../../lib/base64.ts"
import { parseExact } from "../../lib/json.ts"
import { formatSort, type SortKey } from "./sort.ts"
import { comparable, KINDS } from "./value.ts"

/** For each key the rank of the kind, and the value as JSON text: a number, a text or null. */
export type Place = (readonly [rank: number, json: string])[]

/** Opaque, safe in a URL. */
export function formatCursor(place: Place, sort: readonly SortKey[]): string {
  const keys = place.map(([rank, json]) => `[${rank},${json}]`)
  const bytes = new TextEncoder().encode(`[${JSON.stringify(formatSort(sort))},${keys.join()}]`)
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/** Throws Problem invalid_request when it is no cursor of a list in this order. */
export function parseCursor(cursor: string, sort: readonly SortKey[]): Place {
  const [order, ...keys] = decode(cursor)
  if (order !== formatSort(sort)) throw malformed("belongs to a list in another order")
  if (keys.length !== sort.length) throw malformed("is not one that a Link named")
  return keys.map((key) => {
    const [rank, value = null] = Array.isArray(key) ? (key as unknown[]) : []
    const kind = typeof rank === "number" ? KINDS[rank] : undefined
    const wanted = kind === "number" || kind === "text" ? kind : "null"
    if (kind === undefined || comparable(value).kind !== wanted) {
      throw malformed("is not one that a Link named")
    }
    return [rank as number, JSON.stringify(value)] as const
  })
}

function decode(cursor: string): unknown[] {
  try {
    const standard = cursor.replaceAll("-", "+").replaceAll("_", "/")
    const bytes = fromBase64(standard.padEnd(Math.ceil(cursor.length / 4) * 4, "="))
    const decoded = parseExact(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    )
    if (Array.isArray(decoded)) return decoded
  } catch {
    // Said below, the same for everything that is no cursor.
  }
  throw malformed("is not one that a Link named")
}

function malformed(what: string): Problem {
  return new Problem("invalid_request", `"cursor" ${what}`, { errors: { "query.cursor": what } })
}
