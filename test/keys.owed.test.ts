/** What Workers KV is owed of many keys at once: kept in the index, in few statements. */
import { describe, expect, it } from "vitest"
import { journalOf, kvWith, world } from "./keys.world.ts"

const COUNT = 200
const VALUES: { value?: unknown; base64?: string }[] = [
  { value: "x".repeat(3_000) },
  { value: `${"y".repeat(3_000)}\0"é` },
  { value: { text: "z".repeat(3_000), none: null, big: [1.5] } },
  { value: "short" },
  { value: "0.25" },
  { base64: btoa("\0\xff".repeat(1_500)) },
]
const given = (at: number) => VALUES[at % VALUES.length] ?? {}
const nameOf = (at: number) => `owed${at}`

describe("a batch of keys that were written within the second", () => {
  it("takes few queries whatever their values, and none is lost when only the index has them", async () => {
    // Nobody pays what is owed: as if this isolate died.
    const { ask, services } = world({ kv: kvWith({}) })
    const operations = (value?: unknown) =>
      Array.from({ length: COUNT }, (_, at) => {
        const own = value === undefined ? given(at) : { value }
        return { op: "set", name: nameOf(at), ...own }
      })
    await ask("POST /keys/batch", { operations: operations("older") })
    const { status, queries } = await ask("POST /keys/batch", { operations: operations() })
    expect(status).toBe(200)
    expect(queries).toBeLessThan(15)

    await ask("PUT /keys?last=1")
    await services().feed.trim(-1_000, 0)
    expect(await journalOf(`/keys/${nameOf(0)}`)).toEqual([])
    for (const at of VALUES.keys()) {
      const uri = `/keys/${nameOf(at)}`
      const { text } = await ask(`GET ${uri}?consistency=strong`)
      const { value, base64 } = given(at)
      if (base64 === undefined) expect(JSON.parse(text)).toEqual({ [nameOf(at)]: value })
      else expect((await ask(`GET ${uri}/value?consistency=strong`)).text.length).toBe(3_000)
    }
  })
})

describe("trimming the journal of values that Workers KV is not known to have", () => {
  it("keeps them in few statements, and loses none", async () => {
    const { ask, services } = world({ kv: kvWith({ put: async () => {} }) })
    const operations = Array.from({ length: COUNT }, (_, at) => {
      return { op: "set", name: `kept${at}`, value: `${at}`.repeat(3_000).slice(0, 3_000) }
    })
    await ask("POST /keys/batch", { operations })
    await ask("PUT /keys?last=2")
    const { db, feed, journalKeepers } = services()
    await feed.trim(-1_000, 0, journalKeepers)
    expect(db.cost.queries).toBeLessThan(25)
    expect(await journalOf("/keys/kept0")).toEqual([])
    for (const { name, value } of operations.slice(-3)) {
      const { text } = await ask(`GET /keys/${name}?consistency=strong`)
      expect(JSON.parse(text)).toEqual({ [name]: value })
    }
  })
})
