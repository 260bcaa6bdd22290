/**
 * Resources that users define, with four words: creator and getter on lists (URIs that end in "/"), getter, patcher
 * and deleter on items. They get HTTP, live, OpenAPI and the client for nothing.
 */
import type * as z from "zod"
import { InvalidUriError, parsePath, type Converter, type PathParams } from "./path.ts"
import type { ReadTools, Tools } from "./tools.ts"

export type Params = Record<string, string | number>
type Result = unknown

export type Creator = (params: Params, attributes: unknown, tools: Tools) => Result
export type Getter = (params: Params, tools: ReadTools) => Result
export type Patcher = (params: Params, patch: unknown, tools: Tools) => Result
export type Deleter = (params: Params, tools: Tools) => Result

export type Subscriber = (params: Params, tools: Tools) => Result

/** All that is defined for one path. */
export interface Definition {
  path: string
  /** The path as it was written. */
  text: string
  converters: Readonly<Record<string, Converter>>
  creator?: Creator
  attributes?: z.ZodType
  getter?: Getter
  patchers: Patcher[]
  patch?: z.ZodType
  deleter?: Deleter
  subscribers: Subscriber[]
  unsubscribers: Subscriber[]
}

/** An immutable set of definitions; each word answers a set with one more. */
export class Resources {
  readonly definitions: readonly Definition[]

  constructor(definitions: readonly Definition[] = []) {
    this.definitions = definitions
  }

  /**
   * Creates a member of a list. What it returns is the resource; a member named like the item's parameter (`id` for
   * `/todo/:id`) tells its URI. The first creator of a path wins.
   * @param attributes schema of what the caller sends; without it any JSON value is taken
   */
  creator<Path extends string, Attributes = unknown>(
    path: Path,
    create: (params: PathParams<Path>, attributes: Attributes, tools: Tools) => Result,
    attributes?: z.ZodType<Attributes>,
  ): Resources {
    if (!path.endsWith("/")) {
      throw new InvalidUriError(`A creator belongs on a list URI, which ends in "/": "${path}"`)
    }
    return this.#define(path, (definition) => ({
      creator: create as Creator,
      ...(attributes ? { attributes } : {}),
      ...definition,
    }))
  }

  /** Reads an item or a list; null or undefined says that there is none. The first getter of a path wins. */
  getter<Path extends string>(
    path: Path,
    get: (params: PathParams<Path>, tools: ReadTools) => Result,
  ): Resources {
    return this.#define(path, (definition) => ({ getter: get as Getter, ...definition }))
  }

  /**
   * Changes an item. All patchers of a path run in the order they were defined, on the same patch object: what one
   * changes in it, the next sees.
   */
  patcher<Path extends string, Patch = unknown>(
    path: Path,
    patch: (params: PathParams<Path>, patch: Patch, tools: Tools) => Result,
    schema?: z.ZodType<Patch>,
  ): Resources {
    checkItem(path, "patcher")
    return this.#define(path, (definition) => ({
      ...(schema ? { patch: schema } : {}),
      ...definition,
      patchers: [...definition.patchers, patch as Patcher],
    }))
  }

  /** Deletes an item. The first deleter of a path wins. */
  deleter<Path extends string>(
    path: Path,
    remove: (params: PathParams<Path>, tools: Tools) => Result,
  ): Resources {
    checkItem(path, "deleter")
    return this.#define(path, (definition) => ({ deleter: remove as Deleter, ...definition }))
  }

  /**
   * Called before somebody follows the URI, which must have a getter; all of a path run in the order they were defined,
   * and what they write is one commit. A Problem that one throws refuses the subscription. That guards no secret: a GET, the
   * list above, a pattern and the journal tell the same to whoever may read.
   */
  subscriber<Path extends string>(
    path: Path,
    hook: (params: PathParams<Path>, tools: Tools) => Result,
  ): Resources {
    return this.#define(path, (definition) => ({
      ...definition,
      subscribers: [...definition.subscribers, hook as Subscriber],
    }))
  }

  /**
   * Called when somebody who was let in ceases to follow the URI, also because the connection is gone; where the hub
   * fell over with it, half a minute after it is needed again, and within the hour. A Problem refuses it, where there is still somebody to hear it.
   */
  unsubscriber<Path extends string>(
    path: Path,
    hook: (params: PathParams<Path>, tools: Tools) => Result,
  ): Resources {
    return this.#define(path, (definition) => ({
      ...definition,
      unsubscribers: [...definition.unsubscribers, hook as Subscriber],
    }))
  }

  #define(text: string, change: (definition: Definition) => Definition): Resources {
    const { path, converters } = parsePath(text)
    const at = this.definitions.findIndex((definition) => definition.path === path)
    const found = this.definitions[at]
    if (found && found.text !== text) {
      const detail = `"${text}" and "${found.text}" are the same path: write it in one way`
      throw new InvalidUriError(detail)
    }
    const changed = change(
      found ?? {
        path,
        text,
        converters,
        patchers: [],
        subscribers: [],
        unsubscribers: [],
      },
    )
    return new Resources(
      at < 0 ? [...this.definitions, changed] : this.definitions.with(at, changed),
    )
  }
}

/** Where every definition starts. */
export const resources: Resources = new Resources()

function checkItem(path: string, word: string): void {
  if (!path.endsWith("/")) return
  throw new InvalidUriError(
    `A ${word} belongs on an item, whose URI does not end in "/": "${path}"`,
  )
}
