/** Every GET line of the table: who may follow it holds what GET answers, and what cannot be followed says so. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { endpoints } from "../src/app.ts"
import type { Live } from "../src/client/live.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { open, settled } from "./live.world.ts"

const lives: Live[] = []
afterEach(() => lives.splice(0).forEach((live) => live.close()))

const FRAME = { columns: ["v"], index: ["2026-01-01", "2026-01-02"], data: [[1], [2]] }
const MORE = { columns: ["v"], index: ["2026-01-02", "2026-01-03"], data: [[5], [6]] }

/** Of each line a URI, of which something is changed. */
const PLACES: Record<string, string> = {
  "/api/apps/": "/api/apps/",
  "/api/apps/:name": "/api/apps/lined",
  "/api/apps/:name/history": "/api/apps/lined/history",
  "/api/apps/:name/diff": "/api/apps/lined/diff?from=1",
  "/api/apps/:name/data/:pointer*": "/api/apps/lined/data/n",
  "/api/export/apps": "/api/export/apps",
  "/keys/": "/keys/",
  "/keys/:id": "/keys/lined",
  "/keys/:id/value": "/keys/lined/value",
  "/api/store/": "/api/store/",
  "/api/store/:reference/": "/api/store/lined/",
  "/api/store/:reference/:symbol": "/api/store/lined/one",
  "/api/changes": "/api/changes?uri=/keys/*",
  "/metrics": "/metrics",
  "/api/openapi.json": "/api/openapi.json",
  "/api/schema": "/api/schema",
  "/todo/": "/todo/",
  "/todo/:id": "/todo/<id>",
}

const lines = endpoints.filter(({ method, upgrades }) => method === "GET" && !upgrades)

describe("a line of the table", () => {
  it("has a place here", () => {
    expect(lines.map(({ path }) => path).toSorted()).toEqual(Object.keys(PLACES).toSorted())
  })

  it.each(lines.map(({ path, verb }) => [PLACES[path] as string, verb] as const))(
    "%s (%s) is followed rightly, or not at all",
    async (place, verb) => {
      await send("PUT /api/apps/lined", { data: { n: 1 } })
      await send("PUT /keys?lined=1")
      await send("PUT /api/store/lined/one?orient=split", FRAME)
      const { json: todo } = await send("POST /todo/", { text: "line" })
      const uri = place.replace("<id>", todo.id)
      if (verb === "call") {
        const one = await connect()
        const refused = await one.ask(`subscribe ${uri}`)
        expect(refused).toMatchObject({ ok: false, problem: { code: "unknown_uri", status: 404 } })
        return
      }
      const live = open()
      lives.push(live)
      const copy = live.subscribe(uri)
      await copy.ready
      await send("PATCH /api/apps/lined", { data: { n: 2 } })
      await send("PUT /api/apps/lined-too", { data: {} })
      await send("PUT /keys?lined=2")
      await send("PUT /api/store/lined/one?orient=split", MORE)
      await send("PUT /api/store/lined/two?orient=split", MORE)
      await send(`PATCH /todo/${todo.id}`, { completed: true })
      await settled(live)
      const { json } = await send(`GET ${uri}`)
      // Marks of the settled come and go.
      const isMark = (element: any) => String(element?.name).startsWith("settled-")
      const plain = (value: any) =>
        Array.isArray(value) ? value.filter((element) => !isMark(element)) : value
      await vi.waitFor(() => expect(plain(copy.value)).toEqual(plain(json)))
    },
  )
})

describe("a URI", () => {
  it("that no request could carry is taken as a request would have it", async () => {
    const one = await connect()
    for (const uri of [
      "/api/apps/\\ud800x",
      "/api/apps/?where=\\udfff",
      "/api/\\udc00*",
      "\\ud800",
    ]) {
      one.say(`{"id":7001,"event":"subscribe","uri":"${uri}"}`)
      const { ok, problem } = (await one.reply(7001)) as any
      expect(ok || problem.status < 500, `${uri}: ${JSON.stringify(problem)}`).toBe(true)
      one.say(`{"id":7002,"event":"unsubscribe","uri":"${uri}"}`)
      expect(await one.reply(7002)).toMatchObject({ ok: true })
      one.say(`{"id":7003,"event":"patch","uri":"${uri}","patch":{}}`)
      expect(((await one.reply(7003)) as any).problem.status).toBeLessThan(500)
    }
  })
})
