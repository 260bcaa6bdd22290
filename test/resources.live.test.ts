import { describe, expect, it } from "vitest"
import { resources } from "../src/resources/resources.ts"
import { stored } from "../src/resources/tools.ts"
import { hubFor, serve } from "./resources.world.ts"

/** Prices are stored in cents and shown in euros. */
const prices = resources
  .creator("/prices/", async (_params, { id, cents }: any, { documents, uri }) => {
    await documents.create(uri + id, { id, cents })
    return { id, cents }
  })
  .getter("/prices/:id", async (_params, { documents, uri }) => {
    const price = (await documents.get(uri))?.value as { id: string; cents: number } | undefined
    return price && { id: price.id, euros: price.cents / 100 }
  })
  .patcher("/prices/:id", (_params, patch, { documents, uri }) => documents.patch(uri, patch))
  .deleter("/prices/:id", (_params, { documents, uri }) => documents.remove(uri))

describe("a getter that answers other than what is stored", () => {
  it("is what followers of the item hold, after every kind of change", async () => {
    const call = serve(prices)
    const hub = hubFor(prices)
    const copy = await hub.follow("/prices/tea")
    for (const [request, body] of [
      ["POST /prices/", { id: "tea", cents: 250 }],
      ["PATCH /prices/tea", { cents: 300 }],
      ["PATCH /prices/tea", { cents: 310 }],
      ["DELETE /prices/tea", undefined],
      ["POST /prices/", { id: "tea", cents: 5 }],
    ] as const) {
      expect((await call(request, body)).status).toBeLessThan(300)
      await hub.deliver()
      const now = await call("GET /prices/tea")
      expect(copy.value ?? null, request).toEqual(now.status === 200 ? now.json : null)
    }
    expect(hub.frames.every(({ resource }) => !resource || "euros" in resource)).toBe(true)
    expect(hub.failures).toEqual([])
  })

  it("is what followers of its list hold, whether the list shows all, some or other things", async () => {
    const lists = {
      other: prices.getter("/prices/", async (_params, { documents, uri }) =>
        ((await documents.list(uri)).value as any[]).map(({ cents }) => cents / 100),
      ),
      some: prices.getter("/prices/", async (_params, { documents, uri }) =>
        ((await documents.list(uri)).value as any[]).filter(({ cents }) => cents > 200),
      ),
      stored: prices.getter("/prices/", stored),
    }
    for (const [name, defined] of Object.entries(lists)) {
      const call = serve(defined)
      const hub = hubFor(defined)
      const copy = await hub.follow("/prices/")
      for (const [request, body] of [
        ["POST /prices/", { id: name, cents: 250 }],
        ["PATCH /prices/" + name, { cents: 150 }],
        ["DELETE /prices/" + name, undefined],
      ] as const) {
        expect((await call(request, body)).status).toBeLessThan(300)
        await hub.deliver()
        expect(copy.value, `${name}: ${request}`).toEqual((await call("GET /prices/")).json)
      }
    }
  })

  it("leaves what is stored as it is told change by change", async () => {
    const notes = resources
      .creator("/notes/", async (_params, note: any, { documents, uri }) => {
        await documents.create(uri + note.id, note)
        return note
      })
      .getter("/notes/", stored)
      .getter("/notes/:id", stored)
      .patcher("/notes/:id", (_params, patch, { documents, uri }) => documents.patch(uri, patch))
    const call = serve(notes)
    const hub = hubFor(notes)
    const copy = await hub.follow("/notes/")
    await call("POST /notes/", { id: "a", text: "x" })
    await call("PATCH /notes/a", { text: "y" })
    await hub.deliver()
    expect(hub.frames.map(({ event }) => event)).toEqual(["state", "create", "patch"])
    expect(copy.value).toEqual([{ id: "a", text: "y" }])
  })
})
