/** Changes parts of app documents: JSON Patches and sub-documents. */
import { conditionGuards, explainConditions } from "../feed/conditions.ts"
import type { Committer } from "../feed/feed.ts"
import { guard, type Guard } from "../feed/statement.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import {
  DOCUMENT_MAX_BYTES,
  JSON_MAX_DEPTH,
  JSON_PATCH_MAX_COPIED,
  PATCH_MAX_ATTEMPTS,
} from "../protocol/limits.ts"
import { Problem, Stopped } from "../protocol/problem.ts"
import { byteLength } from "../lib/bytes.ts"
import { mergeBetween } from "../lib/merge.ts"
import { heightOf, nulNameIn, parseTree, textOf, type Tree } from "../lib/tree.ts"
import { compiled, kindAt } from "./compile.ts"
import { applied, childAt, PatchFailed, type Operation } from "./jsonpatch.ts"
import { notFound, NUL_NAMED, tooLarge } from "./refused.ts"
import * as sql from "./sql.ts"
import { place, type Document, type DocumentStore, type Shape } from "./store.ts"

export interface EditorOptions {
  /** Epoch milliseconds. */
  now: () => number
  /** Waits a moment before the attempt of this number: longer, and by chance, the more there were. */
  pause: (attempt: number) => Promise<void>
  /**
   * Waits until nobody else who collided has the turn to change this URI; disposing of it ends it. Absent in a batch,
   * where a collision is with the batch itself.
   */
  takeTurn?: (uri: string) => Promise<Disposable>
}

/** What the conditions of a call are about: a revision is always the document's, but `*` asks whether this is there. */
export interface Part {
  uri: string
  /** From the resource on, `data` first. */
  path: readonly string[]
}

export class DocumentEditor {
  readonly #store: DocumentStore
  readonly #committer: Committer
  readonly #shape: Shape
  readonly #options: EditorOptions

  constructor(store: DocumentStore, committer: Committer, shape: Shape, options: EditorOptions) {
    this.#store = store
    this.#committer = committer
    this.#shape = shape
    this.#options = options
  }

  /**
   * Applies operations to what GET answers at a document's URI, all or none; answers the revision.
   * @param part what the conditions are about, where it is not the document
   * Throws PatchFailed, and Problem: not_found, too_large, precondition_failed, overloaded.
   */
  async apply(
    uri: string,
    operations: readonly Operation[],
    conditions: Conditions,
    part: Part | null = null,
  ): Promise<number> {
    const revision = await this.#applyInside(uri, operations, conditions, part)
    if (revision !== null) return revision
    const tried = new Set<number>()
    let turn: Disposable | null = null
    try {
      for (let attempt = 1; attempt <= PATCH_MAX_ATTEMPTS; attempt++) {
        const written = await this.#applyToRead(uri, operations, conditions, part, tried)
        if (written !== null) return written
        // One after the other from now on: hundreds that only tried again would mostly wear each other out.
        turn ??= (await this.#options.takeTurn?.(uri).catch(logFailure)) ?? null
        if (!turn) await this.#options.pause(attempt)
      }
    } finally {
      turn?.[Symbol.dispose]()
    }
    throw new Problem(
      "overloaded",
      `The document changed ${PATCH_MAX_ATTEMPTS} times while this patch was applied, try again`,
      {},
      { "Retry-After": "1" },
    )
  }

  /** In SQL, without a read; null when that cannot be. */
  async #applyInside(
    uri: string,
    operations: readonly Operation[],
    conditions: Conditions,
    part: Part | null,
  ): Promise<number | null> {
    const [collection, name] = place(uri)
    const opening = this.#shape.resource(name, "").slice(0, -1)
    const at = this.#options.now()
    const statements = compiled(operations, { uri, collection, name, opening, at })
    if (!statements) return null
    const exists = sql.exists(collection, name)
    return this.#orNull(async (stopped) =>
      this.#committer.commit({
        guards: [
          ...this.#guardsOf(conditions, uri, part),
          guard(exists.sql, exists.params, () => notFound(name)),
        ],
        drafts: [{ each: statements.draft }],
        writes: [statements.write],
        explain: async () => {
          const document = await this.#store.get(uri)
          return (await this.#unmet(document, uri, conditions, part)) ?? stopped()
        },
      }),
    )
  }

  /** To what was read, written where it has not changed since; null when it has. */
  async #applyToRead(
    uri: string,
    operations: readonly Operation[],
    conditions: Conditions,
    part: Part | null,
    tried: Set<number>,
  ): Promise<number | null> {
    const [collection, name] = place(uri)
    const document = await this.#store.get(uri)
    const problem = await this.#unmet(document, uri, conditions, part)
    if (problem) throw problem
    const { data, revision } = document as Document
    // Unchanged since, and still refused: what changes it is written with this, so it never is what was read.
    if (tried.has(revision)) throw clash(name)
    tried.add(revision)
    const read = this.#shape.resource(name, data)
    const after = this.#applied(read, operations)
    const next = dataOf(after, parseTree(read), operations.length - 1)
    const patch = textOf(mergeBetween(parseTree(read), after) ?? "null")
    const state = this.#shape.resource(name, next)
    const isPatch = patch !== "null" && patch.length <= state.length
    return this.#orNull((stopped) =>
      this.#committer.commit({
        guards: conditionGuards({ ifMatch: [revision] }, sql.CURRENT, [collection, name]),
        drafts: [{ uri, event: isPatch ? "patch" : "state", body: isPatch ? patch : state }],
        writes: [sql.rewrite(collection, name, "?1", [next])],
        explain: async () => stopped(),
      }),
    )
  }

  /** What operations of a batch wrote before is not seen; who finds nothing is told so. */
  #applied(read: string, operations: readonly Operation[]): Tree {
    try {
      return applied(parseTree(read), operations, JSON_PATCH_MAX_COPIED)
    } catch (error) {
      const isBatch = this.#options.takeTurn === undefined
      if (isBatch && error instanceof PatchFailed) error.when = ", as it was before the batch"
      throw error
    }
  }

  /** The revision of a commit; null when it was stopped by what is no fault of the caller. */
  async #orNull(
    commit: (stopped: () => null) => ReturnType<Committer["commit"]>,
  ): Promise<number | null> {
    let isStopped = false
    try {
      const changes = await commit(() => {
        isStopped = true
        return null
      })
      return changes.at(-1)?.revision ?? 0
    } catch (error) {
      if (isStopped || error instanceof Stopped) return null
      throw error
    }
  }

  #guardsOf(conditions: Conditions, uri: string, part: Part | null): Guard[] {
    if (!part) return this.#store.conditionGuards(uri, conditions)
    const { named, stars } = divided(conditions)
    const kind = kindAt(part.path, ...place(uri))
    return [
      ...this.#store.conditionGuards(uri, named, part.uri),
      ...conditionGuards(stars, kind.sql, kind.params, part.uri),
    ]
  }

  async #unmet(
    document: Document | null,
    uri: string,
    conditions: Conditions,
    part: Part | null,
  ): Promise<Problem | null> {
    const { named, stars } = part ? divided(conditions) : { named: conditions, stars: {} }
    const unmet = await this.#store.unmet(uri, named, document, part?.uri)
    if (unmet) return unmet
    if (part) {
      const [, ...path] = part.path
      const isThere = document !== null && childAt(parseTree(document.data), path) !== undefined
      const missed = explainConditions(part.uri, stars, isThere ? document.revision : undefined)
      if (missed) return missed
    }
    return document ? null : notFound(place(uri)[1])
  }
}

/** The conditions that name revisions, and those that are a star. */
function divided({ ifMatch, ifNoneMatch }: Conditions): { named: Conditions; stars: Conditions } {
  const named: Conditions = {}
  const stars: Conditions = {}
  if (ifMatch) (ifMatch === "*" ? stars : named).ifMatch = ifMatch
  if (ifNoneMatch) (ifNoneMatch === "*" ? stars : named).ifNoneMatch = ifNoneMatch
  return { named, stars }
}

/** The data of a patched resource as text. Throws PatchFailed and Problem too_large when it is no document. */
function dataOf(after: Tree, before: Tree, index: number): string {
  const data = after instanceof Map ? after.get("data") : undefined
  if (!(after instanceof Map) || !(data instanceof Map)) {
    throw new PatchFailed("invalid", index, ["data"], "must be an object")
  }
  if (after.get("name") !== (before as Map<string, Tree>).get("name")) {
    throw new PatchFailed("invalid", index, ["name"], "cannot be changed")
  }
  if (after.size > 2) {
    throw new PatchFailed("invalid", index, [], "holds nothing beside name and data")
  }
  if (heightOf(after) > JSON_MAX_DEPTH) {
    throw new PatchFailed("invalid", index, [], `must nest at most ${JSON_MAX_DEPTH} levels deep`)
  }
  const text = textOf(data)
  const nulNamed = text.includes("\\u0000") ? nulNameIn(data) : null
  if (nulNamed) throw new PatchFailed("invalid", index, ["data", ...nulNamed], `is ${NUL_NAMED}`)
  const bytes = byteLength(text)
  if (bytes > DOCUMENT_MAX_BYTES) throw tooLarge(bytes)
  return text
}

/** Without a turn there are only more collisions. */
function logFailure(error: unknown): null {
  console.error({ event: "no_turn", message: String(error) })
  return null
}

function clash(name: string): Problem {
  const detail = `This patch needs to read "${name}", which another operation of the same batch changes`
  return new Problem("conflict", detail)
}
