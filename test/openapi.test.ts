/** The document as it is served. That it is valid is tested in test/pure/openapi.test.ts. */
import { describe, expect, it } from "vitest"
import { endpoints } from "../src/app.ts"
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
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`,
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
