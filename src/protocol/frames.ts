/**
 * The frames of the socket; this file is their one definition. JSON text, one object a frame. "ping" is answered
 * "pong" and is no frame.
 *
 * Every command gets exactly one reply with its `id`. What subscribers are told, so that **state + the later frames
 * == what GET answers**:
 *
 * - A topic is a GET URI, made canonical; `uri` in a reply says what it became, and frames use that.
 * - `state`: the resource as GET answers it. Of a list, `members` are the URIs of its elements, and `order` says
 *   when they stand in order of their names. A list without `members` (the first page of many) must be read again.
 * - `create` (to a list): `member` joined, at the end or in its place by `order`. To who follows the member it is its
 *   `state`; and to a list that holds the member since a revision that the `position` is not above.
 * - `patch`: a merge patch (RFC 7396) of what GET answers; for series `{removed, rows}`.
 * - A list is told of its members by the same frames as they are: `create` appends, `state` and `patch` change the
 *   member's element, `delete` removes it. `entry`, where given, is the element; else the element is the resource.
 * - A change reaches a socket once, as one frame, also where it follows both the member and the list. Only the
 *   `frames` that come right behind the reply to a subscribe (its state, or what was missed), and those marked
 *   `view` or `reset`, tell one topic alone: they are not in one order with what the others have been told.
 * - A topic with a query, a part of a document, and a list that does not say who its members are, is a view. Its frames
 *   are marked `view`. What changes in it is told where that is exact; else it is read again and sent as `state`
 *   (`delete`, when there is nothing). Told in parts are:
 *   - a series in orient columns or split, by `patch`, whichever rows the query asks for: rows of the view are taken away,
 *     then rows come, and all stand in the order that was asked for. Where `start` is relative to now, it also takes away
 *     what has left the range;
 *   - its buckets (`every`), by `patch` frames that say whether they are `final`: the last bucket is not, as long as newer
 *     rows may come into it, and is told once more as `final` when a later one comes. In a `state` the last one is open;
 *   - lists: frames of members as above, where `list` names the view (as `uri` does of a `create`); no others are for it.
 *     A member that does not match any more, or that others have moved off the page, is a `delete` with the `reason`
 *     "left"; one that matches now a `create`, `before` another member where it does not stand at the end or in its place
 *     by `order`. A `create` of a member that is there moves it. Of a list with `limit` or `sort` the page is all there is.
 *   A view that is read again as a whole is compared with what was told before, as long as it has at most 65,536
 *   characters; it is a `state` all the same where that is shorter than the difference, and for all where some of those
 *   who follow know a part of the difference. So are other orients, documents without their `name`, and `since`.
 *   Where one change takes several frames of one view, all but the last say `more`; they have the same `revision`.
 * - `*` in the URI of a subscribe stands for any part of a segment (a star in a name is written `%2A`), `**` for any
 *   number of segments. Of such a pattern there is no state: every change of what matches comes as lists are told it,
 *   `create` with its `member`, and `reset` says that not all that was missed can be told. A `delete` of the pattern
 *   itself says so, marked `reset`, while the connection lasts.
 * - `expiring` says that a resource will be deleted at `expires_at`, where that was to be told beforehand (`warn`). It
 *   leaves what GET answers as it is; its `revision` is its own, and no ETag.
 * - `/api/changes` as a topic tells only that the journal has grown, once for many changes.
 * - `throttle` on a subscribe, `250ms` for example: the first change is told at once, those in the time after it
 *   together at its end, in as few frames for each URI as say them exactly. `revision` is that of the newest; `position`
 *   stays below what waits. Where another topic of the socket tells a change, too, the shorter time counts.
 * - A connection that comes back sends one `resume` for all that it follows (resume.ts). Behind its reply comes what was
 *   missed, as if it had been there all the time; then, marked `reset`, the states of what the journal cannot tell.
 * - On a socket that was opened with `?acks=1` the service asks now and then, between any two frames, how far its
 *   reader is: `{"event":"ack","mark":7}` is sent back as it is, in its turn, and has no reply. To who is far behind
 *   changes wait and come together as they do with a `throttle`; when too much waits it is dropped, and once the reader
 *   has caught up comes the state of all that it follows, marked `reset`. Who is not asked is told everything at once, and
 *   has to connect again when that is 16 MB (12 at least): nothing says whether it reads.
 * - `revision` is the resource's ETag. `position` is where to resume from; it is told only where it is not the
 *   revision: a resource that had to be read again is newer than the change that is told.
 * - Whoever holds `revision` drops what is not above it, unless the frame says `reset` or the one before it `more`.
 */
import * as z from "zod"
import type { Change } from "./change.ts"
import { URI_MAX_CHARACTERS } from "./live-limits.ts"
import { resumeMembers, type Resumed } from "./resume.ts"
import { Throttle } from "./throttle.ts"

const ID_MAX_CHARACTERS = 100

export const CommandId = z.union([z.int(), z.string().max(ID_MAX_CHARACTERS)]).nullable()

const common = { id: CommandId.default(null), uri: z.string().min(1).max(URI_MAX_CHARACTERS) }

/**
 * `since` is `<epoch>.<position>`; `attributes` and `patch` go to the resource as they are. A `patch` that is an array is
 * a JSON Patch (RFC 6902), any other a merge patch or what the resource takes.
 */
export const Command = z.discriminatedUnion("event", [
  z.object({
    ...common,
    event: z.literal("subscribe"),
    since: z.string().optional(),
    throttle: Throttle.optional(),
  }),
  z.object({ ...common, event: z.literal("unsubscribe") }),
  z.object({ id: common.id, event: z.literal("resume"), ...resumeMembers }),
  z.object({ ...common, event: z.literal("create"), attributes: z.unknown().default({}) }),
  z.object({ ...common, event: z.literal("patch"), patch: z.unknown().default({}) }),
  z.object({ ...common, event: z.literal("delete") }),
])
export type Command = z.infer<typeof Command>
export type CommandId = z.infer<typeof CommandId>

/** The answer to a command. */
export type Reply = Done | Resumed | Refused

export interface Done {
  id: CommandId
  ok: true
  uri: string
  /** The ETag; absent where nothing changed. Where there is no state to tell it of, the position. */
  revision?: number
  /** To subscribe: `<epoch>.<position>` is what `since` takes. */
  epoch?: string
  position?: number
  /** To subscribe with `since`: only what was missed follows, or everything anew. */
  resumed?: true
  reset?: true
  /** To subscribe: there is nothing at the URI now, so no state follows. */
  absent?: true
  /** To subscribe: the topic is a view, so what is told of it is marked `view`, and no other frame is for it. */
  view?: true
  /** To subscribe: how many frames right behind the reply are its own, and tell its topic alone. */
  frames?: number
  /** To create: what was made, and its URI where it has one. */
  member?: string
  resource?: unknown
}

export interface Refused {
  id: CommandId
  ok: false
  problem: { code: string; status: number; detail: string; [member: string]: unknown }
}

/** Beside these a frame carries what the store says: `expires_at`, `warn_at`, or of a delete its `reason`. */
interface Told {
  uri: string
  revision: number
  position?: number
  /** The journal could not tell what was missed: forget what you hold. `epoch` is the one from now on. */
  reset?: true
  epoch?: string
  /** It tells one topic alone: `list` where that is named, else `uri`. */
  view?: true
  /** Of a member's frame: the view whose element it is. */
  list?: string
  /** Another frame of the same revision follows; before that nothing is complete. */
  more?: true
  [extra: string]: unknown
}

export interface StateFrame extends Told {
  event: "state"
  resource: unknown
  entry?: unknown
  members?: string[]
  order?: "name"
}

export interface CreateFrame extends Told {
  event: "create"
  member: string
  /** It stands before this member; absent: at the end, or in its place by `order`. */
  before?: string
  resource: unknown
  entry?: unknown
}

export interface PatchFrame extends Told {
  event: "patch"
  patch: unknown
  entry?: unknown
}

export interface DeleteFrame extends Told {
  event: "delete"
}

export interface ExpiringFrame extends Told {
  event: "expiring"
}

export type Frame = StateFrame | CreateFrame | PatchFrame | DeleteFrame | ExpiringFrame

/** JSON text. Resources travel as text from the store to the socket: that is how int64 and `1.0` survive. */
export type Json = string

/** The reply to a command that was done. */
export function doneText(
  id: CommandId,
  members: Omit<Done, "id" | "ok" | "resource">,
  resource: Json | null = null,
): string {
  return join({ id, ok: true, ...members }, { resource })
}

/** The reply to a command that was not done; `problem` is a problem document. */
export function refusedText(id: CommandId, problem: Json): string {
  return join({ id, ok: false }, { problem })
}

type Place = Pick<
  Told,
  "uri" | "revision" | "position" | "reset" | "epoch" | "view" | "list" | "more"
>
type Text<Members extends string> = Place & Partial<Record<Members, Json | null>> & Extra
/** JSON text of an object whose members ride along. */
interface Extra {
  extra?: Json | null
}

export function stateText({
  resource,
  entry,
  extra,
  members,
  ...place
}: Text<"resource" | "entry"> & { members?: string[] | null; order?: "name" }): string {
  const named = members ? { members } : {}
  return join({ event: "state", ...place, ...named }, { resource, entry }, extra)
}

export function createText({
  resource,
  entry,
  extra,
  ...place
}: Text<"resource" | "entry"> & { member: string }): string {
  return join({ event: "create", ...place }, { resource, entry }, extra)
}

export function patchText({ patch, entry, extra, ...place }: Text<"patch" | "entry">): string {
  return join({ event: "patch", ...place }, { patch, entry }, extra)
}

export function deleteText({ extra, ...place }: Text<never>): string {
  return join({ event: "delete", ...place }, {}, extra)
}

const EXPIRING = '{"event":"expiring",'

export function expiringText({ extra, ...place }: Text<never>): string {
  return join({ event: "expiring", ...place }, {}, extra)
}

export function isExpiring(text: string): boolean {
  return text.startsWith(EXPIRING)
}

/** What a frame or a reply says beside the resources that ride in it. */
export interface Head {
  ok?: boolean
  event?: Frame["event"]
  uri: string
  member?: string
  list?: string
  view?: true
  revision: number
  position?: number
  epoch?: string
  frames?: number
  resumed?: true
  reset?: true
  absent?: true
  problem?: Refused["problem"]
}

/** The head of a text made here. `join` writes what is large last, so that most of a long text is not parsed. */
export function headOf(text: string): Head {
  const at = endOfHead(text)
  return JSON.parse(at < 0 ? text : `${text.slice(0, at)}}`) as Head
}

/** A frame that says to go on from another position. */
export function placedText(text: string, position: number): string {
  const { position: _, ...head } = headOf(text)
  const at = endOfHead(text)
  const placed = position === head.revision ? head : { ...head, position }
  return JSON.stringify(placed).slice(0, -1) + (at < 0 ? "}" : text.slice(at))
}

function endOfHead(text: string): number {
  // Inside a string the quotes would be escaped, so this is found nowhere else.
  return text.search(/,"(?:resource|patch|entry)":/)
}

/** A frame that says, beside what it says, that all before it is to be forgotten. */
export function resetText(frame: string, epoch: string): string {
  return `${JSON.stringify({ reset: true, epoch }).slice(0, -1)},${frame.slice(1)}`
}

/** A change of the journal by itself. Without `patch` and `resource`, where it is no delete: GET the URI. */
export function changeText({ uri, revision, at, event, body, extra }: Change): string {
  const raw = event === "patch" ? { patch: body } : { resource: body }
  return join({ event, uri, revision, at }, raw, extra)
}

function join(
  plain: Record<string, unknown>,
  raw: Record<string, Json | null | undefined>,
  extra?: Json | null,
): string {
  const parts = [JSON.stringify(plain).slice(1, -1)]
  for (const [name, json] of Object.entries(raw)) {
    if (json !== null && json !== undefined) parts.push(`"${name}":${json}`)
  }
  const inside = extra?.trim().slice(1, -1).trim()
  if (inside) parts.push(inside)
  return `{${parts.join()}}`
}
