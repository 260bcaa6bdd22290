/**
 * Views: GET URIs with a query, watched. A line of the endpoint table may say how a change of what is stored becomes
 * a change of its views, so that they need not be read again as a whole. Types only; the stores own the logic.
 */
import type { Change } from "./change.ts"

/** A view that somebody watches. */
export interface ViewPlace {
  /** The canonical URI with its query. */
  topic: string
  params: Record<string, string>
  query: URLSearchParams
}

/** What GET answers. */
export interface Shown {
  /** JSON text. */
  json: string
  /** The first page of a list that has more. */
  isPart?: boolean
}

/** What a change is told with. */
export interface ViewDesk extends ViewPlace {
  /** The change, and those of the same URI that are known to come after it: what is read tells them all. */
  changes: readonly Change[]
  /** What `remember` answered, or the change before; undefined where that is not known. */
  memory: unknown
  /** What GET answers at a URI; undefined where it has not been read yet: then answer "wait". */
  read: (uri: string) => Shown | null | undefined
}

/** A frame for those who watch the view; the members that are JSON are text. */
export type ViewFrame =
  | { event: "patch"; patch: string; extra?: object }
  | { event: "delete"; extra?: object }
  | { event: "create"; member: string; resource: string; entry?: string; extra?: object }
  | { event: "state"; member: string; resource: string; entry?: string; extra?: object }
  | { event: "patch"; member: string; patch: string; entry?: string; extra?: object }
  | { event: "delete"; member: string; extra?: object }

/** What is to be told; "state": only all of the view, read again, tells it; "wait": something must be read first. */
export type Telling = "state" | "wait" | { frames: ViewFrame[]; memory?: unknown }

/** How a view is kept up to date; it is not asked about `expiring`. Pure; what is thrown counts as "state". */
export interface View {
  /** Of lists: who the elements are, and how they are ordered; null where frames of members do not tell the view. */
  list?: (place: ViewPlace) => ViewList | null
  /**
   * What is to be kept of the view from one change to the next, as it was read whole; it is stored, so it must be small
   * and cloneable. `members` are those of a list whose elements are known.
   */
  remember?: (shown: Shown, place: ViewPlace, members: readonly string[] | null) => unknown
  tell: (change: Change, desk: ViewDesk) => Telling
  /** Where all of it was read again: what has become different since what is remembered; "state" where that is not known. */
  differ?: (shown: Shown, desk: ViewDesk) => Telling
}

/** A memory of what the followers hold, by which what is read later can be compared with it. */
export interface Copied {
  copy: object
}

/** Whether a memory is one. */
export function isCopied(memory: unknown): memory is Copied {
  return typeof memory === "object" && memory !== null && "copy" in memory
}

export interface ViewList {
  memberOf: (element: unknown) => string
  /** One page in an order that only the list itself knows: it is read again, and told as what became different. */
  isPage?: true
  /** Elements stand in order of their names; else in the order they were created. */
  order?: "name"
}
