import { describe, expect, expectTypeOf, it } from "vitest"
import { endpoints } from "../src/app.ts"
import { openapiOf } from "../src/http/openapi.ts"
import { linesOf } from "../src/resources/mounted.ts"
import { InvalidUriError } from "../src/resources/path.ts"
import { resources } from "../src/resources/resources.ts"
import { stored } from "../src/resources/tools.ts"
import { hubFor, serve } from "./resources.world.ts"

const echo = (params: unknown) => ({ params })

describe("converters in a path", () => {
  const defined = resources
    .getter("/c/int/<int:n>", echo)
    .getter("/c/float/<float:x>", echo)
    .getter("/c/uuid/<uuid:id>", echo)
    .getter("/c/any/<any(red, green):colour>/x", echo)
    .getter("/c/path/<path:rest>", echo)
    .getter("/c/text/<name>", echo)
    .patcher("/c/int/<int:n>", () => {})
  const call = serve(defined)

  it("give handlers what they convert to", async () => {
    const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    for (const [uri, params] of [
      ["/c/int/7", { n: 7 }],
      ["/c/int/007", { n: 7 }],
      ["/c/float/1.50", { x: 1.5 }],
      [`/c/uuid/${uuid}`, { id: uuid }],
      ["/c/any/red/x", { colour: "red" }],
      ["/c/path/a/b%20c/d", { rest: "a/b c/d" }],
      ["/c/text/a%20b", { name: "a b" }],
    ] as const) {
      expect(await call(`GET ${uri}`), uri).toMatchObject({ status: 200, json: { params } })
    }
  })

  it("make a URI unknown that does not convert, whatever the method", async () => {
    for (const uri of [
      "/c/int/-1",
      "/c/int/1.0",
      "/c/int/99999999999999999999",
      "/c/float/1",
      "/c/uuid/7",
      "/c/any/blue/x",
      "/c/path/",
    ]) {
      for (const method of ["GET", "DELETE", "OPTIONS"]) {
        const answer = await call(`${method} ${uri}`)
        expect([answer.status, answer.json?.code], `${method} ${uri}`).toEqual([404, "unknown_uri"])
      }
    }
    expect((await call("PATCH /c/int/x", {})).json.code).toBe("unknown_uri")
    const { command } = hubFor(defined)
    expect(await command({ event: "subscribe", uri: "/c/int/x" })).toMatchObject({
      ok: false,
      problem: { code: "unknown_uri" },
    })
    expect(await command({ event: "subscribe", uri: "/c/int/5" })).toMatchObject({ ok: true })
  })

  it("leave what they do not take to the next path that does, in whatever order these are defined", async () => {
    const words = resources
      .getter("/n/<path:rest>", () => "rest")
      .getter("/n/:name", () => "text")
      .patcher("/n/:name", () => {})
      .getter("/n/<float:x>", () => "float")
      .getter("/n/<int:n>", () => "int")
      .deleter("/n/<int:n>", () => {})
      .getter("/n/7", () => "seven")
    const ask = serve(words)
    const { command, frames } = hubFor(words)
    for (const [uri, found] of [
      ["/n/7", "seven"],
      ["/n/8", "int"],
      ["/n/8.5", "float"],
      ["/n/eight", "text"],
      ["/n/8/eight", "rest"],
    ] as const) {
      expect([uri, (await ask(`GET ${uri}`)).json]).toEqual([uri, found])
      expect(await command({ event: "subscribe", uri })).toMatchObject({ ok: true, uri })
      expect(frames.at(-1)).toMatchObject({ event: "state", uri, resource: found })
    }
    expect((await ask("PATCH /n/8", {})).status).toBe(204)
    expect((await ask("DELETE /n/eight")).status).toBe(405)
    expect((await ask("OPTIONS /n/eight")).headers.get("Allow")).toMatch(/PATCH/)
  })

  it("are types for handlers and types in OpenAPI", () => {
    resources.getter("/a/<int:n>/b/<float:x>/:id/<name>", (params) => {
      expectTypeOf(params.n).toEqualTypeOf<number>()
      expectTypeOf(params.x).toEqualTypeOf<number>()
      expectTypeOf(params.id).toEqualTypeOf<string>()
      expectTypeOf(params.name).toEqualTypeOf<string>()
    })
    const { paths } = openapiOf(linesOf(defined).map(({ endpoint }) => endpoint)) as any
    const schemaOf = (path: string) => paths[path].get.parameters[0].schema
    expect(schemaOf("/c/int/{n}")).toMatchObject({ type: "integer", minimum: 0 })
    expect(schemaOf("/c/float/{x}")).toMatchObject({ type: "number" })
    expect(schemaOf("/c/uuid/{id}")).toMatchObject({ type: "string", format: "uuid" })
    expect(schemaOf("/c/any/{colour}/x")).toMatchObject({ enum: ["red", "green"] })
    expect(endpoints.some(({ path }) => path.includes("<"))).toBe(false)
  })

  it("are refused where they are defined when they are none, or two ways of writing one path", () => {
    for (const path of [
      "/x/<int:>",
      "/x/<int:a",
      "/x/<what:a>",
      "/x/<int(3):a>",
      "/x/<any:a>",
      "/x/<path:a>/b",
      "/x/:a/:a",
      "/x/<path:a>/",
    ]) {
      expect(() => resources.getter(path, echo), path).toThrow(InvalidUriError)
    }
    expect(() => resources.getter("/x/:a", echo).patcher("/x/<int:a>", echo)).toThrow(/same path/)
  })
})

describe("lists in lists", () => {
  const boards = resources
    .creator("/boards/", async (_params, board: any, { documents, uri }) => {
      await documents.create(uri + board.id, board)
      return board
    })
    .getter("/boards/", stored)
    .getter("/boards/<int:board>", stored)
    .deleter("/boards/<int:board>", async (_params, { documents, uri }) => {
      await documents.removeAll(`${uri}/cards/`)
      await documents.remove(uri)
    })
    .creator("/boards/<int:board>/cards/", async ({ board }, card: any, { documents, uri }) => {
      if (!(await documents.get(`/boards/${board}`))) return null
      const made = { ...card, board }
      await documents.create(uri + card.id, made)
      return made
    })
    .getter("/boards/<int:board>/cards/", stored)
    .getter("/boards/<int:board>/cards/:id", stored)
    .patcher("/boards/<int:board>/cards/:id", (_params, patch, { documents, uri }) =>
      documents.patch(uri, patch),
    )
  const call = serve(boards)

  it("have members of their own, watched apart", async () => {
    const hub = hubFor(boards)
    for (const id of [1, 2]) await call("POST /boards/", { id })
    const uris = ["/boards/", "/boards/1/cards/", "/boards/2/cards/", "/boards/1/cards/a"]
    const copies = []
    for (const uri of uris) copies.push(await hub.follow(uri))
    const made = await call("POST /boards/1/cards/", { id: "a", n: 1 })
    expect(made).toMatchObject({ status: 201, json: { id: "a", n: 1, board: 1 } })
    expect(made.headers.get("Location")).toBe("/boards/1/cards/a")
    await call("POST /boards/2/cards/", { id: "b" })
    await call("PATCH /boards/1/cards/a", { n: 2 })
    await hub.deliver()
    for (const copy of copies) expect(copy.value).toEqual((await call(`GET ${copy.uri}`)).json)
    expect(copies[1]?.value).toEqual([{ id: "a", n: 2, board: 1 }])
  })

  it("go with the item above them in one commit, each card told as deleted", async () => {
    await call("POST /boards/", { id: 7 })
    for (const id of ["a", "b c", "d"]) await call("POST /boards/7/cards/", { id })
    const hub = hubFor(boards)
    const cards = await hub.follow("/boards/7/cards/")
    const card = await hub.follow("/boards/7/cards/b%20c")
    expect(cards.value).toHaveLength(3)
    expect((await call("DELETE /boards/7")).status).toBe(204)
    await hub.deliver()
    expect(cards.value).toEqual([])
    expect(card.value).toBeUndefined()
    expect((await call("GET /boards/7/cards/")).json).toEqual([])
    expect((await call("GET /boards/7")).status).toBe(404)
    expect((await call("DELETE /boards/7")).status).toBe(404)
  })

  it("leave no card behind that was made while its board was deleted", async () => {
    await call("POST /boards/", { id: 8 })
    await Promise.all([
      ...Array.from({ length: 10 }, (_, id) => call("POST /boards/8/cards/", { id: `${id}` })),
      call("DELETE /boards/8"),
    ])
    expect((await call("GET /boards/8")).status).toBe(404)
    expect((await call("GET /boards/8/cards/")).json).toEqual([])
  })
})
