/** What the original lost or told too often, each as it happened there. */
import { describe, expect, it } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

describe("who follows a resource", () => {
  it("loses no update that is made while it joins", async () => {
    for (let round = 0; round < 10; round++) {
      const uri = `/api/apps/joining-${round}`
      await send(`PUT ${uri}`, { data: { n: 0 } })
      const one = await connect()
      // Nobody waits: the update falls before, into or behind the making of the subscription.
      const joined = one.ask(`subscribe ${uri}`)
      const updated = send(`PATCH ${uri}`, { data: { n: 1 } })
      await Promise.all([joined, updated])
      const last = (await one.rest()).at(-1)
      expect(last.event === "patch" ? last.patch.data.n : last.resource.data.n).toBe(1)
    }
  })

  it("hears of a change once, also where it follows the list by several names", async () => {
    await send("PUT /api/apps/once", { data: { n: 0 } })
    const one = await connect()
    const names = ["/api/apps/once", "/api/apps/", "/api/apps", "api//apps/", "/api/apps/on%63e"]
    for (const name of names) await one.ask(`subscribe ${name}`)
    await one.rest()
    await send("PATCH /api/apps/once", { data: { n: 1 } })
    await send("DELETE /api/apps/once")
    expect((await one.rest()).map(({ event }) => event)).toEqual(["patch", "delete"])
  })

  it("hears of what is written under another spelling of its URI", async () => {
    await send("PUT /api/apps/sp%61ce", { data: {} })
    const one = await connect()
    expect(await one.ask("subscribe api/apps//space")).toMatchObject({ uri: "/api/apps/space" })
    await one.rest()
    expect(
      await one.ask({ event: "patch", uri: "api/apps/space", patch: { data: { n: 1 } } }),
    ).toMatchObject({ ok: true })
    expect((await one.rest()).map(({ uri }) => uri)).toEqual(["/api/apps/space"])
  })

  it("cannot listen to another connection: there is no room that is named by one", async () => {
    const [one, other] = [await connect(), await connect()]
    const { position, epoch } = await other.ask("subscribe /todo/")
    for (const uri of ["0", "1", String(position), epoch, "hub-0", `/live/${epoch}`]) {
      expect(await one.ask({ event: "subscribe", uri })).toMatchObject({
        ok: false,
        problem: { code: "unknown_uri" },
      })
    }
    await other.ask({ event: "create", uri: "/todo/", attributes: {} })
    expect(await one.rest()).toEqual([])
  })
})
