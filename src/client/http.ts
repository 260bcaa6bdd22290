/** The typed client: the endpoint table as a function. Types come from the table, values from `routes` alone. */
import type * as z from "zod"
import type { Name } from "../protocol/api.ts"
import { routes } from "../protocol/routes.ts"
import type { ProblemDocument } from "../protocol/shared.ts"
import { fill } from "../protocol/uri.ts"
import type { Answered, Common, Optional, Options, Place, Reply, Revisions } from "./call.ts"

/** An answer that is neither 2xx nor 304. `problem` is the problem document; its `code` is stable. */
export class CallError extends Error {
  override name = "CallError"
  readonly status: number
  readonly problem: Partial<z.output<typeof ProblemDocument>>

  constructor(call: string, status: number, problem: CallError["problem"]) {
    super(`${call} answered ${status}: ${problem.detail ?? "it did not say why"}`)
    this.status = status
    this.problem = problem
  }
}

export interface ClientOptions {
  /** In place of the global one. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Sent with every call. */
  headers?: Record<string, string>
  /** Reads JSON; one that keeps large numbers may stand here. */
  parse?: (text: string) => unknown
}

export type Client = ReturnType<typeof createClient>

/** The service at `baseUrl`; "" is the page's own origin. */
export function createClient(
  baseUrl: string,
  { fetch: send = fetch, headers: always, parse = JSON.parse }: ClientOptions = {},
) {
  /** Any method on any URI: resources defined in code, too. Text is sent as it is. Throws CallError. */
  async function request(method: string, uri: string, options: Common & { body?: unknown } = {}) {
    const { body, ifMatch, ifNoneMatch, signal, headers } = options
    const sent = typeof body === "string" ? body : JSON.stringify(body)
    const response = await send(baseUrl.replace(/\/$/, "") + uri, {
      method,
      headers: {
        ...(sent === undefined ? {} : { "Content-Type": "application/json" }),
        ...(ifMatch === undefined ? {} : { "If-Match": tagsOf(ifMatch) }),
        ...(ifNoneMatch === undefined ? {} : { "If-None-Match": tagsOf(ifNoneMatch) }),
        ...always,
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      ...(signal ? { signal } : {}),
    })
    const text = await response.text()
    const isJson = text !== "" && /[/+]json/.test(response.headers.get("Content-Type") ?? "")
    const content: unknown = isJson ? parse(text) : text || undefined
    if (!response.ok && response.status !== 304) {
      throw new CallError(`${method} ${uri}`, response.status, isJson ? Object(content) : {})
    }
    const revision = Number(/"(\d+)"/.exec(response.headers.get("ETag") ?? "")?.[1]) || undefined
    return { status: response.status, body: content, revision, headers: response.headers }
  }

  return {
    request,

    /** `call("documents.put", { params: { name: "todo" }, body: { data: {} } })`. Throws CallError. */
    async call<N extends Name>(name: N, ...[options]: Optional<Options<N>>) {
      const reply = await request(routes[name][0], uriOf(name, options), options)
      return reply as Reply<Answered<N>>
    },

    /** The URI of a call: what a subscription names. */
    uri<N extends Name>(name: N, ...[place]: Optional<Place<N>>): string {
      return uriOf(name, place)
    },
  }
}

function uriOf(name: Name, place: unknown): string {
  const { params = {}, query = {} } = (place ?? {}) as Record<string, Record<string, string>>
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const path = fill(routes[name][1], params)
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path
}

function tagsOf(revisions: Revisions): string {
  return revisions === "*"
    ? "*"
    : [revisions]
        .flat()
        .map((revision) => `"${revision}"`)
        .join()
}
