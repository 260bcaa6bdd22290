/** Series over a socket: state and patches, in order, are what GET answers. */
import { describe, expect, it } from "vitest"
import { applyPatch, type SeriesState } from "../src/client/replica-series.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const line = (stamp: number) => `live v=${stamp} ${stamp}`

describe("a series over a socket", () => {
  it("is a state, then patches; a state again where a patch cannot say it", async () => {
    const uri = "/api/store/live/s"
    const talker = await connect()
    expect(await talker.ask(`subscribe ${uri}`)).toMatchObject({ ok: true, absent: true })
    const writes = [
      `PUT {"v":{"2015-01-01":1.5,"2015-01-02":2.5}}`,
      `PUT {"v":{"2015-01-02":2.25},"w":{"2015-01-02":true}}`,
      `PATCH {"removed":[["2015-01-01","2015-01-01"]],"rows":{"columns":["v"],"index":["2015-01-05"],"data":[[7]]}}`,
      `PUT {"v":{"2015-01-03":"text"}}`,
      `PUT {"v":{"2015-01-04T00:00:00.000001":1}}`,
      `PATCH {"removed":[["2015-01-01","2015-01-31"]]}`,
    ]
    let copy: SeriesState = {}
    const events: unknown[] = []
    for (const write of writes) {
      const [method, body] = write.split(/ (.*)/s)
      await send(`${method} ${uri}`, body)
      // One by one: states that come close together are told as one.
      const frame = await talker.hear()
      events.push(frame.event)
      copy = frame.event === "patch" ? applyPatch(copy, frame.patch) : frame.resource
      expect(copy).toEqual((await send(`GET ${uri}`)).json)
    }
    expect(events).toEqual(["state", "patch", "patch", "state", "state", "patch"])
    await send(`DELETE ${uri}`)
    expect(await talker.hear()).toMatchObject({ event: "delete", uri })
  })

  it("follows writes of every mode and form: what is said in patches, and what only a state can say", async () => {
    const uri = "/api/store/live/modes"
    const talker = await connect()
    await talker.ask(`subscribe ${uri}`)
    let copy: SeriesState = {}
    // Each is heard before the next is written: a state that is read late tells several at once.
    const csv = async (query: string, ...lines: string[]) => {
      await send(`PUT ${uri}?format=csv&${query}`, ["date,v", ...lines, ""].join("\n"))
      const frame = await talker.hear()
      copy = frame.event === "patch" ? applyPatch(copy, frame.patch) : frame.resource
      expect(copy).toEqual((await send(`GET ${uri}`)).json)
      return frame.event
    }
    expect([
      await csv("mode=append", "2015-01-01T00:00Z,1.5"),
      await csv("mode=append", "2015-01-03T00:00Z,3.5", "2015-01-05T00:00Z,5.5"),
      await csv("mode=upsert", "2015-01-02T00:00Z,2.5", "2015-01-03T00:00Z,30.5"),
      await csv("mode=replace", "2015-01-09T00:00Z,9.5"),
      await csv("mode=update", "2015-01-08T00:00Z,8.5", "2015-01-10T00:00Z,10.5"),
    ]).toEqual(["state", "patch", "patch", "state", "patch"])
    await talker.ask("subscribe /api/store/live/_")
    await send("POST /api/store/", `${line(1_420_070_400)}\nother v=1 1\n`)
    const state = await talker.hear()
    await send("POST /api/store/", `other v=1 1\n${line(1_420_070_401)}`)
    const patch = await talker.hear()
    expect(state).toMatchObject({ event: "state", uri: "/api/store/live/_" })
    expect(patch).toMatchObject({ event: "patch", patch: { removed: [] } })
    const { json, revision } = await send("GET /api/store/live/_")
    expect([applyPatch(state.resource, patch.patch), patch.revision]).toEqual([json, revision])
  })

  it("comes into the list of its reference and goes", async () => {
    const talker = await connect()
    await talker.ask("subscribe /api/store/listed/")
    expect(await talker.hear()).toMatchObject({ event: "state", resource: [] })
    await send("PUT /api/store/listed/s", '{"v":{"1":1}}')
    const [uri, list] = ["/api/store/listed/s", "/api/store/listed/"]
    expect(await talker.hear()).toMatchObject({
      event: "create",
      uri: list,
      member: uri,
      resource: { symbol: "s", first: 1, last: 1 },
    })
    await send(`PATCH ${uri}`, { rows: { columns: ["v"], index: [2], data: [[2]] } })
    expect(await talker.hear()).toMatchObject({ event: "state", uri, list, resource: { last: 2 } })
    await send(`DELETE ${uri}`)
    expect(await talker.hear()).toMatchObject({ event: "delete", uri, list })
  })

  it("brings its reference into the list of those, and takes it away", async () => {
    const talker = await connect()
    await talker.ask("subscribe /api/store/")
    await talker.hear()
    await send("PUT /api/store/fresh/s", '{"v":{"1":1}}')
    expect(await talker.hear()).toMatchObject({
      event: "create",
      member: "/api/store/fresh/",
      entry: { reference: "fresh" },
    })
    await send("DELETE /api/store/fresh/s")
    expect(await talker.hear()).toMatchObject({ event: "delete", uri: "/api/store/fresh/" })
  })
})
