/** Tidemark, stores with a row per point in the same D1, and a count of what D1 did, background included. */
import worker from "../../src/index.ts"
import type { Env } from "../../src/env.ts"
import { answerBare, answerBareKv } from "./bare.ts"
import { answerHub, Bare, Hub } from "./hub.ts"
import { answerRows } from "./rows.ts"

export { Bare, Hub }

const spending = { queries: 0, rowsRead: 0, rowsWritten: 0, bytes: 0 }
let pending = 0
let counted: D1Database | undefined

/** D1, counting what its batches cost: the service does everything in batches. */
function counting(d1: D1Database): D1Database {
  return (counted ??= new Proxy(d1, {
    get(target, name) {
      if (name !== "batch") {
        const member = Reflect.get(target, name) as unknown
        return typeof member === "function" ? member.bind(target) : member
      }
      return async (statements: D1PreparedStatement[]) => {
        const results = await target.batch(statements)
        spending.queries += results.length
        for (const { meta } of results) {
          spending.rowsRead += meta.rows_read
          spending.rowsWritten += meta.rows_written
          spending.bytes = meta.size_after
        }
        return results
      }
    },
  }))
}

let kvWrites = 0
let countedKv: KVNamespace | undefined

/** Workers KV, counting what is written to it. */
function countingKv(kv: KVNamespace): KVNamespace {
  return (countedKv ??= new Proxy(kv, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== "function") return member
      return (...args: unknown[]) => {
        if (name === "put" || name === "delete") kvWrites++
        return member.apply(target, args) as unknown
      }
    },
  }))
}

/** Bodies that requests from inside may use, by name. */
const bodies = new Map<string, ArrayBuffer>()

/**
 * Keeps a body (PUT ?name=), or makes a request from inside (POST ?path=&method=&name=) and answers how long its
 * answer was: so what is timed is the store and not the way of 5 MB through two proxies.
 */
async function inside(
  request: Request,
  dispatch: (request: Request) => Promise<Response> | Response,
): Promise<Response> {
  const { searchParams } = new URL(request.url)
  const name = searchParams.get("name") ?? ""
  if (request.method === "PUT") {
    bodies.set(name, await request.arrayBuffer())
    return new Response()
  }
  const method = searchParams.get("method") ?? "GET"
  const body = bodies.get(name)
  const url = new URL(searchParams.get("path") ?? "/", request.url)
  // As clients announce it.
  const headers = { "Content-Length": String(body?.byteLength ?? 0) }
  const answer = await dispatch(
    new Request(url, body === undefined ? { method } : { method, body, headers }),
  )
  const cost = { "Server-Timing": answer.headers.get("Server-Timing") ?? "" }
  const characters = (await answer.text()).length
  return Response.json({ status: answer.status, characters }, { headers: cost })
}

/** What was spent since the last time it was asked. */
async function spent(env: Env): Promise<Response> {
  await env.DB.batch([env.DB.prepare("SELECT 1")])
  const answer = Response.json({ ...spending, queries: spending.queries - 1, pending, kvWrites })
  Object.assign(spending, { queries: 0, rowsRead: 0, rowsWritten: 0 })
  kvWrites = 0
  return answer
}

export default {
  async fetch(request, bare, ctx) {
    const env = { ...bare, DB: counting(bare.DB), KV: countingKv(bare.KV) }
    const { pathname } = new URL(request.url)
    if (pathname === "/bench/cost") return spent(env)
    if (pathname === "/bench/hub") return answerHub(request, bare)
    const waitUntil = (work: Promise<unknown>) => {
      pending++
      ctx.waitUntil(work.finally(() => pending--))
    }
    const around = { waitUntil, passThroughOnException: () => {} } as unknown as ExecutionContext
    const dispatch = (one: Request): Promise<Response> | Response =>
      /^\/(?:rows|usual)\//.test(new URL(one.url).pathname)
        ? answerRows(one, env.DB)
        : worker.fetch(one as typeof request, env, around)
    if (pathname.startsWith("/bare-kv/")) return answerBareKv(request, env.KV)
    if (pathname.startsWith("/bare/")) return answerBare(request, env.DB)
    return pathname === "/bench/inside" ? inside(request, dispatch) : dispatch(request)
  },
} satisfies ExportedHandler<Env & { BARE: DurableObjectNamespace<Bare> }>
