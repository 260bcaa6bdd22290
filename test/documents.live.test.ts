import { describe, expect, it } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"
import { open, until } from "./live.world.ts"

const put = (name: string, data: object) => send(`PUT /api/apps/${name}`, { data })

const uriOf = (query: Record<string, string>) => `/api/apps/?${new URLSearchParams(query)}`

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const QUERIES: Record<string, string>[] = [
  { prefix: "v1-", where: 'data.theme eq "dark"', fields: "name,data.size" },
  { prefix: "v2-", sort: "-data.size,name", limit: "3", fields: "*" },
  { prefix: "v3-", where: "data.size gt 1 or data.tags contains 2", sort: "-revision", limit: "2" },
]

describe("a subscriber of a filtered list of documents", () => {
  it.each(QUERIES)("holds what GET answers, whatever is written: %o", async (query) => {
    const one = await connect()
    const uri = uriOf(query)
    expect(await one.ask({ event: "subscribe", uri })).toMatchObject({ ok: true })
    const states = [await one.hear()]
    expect(states[0]).toMatchObject({ event: "state", view: true, resource: [] })
    const copy = open().subscribe(uri)
    await copy.ready
    for (let n = 0; n < 24; n++) {
      const name = `${query["prefix"]}${n % 7}`
      const item = `/api/apps/${name}`
      const theme = n % 3 ? "dark" : "light"
      if (n % 5 === 4) await send(`DELETE ${item}`)
      else if (n % 4 === 3)
        await send(`PATCH ${item}`, { data: { theme, size: null, tags: [n % 3] } })
      else await put(name, { theme, size: (n * 5) % 8 })
      states.push(...(await one.rest()))
      const got = await send(`GET ${uri}`)
      await until(copy, (value) => same(value, got.json))
      expect(states.at(-1).revision).toBeLessThanOrEqual(got.revision ?? 0)
    }
    expect(states.length).toBeGreaterThan(10)
    expect(states.every(({ view }) => view)).toBe(true)
  })

  it("hears of every list at once, in one order of revisions", async () => {
    const one = await connect()
    const topics = ["size", "-size"].map((sort) =>
      uriOf({ prefix: "w-", sort: sort.replace("size", "data.size"), fields: "data" }),
    )
    for (const uri of topics) {
      await one.ask({ event: "subscribe", uri })
      await one.hear()
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => put(`w-${n}`, { size: n })))
    const frames = await one.rest()
    for (const uri of topics) {
      const { searchParams, pathname } = new URL(uri, "https://tidemark.test")
      searchParams.sort()
      const last = frames.findLast((frame) => frame.uri === `${pathname}?${searchParams}`)
      expect(last.resource).toEqual((await send(`GET ${uri}`)).json)
      expect(last.resource).toHaveLength(20)
    }
    const revisions = frames.map(({ revision }) => revision)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
  })

  it("hears nothing of documents that cannot be in it", async () => {
    const one = await connect()
    const narrowed = { prefix: "n", where: 'data.theme eq "dark"' }
    for (const uri of [uriOf({ prefix: "n-" }), uriOf(narrowed)]) {
      await one.ask({ event: "subscribe", uri })
      await one.hear()
    }
    await put("other", { theme: "dark" })
    await send("PATCH /api/apps/other", { data: { size: 1 } })
    await put("no", { theme: "light" })
    expect(await one.rest()).toEqual([])
    await put("no", { theme: "dark" })
    expect(await one.hear()).toMatchObject({ event: "create", resource: { name: "no" } })
    await put("n-1", { theme: "dark" })
    expect((await one.hearAll(2)).map(({ event }) => event)).toEqual(["create", "create"])
  })

  it("resumes without a state when nothing of that happened, and gets the state otherwise", async () => {
    const one = await connect()
    const uri = uriOf({ where: "data.resumed eq true" })
    const { epoch, position } = await one.ask({ event: "subscribe", uri })
    await put("unconcerned", { resumed: false })
    const since = `${epoch}.${position}`
    const again = await connect()
    expect(await again.ask({ event: "subscribe", uri, since })).toMatchObject({
      resumed: true,
      frames: 0,
    })
    await put("concerned", { resumed: true })
    const third = await connect()
    expect(await third.ask({ event: "subscribe", uri, since })).toMatchObject({ resumed: true })
    expect(await third.hear()).toMatchObject({ event: "create", resource: { name: "concerned" } })
    await put("concerned", { resumed: true, n: 2 })
    const fourth = await connect()
    expect(await fourth.ask({ event: "subscribe", uri, since })).toMatchObject({ reset: true })
    expect(await fourth.hear()).toMatchObject({ resource: [{ name: "concerned" }] })
  })

  it("is told what is wrong with an expression", async () => {
    const one = await connect()
    const reply = await one.ask({ event: "subscribe", uri: uriOf({ where: "data.theme is 1" }) })
    expect(reply).toMatchObject({ ok: false, problem: { code: "invalid_request", position: 12 } })
  })
})
