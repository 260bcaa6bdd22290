/** What handlers of user-defined resources are given. */
import { checkNames } from "../documents/refused.ts"
import type { DocumentStore } from "../documents/store.ts"
import { parseTree } from "../lib/tree.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import { isList } from "../protocol/uri.ts"
import type { Emit } from "./emit.ts"
import { Pending } from "./pending.ts"
import type { UnitOfWork } from "./unit.ts"

/** A resource read from a store: its JSON text as stored, and its revision. */
export class Stored {
  readonly json: string
  readonly revision: number

  constructor(json: string, revision: number) {
    this.json = json
    this.revision = revision
  }

  /** The resource as a value. */
  get value(): unknown {
    return JSON.parse(this.json)
  }
}

/**
 * The getter of what is stored at its own URI, item or list. Followers are told what is written to it as it is
 * written; what any other getter answers is read again for them.
 */
export function stored(_params: unknown, { documents, uri }: ReadTools): Promise<Stored | null> {
  return isList(uri) ? documents.list(uri) : documents.get(uri)
}

/**
 * JSON documents at URIs of the user's own; each is its resource. Whoever reads and then writes loses nothing that
 * others write meanwhile: the handler runs again on what is there then, so what else it does may be done twice.
 */
export interface Documents {
  /** Stores a new document; its revision comes with the answer. Throws Problem conflict. */
  create(uri: string, value: unknown): Promise<void>
  get(uri: string): Promise<Stored | null>
  /** The documents below a list URI, in the order of creation, as one JSON array. */
  list(uri: string): Promise<Stored>
  /** Applies an RFC 7396 merge patch. Throws Problem not_found. */
  patch(uri: string, patch: unknown): Promise<void>
  /** Throws Problem not_found. */
  remove(uri: string): Promise<void>
  /** Removes every document directly below a list URI; each is told as deleted. */
  removeAll(listUri: string): Promise<void>
}

/** What a getter is given. */
export interface ReadTools {
  documents: Documents
  /** The URI called, encoded as it must be for `documents`. */
  uri: string
  /** A short random id, safe in a URI. */
  newId: () => string
  /** Epoch milliseconds. */
  now: () => number
}

/** What all others are given. */
export interface Tools extends ReadTools {
  /** Tells followers of changes in the same commit; the change of the URI called is told without it. */
  emit: Emit
}

/**
 * The documents for one call: the conditions of the request hold for the URI it names.
 * @param unit where it writes; then what it reads must still be so at the commit, and it sees its own writes
 */
export function documentsFor(
  store: DocumentStore,
  called: { uri: string; conditions: Conditions },
  unit?: UnitOfWork,
): Documents {
  const conditionsOf = (uri: string) => (uri === called.uri ? called.conditions : {})
  const pending = new Pending()
  return {
    async create(uri, value) {
      const json = toJson(uri, value)
      await store.create(uri, json)
      pending.put(uri, json)
    },
    async get(uri) {
      const document = await store.get(uri)
      unit?.noteRead(uri, store.unchanged(uri, document))
      const json = pending.after(uri, document?.data ?? null)
      return json === null ? null : new Stored(json, document?.revision ?? 0)
    },
    async list(uri) {
      const { documents, revision } = await store.list(uri)
      unit?.noteRead(uri, store.listUnchanged(uri, documents))
      return new Stored(`[${pending.listAfter(uri, documents).join()}]`, revision)
    },
    async patch(uri, patch) {
      const json = toJson(uri, patch)
      await store.patch(uri, json, { conditions: conditionsOf(uri) })
      pending.patch(uri, json)
    },
    async remove(uri) {
      await store.removeExisting(uri, conditionsOf(uri))
      pending.remove(uri)
    },
    async removeAll(listUri) {
      const { documents } = await store.list(listUri)
      unit?.noteRead(listUri, store.listUnchanged(listUri, documents))
      await store.removeAll(listUri, documents)
      pending.removeAll(listUri, documents)
    },
  }
}

function toJson(uri: string, value: unknown): string {
  const json = JSON.stringify(value)
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(
      "invalid_request",
      `What is stored at "${uri}" must be an object, got ${json}`,
    )
  }
  if (json.includes("\\u0000")) checkNames(parseTree(json), json)
  return json
}
