import { AsyncLocalStorage } from "node:async_hooks"
import { describe, expect, it } from "vitest"
import { Refusal } from "../../src/live/ask.ts"
import { Readings } from "../../src/live/readings.ts"
import { Problem } from "../../src/protocol/problem.ts"

const MOST_QUERIES = 50

/** A hub whose every invocation is counted; a reading of `/n` costs n queries. */
function counted() {
  const invocations: number[] = [0]
  const current = new AsyncLocalStorage<number>()
  const dispatch = async (request: Request) => {
    const { pathname } = new URL(request.url)
    const cost = Number(pathname.split("/")[1])
    const own = current.getStore() ?? 0
    invocations[own] = (invocations[own] ?? 0) + cost
    await Promise.resolve()
    const headers = { "Server-Timing": `d1;desc="${cost} queries, 0 rows read"` }
    if (pathname.endsWith("/none")) return refused(new Problem("not_found", "Nothing"), headers)
    if (pathname.endsWith("/bad")) return refused(new Problem("unprocessable", "No"), headers)
    return Response.json(pathname, { headers: { ...headers, ETag: '"7"' } })
  }
  const readings: Readings = new Readings({
    dispatch,
    again: (who, uris) => current.run(invocations.push(0) - 1, () => readings.readSome(who, uris)),
  })
  return { readings, invocations }
}

function refused(problem: Problem, headers: Record<string, string>): Response {
  const type = { "Content-Type": "application/problem+json" }
  return new Response(problem.toText(), {
    status: problem.status,
    headers: { ...headers, ...type },
  })
}

describe("reading for those who follow", () => {
  it("answers all of very many, and no invocation asks more than it may", async () => {
    for (const cost of [1, 4, 9]) {
      const { readings, invocations } = counted()
      readings.begin()
      const uris = Array.from({ length: 500 }, (_, n) => `/${cost}/${n}`)
      const found = await Promise.all(uris.map((uri) => readings.read("write", uri)))
      expect(found.map((reading) => JSON.parse(reading?.json ?? ""))).toEqual(uris)
      expect(invocations.reduce((sum, queries) => sum + queries, 0)).toBe(500 * cost)
      expect(Math.max(...invocations)).toBeLessThanOrEqual(MOST_QUERIES)
    }
  })

  it("of few is done at once, and again when the next invocation begins", async () => {
    const { readings, invocations } = counted()
    for (let round = 0; round < 3; round++) {
      readings.begin()
      const uris = Array.from({ length: 8 }, (_, n) => `/2/${n}`)
      await Promise.all(uris.map((uri) => readings.read(null, uri)))
    }
    expect(invocations).toEqual([48])
  })

  it("stops in a call of its own before the next could be too much", async () => {
    const { readings, invocations } = counted()
    for (const [costs, count] of [
      [[1, 1, 1, 1], 4],
      [[4, 4, 4, 40, 1], 3],
      [[9, 1, 40, 1], 3],
      [[40, 1], 1],
    ] as const) {
      invocations[0] = 0
      const uris = costs.map((cost, at) => `/${cost}/${at}`)
      expect(await readings.readSome(null, uris)).toHaveLength(count)
      expect(invocations[0]).toBeLessThanOrEqual(MOST_QUERIES)
    }
  })

  it("passes on what is not there and what was refused, here and there", async () => {
    const { readings } = counted()
    const uris = Array.from({ length: 30 }, (_, n) => `/3/${n}${n % 3 === 0 ? "/none" : "/bad"}`)
    const found = await Promise.allSettled(uris.map((uri) => readings.read(null, uri)))
    for (const [at, { status, ...result }] of found.entries()) {
      expect(status).toBe(at % 3 === 0 ? "fulfilled" : "rejected")
      if (status === "fulfilled") expect(result).toEqual({ value: null })
      else expect((result as PromiseRejectedResult).reason).toBeInstanceOf(Refusal)
    }
  })

  it("fails for those whom a call was lost for, and for no others", async () => {
    let calls = 0
    const { readings } = counted()
    const lossy = new Readings({
      dispatch: async () => Response.json(1, { headers: { "Server-Timing": "4 queries" } }),
      again: (who, uris) => {
        if (++calls === 1) return Promise.reject(new Error("lost"))
        return readings.readSome(who, uris)
      },
    })
    const uris = Array.from({ length: 60 }, (_, n) => `/1/${n}`)
    const found = await Promise.allSettled(uris.map((uri) => lossy.read(null, uri)))
    const lost = found.filter(({ status }) => status === "rejected")
    expect(lost).toHaveLength(16)
  })
})
