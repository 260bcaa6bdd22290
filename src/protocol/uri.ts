/** URIs are HTTP paths, percent-encoded; lists end in "/". Pure, imports nothing. */

/** Lists end in a slash, items do not. */
export function isList(uri: string): boolean {
  return pathOf(uri).endsWith("/")
}

/** The part before the query string. */
export function pathOf(uri: string): string {
  const query = uri.indexOf("?")
  return query < 0 ? uri : uri.slice(0, query)
}

/** The list a URI is a member of: up to and including the last "/" before its own segment. `/` has none. */
export function listOf(uri: string): string | null {
  const path = pathOf(uri)
  if (path === "/") return null
  return path.slice(0, path.lastIndexOf("/", path.length - 2) + 1)
}

/**
 * Fills a pattern such as `/api/apps/:name` with encoded values. The last segment may be `:rest*`: any number of
 * segments, whose value is a JSON Pointer without its first slash.
 */
export function fill(pattern: string, params: Readonly<Record<string, string>>): string {
  return pattern.replace(/\/:(\w+)(\*?)/g, (_, name: string, rest: string) => {
    const value = params[name] ?? ""
    const segments = !rest ? [value] : value === "" ? [] : value.split("/")
    return segments.map((segment) => `/${encodeSegment(segment)}`).join("")
  })
}

/** One path segment. Stars are encoded, too: as they are they stand in patterns. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll("*", "%2A")
}

/**
 * The decoded parameters of `path` under `pattern`, or null when it does not match. A slash at the end never
 * decides, and empty segments match nothing. A slash that is encoded in a segment of `:rest*` is written `~1`, as in
 * JSON Pointers. Throws URIError for a broken percent escape.
 */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/").filter(Boolean)
  const found = path.split("/")
  if (found[0] === "") found.shift()
  if (found.at(-1) === "") found.pop()
  const rest = wanted.at(-1)?.endsWith("*") ? wanted.pop()?.slice(1, -1) : undefined
  const beyond = rest === undefined ? [] : found.splice(wanted.length)
  if (wanted.length !== found.length || beyond.includes("")) return null
  const raw: [string, string][] = []
  for (const [at, want] of wanted.entries()) {
    const segment = found[at] ?? ""
    if (want.startsWith(":") ? segment === "" : segment !== want) return null
    if (want.startsWith(":")) raw.push([want.slice(1), segment])
  }
  const params = raw.map(([name, segment]) => [name, decodeURIComponent(segment)])
  if (rest !== undefined) {
    params.push([rest, beyond.map((one) => decodeURIComponent(one).replace(/\//g, "~1")).join("/")])
  }
  return Object.fromEntries(params) as Record<string, string>
}

/**
 * The order in which patterns are asked whether they match a path: a fixed segment beats a variable one, and that the
 * rest of a path. Patterns that are alike stay as they stand.
 */
export function bySpecificity(one: { path: string }, other: { path: string }): number {
  const [a, b] = [rankOf(one.path), rankOf(other.path)]
  return a < b ? -1 : a > b ? 1 : 0
}

/** Fixed segments have no sign that comes behind this one. */
function rankOf(pattern: string): string {
  return pattern.replace(/:\w+(\*?)/g, (_, rest: string) => (rest ? "~~" : "~"))
}
