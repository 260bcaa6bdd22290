/**
 * What one line of the endpoint table says, and the types that follow from it. The router, the OpenAPI document,
 * the typed client and the live dispatch are folds over such lines.
 */
import type * as z from "zod"
import type { Change } from "./change.ts"
import type { View } from "./view.ts"

export type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE"

/** What a call means whatever the mouth: a socket's `subscribe` is get or list, its `create` is create. */
export type Verb = "get" | "list" | "create" | "replace" | "patch" | "delete" | "call"

export interface BodyRule {
  schema: z.ZodType
  /** Media types read; "any" reads whatever comes, also without a type, as the originals did. */
  types: readonly string[] | "any"
  maxBytes: number
  /**
   * "exact" keeps every number as it was written, "tree" the order of members, too (see JsonBody); "text" hands over
   * the text unparsed, "stream" the bytes unread; the schema documents these two.
   */
  as: "json" | "exact" | "tree" | "text" | "stream"
  example?: unknown
  /** Media types read beside JSON, each with an example: what else a stream may be. */
  others?: Readonly<Record<string, string>>
  /** Media types among `types` whose JSON has a form of its own. */
  forms?: Readonly<Record<string, { schema: z.ZodType; example?: unknown }>>
}

/** The text of a string, number, boolean or null; an array; or an object, its members in the order they came. */
export type JsonTree = string | JsonTree[] | Map<string, JsonTree>

/** JSON that a store keeps as it was written. */
export interface JsonBody<Value> {
  /** What the schema answers; where the media type has a form of its own, what that answers. */
  value: Value
  tree: JsonTree
  /** Lower case, without parameters. */
  type: string
}

/** A body that was not read yet. */
export interface BodyStream {
  /** The bytes as they came. */
  bytes: ReadableStream<Uint8Array>
  /** Lower case, without parameters; "" when none was sent. */
  type: string
  /** `Content-Encoding`. */
  encoding: string | null
  /**
   * All of it, unzipped when it came as gzip; for those who do not take the stream.
   * Throws Problem: unsupported_type for another encoding, too_large, invalid_request when it breaks off.
   */
  whole(maxBytes: number): Promise<WholeBody>
}

export interface WholeBody {
  bytes: Uint8Array
  /** Throws Problem invalid_request when it is no UTF-8. */
  text(): string
}

export interface ReplyRule {
  description: string
  /** Absent: no body. */
  schema?: z.ZodType
  /** Default `application/json`. */
  type?: string
  /** Beside another type: the JSON that is answered where it is asked for. */
  json?: z.ZodType
}

export interface Endpoint {
  /** Its name in the table. Lines of user-defined resources have none. */
  id?: string
  method: Method
  path: string
  verb: Verb
  tag: string
  summary: string
  description?: string
  params?: z.ZodObject
  /** False for values of the path's parameters that this line is not for: then no URI is known there. */
  takes?: (params: Record<string, string>) => boolean
  query?: z.ZodType<Record<string, unknown>>
  /** Request headers that mean something here, beside the conditional ones. */
  headers?: Readonly<Record<string, string>>
  body?: BodyRule
  replies: Readonly<Record<number, ReplyRule>>
  /** Of writes: true where a batch may hold it, because all it does is one commit; else a sentence that says why not. */
  batch?: true | string
  /** True for what needs no token: what describes the service. */
  open?: true
  /** Answers with a socket, or waits for one: there is nothing to subscribe to. */
  upgrades?: true
  /** For lists: the URI of an element of the answer, so that a subscriber can keep its copy. */
  memberOf?: (element: unknown, params: Record<string, string>) => string
  /** True where the app is asked before somebody follows it, and told when they leave. */
  isHooked?: true
  /** The resource whose changes are this one's: whoever follows is told anew what GET answers. */
  partOf?: string
  /** For lists: elements stand in order of their names (by code point); else in the order they were created. */
  order?: "name"
  /** For lists: false when a change of a member surely leaves what this query answers as it is. */
  isTouched?: (query: URLSearchParams, change: Change) => boolean
  /** How those who watch it with a query are told of changes; else it is read again on each. */
  view?: View
  /** For items: the element that the item's list shows for it, where that is not the item itself. */
  entryOf?: (params: Record<string, string>, revision: number) => unknown
}

/** `If-Match` and `If-None-Match`: "*", or the revisions named. */
export interface Conditions {
  ifMatch?: "*" | number[]
  ifNoneMatch?: "*" | number[]
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : Record<string, never>
type Body<E extends Endpoint> = E["body"] extends BodyRule
  ? E["body"]["as"] extends "text"
    ? string
    : E["body"]["as"] extends "stream"
      ? BodyStream
      : E["body"]["as"] extends "tree"
        ? JsonBody<z.output<E["body"]["schema"]>>
        : z.output<E["body"]["schema"]>
  : undefined

/** A request that has been through the door: everything in it is checked. */
export interface Call<E extends Endpoint = Endpoint> {
  params: Output<E["params"]>
  query: Output<E["query"]>
  body: Body<E>
  conditions: Conditions
  /** The canonical URI: encoded, lists with their slash, without the query. */
  uri: string
  url: URL
  headers: Headers
}

/** What a handler answers. `json` is text that is JSON already; it wins over `body`. */
export interface Answer {
  /** Default 200. */
  status?: number
  body?: unknown
  json?: string
  /** Plain text instead of JSON. */
  text?: string
  /** The body as it is; `Content-Type` is among the headers. */
  content?: string | Uint8Array | ReadableStream<Uint8Array>
  /** The body as it comes, made while it is sent when it is long; `Content-Type` is among the headers. */
  pieces?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** The ETag. */
  revision?: number
  /** Time alone may have changed the answer since that revision: whoever has it is not told to keep it. */
  isAging?: boolean
  headers?: Record<string, string>
  /** Answers in place of all this: an upgraded socket. */
  response?: Response
}

/** Handlers are given the services of their own slice only. */
export type Handler<E extends Endpoint, Services> = (
  call: Call<E>,
  services: Services,
) => Promise<Answer> | Answer

export type Handlers<Table extends Record<string, Endpoint>, Services> = {
  [Name in keyof Table]: Handler<Table[Name], Services>
}
