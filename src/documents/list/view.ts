/**
 * How those who watch a filtered list are told of changes: a document enters it, changes in it, or leaves it. Who is in
 * it is kept, because no change says what a document was before. Pure.
 */
import { parseExact } from "../../lib/json.ts"
import { parseTree, textOf, type Tree } from "../../lib/tree.ts"
import { listOf, pathOf } from "../../protocol/uri.ts"
import type { Telling, View, ViewDesk, ViewFrame, ViewPlace } from "../../protocol/view.ts"
import { formatCursor, type Place } from "./cursor.ts"
import { parseFields, project, type Selection } from "./fields.ts"
import { matches } from "./match.ts"
import { parseSort } from "./sort.ts"
import { KINDS } from "./value.ts"
import { parseWhere } from "./where.ts"
import { applyMask } from "../mask.ts"
import type { Change } from "../../protocol/change.ts"

const COLLECTION = "/api/apps/"

/** The URIs of those in the list, as they are kept; false where they are not all known or too many. */
type Members = ReadonlySet<string>
type Memory = Members | false

/** More are not kept: each change of them writes them all. */
const MOST_MEMBERS = 5_000
/** The storage of a hub takes values of 2 MB. */
const MOST_CHARACTERS = 1_000_000

export const documentsView: View = {
  list: ({ query }) => {
    const asked = askedOf(query)
    if (asked) return { memberOf, ...(asked.isByName ? { order: "name" as const } : {}) }
    return parseFields(query.get("fields") || "name").has("name")
      ? { memberOf, isPage: true }
      : null
  },

  remember: (_shown, _place, members): Memory => (members ? kept(members) : false),

  tell: (change, desk) => {
    const asked = askedOf(desk.query)
    const memory = desk.memory as Memory | undefined
    if (!asked || memory === false) return "state"
    const { uri, event, body } = change
    if (listOf(uri) !== COLLECTION) return { frames: [] }
    const name = decodeURIComponent(uri.slice(COLLECTION.length))
    if (!name.startsWith(asked.prefix)) return { frames: [] }
    if (event === "delete") return left(change, memory)
    if (event === "create" && body !== null) return created(change, body, name, asked, memory)
    // What it was before that is nothing to anybody; but who came meanwhile may have it, and is to be told that it goes.
    if (desk.changes.some((later) => later.event === "delete")) {
      return { frames: [], memory: memory && kept([...memory, uri]) }
    }
    return memory ? changed(change, name, asked, memory, desk) : "state"
  },
}

interface Asked {
  where: string
  prefix: string
  fields: string
  selection: Selection
  isByName: boolean
}

function memberOf(element: unknown): string {
  return uriOf((element as { name: string }).name)
}

/** Null for what the members alone do not tell: other orders, pages, and elements without their name. */
function askedOf(query: URLSearchParams): Asked | null {
  const given = Object.fromEntries([...query].filter(([, value]) => value !== ""))
  // What `count` asks for is in a header.
  const { where = "", prefix = "", fields = "name", sort = "", count: _, ...others } = given
  if (Object.keys(others).length > 0) return null
  const selection = parseFields(fields)
  const [first, ...rest] = parseSort(sort)
  if (!first || first.descending || rest.length > 0 || !selection.has("name")) return null
  const { field } = first.path
  if (field !== "name" && field !== "created") return null
  return { where, prefix, fields, selection, isByName: field === "name" }
}

/** It was not there before: it is in the list or it is not, and the last of all. */
function created(
  { uri, revision, extra }: Change,
  body: string,
  name: string,
  { where, selection }: Asked,
  members: Members | undefined,
): Telling {
  const text = textOf((parseTree(body) as Map<string, Tree>).get("data") ?? new Map())
  const data = parseExact(text)
  const document = { name, revision, created: revision, data }
  if (where !== "" && !matches(parseWhere(where), document)) return { frames: [] }
  const parts = {
    name: JSON.stringify(name),
    revision: String(revision),
    created: String(revision),
    data: text,
  }
  const resource = applyMask(project(parts, selection), null)
  const frame: ViewFrame = { event: "create", member: uri, resource, ...extraOf(extra) }
  return { frames: [frame], memory: members && kept([...members, uri]) }
}

function left({ uri, event, extra }: Change, members: Members | undefined): Telling {
  if (members && !members.has(uri)) return { frames: [] }
  const memory = members && without(members, uri)
  const told = event === "delete" ? extraOf(extra) : { extra: { reason: "left" } }
  return { frames: [{ event: "delete", member: uri, ...told }], memory }
}

/** The list itself is asked for this one: whether it is in it, and as what. */
function changed(
  change: Change,
  name: string,
  asked: Asked,
  members: Members,
  desk: ViewDesk,
): Telling {
  const { uri, event, body } = change
  // What is read tells all of the changes, so what rides along is the newest's.
  const { extra } = desk.changes.at(-1) ?? change
  const own = `name eq ${JSON.stringify(name)}`
  const where = asked.where === "" ? own : `${own} and (${asked.where})`
  const fields = asked.selection.has("created") ? asked.fields : `created,${asked.fields}`
  const shown = desk.read(uriWith(desk, { prefix: name, where, fields }))
  if (shown === undefined) return "wait"
  if (shown === null) return "state"
  const elements = JSON.parse(shown.json) as { created: number }[]
  const [element] = elements
  if (!element) return left(change, members)
  const text = shown.json.trim().slice(1, -1)
  const entry = asked.selection.has("created") ? text : text.replace(/^\{"created":\d+,?/, "{")
  if (members.has(uri)) {
    const frame: ViewFrame =
      event === "patch" && body !== null && desk.changes.length === 1
        ? { event, member: uri, patch: body, entry, ...extraOf(extra) }
        : { event: "state", member: uri, resource: entry, ...extraOf(extra) }
    return { frames: [frame] }
  }
  const entered = kept([...members, uri])
  if (asked.isByName) {
    return { frames: [{ event: "create", member: uri, resource: entry }], memory: entered }
  }
  const place: Place = [[KINDS.indexOf("number"), String(element.created)]]
  const next = desk.read(
    uriWith(desk, {
      prefix: asked.prefix,
      where: asked.where,
      fields: "name",
      limit: "1",
      // Not a test more, for which all that come before it would be read.
      cursor: formatCursor(place, parseSort("")),
    }),
  )
  if (next === undefined) return "wait"
  if (next === null || (next.isPart && next.json === "[]")) return "state"
  const [neighbour] = JSON.parse(next.json) as { name: string }[]
  const before = neighbour && uriOf(neighbour.name)
  if (before && !members.has(before)) return "state"
  const frame: ViewFrame = {
    event: "create",
    member: uri,
    resource: entry,
    ...(before ? { extra: { before } } : {}),
  }
  return { frames: [frame], memory: entered }
}

function uriWith({ topic }: ViewPlace, parameters: Record<string, string>): string {
  return `${pathOf(topic)}?${new URLSearchParams(parameters)}`
}

function uriOf(name: string): string {
  return COLLECTION + encodeURIComponent(name)
}

function kept(members: readonly string[]): Memory {
  const characters = members.reduce((sum, { length }) => sum + length, 0)
  return members.length <= MOST_MEMBERS && characters <= MOST_CHARACTERS && new Set(members)
}

function without(members: Members, uri: string): Members {
  return new Set([...members].filter((member) => member !== uri))
}

function extraOf(extra: string | null): { extra?: object } {
  return extra === null ? {} : { extra: JSON.parse(extra) as object }
}
