/** What the hub reads for a change may be newer than it: whoever came in between must not be left out. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, describe, expect, it, vi } from "vitest"
import { hubOf } from "../src/live/hubs.ts"
import { send } from "./helpers.ts"
import { open, settled } from "./live.world.ts"

const hub = () => hubOf(env as never)

/** Puts the hub to sleep; awake again, it waits before each batch that reads the table. */
async function held(table: string) {
  const waiting: (() => void)[] = []
  let isOver = false
  await evictDurableObject(hub())
  await runInDurableObject(hub(), (instance) => {
    const { env: own } = instance as unknown as { env: { DB: D1Database } }
    const readers = new WeakSet<object>()
    const marked = (statement: D1PreparedStatement): D1PreparedStatement => {
      readers.add(statement)
      const bind = statement.bind.bind(statement)
      return Object.assign(statement, { bind: (...values: unknown[]) => marked(bind(...values)) })
    }
    const DB = {
      prepare: (text: string) => {
        const statement = own.DB.prepare(text)
        return text.includes(`FROM ${table}`) ? marked(statement) : statement
      },
      batch: async (statements: D1PreparedStatement[]) => {
        if (!isOver && statements.some((statement) => readers.has(statement))) {
          await new Promise<void>((resolve) => waiting.push(resolve))
        }
        return own.DB.batch(statements)
      },
    }
    Object.defineProperty(instance, "env", { value: { ...own, DB } })
  })
  return {
    waiting: (count: number) => vi.waitFor(() => expect(waiting).toHaveLength(count)),
    // In the hub's own context: promises of one object cannot be settled in another.
    release: () => runInDurableObject(hub(), () => waiting.shift()?.()),
    /** From now on nothing waits. */
    end: () =>
      runInDurableObject(hub(), () => {
        isOver = true
        for (const go of waiting.splice(0)) go()
      }),
  }
}

afterEach(() => evictDurableObject(hub()))

describe("who comes to a view after a change and before the one that was read with it", () => {
  const day = (n: number) => `2015-01-0${n}`
  const row = (n: number, v: number) => ({ columns: ["v"], index: [day(n)], data: [[v]] })
  const cases = [
    {
      what: "a list of documents that one of them leaves",
      table: "documents",
      uri: "/api/apps/?where=data.race+gt+4",
      writes: [
        ["PUT /api/apps/race", { data: { race: 9 } }],
        ["PATCH /api/apps/race", { data: { race: 8 } }],
        ["PATCH /api/apps/race", { data: { race: 0 } }],
      ],
    },
    {
      what: "a list of documents that one of them enters and leaves",
      table: "documents",
      uri: "/api/apps/?where=data.pass+gt+4",
      writes: [
        ["PUT /api/apps/pass", { data: { pass: 0 } }],
        ["PATCH /api/apps/pass", { data: { pass: 9 } }],
        ["PATCH /api/apps/pass", { data: { pass: 1 } }],
      ],
    },
    {
      what: "a list of documents where one of them enters and is deleted",
      table: "documents",
      uri: "/api/apps/?where=data.brief+gt+4",
      writes: [
        ["PUT /api/apps/brief", { data: { brief: 0 } }],
        ["PATCH /api/apps/brief", { data: { brief: 9 } }],
        ["DELETE /api/apps/brief", undefined],
      ],
    },
    {
      what: "buckets whose last one goes",
      table: "series",
      uri: "/api/store/races/s?every=1d&agg=sum",
      writes: [
        ["PUT /api/store/races/s", { v: { [day(3)]: 3, [day(4)]: 4, [day(5)]: 5 } }],
        ["PATCH /api/store/races/s", { removed: [[day(4), day(5)]], rows: row(5, 6) }],
        ["PATCH /api/store/races/s", { removed: [[day(5), day(5)]], rows: row(4, 7) }],
      ],
    },
  ] as const

  for (const { what, table, uri, writes } of cases) {
    it(`has a copy that is what GET answers: ${what}`, async () => {
      const [first, second, third] = writes
      await send(first[0], first[1])
      const [one, two] = [open(), open()]
      const copies = [one.subscribe(uri)]
      await copies[0]!.ready
      const { waiting, release, end } = await held(table)
      const late = two.subscribe(uri)
      copies.push(late)
      await waiting(1)
      await send(second[0], second[1])
      await waiting(2)
      await release()
      await late.ready
      await send(third[0], third[1])
      await end()
      await settled(one, two)
      const { json } = await send(`GET ${uri}`)
      expect(copies.map(({ value }) => value)).toEqual([json, json])
      one.close()
      two.close()
    })
  }
})
