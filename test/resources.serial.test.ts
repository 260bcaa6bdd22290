import { describe, expect, it } from "vitest"
import { Problem } from "../src/protocol/problem.ts"
import { resources } from "../src/resources/resources.ts"
import type { Tools } from "../src/resources/tools.ts"
import { serve } from "./resources.world.ts"

async function addOne(_params: unknown, _patch: unknown, { documents, uri }: Tools) {
  const found = (await documents.get(uri))?.value as { n: number } | undefined
  if (!found) throw new Problem("not_found", "No tally")
  await documents.patch(uri, { n: found.n + 1 })
}

const tallies = resources
  .creator("/tallies/", async (_params, { id }: any, { documents, uri }) => {
    if (await documents.get(uri + id)) throw new Problem("conflict", "Taken")
    await documents.create(uri + id, { id, n: 0 })
    return { id, n: 0 }
  })
  .getter("/tallies/", (_params, { documents, uri }) => documents.list(uri))
  .getter("/tallies/:id", (_params, { documents, uri }) => documents.get(uri))
  .patcher("/tallies/:id", addOne)

const call = serve(tallies)

describe("handlers that read and then write", () => {
  it("lose nothing to each other: a hundred at the same time count to a hundred", async () => {
    await call("POST /tallies/", { id: "hundred" })
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => call("PATCH /tallies/hundred", {})),
    )
    expect(answers.filter(({ status }) => status !== 204)).toEqual([])
    expect((await call("GET /tallies/hundred")).json).toEqual({ id: "hundred", n: 100 })
  })

  it("run again when another writer came between, on the body as it was sent", async () => {
    const bodies: unknown[] = []
    const other = serve(
      tallies.patcher("/tallies/:id", async (_params, patch: any) => {
        bodies.push({ ...patch })
        patch.seen = true
        if (bodies.length < 3) await call("PATCH /tallies/again", {})
      }),
    )
    await call("POST /tallies/", { id: "again" })
    expect((await other("PATCH /tallies/again", { by: 1 })).status).toBe(204)
    expect(bodies).toEqual([{ by: 1 }, { by: 1 }, { by: 1 }])
    expect((await call("GET /tallies/again")).json.n).toBe(3)
  })

  it("give up after some attempts, and nothing is written then", async () => {
    await call("POST /tallies/", { id: "busy" })
    let runs = 0
    const other = serve(
      tallies.patcher("/tallies/:id", async () => {
        runs++
        await call("PATCH /tallies/busy", {})
      }),
    )
    const answer = await other("PATCH /tallies/busy", {})
    expect(answer).toMatchObject({ status: 503, json: { code: "overloaded" } })
    expect(answer.headers.get("Retry-After")).toBe("1")
    expect((await call("GET /tallies/busy")).json.n).toBe(runs)
  })

  it("see that a name is taken although both looked before either wrote", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => call("POST /tallies/", { id: "one" })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
  })

  it("keep to a rule about a whole list, whoever adds to it", async () => {
    const seats = serve(
      resources
        .creator("/seats/", async (_params, _attributes, { documents, uri, newId }) => {
          const taken = (await documents.list(uri)).value as unknown[]
          if (taken.length >= 3) throw new Problem("unprocessable", "All seats are taken")
          const id = newId()
          await documents.create(uri + id, { id })
          return { id }
        })
        .getter("/seats/", (_params, { documents, uri }) => documents.list(uri))
        .getter("/seats/:id", (_params, { documents, uri }) => documents.get(uri)),
    )
    const answers = await Promise.all(Array.from({ length: 8 }, () => seats("POST /seats/", {})))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      201, 201, 201, 422, 422, 422, 422, 422,
    ])
    expect((await seats("GET /seats/")).json).toHaveLength(3)
  })

  it("read what they wrote themselves: two patchers of one call add two", async () => {
    const twice = serve(tallies.patcher("/tallies/:id", addOne))
    await twice("POST /tallies/", { id: "twice" })
    expect((await twice("PATCH /tallies/twice", {})).status).toBe(204)
    expect((await twice("GET /tallies/twice")).json.n).toBe(2)
  })

  it("still honour If-Match when they are run again", async () => {
    await call("POST /tallies/", { id: "tagged" })
    const etag = (await call("GET /tallies/tagged")).headers.get("ETag")
    const answers = await Promise.all(
      [1, 2, 3].map(() => call("PATCH /tallies/tagged", {}, { "If-Match": etag })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 412, 412])
  })
})
