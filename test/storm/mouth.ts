/** What every kind of subscriber has in common, so that a storm can hold all of them against the same truth. */
import { isDeepStrictEqual } from "node:util"
import { isPattern } from "../../src/protocol/pattern.ts"
import type { Entry } from "./ledger.ts"

/** What GET answers. */
export interface Truth {
  /** undefined where there is nothing. */
  value: unknown
  revision: number | undefined
}

export interface Mouth {
  /**
   * What is wrong with what was heard so far; empty when nothing is. What is only missing yet is wrong, too.
   * @param truths URI → what GET answers now, when nobody writes any more
   * @param journal all changes of this storm
   */
  faults(truths: ReadonlyMap<string, Truth>, journal: readonly Entry[]): string[]
  /** Settles when all that was sent up to now has arrived, where the mouth has a way to know. */
  flush?(): Promise<void>
  /** Leaves a topic and comes back to it at once. */
  rejoin?(): void
  close(): void
}

export interface Post {
  /** The Worker, over a wire that may be cut at any time. */
  url: string
  uris: readonly string[]
  /** Of a bare socket: whether it comes back by one command for all topics. */
  resumes?: boolean
  /** Of Socket.IO: whether it begins by polling, as a stock client does unless it is told otherwise. */
  polls?: boolean
  /** Whether the database is put back meanwhile. */
  isRestored?: boolean
  /** Told of whatever comes, and what happens to the connection, as a line of the log. */
  heard: (line: string) => void
}

export type OpenMouth = (post: Post) => Mouth

/** What is wrong with a copy. Of a pattern it is a Map of what came whole of it, which need not be all. */
export function copyFaults(
  uri: string,
  copy: unknown,
  truths: ReadonlyMap<string, Truth>,
  by = "the copy",
): string[] {
  if (isPattern(uri)) {
    return [...(copy as ReadonlyMap<string, unknown>)].flatMap(([member, value]) =>
      copyFaults(member, value, truths, `${by} of ${uri}`),
    )
  }
  const truth = truths.get(uri)?.value
  return isDeepStrictEqual(copy, truth) ? [] : [`${uri} is ${show(truth)}, ${by} ${show(copy)}`]
}

/** A value as text, cut where it is long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === "string" && part.length > 60 ? `${part.slice(0, 20)}…(${part.length})` : part,
  )
  return text === undefined ? "nothing" : text.length > 600 ? `${text.slice(0, 600)}…` : text
}

/** True for topics whose changes come as frames of members or items; others are read again as a whole. */
export function isFollowable(uri: string): boolean {
  return !uri.includes("?") && !uri.includes("/data/") && !/^\/api\/store\/[^/]+\/$/.test(uri)
}

/** What whoever was cut off waits before it comes back; a storm is short. */
export const BACK_MILLISECONDS = 5
/** How often a socket must give a sign of itself. */
export const PING_MILLISECONDS = 1_000
