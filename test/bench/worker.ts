/** Tidemark, a store with a row per point in the same D1, and a count of what D1 did, background included. */
import worker, { Hub } from "../../src/index.ts"
import type { Env } from "../../src/env.ts"
import { answerRows } from "./rows.ts"

export { Hub }

const cost = { queries: 0, rowsRead: 0, rowsWritten: 0, bytes: 0 }
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
        cost.queries += results.length
        for (const { meta } of results) {
          cost.rowsRead += meta.rows_read
          cost.rowsWritten += meta.rows_written
          cost.bytes = meta.size_after
        }
        return results
      }
    },
  }))
}

/** What was spent since the last time it was asked. */
async function spent(env: Env): Promise<Response> {
  await env.DB.batch([env.DB.prepare("SELECT 1")])
  const answer = Response.json({ ...cost, queries: cost.queries - 1, pending })
  Object.assign(cost, { queries: 0, rowsRead: 0, rowsWritten: 0 })
  return answer
}

export default {
  async fetch(request, bare, ctx) {
    const env = { ...bare, DB: counting(bare.DB) }
    const { pathname } = new URL(request.url)
    if (pathname === "/bench/cost") return spent(env)
    if (pathname.startsWith("/rows/")) return answerRows(request, env.DB)
    const waitUntil = (work: Promise<unknown>) => {
      pending++
      ctx.waitUntil(work.finally(() => pending--))
    }
    const around = { waitUntil, passThroughOnException: () => {} } as unknown as ExecutionContext
    return worker.fetch(request, env, around)
  },
} satisfies ExportedHandler<Env>
