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

/** Fills a pattern such as `/api/apps/:name` with encoded values. */
export function fill(pattern: string, params: Readonly<Record<string, string>>): string {
  return pattern.replace(/:(\w+)/g, (_, name: string) => encodeSegment(params[name] ?? ""))
}

/** One path segment. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text)
}

/**
 * The decoded parameters of `path` under `pattern`, or null when it does not match. A slash at the end never
 * decides, and empty segments match nothing. Throws URIError for a broken percent escape.
 */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/").filter(Boolean)
  const found = path.split("/")
  if (found[0] === "") found.shift()
  if (found.at(-1) === "") found.pop()
  if (wanted.length !== found.length) return null
  const raw: [string, string][] = []
  for (const [at, want] of wanted.entries()) {
    const segment = found[at] ?? ""
    if (want.startsWith(":") ? segment === "" : segment !== want) return null
    if (want.startsWith(":")) raw.push([want.slice(1), segment])
  }
  return Object.fromEntries(raw.map(([name, segment]) => [name, decodeURIComponent(segment)]))
}
