import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { createServices } from "../src/app.ts"
import { Problem } from "../src/protocol/problem.ts"
import { InvalidUriError } from "../src/resources/path.ts"
import { resources } from "../src/resources/resources.ts"
import { send } from "./helpers.ts"
import { serve } from "./resources.world.ts"

describe("the to-do list", () => {
  it("creates, lists, reads, patches and deletes over HTTP", async () => {
    const created = await send("POST /todo/", { text: "write", bar: 1 })
    expect(created).toMatchObject({ status: 201, json: { text: "write", completed: false } })
    const uri = created.headers.get("Location") ?? ""
    expect(uri).toBe(`/todo/${created.json.id}`)
    expect(await send(`GET ${uri}`)).toMatchObject({
      json: created.json,
      revision: created.revision,
    })
    const patched = await send(`PATCH ${uri}`, { completed: true })
    expect(patched.status).toBe(204)
    expect(await send(`GET ${uri}`)).toMatchObject({
      json: { ...created.json, completed: true },
      revision: patched.revision,
    })
    expect((await send("GET /todo")).json).toContainEqual({ ...created.json, completed: true })
    expect((await send(`DELETE ${uri}`)).status).toBe(204)
    for (const request of [`GET ${uri}`, `DELETE ${uri}`])
      expect((await send(request)).status).toBe(404)
    expect((await send(`PATCH ${uri}`, { completed: false })).status).toBe(404)
  })

  it("checks what is sent against its schemas", async () => {
    const created = await send("POST /todo/", { text: 5 })
    expect(created.json).toMatchObject({ status: 400, errors: { text: expect.any(String) } })
    const { headers } = await send("POST /todo/", {})
    const patched = await send(`PATCH ${headers.get("Location")}`, { nonsense: true })
    expect(patched.json).toMatchObject({ status: 400, code: "invalid_request" })
  })

  it("honours If-Match", async () => {
    const { headers, revision } = await send("POST /todo/", { text: "a" })
    const uri = headers.get("Location")
    await send(`PATCH ${uri}`, { text: "b" }, { "If-Match": `"${revision}"` })
    const stale = await send(`PATCH ${uri}`, { text: "c" }, { "If-Match": `"${revision}"` })
    expect(stale).toMatchObject({ status: 412, json: { current: { text: "b" } } })
    expect((await send(`DELETE ${uri}`, undefined, { "If-Match": `"${revision}"` })).status).toBe(
      412,
    )
  })
})

describe("resources that users define", () => {
  it("are refused where they are defined when the URI does not suit the word", () => {
    const nothing = () => null
    expect(() => resources.creator("/x", nothing)).toThrow(InvalidUriError)
    expect(() => resources.patcher("/x/", nothing)).toThrow(/patcher belongs on an item.*"\/x\/"/)
    expect(() => resources.deleter("/x/:id/", nothing)).toThrow(InvalidUriError)
    for (const path of ["x/", "/x y/", "", "/a//b"]) {
      expect(() => resources.getter(path, nothing), path).toThrow(/A path is made of/)
    }
    expect(resources.getter("/x/", nothing).getter("/x/:id", nothing).definitions).toHaveLength(2)
  })

  it("type their parameters from the path", async () => {
    const call = serve(
      resources.getter("/trees/:tree/pears/:pear", ({ tree, pear }) => ({
        tree,
        pear: pear.length,
      })),
    )
    expect((await call("GET /trees/oak%20x/pears/abc")).json).toEqual({ tree: "oak x", pear: 3 })
  })

  it("run several patchers in the order they were defined, on one patch object", async () => {
    const seen: unknown[] = []
    const call = serve(
      resources
        .patcher(
          "/apples/:id",
          (_params, patch: Record<string, unknown>) => {
            seen.push(["first", { ...patch }])
            patch["trace"] = ["first"]
          },
          z.looseObject({}),
        )
        .patcher("/apples/:id", (_params, patch: Record<string, unknown>) => {
          seen.push(["second", { ...patch }])
        }),
    )
    const answer = await call("PATCH /apples/1", { foo: 1 })
    expect(answer.status).toBe(204)
    expect(seen).toEqual([
      ["first", { foo: 1 }],
      ["second", { foo: 1, trace: ["first"] }],
    ])
    const { feed } = createServices(
      { env, now: () => 0, newId: () => "", poke: () => {} } as never,
      new Request("https://x/"),
    )
    const { epoch, revision } = await feed.position()
    const since = await feed.since({ epoch, revision: revision - 1 })
    expect(since).toMatchObject({
      changes: [{ uri: "/apples/1", event: "patch", body: '{"foo":1,"trace":["first"]}' }],
    })
    expect(answer.headers.get("ETag")).toBe(`"${revision}"`)
  })

  it("write and record in one commit: when a later patcher fails, nothing is left of the first", async () => {
    const call = serve(
      resources
        .creator("/box/", async (_params, _attributes, { documents }) => {
          await documents.create("/box/1", { id: 1, n: 0 })
          return { id: 1, n: 0 }
        })
        .getter("/box/:id", (_params, { documents, uri }) => documents.get(uri))
        .patcher("/box/:id", (_params, patch, { documents, uri }) => documents.patch(uri, patch))
        .patcher("/box/:id", (_params, patch: { n: number }) => {
          if (patch.n > 5) throw new Problem("unprocessable", "n must be at most 5")
        }),
    )
    expect((await call("POST /box/", {})).headers.get("Location")).toBe("/box/1")
    expect((await call("PATCH /box/1", { n: 9 })).json).toMatchObject({ status: 422 })
    expect((await call("GET /box/1")).json).toEqual({ id: 1, n: 0 })
    expect((await call("PATCH /box/1", { n: 3 })).status).toBe(204)
    // SQLite would take it for "n".
    expect((await call("PATCH /box/1", { "n\u0000": 4 })).json).toMatchObject({ status: 422 })
    expect((await call("GET /box/1")).json).toEqual({ id: 1, n: 3 })
  })

  it("answer values of any kind; null says there is none", async () => {
    const values: Record<string, unknown> = { zero: 0, empty: [], text: "t", none: null }
    const call = serve(resources.getter("/value/:name", ({ name }) => values[name]))
    expect((await call("GET /value/zero")).json).toBe(0)
    expect((await call("GET /value/empty")).json).toEqual([])
    expect((await call("GET /value/text")).json).toBe("t")
    expect((await call("GET /value/none")).status).toBe(404)
    expect((await call("DELETE /value/none")).headers.get("Allow")).toBe("GET, HEAD, OPTIONS")
  })

  it("that throw say nothing of the inside, and problems they throw arrive", async () => {
    const call = serve(
      resources.getter("/fail/:how", ({ how }) => {
        if (how === "problem") throw new Problem("forbidden", "Not you")
        throw new TypeError("secret")
      }),
    )
    expect((await call("GET /fail/problem")).json).toMatchObject({ status: 403, detail: "Not you" })
    const answer = await call("GET /fail/hard")
    expect(answer.json).toMatchObject({ status: 500, code: "internal" })
    expect(JSON.stringify(answer.json)).not.toContain("secret")
  })

  it("prefer a fixed segment over a parameter, whatever the order", async () => {
    const call = serve(
      resources.getter("/p/:id", ({ id }) => `item ${id}`).getter("/p/latest", () => "latest"),
    )
    expect((await call("GET /p/latest")).json).toBe("latest")
    expect((await call("GET /p/7")).json).toBe("item 7")
  })
})
