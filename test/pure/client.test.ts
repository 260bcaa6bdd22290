/** The typed client: its routes, what it sends, what it makes of an answer, and what it weighs. */
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { describe, expect, it } from "vitest"
import { CallError, createClient } from "../../src/client/http.ts"
import { applyPatch } from "../../src/client/replica-series.ts"
import { api } from "../../src/protocol/api.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import { routes } from "../../src/protocol/routes.ts"

/** A client whose service answers this, and the requests it was sent. */
function clientOf(answer: () => Response, base = "https://tidemark.test/") {
  const sent: { url: string; init: RequestInit & { headers: Record<string, string> } }[] = []
  const client = createClient(base, {
    headers: { Authorization: "Bearer t" },
    fetch: async (url, init) => {
      sent.push({ url, init: init as (typeof sent)[number]["init"] })
      return answer()
    },
  })
  return { ...client, sent }
}

const json =
  (value: unknown, status = 200, headers = {}) =>
  () =>
    new Response(JSON.stringify(value), {
      status,
      headers: { "Content-Type": "application/json", ...headers },
    })

describe("routes", () => {
  it("say of every endpoint what its line of the table says", () => {
    const table = Object.entries<Endpoint>(api).map(([name, { method, path }]) => [
      name,
      [method, path],
    ])
    expect(routes).toEqual(Object.fromEntries(table))
  })
})

describe("call", () => {
  it("fills the path, sends JSON and conditions, and answers the revision", async () => {
    const { call, sent } = clientOf(
      () => new Response(null, { status: 204, headers: { ETag: '"42"' } }),
    )
    const reply = await call("documents.put", {
      params: { name: "a/b c" },
      body: { data: { theme: "dark" } },
      ifMatch: [40, 41],
      headers: { "X-Trace": "1" },
    })
    expect(reply).toMatchObject({ status: 204, body: undefined, revision: 42 })
    expect(sent).toMatchObject([
      {
        url: "https://tidemark.test/api/apps/a%2Fb%20c",
        init: {
          method: "PUT",
          body: '{"data":{"theme":"dark"}}',
          headers: {
            Authorization: "Bearer t",
            "Content-Type": "application/json",
            "If-Match": '"40","41"',
            "X-Trace": "1",
          },
        },
      },
    ])
  })

  it("reads JSON, and types it by the table", async () => {
    const { call, sent } = clientOf(json([{ name: "todo" }], 200, { ETag: 'W/"7"' }))
    const { body, revision } = await call("documents.list")
    const name: string | undefined = body[0]?.name
    expect([name, revision]).toEqual(["todo", 7])
    expect(sent[0]?.init.headers).not.toHaveProperty("Content-Type")
  })

  it("takes a 304 for an answer: the caller has it already", async () => {
    const { call } = clientOf(() => new Response(null, { status: 304, headers: { ETag: '"7"' } }))
    const reply = await call("documents.get", { params: { name: "todo" }, ifNoneMatch: 7 })
    expect(reply).toMatchObject({ status: 304, body: undefined, revision: 7 })
  })

  it("throws what is neither 2xx nor 304, with the problem", async () => {
    const problem = { code: "not_found", detail: 'There is no document "x"' }
    const { call } = clientOf(json(problem, 404, { "Content-Type": "application/problem+json" }))
    const error = await call("documents.get", { params: { name: "x" } }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(CallError)
    expect(error).toMatchObject({
      status: 404,
      problem,
      message: 'GET /api/apps/x answered 404: There is no document "x"',
    })
  })

  it("throws on an error page that is no problem document, too", async () => {
    const { call } = clientOf(() => new Response("<h1>Bad gateway</h1>", { status: 502 }))
    await expect(call("documents.list")).rejects.toMatchObject({ status: 502, problem: {} })
  })

  it("refuses at compile time what the table does not have", () => {
    const { call } = createClient("")
    // Never run: the compiler is the test.
    const never = () => [
      // @ts-expect-error no such endpoint
      call("documents.eat"),
      // @ts-expect-error the name is missing
      call("documents.get"),
      // @ts-expect-error the name is a text
      call("documents.get", { params: { name: 1 } }),
      // @ts-expect-error data is missing
      call("documents.put", { params: { name: "a" }, body: {} }),
      // @ts-expect-error scale is a number
      call("compute.sum", { body: { param: { scale: "2" }, scalar: { headers: [], data: [] } } }),
    ]
    expect(never).toBeTypeOf("function")
  })
})

describe("request", () => {
  it("reaches the resources that are defined in code", async () => {
    const { request, sent } = clientOf(json({ id: "1" }, 201), "")
    const { status, body } = await request("POST", "/todo/", { body: { text: "tea" } })
    expect([status, body]).toEqual([201, { id: "1" }])
    expect(sent[0]).toMatchObject({ url: "/todo/", init: { body: '{"text":"tea"}' } })
  })

  it("reads numbers as the caller's parser does", async () => {
    const client = createClient("", {
      fetch: async () => json({ n: 1 })(),
      parse: (text) => ({ text }),
    })
    expect((await client.request("GET", "/")).body).toEqual({ text: '{"n":1}' })
  })
})

describe("uri", () => {
  it("is what a subscription names", () => {
    const { uri } = createClient("https://tidemark.test")
    expect(uri("documents.list")).toBe("/api/apps/")
    expect(uri("documents.get", { params: { name: "ä" } })).toBe("/api/apps/%C3%A4")
  })
})

describe("the bundle", () => {
  it("is small, and holds no zod", async () => {
    const { outputFiles } = await build({
      entryPoints: ["src/client/http.ts"],
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
      metafile: true,
    })
    const code = outputFiles[0]!.contents
    expect(new TextDecoder().decode(code)).not.toMatch(/zod|safeParse/i)
    expect(gzipSync(code).byteLength).toBeLessThan(5_000)
  })
})

describe("a patch of a series", () => {
  const frame = {
    v: { "2015-01-01": 1, "2015-01-03": 3 },
    w: { "2015-01-01": "a", "2015-01-03": null },
  }

  it("takes ranges away, both ends inclusive, and puts whole rows in their place in time", () => {
    const patched = applyPatch(frame, {
      removed: [["2015-01-03", "2015-01-05"]],
      rows: { columns: ["w"], index: ["2015-01-02"], data: [["b"]] },
    })
    const wanted = {
      v: { "2015-01-01": 1, "2015-01-02": null },
      w: { "2015-01-01": "a", "2015-01-02": "b" },
    }
    expect(JSON.stringify(patched)).toBe(JSON.stringify(wanted))
  })

  it("adds columns at the end, null where a row lacks them, and leaves what it was given", () => {
    const before = structuredClone(frame)
    const rows = { columns: ["v", "x"], index: ["2015-01-01"], data: [[9, true]] }
    expect(applyPatch(frame, { removed: [], rows })).toEqual({
      v: { "2015-01-01": 9, "2015-01-03": 3 },
      w: { "2015-01-01": null, "2015-01-03": null },
      x: { "2015-01-01": true, "2015-01-03": null },
    })
    expect(frame).toEqual(before)
  })

  it("compares integers by size", () => {
    const numbers = { v: { "-5": 1, "9": 2, "10": 3 } }
    const patched = applyPatch(numbers, {
      removed: [[9, 9]],
      rows: { columns: ["v"], index: [-6], data: [[0]] },
    })
    expect(patched).toEqual({ v: { "-6": 0, "-5": 1, "10": 3 } })
  })
})
