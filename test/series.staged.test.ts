/** Large writes on their way: staged where nobody sees them, handed over by one commit, swept when forgotten. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import worker from "../src/index.ts"
import { IMPORT_MAX_STAGED } from "../src/protocol/limits.ts"
import { SeriesWriter } from "../src/series/ingest/writer.ts"
import { send } from "./helpers.ts"

let count = 0

/** Rows in the log that no series has. */
async function stagedRows(): Promise<number> {
  const { results } = await env.DB.prepare(
    "SELECT count(*) AS count FROM chunks WHERE series NOT IN (SELECT id FROM series)",
  ).all<{ count: number }>()
  return results[0]?.count ?? NaN
}

const plain = {
  mode: "update" as const,
  onDuplicate: "last" as const,
  isPartial: false,
  isCounted: false,
}

const writer = (now = Date.now(), poke = () => {}, db = new Database(env.DB)) => {
  const feed = new Feed(db, { now: () => now, poke })
  return new SeriesWriter(db, feed, {
    now: () => now,
    newId: () => crypto.randomUUID().slice(-12),
    textBytes: 400,
    heldBytes: 0,
  })
}
const frame = (cells: [number, number][]) => ({
  index: Float64Array.from(cells, ([stamp]) => stamp),
  kind: "integer" as const,
  unit: "ms" as const,
  columns: [{ name: "v", kind: "int64" as const, values: cells.map(([, value]) => value) }],
})

const cellsOf = (batch: number) =>
  Array.from({ length: 40 }, (_, at): [number, number] => [batch * 100 + at, at * at * 31])

async function* robbed() {
  for (let at = 0; at < 12; at++) {
    if (at === 11) await env.DB.prepare("DELETE FROM chunks WHERE series < 0").run()
    const cells = Array.from({ length: 40 }, (_, row): [number, number] => [
      at * 100 + row,
      row * row,
    ])
    yield { rows: [{ reference: "robbed", symbol: "s", frame: frame(cells) }], bad: [] }
  }
}

async function* endless() {
  for (let at = 0; at < 10 * IMPORT_MAX_STAGED; at++) {
    const cells = Array.from({ length: 40 }, (_, row): [number, number] => [
      at * 100 + row,
      row * row,
    ])
    yield { rows: [{ reference: "endless", symbol: "s", frame: frame(cells) }], bad: [] }
  }
}

const writeStrictly = (...batches: [number, number][][]) =>
  writer().write(
    { reference: "strict", symbol: `s${++count}` },
    batches.map((cells) => ({
      rows: [{ reference: "strict", symbol: `s${count}`, frame: frame(cells) }],
      bad: [],
    })),
    { ...plain, onDuplicate: "error" },
    {},
  )

const errors = (flaw: RegExp) => ({
  code: "unprocessable",
  details: { errors: { "index.2": expect.stringMatching(flaw) } },
})

async function* broken() {
  for (let at = 0; at < 10; at++) {
    yield { rows: [{ reference: "dead", symbol: "s", frame: frame(cellsOf(at)) }], bad: [] }
  }
  // The request ends here without a word: nobody discards what it staged.
  await new Promise(() => {})
}

describe("staged rows", () => {
  it("of any number of batches, in any order, leave what a plain Map would have", async () => {
    const batch = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.nat(99)), {
      maxLength: 6,
    })
    const write = fc.record({
      mode: fc.constantFrom(
        "update" as const,
        "upsert" as const,
        "append" as const,
        "replace" as const,
      ),
      batches: fc.array(batch, { minLength: 1, maxLength: 7 }),
      isSorted: fc.boolean(),
      alone: fc.boolean(),
    })
    const property = fc.asyncProperty(fc.array(write, { maxLength: 6 }), async (writes) => {
      const reference = `staged${++count}`
      const places = ["a", "b"].map((symbol) => ({ reference, symbol }))
      const models = places.map(() => new Map<number, number>())
      for (const { mode, batches, isSorted, alone } of writes) {
        let all = batches
        if (isSorted) {
          const cells = batches.flat().toSorted(([one], [other]) => one - other)
          all = batches.map(() => cells.splice(0, Math.ceil(cells.length / 2)))
          all.push(cells)
        }
        const used = alone ? [0] : [0, 1]
        const deliveries = all.map((cells) => ({
          rows: used.map((at) => ({ ...places[at]!, frame: frame(cells) })),
          bad: [],
        }))
        const stamps = all.flat().map(([stamp]) => stamp)
        const [low, high] = [Math.min(...stamps), Math.max(...stamps)]
        const options = { mode, onDuplicate: "last" as const, isPartial: false, isCounted: true }
        const isLate = used.some((at) => low <= Math.max(-Infinity, ...models[at]!.keys()))
        const doing = alone
          ? writer().write(places[0]!, deliveries, options, {})
          : writer().ingest(iterate(deliveries), options)
        if (mode === "append" && stamps.length > 0 && isLate) {
          await expect(doing).rejects.toMatchObject({ code: "conflict" })
          continue
        }
        const done = await doing
        let [inserted, replaced, removed] = [0, 0, 0]
        for (const at of used) {
          const model = models[at]!
          const before = new Set(model.keys())
          for (const stamp of before) {
            if (mode === "replace" || (mode === "update" && stamp >= low && stamp <= high))
              model.delete(stamp)
          }
          for (const [stamp, value] of all.flat()) model.set(stamp, value)
          const distinct = new Set(stamps)
          const both = [...distinct].filter((stamp) => before.has(stamp)).length
          inserted += distinct.size - both
          replaced += both
          removed += [...before].filter((stamp) => !model.has(stamp)).length
        }
        // What is not known is not said; what is said is right.
        expect([inserted, done.inserted ?? inserted]).toEqual([inserted, inserted])
        expect([replaced, done.replaced ?? replaced]).toEqual([replaced, replaced])
        expect([removed, done.removed ?? removed]).toEqual([removed, removed])
        for (const at of used) {
          const got = await send(`GET /api/store/${reference}/${places[at]!.symbol}?orient=split`)
          const sorted = [...models[at]!].toSorted(([one], [other]) => one - other)
          const { index, data } = got.json
          expect(index.map((stamp: number, row: number) => [stamp, data[row][0]])).toEqual(sorted)
        }
      }
      expect(await stagedRows()).toBe(0)
    })
    await fc.assert(property, { seed: 5, numRuns: 60, endOnFailure: true })
  }, 120_000)

  it("of a request that died are swept by the schedule, once it cannot be alive", async () => {
    const now = Date.now()
    const options = {
      mode: "update" as const,
      onDuplicate: "last" as const,
      isPartial: false,
      isCounted: false,
    }
    for (const minutes of [1, 120]) void writer(now - minutes * 60_000).ingest(broken(), options)
    await expect.poll(stagedRows).toBeGreaterThanOrEqual(6)
    const before = await stagedRows()
    await worker.scheduled({} as any, env as any, { waitUntil: () => {} } as any)
    expect(await stagedRows()).toBe(before / 2)
    await env.DB.prepare("DELETE FROM chunks WHERE series < 0").run()
  })

  it("that somebody took away refuse the commit instead of losing rows", async () => {
    const options = {
      mode: "upsert" as const,
      onDuplicate: "last" as const,
      isPartial: false,
      isCounted: false,
    }
    await expect(writer().ingest(robbed(), options)).rejects.toMatchObject({ code: "conflict" })
    expect((await send("GET /api/store/robbed/s")).status).toBe(404)
  })
  it.each(["update", "upsert", "replace", "append"] as const)(
    "leave a request within forty queries, however many they may be: mode %s",
    async (mode) => {
      const place = { reference: "most", symbol: mode }
      // The last comes first: where rows are not sorted, gaps are written too.
      const batches = Array.from({ length: 5 * IMPORT_MAX_STAGED }, (_, at) => ({
        rows: [{ ...place, frame: frame(cellsOf(-at)) }],
        bad: [],
      }))
      let queries = 0
      for (let fewer = 0; queries === 0 && fewer < batches.length; fewer++) {
        const db = new Database(env.DB)
        try {
          const some = batches.slice(fewer)
          await writer(Date.now(), undefined, db).write(place, some, { ...plain, mode }, {})
          queries = db.cost.queries
        } catch (error) {
          expect(error).toMatchObject({ code: "too_large" })
        }
      }
      // One is the request's own, which looks at the series before it reads the body.
      expect(queries).toBeLessThanOrEqual(39)
      expect(queries).toBeGreaterThan(mode === "append" ? 20 : 30)
      expect(await stagedRows()).toBe(0)
    },
    30_000,
  )

  it("that are too many for the queries of a request are refused, and gone", async () => {
    await expect(writer().ingest(endless(), plain)).rejects.toMatchObject({ code: "too_large" })
    expect(await stagedRows()).toBe(0)
  })

  it("must be sorted where a stamp may not be there twice, for only then is that known", async () => {
    expect(
      await writeStrictly(
        [
          [2, 1],
          [1, 1],
        ],
        [[3, 1]],
      ),
    ).toMatchObject({ inserted: 3 })
    await expect(
      writeStrictly([
        [1, 1],
        [2, 1],
        [2, 2],
      ]),
    ).rejects.toMatchObject(errors(/twice/))
    await expect(
      writeStrictly(
        [
          [1, 1],
          [3, 1],
        ],
        [[2, 1]],
      ),
    ).rejects.toMatchObject(errors(/too late/))
    expect(await stagedRows()).toBe(0)
  })
})

async function* iterate<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}
