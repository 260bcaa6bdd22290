/** What a call takes and gives, inferred from its line of the endpoint table. Types only. */
import type * as z from "zod"
import type { Api, Name } from "../protocol/api.ts"

type Input<Schema> = Schema extends z.ZodType ? z.input<Schema> : never

/** A member of the options: absent where the line has none, optional where `{}` will do. */
type Member<Key extends string, Line, Value> =
  Line extends Record<Key, unknown>
    ? Record<never, never> extends Value
      ? { [K in Key]?: Value }
      : { [K in Key]: Value }
    : unknown

type Params<Line> = Line extends { params: infer Schema } ? Input<Schema> : never
type Query<Line> = Line extends { query: infer Schema } ? Input<Schema> : never
/** JSON that is text already may be sent where the service reads text. */
type Body<Line> = Line extends { body: { schema: infer Schema; as: infer As } }
  ? Input<Schema> | (As extends "text" | "stream" ? string : never)
  : never

type Contents<Replies> = {
  [
    Status in keyof Replies as Status extends 200 | 201 | 202 | 204 | 206 ? Status : never
  ]: Replies[Status] extends { schema: infer Schema extends z.ZodType }
    ? z.output<Schema> | Other<Replies[Status]>
    : undefined
}

/** What comes where JSON is asked for. */
type Other<Rule> = Rule extends { json: infer Schema extends z.ZodType } ? z.output<Schema> : never

/** Revisions, or "*" for any. */
export type Revisions = number | readonly number[] | "*"

/** What every call takes. */
export interface Common {
  ifMatch?: Revisions
  ifNoneMatch?: Revisions
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** What the URI of an endpoint is made of. */
export type Place<N extends Name> = Member<"params", Api[N], Params<Api[N]>> &
  Member<"query", Api[N], Query<Api[N]>>

export type Options<N extends Name> = Common & Place<N> & Member<"body", Api[N], Body<Api[N]>>

/** Options that may be left out where none of them is required. */
export type Optional<Given> =
  Record<never, never> extends Given ? [options?: Given] : [options: Given]

/** What an endpoint answers when it goes well. */
export type Answered<N extends Name> = Contents<Api[N]["replies"]>[keyof Contents<
  Api[N]["replies"]
>]

export interface Reply<Content> {
  status: number
  /** Undefined when there is none, or when the caller has it already (304). */
  body: Content
  /** The ETag: the change's place in the one order. */
  revision: number | undefined
  headers: Headers
}
