/** URIs as clients write them, made canonical through the endpoint table. Pure. */
import type { Change } from "../protocol/change.ts"
import type { Endpoint } from "../protocol/endpoint.ts"
import { isPattern, parsePattern, type Pattern } from "../protocol/pattern.ts"
import { bySpecificity, fill, match, pathOf } from "../protocol/uri.ts"

/** What can be read, and so be subscribed to. */
export interface Target {
  endpoint: Endpoint
  params: Record<string, string>
  /** The canonical URI with its query: the name of the topic. */
  topic: string
}

/** All URIs that match a pattern. Nothing can be read of them together. */
export interface Selection {
  pattern: Pattern
  /** The text of the pattern. */
  topic: string
}

/** The selection that a URI with stars stands for; null for any other, and for a pattern that is wrong. */
export function selectionOf(uri: string): Selection | null {
  const pattern = isPattern(uri) ? parsePattern(uri) : null
  return pattern && { pattern, topic: pattern.text }
}

/** What a URI reads, or null when no GET line takes it. */
export type Resolve = (uri: string) => Target | null

/** Folds the endpoint table into a resolver. Slashes too many or too few do not matter, nor how text is encoded. */
export function resolver(endpoints: readonly Endpoint[]): Resolve {
  const readable = endpoints
    .filter(({ method, upgrades }) => method === "GET" && !upgrades)
    .sort(bySpecificity)
  return (uri) => {
    const tidy = tidied(uri)
    const path = pathOf(tidy)
    for (const endpoint of readable) {
      const params = matched(endpoint.path, path)
      if (params && endpoint.takes?.(params) !== false) {
        const canonical = fill(endpoint.path, params)
        return { endpoint, params, topic: canonical + tidy.slice(path.length) }
      }
    }
    return null
  }
}

/** The name of the topic that a URI stands for, whether it can be followed or not. */
export function topicOf(uri: string, resolve: Resolve): string {
  return selectionOf(uri)?.topic ?? resolve(uri)?.topic ?? tidied(uri)
}

/** One slash at the start and between segments; the query encoded one way, its names in order. */
export function tidied(written: string): string {
  // As a request would have it: half a surrogate pair cannot be encoded.
  const uri = written.toWellFormed()
  const path = pathOf(uri)
  const query = new URLSearchParams(uri.slice(path.length))
  query.sort()
  const text = query.toString()
  return `/${path}`.replace(/\/{2,}/g, "/") + (text === "" ? "" : `?${text}`)
}

/**
 * True when the frames of members tell this topic's changes. Others, such as those with a query, are views: what
 * they are told is their own.
 */
export function isFollowable({ endpoint, topic }: Target): boolean {
  if (topic.includes("?") || endpoint.partOf !== undefined) return false
  return endpoint.verb === "get" || (endpoint.verb === "list" && endpoint.memberOf !== undefined)
}

/** False when the change surely leaves what the topic answers as it is. */
export function isTouched({ endpoint, topic }: Target, change: Change): boolean {
  if (!endpoint.isTouched) return true
  try {
    return endpoint.isTouched(new URLSearchParams(topic.slice(pathOf(topic).length)), change)
  } catch {
    // Whoever reads it says what is wrong with it.
    return true
  }
}

/** The URI at and below which changes make a topic's view another; null where it is followable. */
export function sourceOf(target: Target): string | null {
  const { endpoint, params, topic } = target
  if (endpoint.partOf !== undefined) return fill(endpoint.partOf, params)
  return isFollowable(target) ? null : pathOf(topic)
}

function matched(pattern: string, path: string): Record<string, string> | null {
  try {
    return match(pattern, path)
  } catch {
    return null
  }
}
