/** Views over real sockets: what those who watch them are told. */
import { describe, expect, it } from "vitest"
import { connect, type Talker } from "./conversation.ts"
import { send } from "./helpers.ts"
import { evict, open, settled } from "./live.world.ts"

async function watching(uri: string): Promise<Talker> {
  const one = await connect()
  expect(await one.ask(`subscribe ${uri}`)).toMatchObject({ ok: true })
  await one.hear()
  return one
}

const rows = (column: string, points: Record<string, number | null>) => ({
  columns: [column],
  index: Object.keys(points),
  data: Object.values(points).map((value) => [value]),
})
const patch = (uri: string, column: string, points: Record<string, number | null>) =>
  send(`PATCH ${uri}`, { rows: rows(column, points) })
const day = (n: number, time = "00:00:00") => `2015-01-${String(n).padStart(2, "0")}T${time}.000`

describe("who watches a range of a series", () => {
  it("is told the rows of that range, and of no other", async () => {
    const uri = "/api/store/range/a"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1, [day(2)]: 2, [day(5)]: 5 } })
    const view = `${uri}?columns=v&end=2015-01-03&start=2015-01-02`
    const one = await watching(view)
    await patch(uri, "v", { [day(7)]: 7 })
    await patch(uri, "v", { [day(3)]: 3 })
    expect(await one.hear()).toMatchObject({
      event: "patch",
      uri: view,
      view: true,
      patch: { removed: [], rows: { columns: ["v"], index: [day(3)], data: [[3]] } },
    })
    await send(`PATCH ${uri}`, { removed: [["2015-01-01", "2015-01-02"]] })
    expect(await one.hear()).toMatchObject({
      patch: { removed: [[day(2), "2015-01-02T23:59:59.999"]], rows: { index: [] } },
    })
    await patch(uri, "w", { [day(3, "12:00:00")]: 1 })
    expect((await one.hear()).patch.rows).toEqual({
      columns: [],
      index: [day(3, "12:00:00")],
      data: [[]],
    })
  })

  it("is told of a new column although its rows are elsewhere, and of numbers as they are", async () => {
    const uri = "/api/store/range/b"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1 } })
    const one = await watching(`${uri}?start=2015-01-02`)
    await patch(uri, "w", { [day(1)]: 1 })
    const { patch: told } = await one.hear()
    expect(told).toEqual({ removed: [], rows: { columns: ["w"], index: [], data: [] } })
    await patch(uri, "w", { [day(1)]: 2 })
    const index = JSON.stringify([day(2), day(3)])
    const data = "[[9007199254740993,1.0],[1,0.5]]"
    await send(`PATCH ${uri}`, `{"rows":{"columns":["x","y"],"index":${index},"data":${data}}}`)
    await one.hear()
    expect(one.texts.at(-1)).toContain(`"data":${data}`)
  })

  it("that begins some time ago is told what has left it, too", async () => {
    const uri = "/api/store/moving/a"
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
    await send(`PUT ${uri}`, { v: { [at(90)]: 1, [at(30)]: 2 } })
    const one = await watching(`${uri}?start=now-1h`)
    const label = at(10)
    await patch(uri, "v", { [label]: 3, [at(100)]: 0 })
    const { removed, rows: told } = (await one.hear()).patch
    expect(told).toEqual({ columns: ["v"], index: [label], data: [[3]] })
    expect(removed[0][0]).toMatch(/^1684/)
    expect(Date.parse(removed[0][1])).toBeGreaterThan(Date.parse(at(61)))
    expect(Date.parse(removed[0][1])).toBeLessThan(Date.parse(at(59)))
  })

  it("resumes with the rows that it missed", async () => {
    const uri = "/api/store/resumed/a"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1 } })
    const view = `${uri}?start=2015-01-02`
    const { epoch, position } = await (await connect()).ask(`subscribe ${view}`)
    await patch(uri, "v", { [day(1)]: 0, [day(3)]: 3 })
    const again = await connect()
    const reply = await again.ask(`subscribe ${view} since ${epoch}.${position}`)
    expect(reply).toMatchObject({ resumed: true, frames: 1 })
    expect(await again.hear()).toMatchObject({ event: "patch", patch: { rows: { data: [[3]] } } })
  })
})

describe("who watches buckets of a series", () => {
  it("is told the open one as not final, as final once, and late ones repainted", async () => {
    const uri = "/api/store/buckets/a"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1, [day(2)]: 2 } })
    const one = await watching(`${uri}?every=1d&agg=sum`)
    const told = async () => {
      const {
        final,
        patch: { removed, rows: some },
        more = false,
      } = await one.hear()
      return { final, more, removed, index: some.index, data: some.data }
    }
    await patch(uri, "v", { [day(2, "06:00:00")]: 3 })
    expect(await told()).toEqual({
      final: false,
      more: false,
      removed: [[day(2), day(2)]],
      index: [day(2)],
      data: [[5]],
    })
    await patch(uri, "v", { [day(4)]: 4 })
    expect(await told()).toMatchObject({ final: true, more: true, index: [day(2)], data: [[5]] })
    expect(await told()).toMatchObject({ final: false, more: false, index: [day(4)], data: [[4]] })
    await patch(uri, "v", { [day(4, "01:00:00")]: 1 })
    expect(await told()).toMatchObject({ final: false, index: [day(4)], data: [[5]] })
    await patch(uri, "v", { [day(1, "01:00:00")]: 10 })
    expect(await told()).toMatchObject({ final: true, index: [day(1)], data: [[11]] })
    await send(`PATCH ${uri}`, { removed: [["2015-01-02", "2015-01-02"]] })
    expect(await told()).toMatchObject({ final: true, removed: [[day(2), day(2)]], index: [] })
    // What is the last one then, only all of it says.
    await send(`PATCH ${uri}`, { removed: [["2015-01-04", "2015-01-04"]] })
    expect(await one.hear()).toMatchObject({ event: "state", view: true })
    expect(await one.rest()).toEqual([])
  })
})

describe("who watches some rows of a series, or rows made of others", () => {
  it("is told which come and go where only the first or the last ones are shown", async () => {
    const uri = "/api/store/edge/a"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1, [day(2)]: 2, [day(3)]: 3 } })
    const [first, last] = [await watching(`${uri}?limit=2`), await watching(`${uri}?latest=2`)]
    await patch(uri, "v", { [day(4)]: 4 })
    expect(await last.hear()).toMatchObject({
      event: "patch",
      view: true,
      patch: { removed: [[day(2), day(2)]], rows: { index: [day(4)], data: [[4]] } },
    })
    await send(`PATCH ${uri}`, { removed: [["2015-01-02", "2015-01-02"]] })
    expect((await first.hear()).patch).toMatchObject({
      removed: [[day(2), day(2)]],
      rows: { index: [day(3)], data: [[3]] },
    })
    await patch(uri, "v", { [day(1)]: 7 })
    expect((await first.hear()).patch).toMatchObject({ removed: [], rows: { data: [[7]] } })
    expect([await first.rest(), await last.rest()]).toEqual([[], []])
  })

  it("is told which others were chosen where they are too many", async () => {
    const uri = "/api/store/edge/thin"
    const points = Object.fromEntries([...Array(28).keys()].map((n) => [day(n + 1), (n * 7) % 5]))
    await send(`PUT ${uri}`, { v: points })
    const one = await watching(`${uri}?max_points=20`)
    await patch(uri, "v", { [day(12)]: 99 })
    const { event, patch: told } = await one.hear()
    expect(event).toBe("patch")
    expect(told.rows.data).toContainEqual([99])
    expect(told.rows.index.length).toBeLessThan(20)
  })

  it("is told what late rows change in what stands between others, and what is not final", async () => {
    const uri = "/api/store/edge/line"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1, [day(5)]: 5 } })
    const one = await watching(`${uri}?every=1d&agg=sum&fill=linear`)
    const told = async () => {
      const { final, more = false, patch: frame } = await one.hear()
      return { final, more, index: frame.rows.index, data: frame.rows.data.flat() }
    }
    await patch(uri, "v", { [day(3)]: 6 })
    expect(await told()).toEqual({
      final: true,
      more: false,
      index: [day(2), day(3), day(4)],
      data: [3.5, 6, 5.5],
    })
    await patch(uri, "v", { [day(7)]: 7 })
    expect(await told()).toMatchObject({ final: true, more: true, index: [day(5), day(6)] })
    expect(await told()).toMatchObject({ final: false, index: [day(7)], data: [7] })
    await patch(uri, "v", { [day(8)]: 9 })
    expect(await told()).toMatchObject({ final: true, more: true, index: [day(7)] })
    expect(await told()).toMatchObject({ final: false, index: [day(8)], data: [9] })
    await patch(uri, "v", { [day(8, "01:00:00")]: 1 })
    expect(await told()).toMatchObject({ final: false, index: [day(8)], data: [10] })
  })

  it("is told when a bucket is final that later ones follow beyond the limit", async () => {
    const uri = "/api/store/edge/full"
    await send(`PUT ${uri}`, { v: { [day(1)]: 1, [day(2)]: 2 } })
    const one = await watching(`${uri}?every=1d&agg=sum&limit=2`)
    await patch(uri, "v", { [day(2, "01:00:00")]: 1 })
    expect(await one.hear()).toMatchObject({ final: false, patch: { rows: { data: [[3]] } } })
    await patch(uri, "v", { [day(3)]: 3 })
    expect(await one.hear()).toMatchObject({ final: true, patch: { rows: { index: [day(2)] } } })
    await patch(uri, "v", { [day(4)]: 4 })
    expect(await one.rest()).toEqual([])
  })

  it("is told all of it where that is shorter", async () => {
    const uri = "/api/store/edge/short"
    const at = (hour: string) =>
      Object.fromEntries([...Array(28).keys()].map((n) => [day(n + 1, `${hour}:00:00`), n]))
    await send(`PUT ${uri}`, { v: at("00") })
    const one = await watching(`${uri}?latest=28&orient=split`)
    await send(`PUT ${uri}?mode=replace`, { v: at("01") })
    expect(await one.hear()).toMatchObject({ event: "state", view: true })
    await send(`PUT ${uri}?mode=replace`, { v: { [day(1, "01:00:00")]: 0 } })
    expect(await one.hear()).toMatchObject({ event: "patch", patch: { rows: { index: [] } } })
  })
})

describe("who watches what moves with the clock", () => {
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()

  it("holds what GET answers after each change, also under a retention", async () => {
    const uri = "/api/store/clock/a"
    await send(`PUT ${uri}`, { v: { [ago(50)]: 1, [ago(30)]: 2, [ago(20)]: 3, [ago(2)]: 4 } })
    const reader = open()
    const told: string[] = []
    const queries = ["start=now-40h", "every=6h&agg=sum&start=now-40h", "every=1d&agg=count", ""]
    const held = queries.map((query) =>
      reader.subscribe(`${uri}?${query}`, ({ frame }) => told.push(frame?.event ?? "")),
    )
    await Promise.all(held.map(({ ready }) => ready))
    const agree = async () => {
      await settled(reader)
      for (const { uri: view, value } of held) {
        expect([view, value]).toEqual([view, (await send(`GET ${view}`)).json])
      }
    }
    await patch(uri, "v", { [ago(1)]: 5 })
    await patch(uri, "v", { [ago(35)]: 6 })
    await agree()
    expect(told.filter((event) => event === "patch").length).toBeGreaterThan(6)
    await send("PATCH /api/store/clock/", { retention: "25h" })
    await agree()
    await patch(uri, "v", { [ago(0)]: 7, [ago(24)]: 8, [ago(26)]: 9 })
    await agree()
    reader.close()
  })
})

describe("who watches some of the keys, the references or the series", () => {
  it("is told of those that match", async () => {
    const one = await watching("/keys/?filter=vi$w")
    await send("PUT /keys?other=1")
    await send("PUT /keys?view=1")
    await send("PUT /keys?view=2")
    await send("DELETE /keys/view")
    const [created, patched, deleted] = await one.hearAll(3)
    const list = "/keys/?filter=vi%24w"
    expect(created).toMatchObject({ event: "create", uri: list, resource: { view: "1" } })
    expect(patched).toMatchObject({ event: "patch", uri: "/keys/view", list, patch: { view: "2" } })
    expect(deleted).toMatchObject({ event: "delete", uri: "/keys/view", list })
  })

  it("is told of names alone, and of those on a page", async () => {
    const names = await watching("/keys/?keys_only=1&match=nv*")
    const page = await watching("/keys/?limit=1&match=nv*")
    await send("PUT /keys?nvb=1")
    await send("PUT /keys?nvb=2")
    await send("PUT /keys?nva=1")
    await send("DELETE /keys/nvb")
    const list = "/keys/?keys_only=1&match=nv*"
    expect(await names.hearAll(3)).toMatchObject([
      { event: "create", uri: list, member: "/keys/nvb", resource: "nvb" },
      { event: "create", uri: list, member: "/keys/nva", resource: "nva" },
      { event: "delete", uri: "/keys/nvb", list },
    ])
    expect(await page.hearAll(4)).toMatchObject([
      { event: "create", member: "/keys/nvb", resource: { nvb: "1" } },
      { event: "state", uri: "/keys/nvb", resource: { nvb: "2" } },
      { event: "delete", uri: "/keys/nvb", reason: "left" },
      { event: "create", member: "/keys/nva", resource: { nva: "1" } },
    ])
    expect([await names.rest(), await page.rest()]).toEqual([[], []])
  })

  it("is told of a series as the list shows it then", async () => {
    const references = await watching("/api/store/?prefix=vi")
    const series = await watching("/api/store/vista/?latest=1")
    const frames: any[] = []
    const member = "/api/store/vista/s"
    await send("PUT /api/store/other/s", { v: { 1: 1 } })
    for (const v of [{ 1: 1 }, { 2: 2 }]) {
      await send(`PUT ${member}`, { v })
      frames.push(await series.hear())
    }
    await send(`DELETE ${member}`)
    frames.push(await series.hear())
    expect(frames).toMatchObject([
      { event: "create", member, resource: { latest: { v: 1 } } },
      { event: "state", uri: member, resource: { latest: { v: 2 } } },
      { event: "delete", uri: member, list: "/api/store/vista/?latest=1" },
    ])
    expect(await references.hearAll(2)).toMatchObject([
      { event: "create", member: "/api/store/vista/", resource: { reference: "vista" } },
      { event: "delete", uri: "/api/store/vista/" },
    ])
  })
})

describe("who watches a list that is itself the member of a list, and that one, too", () => {
  it("holds what GET answers of both, also where the list was empty or is again", async () => {
    const [live, late] = [open(), open()]
    const uris = ["/api/store/", "/api/store/both/"]
    const copies = uris.map((uri) => live.subscribe(uri))
    await Promise.all(copies.map(({ ready }) => ready))
    for (const step of ["PUT", "PATCH", "DELETE", "PUT"] as const) {
      const { status } = await send(`${step} /api/store/both/s`, bodies[step])
      expect(status).toBeLessThan(300)
      if (step === "PATCH") {
        copies.push(...uris.map((uri) => late.subscribe(uri)))
        await Promise.all(copies.map(({ ready }) => ready))
      }
      await settled(live, late)
      for (const { uri, value } of copies) {
        expect(value, `${uri} after ${step}`).toEqual((await send(`GET ${uri}`)).json)
      }
    }
    live.close()
    late.close()
  })
  const bodies = { PUT: { v: { 1: 1 } }, PATCH: { rows: rows("v", { 2: 2 }) }, DELETE: undefined }
})

describe("who watches a filtered list of documents", () => {
  it("is told who enters it and where, what changes in it, and who leaves it", async () => {
    const put = (name: string, n: number) => send(`PUT /api/apps/${name}`, { data: { n } })
    for (const [at, name] of ["in-a", "in-b", "in-c"].entries()) await put(name, at)
    const list = `/api/apps/?${new URLSearchParams({
      fields: "name,data.n",
      prefix: "in-",
      where: "data.n gt 1",
    })}`
    const one = await watching(list)
    const [a, b, c] = ["a", "b", "c"].map((name) => `/api/apps/in-${name}`)
    await send(`PATCH ${b}`, { data: { n: 7 } })
    expect(await one.hear()).toMatchObject({
      event: "create",
      uri: list,
      member: b,
      before: c,
      resource: { name: "in-b", data: { n: 7 } },
    })
    await send(`PATCH ${b}`, { data: { n: 8 } })
    expect(await one.hear()).toMatchObject({
      event: "patch",
      uri: b,
      list,
      patch: { data: { n: 8 } },
      entry: { name: "in-b", data: { n: 8 } },
    })
    await send(`PATCH ${a}`, { data: { n: 0 } })
    await put("in-c", 1)
    expect(await one.hear()).toMatchObject({ event: "delete", uri: c, list, reason: "left" })
    await send(`DELETE ${b}`)
    const gone = await one.hear()
    expect(gone).toMatchObject({ event: "delete", uri: b, list })
    expect(gone.reason).toBeUndefined()
    await put("in-d", 3)
    await put("in-e", 1)
    expect(await one.hear()).toMatchObject({ event: "create", member: "/api/apps/in-d" })
    expect(await one.rest()).toEqual([])
  })

  it("is told who comes and goes at the end of a page, and who moves on it", async () => {
    const put = (name: string, n: number) => send(`PUT /api/apps/${name}`, { data: { n } })
    for (const [at, name] of ["top-a", "top-b", "top-c"].entries()) await put(name, at)
    const list = `/api/apps/?fields=name%2Cdata.n&limit=2&prefix=top-&sort=-data.n`
    const one = await connect()
    await one.ask(`subscribe ${list}`)
    const [a, b, c] = ["a", "b", "c"].map((name) => `/api/apps/top-${name}`)
    expect(await one.hear()).toMatchObject({ event: "state", members: [c, b] })
    await send(`PATCH ${a}`, { data: { n: 9 } })
    expect(await one.hearAll(2)).toMatchObject([
      { event: "delete", uri: b, list, reason: "left", more: true },
      { event: "create", uri: list, member: a, before: c, resource: { data: { n: 9 } } },
    ])
    await send(`PATCH ${c}`, { data: { n: 10 } })
    expect(await one.hear()).toMatchObject({ event: "create", member: c, before: a })
    await send(`PATCH ${a}`, { data: { n: 8 } })
    expect(await one.hear()).toMatchObject({ event: "state", uri: a, list })
    await send(`DELETE ${c}`)
    const [gone, back] = await one.hearAll(2)
    expect([gone, back]).toMatchObject([
      { event: "delete", uri: c },
      { event: "create", member: b },
    ])
    expect([gone.reason, back.before]).toEqual([undefined, undefined])
  })

  it("is told the same after the hub has slept", async () => {
    const put = (name: string, n: number) => send(`PUT /api/apps/${name}`, { data: { n } })
    await put("slept-a", 5)
    const list = "/api/apps/?prefix=slept&where=data.n+gt+1"
    const one = await watching(list)
    await evict()
    await put("slept-a", 0)
    expect(await one.hear()).toMatchObject({ event: "delete", list, reason: "left" })
    await evict()
    await put("slept-a", 0)
    await put("slept-b", 2)
    expect(await one.hear()).toMatchObject({ event: "create", member: "/api/apps/slept-b" })
  })
})
