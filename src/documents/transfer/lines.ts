/** Documents as JSON lines, `{"name":…,"data":{…}}`, with `expires_at` where they expire, in and out. Pure. */
import { depthOf } from "../../lib/json.ts"
import { parseMoment } from "../../lib/moment.ts"
import { nulNameIn, parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { byteLength } from "../../lib/bytes.ts"
import { badLine, type BadLine } from "../../lines/bad.ts"
import { readLines, type Line } from "../../lines/lines.ts"
import type { StreamOptions } from "../../lines/unzip.ts"
import {
  DOCUMENT_LINE_MAX_BYTES,
  DOCUMENT_MAX_BYTES,
  JSON_MAX_DEPTH,
} from "../../protocol/limits.ts"
import { NUL_NAMED } from "../refused.ts"
import { Name } from "../../protocol/shared.ts"

export interface Named {
  name: string
  /** JSON text. */
  data: string
  /** Epoch milliseconds; null for never. */
  expiresAt: number | null
}

/** The line of a document. */
export function lineOf({ name, data, expiresAt }: Named): string {
  const expiry = expiresAt === null ? "" : `,"expires_at":"${new Date(expiresAt).toISOString()}"`
  return `{"name":${JSON.stringify(name)},"data":${data}${expiry}}\n`
}

/** The line that says how to go on after it. No document: its only member is `next`. */
export function nextLine(cursor: string): string {
  return `{"next":${JSON.stringify(cursor)}}\n`
}

/**
 * The documents of a stream, and the lines that are none: no JSON object, a name that no URI can hold or that is there
 * a second time, data that is no object or that could not be stored exactly. Blank lines and those of an export that
 * say how to go on are passed over. Throws Problem as `readLines` does.
 */
export async function* readDocuments(
  stream: ReadableStream<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<Named | BadLine> {
  const seen = new Map<string, number>()
  for await (const lines of readLines(stream, options, DOCUMENT_LINE_MAX_BYTES)) {
    for (const line of lines) {
      if (line.flaw === null && line.text.trim() === "") continue
      const found = line.flaw === null ? documentIn(line) : line.flaw
      if (found === null) continue
      const flaw = typeof found === "string" ? found : flawOf(found, seen)
      if (flaw !== null) yield badLine(line, flaw)
      else yield found as Named
      if (typeof found !== "string" && !seen.has(found.name)) seen.set(found.name, line.number)
    }
  }
}

/** The document, what is wrong with the line, or null for one that says how to go on. */
function documentIn({ text }: Line): Named | string | null {
  const depth = depthOf(text)
  if (depth > JSON_MAX_DEPTH) return `nests ${depth} levels deep, at most are ${JSON_MAX_DEPTH}`
  let tree: Tree
  try {
    tree = parseTree(text)
  } catch (error) {
    return `is not JSON that can be kept: ${error instanceof Error ? error.message : error}`
  }
  if (!(tree instanceof Map)) return 'must be an object, {"name":…,"data":{…}}'
  if (tree.size === 1 && tree.has("next")) return null
  const [name, data] = [tree.get("name"), tree.get("data")]
  if (typeof name !== "string" || !name.startsWith('"')) return 'must have a text as "name"'
  if (!(data instanceof Map)) return 'must have an object as "data"'
  const expiresAt = expiryIn(tree.get("expires_at") ?? "null")
  if (expiresAt === undefined) return `must have ${TIME_WISH} as "expires_at"`
  if (text.includes("\\u0000") && nulNameIn(data)) return `cannot be kept: ${NUL_NAMED}`
  return { name: JSON.parse(name) as string, data: textOf(data), expiresAt }
}

const TIME_WISH = "a time with its zone, such as 2015-01-31T12:00:00Z,"

/** Epoch milliseconds, null for never; undefined when it is no time. */
function expiryIn(given: Tree): number | null | undefined {
  if (given === "null") return null
  const text: unknown = typeof given === "string" ? JSON.parse(given) : null
  const moment = typeof text === "string" ? parseMoment(text) : null
  return moment?.zoned ? Math.floor(moment.stamp / 1_000) : undefined
}

function flawOf({ name, data }: Named, seen: ReadonlyMap<string, number>): string | null {
  const checked = Name.safeParse(name)
  if (!checked.success) return `has a wrong name: ${checked.error.issues[0]?.message}`
  const first = seen.get(name)
  if (first !== undefined) return `names a document that line ${first} has named already`
  const bytes = byteLength(data)
  return bytes <= DOCUMENT_MAX_BYTES
    ? null
    : `has data of ${bytes} bytes, at most are ${DOCUMENT_MAX_BYTES}`
}
