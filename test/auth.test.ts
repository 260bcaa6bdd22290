import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { handle } from "../src/app.ts"

/** Sends to a deployment that has these secrets. */
function deployment(secrets: { WRITE_TOKEN?: string; READ_TOKEN?: string }) {
  const surroundings = {
    env: { ...env, ...secrets },
    now: () => 0,
    newId: () => "x",
    poke: () => {},
  }
  return async (request: string, token?: string) => {
    const [method = "", uri = ""] = request.split(" ")
    const headers = new Headers({ "Content-Type": "application/json" })
    if (token) headers.set("Authorization", `Bearer ${token}`)
    const body = BODIES[uri] ?? (method === "PUT" ? '{"data":{}}' : null)
    const sent = new Request(`https://tidemark.test${uri}`, { method, headers, body })
    return handle(sent, surroundings as never)
  }
}

const BODIES: Record<string, string> = {
  "/api/batch": '{"operations":[{"method":"DELETE","uri":"/api/apps/auth"}]}',
  "/api/store/auth/s?orient=split": '{"columns":["x"],"index":["2026-01-01"],"data":[[1]]}',
  "/api/store/": "auth x=1 1420070400",
}

const READ = "GET /api/apps"
const WRITE = "PUT /api/apps/auth"

describe("tokens", () => {
  it("are not needed where none is set", async () => {
    const call = deployment({})
    expect((await call(READ)).status).toBe(200)
    expect((await call(WRITE)).status).toBe(204)
  })

  it("guard writes while reads stay open, when only the one for writing is set", async () => {
    const call = deployment({ WRITE_TOKEN: "w" })
    expect((await call(READ)).status).toBe(200)
    const refused = await call(WRITE)
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ code: "forbidden" })
    expect((await call(WRITE, "w")).status).toBe(204)
  })

  it("guard reads too, when both are set", async () => {
    const call = deployment({ WRITE_TOKEN: "w", READ_TOKEN: "r" })
    const refused = await call(READ)
    expect(refused.status).toBe(401)
    expect(refused.headers.get("WWW-Authenticate")).toBe("Bearer")
    expect((await call(READ, "r")).status).toBe(200)
    expect((await call(WRITE, "r")).status).toBe(403)
    for (const request of [READ, WRITE]) expect((await call(request, "w")).ok).toBe(true)
  })

  it("are needed by every operation of a batch, and by whatever writes", async () => {
    const call = deployment({ WRITE_TOKEN: "w" })
    await call(WRITE, "w")
    const refused = await call("POST /api/batch")
    expect(refused.status).toBe(403)
    expect((await call(READ)).status).toBe(200)
    expect((await call("PATCH /api/store/auth/")).status).toBe(403)
    for (const uri of Object.keys(BODIES)) {
      expect((await call(`POST ${uri}`)).status, uri).toBe(403)
      expect((await call(`POST ${uri}`, "w")).status, uri).toBe(200)
    }
  })

  it("that are wrong are no tokens, and say so even where reads are open", async () => {
    const call = deployment({ WRITE_TOKEN: "w" })
    expect((await call(READ, "wrong")).status).toBe(401)
    expect((await call(WRITE, "wrong")).status).toBe(401)
  })

  it("may travel in the query of a GET, for who cannot set headers, and nowhere else", async () => {
    const call = deployment({ WRITE_TOKEN: "w", READ_TOKEN: "r" })
    expect((await call(`${READ}?token=r`)).status).toBe(200)
    expect((await call(`${WRITE}?token=w`)).status).toBe(401)
  })

  it("are not asked for by what describes the service", async () => {
    const call = deployment({ WRITE_TOKEN: "w", READ_TOKEN: "r" })
    expect((await call("GET /api/openapi.json")).status).toBe(200)
  })
})
