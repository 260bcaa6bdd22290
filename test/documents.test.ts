import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"

describe("documents", () => {
  it("come back as they were put, with their name", async () => {
    const put = await send("PUT /api/apps/todo", { data: { theme: "dark" } })
    expect(put.status).toBe(204)
    expect(put.text).toBe("")
    const got = await send("GET /api/apps/todo")
    expect(got.text).toBe('{"name":"todo","data":{"theme":"dark"}}')
    expect(got.revision).toBe(put.revision)
  })
})
