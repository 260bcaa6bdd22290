/** The document as it is served. That it is valid is tested in test/pure/openapi.test.ts. */
import { exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { endpoints } from "../src/app.ts"
import { createClient } from "../src/client/http.ts"
import { send } from "./helpers.ts"

describe("/api/openapi.json", () => {
  it("describes what the router answers: every line, nothing else", async () => {
    const { status, json } = await send("GET /api/openapi.json")
    expect(status).toBe(200)
    expect(json.openapi).toMatch(/^3\.1\./)
    const served = Object.entries<object>(json.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const lines = endpoints.map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)\*?/g, "{$1}")}`,
    )
    expect(served.sort()).toEqual(lines.sort())
  })

  it("is /api/schema too", async () => {
    const [one, other] = [await send("GET /api/openapi.json"), await send("GET /api/schema")]
    expect(other.text).toBe(one.text)
  })

  it("costs no query", async () => {
    const { headers } = await send("GET /api/openapi.json")
    expect(headers.get("X-Rows-Read")).toBe("0")
  })
})

describe("the typed client, a fold over the same table", () => {
  const { call, request } = createClient("https://tidemark.test", {
    fetch: (url, init) => (exports as any).default.fetch(new Request(url, init)),
  })
  const params = { name: "a/b ü" }

  it("writes, reads, is told what it has already, and is refused with what is there", async () => {
    const put = await call("documents.put", { params, body: { data: { x: 1 } } })
    const got = await call("documents.get", { params })
    expect(got.body).toEqual({ name: "a/b ü", data: { x: 1 } })
    expect(got.revision).toBe(put.revision)
    const again = await call("documents.get", { params, ifNoneMatch: put.revision! })
    expect(again).toMatchObject({ status: 304, body: undefined })
    const stale = call("documents.patch", { params, body: { data: { x: 2 } }, ifMatch: 1e9 })
    await expect(stale).rejects.toMatchObject({
      status: 412,
      problem: { code: "precondition_failed", current: { data: { x: 1 } } },
    })
  })

  it("reaches resources that are defined in code", async () => {
    const { body, headers } = await request("POST", "/todo/", { body: { text: "tea" } })
    expect((await request("GET", headers.get("Location")!)).body).toEqual(body)
  })
})
