/** What handlers of user-defined resources are given. */
import type { DocumentStore } from "../documents/store.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"

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

/** JSON documents at URIs of the user's own; each is its resource. */
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
}

export interface Tools {
  documents: Documents
  /** The URI called, encoded as it must be for `documents`. */
  uri: string
  /** A short random id, safe in a URI. */
  newId: () => string
  /** Epoch milliseconds. */
  now: () => number
}

/** The documents for one call: the conditions of the request hold for the URI it names. */
export function documentsFor(
  store: DocumentStore,
  calledUri: string,
  conditions: Conditions,
): Documents {
  const conditionsOf = (uri: string) => (uri === calledUri ? conditions : {})
  return {
    async create(uri, value) {
      await store.create(uri, toJson(uri, value))
    },
    async get(uri) {
      const document = await store.get(uri)
      return document && new Stored(document.data, document.revision)
    },
    async list(uri) {
      const { documents, revision } = await store.list(uri)
      return new Stored(`[${documents.map((document) => document.data).join()}]`, revision)
    },
    async patch(uri, patch) {
      await store.patch(uri, toJson(uri, patch), { conditions: conditionsOf(uri) })
    },
    async remove(uri) {
      await store.removeExisting(uri, conditionsOf(uri))
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
  return json
}
