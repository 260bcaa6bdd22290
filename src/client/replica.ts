/**
 * A copy of what GET answers at a URI, kept right by frames. Pure. Its invariant: after the frames that came, it is
 * what GET answers.
 */
import type { Done, ExpiringFrame, Frame } from "../protocol/frames.ts"
import { formatPosition } from "../protocol/change.ts"
import { listOf } from "../protocol/uri.ts"
import { mergePatch } from "./merge-patch.ts"

/** A resource after a patch; its URI's query says how it is shown. */
export type ApplyPatch = (resource: unknown, patch: unknown, uri: string) => unknown

/** How resources below a URI are patched; all others take JSON merge patches. */
export type Patchers = Readonly<Record<string, ApplyPatch>>

/** What a frame did: nothing, a change, a word of what will be, or it shows that the copy must be fetched anew. */
export type Outcome = "ignored" | "changed" | "warned" | "lost"

/** What is held of a topic. */
export interface Copy {
  readonly uri: string
  readonly value: unknown
  readonly revision: number
  readonly since: string | undefined
  begin(reply: Done): void
  settle(position: number): void
  pause(): void
  lose(): void
  take(frame: Frame): Outcome
}

/** Frames that change what they are about. */
type StateChange = Exclude<Frame, ExpiringFrame>

interface Member {
  element: unknown
  revision: number
}

export class Replica implements Copy {
  readonly #patchers: Patchers
  #uri: string
  #value: unknown
  #revision = 0
  #position = 0
  #epoch: string | undefined
  /** False until a reply says from where frames count. */
  #begun = false
  #awaitsState = false
  /** Only frames that are marked so are for it; those without tell it as the member of a list. */
  #isView = false
  /** More is to come of the revision that is held. */
  #isPart = false
  /** All up to here was told when the subscription began. */
  #floor = 0
  /** The newest `expiring` since. */
  #warned = 0
  #members: Map<string, Member> | null = null
  #order: string | undefined

  constructor(uri: string, patchers: Patchers = {}) {
    this.#uri = uri
    this.#patchers = patchers
  }

  /** The canonical URI, once the service has said it. */
  get uri(): string {
    return this.#uri
  }

  /** What GET answers; undefined while there is nothing. Not to be changed. */
  get value(): unknown {
    if (!this.#members) return this.#value
    return (this.#value ??= this.#elements())
  }

  /** The ETag of the value; of a list, the newest change that it shows. */
  get revision(): number {
    return this.#revision
  }

  /** What `since` takes to go on from here; undefined before there is anything to go on from. */
  get since(): string | undefined {
    if (this.#epoch === undefined || this.#awaitsState) return undefined
    return formatPosition({ epoch: this.#epoch, revision: this.#position })
  }

  /** The subscription stands: what a reply says. The frames that it announces come next, and then `settle`. */
  begin(reply: Done): void {
    this.#begun = true
    this.#uri = reply.uri
    this.#epoch = reply.epoch
    this.#awaitsState = !reply.resumed && !reply.absent
    this.#isView ||= reply.view === true
    if (reply.absent) this.#forget(reply.revision ?? 0)
  }

  /** All frames that a reply announced are taken: the copy is complete up to a position. */
  settle(position: number): void {
    this.#position = position
    this.#floor = position
    this.#warned = 0
  }

  /** The connection is gone: frames mean nothing until the next `begin`. */
  pause(): void {
    this.#begun = false
  }

  /** What is held is not to be gone on from. */
  lose(): void {
    this.#begun = false
    this.#epoch = undefined
  }

  /** Takes any frame of the socket; those about other URIs are ignored. */
  take(frame: Frame): Outcome {
    if (!this.#begun) return "ignored"
    const isOwn = isAbout(frame, this.#uri)
    // Of a view only what is told to it: elsewhere the member may look otherwise.
    const isOther = (frame.view ?? false) !== this.#isView
    if (isOwn && isOther && this.#isView && !frame.reset) return "ignored"
    if (!isOwn && (listOfMember(frame) !== this.#uri || isOther || frame.reset)) return "ignored"
    if (frame.event === "expiring") return this.#takeWarning(frame)
    const outcome = isOwn ? this.#takeOwn(frame) : this.#takeMember(frame)
    if (outcome === "changed") {
      const position = frame.position ?? frame.revision
      this.#isPart = frame.more === true
      if (frame.reset) this.settle(position)
      this.#position = Math.max(this.#position, position)
      this.#epoch = frame.epoch ?? this.#epoch
    }
    return outcome
  }

  /** It may be older than a state that was read again: its place among those like it tells whether it is new. */
  #takeWarning({ revision, position = revision }: Frame): Outcome {
    if (revision <= Math.max(this.#warned, this.#floor)) return "ignored"
    this.#warned = revision
    this.#position = Math.max(this.#position, position)
    return "warned"
  }

  #takeOwn(frame: StateChange): Outcome {
    const isFirst = this.#awaitsState && frame.event === "state"
    const isRest = this.#isPart && frame.revision === this.#revision
    if (frame.revision <= this.#revision && !frame.reset && !isFirst && !isRest) return "ignored"
    if (frame.event === "patch") {
      if (this.#value === undefined || this.#members) return "lost"
      this.#value = this.#patched(this.#uri, this.#value, frame.patch)
    } else if (frame.event === "delete") {
      this.#forget(frame.revision)
    } else {
      this.#value = frame.resource
      this.#members = frame.event === "state" ? membersOf(frame) : null
      this.#isView = frame.view ?? false
      this.#order = frame.event === "state" ? frame.order : undefined
      this.#awaitsState = false
    }
    this.#revision = frame.revision
    return "changed"
  }

  #takeMember(frame: StateChange): Outcome {
    if (this.#awaitsState) return "ignored"
    const members = this.#members
    if (!members) return "lost"
    const uri = frame.event === "create" ? frame.member : frame.uri
    const known = members.get(uri)
    if (frame.revision <= (known?.revision ?? this.#floor)) return "ignored"
    if (frame.event === "delete") {
      members.delete(uri)
    } else {
      // What came to be after all that is known stands at the end; what is only told anew stays in its place. Of a view
      // each is told when it takes its place.
      const place = frame.view ? frame.revision : (frame.position ?? frame.revision)
      if (frame.event === "create" && place > (known?.revision ?? 0)) members.delete(uri)
      if (frame.event === "patch" && frame.entry === undefined && !known) return "lost"
      const element =
        frame.entry ??
        (frame.event === "patch" ? this.#patched(uri, known?.element, frame.patch) : frame.resource)
      members.set(uri, { element, revision: frame.revision })
      if (frame.event === "create" && frame.before !== undefined) {
        if (!members.has(frame.before)) return "lost"
        moveBefore(members, uri, frame.before)
      }
    }
    this.#revision = Math.max(this.#revision, frame.position ?? frame.revision)
    this.#value = undefined
    return "changed"
  }

  #patched(uri: string, resource: unknown, patch: unknown): unknown {
    return patched(this.#patchers, uri, resource, patch)
  }

  #forget(revision: number): void {
    this.#value = undefined
    this.#members = null
    this.#awaitsState = false
    this.#revision = revision
  }

  #elements(): unknown[] {
    const entries = [...(this.#members ?? [])]
    if (this.#order === "name") entries.sort(([one], [other]) => byName(one, other))
    return entries.map(([, { element }]) => element)
  }
}

/** True for a frame that tells the resource itself. */
function isAbout(frame: Frame, uri: string): boolean {
  if (frame.list !== undefined) return false
  if (frame.event === "create") return !frame.view && frame.member === uri
  return frame.uri === uri
}

/** The list whose member a frame tells. A view or a reset of a member is in no order with what its list was told. */
function listOfMember(frame: Frame): string | null {
  if (frame.list !== undefined) return frame.list
  if (frame.event === "create") return frame.uri
  return frame.view ? null : listOf(frame.uri)
}

function moveBefore(members: Map<string, Member>, uri: string, before: string): void {
  const entries = [...members]
  const moved = entries.findIndex(([name]) => name === uri)
  const [entry] = entries.splice(moved, 1)
  const at = entries.findIndex(([name]) => name === before)
  if (entry) entries.splice(at, 0, entry)
  members.clear()
  for (const [name, member] of entries) members.set(name, member)
}

/** A resource after a patch, as resources at its URI take it. */
export function patched(
  patchers: Patchers,
  uri: string,
  resource: unknown,
  patch: unknown,
): unknown {
  const below = Object.keys(patchers).find((prefix) => uri.startsWith(prefix))
  return (patchers[below ?? ""] ?? mergePatch)(resource, patch, uri)
}

function membersOf(frame: Extract<Frame, { event: "state" }>): Map<string, Member> | null {
  const { members, resource, revision } = frame
  if (!members || !Array.isArray(resource)) return null
  return new Map(resource.map((element, at) => [members[at] ?? `#${at}`, { element, revision }]))
}

/** By code point, as the database sorts; JavaScript's own order differs beyond U+FFFF. */
function byName(one: string, other: string): number {
  const [a, b] = [nameOf(one), nameOf(other)]
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}

function nameOf(uri: string): string {
  return decodeURIComponent(uri.slice(listOf(uri)?.length))
}
