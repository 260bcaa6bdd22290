import { env, exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { endpoints, handle } from "../src/app.ts"
import { send } from "./helpers.ts"

const raw = (uri: string, init?: RequestInit): Promise<Response> =>
  exports.default.fetch(new Request(`https://tidemark.test${uri}`, init))

describe("the edge", () => {
  it("answers a URI that no route matches with a problem that says where the routes are listed", async () => {
    for (const uri of ["/nope", "/api", "/api/apps/a/b/c", "/api//apps/x", "/todo/a/b"]) {
      const answer = await send(`GET ${uri}`)
      expect(answer.json, uri).toMatchObject({
        status: 404,
        code: "unknown_uri",
        type: expect.any(String),
      })
      expect(answer.headers.get("Content-Type")).toBe("application/problem+json")
    }
  })

  it("answers a method that a resource does not take with 405 and Allow", async () => {
    const answer = await send("DELETE /api/apps")
    expect(answer).toMatchObject({ status: 405, json: { code: "method_not_allowed" } })
    expect(answer.headers.get("Allow")).toBe("GET, HEAD, POST, OPTIONS")
    expect((await send("PATCH /todo/")).headers.get("Allow")).toBe("GET, HEAD, POST, OPTIONS")
  })

  it.each([
    ["PUT /api/apps/slip?expires_in=5", { data: {} }, "expires_in"],
    ["PATCH /api/apps/slip?ttl=5", { data: { n: 2 } }, "ttl"],
    ["POST /api/apps?name=slip2", { name: "slip2", data: {} }, "name"],
    ["PUT /api/store/slips/slip?mod=append", { v: { "2015-01-02": 2 } }, "mod"],
    ["POST /api/store/slips/slip?orient=columns&on_dup=error", { v: {} }, "on_dup"],
  ])("refuses %s, a parameter of a write that it does not know", async (request, body, name) => {
    await send("PUT /api/apps/slip", { data: { n: 1 } })
    await send("PUT /api/store/slips/slip", { v: { "2015-01-02": 1 } })
    const position = (await send("GET /api/changes?since=now")).json.position
    const errors = { query: expect.stringContaining(`"${name}"`) }
    expect((await send(request, body)).json).toMatchObject({ status: 400, errors })
    expect((await send("GET /api/changes?since=now")).json.position).toBe(position)
  })

  it("answers HEAD as GET without the body, and keeps its status", async () => {
    await send("PUT /api/apps/head", { data: { a: 1 } })
    const get = await send("GET /api/apps/head")
    const head = await send("HEAD /api/apps/head")
    expect(head).toMatchObject({ status: 200, text: "", revision: get.revision })
    expect((await send("HEAD /api/apps/nobody")).status).toBe(404)
    expect((await send("HEAD /method/")).status).toBe(405)
  })

  it("lets any page in: CORS on every answer, and the status stays", async () => {
    for (const [request, status] of [
      ["GET /api/apps", 200],
      ["GET /nope", 404],
      ["DELETE /api/apps", 405],
      ["PUT /api/apps/x", 415],
    ] as const) {
      const answer = await send(request)
      expect(answer.status, request).toBe(status)
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*")
      expect(answer.headers.get("Access-Control-Expose-Headers")).toContain("ETag")
    }
  })

  it("answers a preflight with the methods of the resource and the headers asked for", async () => {
    const answer = await raw("/api/apps/x", {
      method: "OPTIONS",
      headers: { "Access-Control-Request-Headers": "if-match, x-anything" },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get("Access-Control-Allow-Methods")).toBe(
      "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
    )
    expect(answer.headers.get("Access-Control-Allow-Headers")).toBe("if-match, x-anything")
    expect((await raw("/nope", { method: "OPTIONS" })).status).toBe(404)
  })

  it("leaves an upgrade alone, and tells who comes without one", async () => {
    const upgraded = await raw("/live", { headers: { Upgrade: "websocket" } })
    expect(upgraded.status).toBe(101)
    upgraded.webSocket?.accept()
    upgraded.webSocket?.close()
    const answer = await send("GET /live")
    expect(answer).toMatchObject({ status: 426, json: { code: "upgrade_required" } })
    expect(answer.headers.get("Upgrade")).toBe("websocket")
  })

  it("says what a request cost", async () => {
    const stored = await send("PUT /api/apps/cost", { data: {} })
    expect(stored.headers.get("Server-Timing")).toMatch(
      /^d1;desc="6 queries, \d+ rows read, 3 rows written"$/,
    )
    const replaced = await send("PUT /api/apps/cost", { data: { n: 2 } })
    expect(Number(replaced.headers.get("X-Rows-Written"))).toBeLessThanOrEqual(3)
    const read = await send("GET /api/apps/cost")
    expect(read.headers.get("Server-Timing")).toMatch(
      /^d1;desc="1 queries, \d rows read, 0 rows written"$/,
    )
  })

  it("tells nothing of the inside when something breaks there", async () => {
    const broken = {
      ...env,
      DB: {
        prepare: () => {
          throw new Error("secret table")
        },
      } as unknown as D1Database,
    }
    const surroundings = { env: broken, now: () => 0, newId: () => "x", poke: () => {} }
    const answer = await handle(
      new Request("https://tidemark.test/api/apps"),
      surroundings as never,
    )
    expect(answer.status).toBe(500)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: "internal" })
    expect(text).not.toContain("secret")
  })

  it("asks for patience when the database is overloaded", async () => {
    const overloaded = {
      ...env,
      DB: {
        prepare: () => ({
          all: async () => {
            throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.")
          },
        }),
      } as unknown as D1Database,
    }
    const surroundings = { env: overloaded, now: () => 0, newId: () => "x", poke: () => {} }
    const answer = await handle(
      new Request("https://tidemark.test/api/apps"),
      surroundings as never,
    )
    expect(answer.status).toBe(503)
    expect(answer.headers.get("Retry-After")).toBe("1")
  })

  it("has one line for each method of each path", () => {
    const lines = endpoints.map(({ method, path }) => `${method} ${path.replace(/\/$/, "")}`)
    expect(new Set(lines).size).toBe(lines.length)
  })
})
