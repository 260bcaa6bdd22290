/** Definitions as lines of the endpoint table, the same as the built-in stores'. */
import * as z from "zod"
import type { DocumentStore } from "../documents/store.ts"
import type { Committer, Draft, Journal } from "../feed/feed.ts"
import type { Answer, Call, Endpoint } from "../protocol/endpoint.ts"
import { DOCUMENT_BODY_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { JsonObject, problems } from "../protocol/shared.ts"
import { encodeSegment, fill } from "../protocol/uri.ts"
import { emitterOf } from "./emit.ts"
import { isStored, isToldBy, itemOf, ranked } from "./find.ts"
import { convertible } from "./path.ts"
import type { Definition, Params, Resources } from "./resources.ts"
import { documentsFor, Stored, type Tools } from "./tools.ts"
import type { UnitOfWork } from "./unit.ts"
import { write } from "./write.ts"

export interface ResourceServices {
  journal: Journal
  /** The user's documents, written through the committer given. */
  documents: (committer: Committer) => DocumentStore
  newId: () => string
  now: () => number
  isBatch: boolean
  /** Waits until nobody else has the turn to write this URI; disposing of it ends it. */
  takeTurn: (uri: string) => Promise<Disposable>
}

interface Line {
  endpoint: Endpoint
  handler: (call: Call, services: ResourceServices) => Promise<Answer>
}

/** One line per word defined. */
export function linesOf({ definitions }: Resources): Line[] {
  return ranked(definitions).flatMap((definition) => [
    ...getterLine(definition, definitions),
    ...creatorLine(definition, definitions),
    ...patcherLine(definition, definitions),
    ...deleterLine(definition, definitions),
  ])
}

function getterLine(definition: Definition, all: readonly Definition[]): Line[] {
  const { path, getter } = definition
  if (!getter) return []
  const item = isStored(path, all) ? itemOf(path, all) : null
  const isHooked = definition.subscribers.length + definition.unsubscribers.length > 0
  const endpoint: Endpoint = {
    ...(isHooked ? { isHooked } : {}),
    ...common(definition, "GET", path.endsWith("/") ? "list" : "get", "Read"),
    replies: { 200: { description: "The resource", schema: z.unknown() }, ...problems(400, 404) },
    // Else the frames of members do not tell what this list answers, and it is read again.
    ...(item && isStored(path + item.segment, all)
      ? { memberOf: (element, params) => memberUri(fill(path, params), item.name, element) ?? "" }
      : {}),
  }
  return [{ endpoint, handler: (call, services) => read(call, services, getter) }]
}

async function read(
  call: Call,
  services: ResourceServices,
  getter: NonNullable<Definition["getter"]>,
): Promise<Answer> {
  const { journal, documents, newId, now } = services
  const { uri, conditions } = call
  const tools = {
    documents: documentsFor(documents(journal), { uri, conditions }),
    uri,
    newId,
    now,
  }
  // Taken before the read: the resource may be newer than it says, never older.
  const { revision } = await journal.position()
  const found = await getter(call.params as Params, tools)
  if (found === null || found === undefined) throw notFound(call.uri)
  return found instanceof Stored
    ? { json: found.json, revision: found.revision }
    : { body: found, revision }
}

function creatorLine(definition: Definition, all: readonly Definition[]): Line[] {
  const { path, creator, attributes } = definition
  if (!creator) return []
  const item = itemOf(path, all)
  const endpoint: Endpoint = {
    ...common(definition, "POST", "create", "Create"),
    batch: true,
    body: body(attributes ?? z.unknown()),
    replies: {
      201: { description: "What was created", schema: z.unknown() },
      ...problems(400, 404, 409, 413, 415, 422),
    },
  }
  const handler: Line["handler"] = (call, services) =>
    write(call, services, isToldBy(all), async (unit, sent) => {
      const tools = toolsFor(call, services, unit)
      const created = (await creator(call.params as Params, sent, tools)) ?? null
      const uri = memberUri(call.uri, item?.name, created)
      const json = JSON.stringify(created)
      if (uri) await record(unit, { uri, event: "create", body: json })
      return { status: 201, json, ...(uri ? { headers: { Location: uri } } : {}) }
    })
  return [{ endpoint, handler }]
}

function patcherLine(definition: Definition, all: readonly Definition[]): Line[] {
  const { patchers, patch } = definition
  if (patchers.length === 0) return []
  const endpoint: Endpoint = {
    ...common(definition, "PATCH", "patch", "Change"),
    batch: true,
    body: body(patch ?? JsonObject),
    replies: { 204: { description: "Changed" }, ...problems(400, 404, 409, 412, 413, 415, 422) },
  }
  const handler: Line["handler"] = (call, services) =>
    write(call, services, isToldBy(all), async (unit, sent) => {
      const tools = toolsFor(call, services, unit)
      for (const patcher of patchers) await patcher(call.params as Params, sent, tools)
      await record(unit, { uri: call.uri, event: "patch", body: JSON.stringify(sent) })
      return { status: 204 }
    })
  return [{ endpoint, handler }]
}

function deleterLine(definition: Definition, all: readonly Definition[]): Line[] {
  const { deleter } = definition
  if (!deleter) return []
  const endpoint: Endpoint = {
    ...common(definition, "DELETE", "delete", "Delete"),
    batch: true,
    replies: { 204: { description: "Deleted" }, ...problems(400, 404, 409, 412) },
  }
  const handler: Line["handler"] = (call, services) =>
    write(call, services, isToldBy(all), async (unit) => {
      await deleter(call.params as Params, toolsFor(call, services, unit))
      await record(unit, { uri: call.uri, event: "delete" })
      return { status: 204 }
    })
  return [{ endpoint, handler }]
}

/** The change of the resource itself, unless what the handler wrote says it already. */
async function record(unit: UnitOfWork, draft: Draft): Promise<void> {
  if (!unit.covers(draft.uri)) await unit.commit({ drafts: [draft], writes: [] })
}

/** What a handler is given; all of it works on the unit. */
export function toolsFor(
  call: Pick<Call, "uri" | "conditions">,
  services: ResourceServices,
  unit: UnitOfWork,
): Tools {
  const { newId, now } = services
  const { uri, conditions } = call
  return {
    documents: documentsFor(services.documents(unit), { uri, conditions }, unit),
    emit: emitterOf(unit, () => true),
    uri,
    newId,
    now,
  }
}

function common(
  { path, text: written, converters }: Definition,
  method: Endpoint["method"],
  verb: Endpoint["verb"],
  word: string,
) {
  const tag = path.split("/").find((segment) => segment && !segment.startsWith(":")) ?? "resources"
  const summary = `${word} ${written}`
  const line = { path, method, verb, tag, summary }
  const all = Object.entries(converters)
  if (all.length === 0) return line
  const shape = all.map(([name, { convert, schema }]) => [
    name,
    z.preprocess((text) => convert(String(text)), schema).meta({ description: `The ${name}` }),
  ])
  const takes = (params: Record<string, string>) => convertible(converters, params)
  return { ...line, params: z.object(Object.fromEntries(shape)) as z.ZodObject, takes }
}

function body(schema: z.ZodType): NonNullable<Endpoint["body"]> {
  const types = ["application/json", "application/merge-patch+json"]
  return { schema, types, maxBytes: DOCUMENT_BODY_MAX_BYTES, as: "exact", example: {} }
}

function memberUri(listUri: string, param: string | undefined, element: unknown): string | null {
  if (param === undefined || typeof element !== "object" || element === null) return null
  const id = (element as Record<string, unknown>)[param]
  return typeof id === "string" || typeof id === "number"
    ? listUri + encodeSegment(String(id))
    : null
}

function notFound(uri: string): Problem {
  return new Problem("not_found", `There is nothing at "${uri}"`)
}
