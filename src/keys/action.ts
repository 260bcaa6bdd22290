/** What a key is to do when it expires: how it is said, and the requests that do it. Pure. */
import { byteLength } from "../lib/bytes.ts"
import { membersOf } from "../lib/slices.ts"
import { parseTree, textOf, type Tree } from "../lib/tree.ts"
import { ON_EXPIRE_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { Name } from "../protocol/shared.ts"
import { fill, match } from "../protocol/uri.ts"

/** Which of the members goes with which URI. */
const TARGETS = [
  { member: "patch", pattern: "/api/apps/:name" },
  { member: "row", pattern: "/api/store/:reference/:symbol" },
] as const

const URI_WISH = `must be the URI of a document (${TARGETS[0].pattern}) or of a series (${TARGETS[1].pattern})`

/**
 * An action as it is stored: JSON text of `uri`, and `patch` (a merge patch of a document, `{"data": {…}}`) or `row`
 * (a point of a series, by column).
 * @param place where the request says it
 * Throws Problem: unprocessable, too_large.
 */
export function readAction(given: string, place: string): string {
  const bytes = byteLength(given)
  if (bytes > ON_EXPIRE_MAX_BYTES) {
    const detail = `"on_expire" must be at most ${ON_EXPIRE_MAX_BYTES} bytes, it has ${bytes}`
    throw new Problem("too_large", detail, { limit: ON_EXPIRE_MAX_BYTES })
  }
  const members = treeOf(given, place)
  if (!(members instanceof Map)) refuse(place, "must be an object of uri, and patch or row")
  const target = targetOf(JSON.parse(textOf(members.get("uri") ?? "null")))
  if (!target) refuse(`${place}.uri`, URI_WISH)
  const { member } = target
  const told = members.get(member)
  if (members.size !== 2 || !(told instanceof Map) || told.size === 0) {
    refuse(place, `must say "uri", and "${member}" with an object, and nothing else`)
  }
  if (member === "patch" && !(told.size === 1 && told.get("data") instanceof Map)) {
    refuse(`${place}.patch`, 'must be a merge patch of the document: {"data": {…}}')
  }
  return `{"uri":${JSON.stringify(target.uri)},"${member}":${textOf(told)}}`
}

/** A request of an action, to be made until one goes well or is refused for another reason than `unless`. */
interface Step {
  request: Request
  /** With this status, the next step is tried. */
  unless?: number
}

/** How an action is done that is due. @param at the moment of expiry, epoch milliseconds */
export function stepsOf(action: string, at: number): Step[] {
  const members = membersOf(action)
  const uri = JSON.parse(members.get("uri") ?? '""') as string
  const patch = members.get("patch")
  if (patch === undefined) return [{ request: pointOf(uri, members.get("row") ?? "{}", at) }]
  const merge = () => requestOf("PATCH", uri, "application/merge-patch+json", patch)
  const made = textOf(withoutNulls(parseTree(patch)))
  const create = requestOf("PUT", uri, "application/json", made, { "If-None-Match": "*" })
  return [
    { request: merge(), unless: 404 },
    // Somebody else may have made it meanwhile.
    { request: create, unless: 412 },
    { request: merge() },
  ]
}

/** As a number, the stamp suits an index of times with and without zone, and one of integers. */
function pointOf(uri: string, row: string, at: number): Request {
  const taken = membersOf(row)
  let index = "time"
  while (taken.has(index)) index += "_"
  const line = `{${JSON.stringify(index)}:${at},${row.trim().slice(1)}`
  const query = new URLSearchParams({ mode: "upsert", format: "ndjson", index })
  return requestOf("PUT", `${uri}?${query}`, "application/x-ndjson", line)
}

function requestOf(
  method: string,
  uri: string,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): Request {
  const url = new URL(uri, "https://tidemark/")
  return new Request(url, { method, body, headers: { "Content-Type": type, ...headers } })
}

/** What a merge patch makes of an empty object (RFC 7396): arrays stay as they are. */
function withoutNulls(tree: Tree): Tree {
  if (!(tree instanceof Map)) return tree
  const kept = [...tree].filter(([, value]) => textOf(value) !== "null")
  return new Map(kept.map(([name, value]) => [name, withoutNulls(value)]))
}

function targetOf(given: unknown): { uri: string; member: "patch" | "row" } | null {
  if (typeof given !== "string") return null
  for (const { member, pattern } of TARGETS) {
    const params = paramsOf(pattern, given)
    if (params) return { uri: fill(pattern, params), member }
  }
  return null
}

function paramsOf(pattern: string, uri: string): Record<string, string> | null {
  try {
    const params = /^\/[^?#]*[^/?#]$/.test(uri) ? match(pattern, uri) : null
    return params && Object.values(params).every((one) => Name.safeParse(one).success)
      ? params
      : null
  } catch {
    return null
  }
}

function treeOf(given: string, place: string): Tree {
  try {
    return parseTree(given)
  } catch (error) {
    return refuse(place, `must be JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function refuse(place: string, wish: string): never {
  throw new Problem("unprocessable", `"${place.replace("query.", "")}" ${wish}`, {
    errors: { [place]: wish },
  })
}
