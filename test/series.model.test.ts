/** Series against a plain Map: whatever was written in whatever order, reading answers what the Map holds. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { Compactor } from "../src/series/compactor.ts"
import { send } from "./helpers.ts"

type Row = Record<string, unknown>
type Model = Map<number, Row>

interface Write {
  mode: keyof typeof MODES
  rows: readonly [stamp: number, row: Row][]
  /** Ranges to take away. */
  removed: readonly [from: number, to: number][]
}

const split = (rows: Write["rows"]) => {
  const columns = [...new Set(rows.flatMap(([, row]) => Object.keys(row)))]
  return {
    columns,
    index: rows.map(([stamp]) => stamp),
    data: rows.map(([, row]) => columns.map((column) => row[column] ?? null)),
  }
}

const without = (model: Model, [from, to]: readonly [number, number]) => {
  for (const stamp of model.keys()) if (stamp >= from && stamp <= to) model.delete(stamp)
}

/** Every way to write: the request, and what it does to the Map. A new mode is a line here. */
const MODES = {
  update: {
    request: ({ rows }: Write) => ["PUT", "?orient=split", split(rows)] as const,
    model: (model: Model, { rows }: Write) => {
      const stamps = rows.map(([stamp]) => stamp)
      without(model, [Math.min(...stamps), Math.max(...stamps)])
      for (const [stamp, row] of rows) model.set(stamp, row)
    },
  },
  replace: {
    request: ({ rows }: Write) => ["PUT", "?orient=split&mode=replace", split(rows)] as const,
    model: (model: Model, { rows }: Write) => {
      model.clear()
      for (const [stamp, row] of rows) model.set(stamp, row)
    },
  },
  upsert: {
    request: ({ rows }: Write) => ["PUT", "?orient=split&mode=upsert", split(rows)] as const,
    model: (model: Model, { rows }: Write) => {
      for (const [stamp, row] of rows) model.set(stamp, row)
    },
  },
  append: {
    request: ({ rows }: Write) => ["PUT", "?orient=split&mode=append", split(rows)] as const,
    /** What has a row at its first stamp or after it, refuses it. */
    refuses: (model: Model, { rows }: Write) => {
      const first = Math.min(...rows.map(([stamp]) => stamp))
      return [...model.keys()].some((stamp) => stamp >= first)
    },
    model: (model: Model, { rows }: Write) => {
      for (const [stamp, row] of rows) model.set(stamp, row)
    },
  },
  patch: {
    request: ({ rows, removed }: Write) =>
      ["PATCH", "", { removed, ...(rows.length > 0 ? { rows: split(rows) } : {}) }] as const,
    model: (model: Model, { rows, removed }: Write) => {
      for (const span of removed) without(model, span)
      for (const [stamp, row] of rows) model.set(stamp, row)
    },
  },
} as const

// Mostly small stamps close together, so that everything lies over everything; a few far out.
const stamp = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: -1_000_000, max: 1_000_000 }) },
)
const value = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.integer({ min: -5_000, max: 5_000 }).map((cents) => cents / 100),
  fc.constant(null),
)
const row = fc.record({ a: value, b: value, s: fc.constantFrom("x", "y", "ü", null) })
const rows = fc
  .oneof(
    { weight: 6, arbitrary: fc.array(fc.tuple(stamp, row), { minLength: 1, maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(stamp, fc.array(row, { minLength: 50, maxLength: 120 }))
        .map(([from, many]) => many.map((one, at): [number, Row] => [from + at, one])),
    },
  )
  .map((list) => [...new Map(list)])
const span = fc
  .tuple(stamp, fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 500 })))
  .map(([from, length]): [number, number] => [from, from + length])
const none = fc.constant([])
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({ mode: fc.constantFrom("update", "upsert"), rows, removed: none }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      mode: fc.constant("patch"),
      rows: fc.oneof(rows, none),
      removed: fc.array(span, { maxLength: 2 }),
    }),
  },
  { weight: 10, arbitrary: fc.record({ mode: fc.constant("append"), rows, removed: none }) },
  // Seldom, or nothing would ever pile up.
  { weight: 1, arbitrary: fc.record({ mode: fc.constant("replace"), rows, removed: none }) },
)

/** One point after another, as they come from who measures something. */
const run = fc
  .record({
    mode: fc.constantFrom("append", "update", "upsert"),
    from: stamp,
    values: fc.array(row, { minLength: 5, maxLength: 30 }),
  })
  .map(({ mode, from, values }) =>
    values.map((one, at): Write => ({ mode, rows: [[from + at, one]], removed: [] })),
  )

/** At least so many writes, runs of points among them. */
function sample(count: number, seed: number): Write[] {
  const some = fc.oneof(
    { weight: 25, arbitrary: write.map((one) => [one]) },
    { weight: 1, arbitrary: run },
  )
  return fc.sample(some, { seed, numRuns: count }).flat()
}

/** Rows that come after all there are. */
function behind(model: Model, { rows: some, ...rest }: Write): Write {
  const first = Math.min(...some.map(([at]) => at))
  const by = Math.max(0, ...model.keys()) + 1 - first
  return { ...rest, rows: some.map(([at, one]) => [at + by, one]) }
}

let count = 0
const place = () => ({ reference: "model", symbol: `s${++count}` })

function compactor() {
  const db = new Database(env.DB)
  return new Compactor(db, new Feed(db, { now: Date.now, poke: () => {} }))
}

async function read(uri: string, query = "") {
  const { json, revision } = await send(`GET ${uri}?orient=split${query}`)
  const model: [number, Row][] = json.index.map((label: number, at: number) => [
    label,
    Object.fromEntries(
      json.columns.map((name: string, column: number) => [name, json.data[at][column]]),
    ),
  ])
  return { model, revision }
}

/** The rows of the Map in order, with a null for every column that a row lacks. */
function rowsOf(model: Model, from = -Infinity, to = Infinity): [number, Row][] {
  return [...model]
    .filter(([at]) => at >= from && at <= to)
    .sort(([one], [other]) => one - other)
    .map(([at, one]) => [at, { a: null, b: null, s: null, ...one }])
}

async function chunkCount({ symbol }: { symbol: string }) {
  const sql =
    "SELECT count(*) AS n FROM chunks WHERE series = (SELECT id FROM series WHERE symbol = ?)"
  return (await env.DB.prepare(sql).bind(symbol).first<{ n: number }>())!.n
}

describe("a series is a Map by stamp", () => {
  it.each([1, 2, 3, 4])(
    "through hundreds of writes, range deletes, compactions and reads, one after another (%i)",
    async (seed) => {
      const writes = sample(400, seed)
      const where = place()
      const uri = `/api/store/model/${where.symbol}`
      const model: Model = new Map()
      const seeded: Write = { mode: "update", rows: [[0, { a: 1, b: 1.5, s: "x" }]], removed: [] }
      for (const [at, made] of [seeded, ...writes].entries()) {
        const one = made.mode === "append" && at % 2 === 0 ? behind(model, made) : made
        const mode = MODES[one.mode]
        const [method, query, body] = mode.request(one)
        const answer = await send(`${method} ${uri}${query}`, body)
        const isRefused = "refuses" in mode && mode.refuses(model, one)
        expect(answer.status, answer.text).toBe(isRefused ? 409 : 200)
        if (!isRefused) mode.model(model, one)
        if (at % 23 === 0) await compactor().compact(where)
        if (at % 7 === 0) {
          const [from, to] = [(at * 37) % 300, (at * 53) % 400]
          const window = await read(uri, `&start=${from}&end=${to}`)
          expect(window.model).toEqual(rowsOf(model, from, to))
        }
        if (at % 40 === 0) expect((await read(uri)).model).toEqual(rowsOf(model))
      }
      const before = await read(uri)
      expect(before.model).toEqual(rowsOf(model))
      await compactor().compact(where)
      expect(await read(uri)).toEqual(before)
      expect(await chunkCount(where)).toBeLessThan(40)
    },
    60_000,
  )

  it.each([5, 6, 7])(
    "while compactions race the writes: what counts is the order of their revisions (%i)",
    async (seed) => {
      const sent = sample(300, seed)
      const where = place()
      const uri = `/api/store/model/${where.symbol}`
      await send(`PUT ${uri}?orient=split`, split([[0, { a: 1, b: 1.5, s: "x" }]]))
      const model: Model = new Map([[0, { a: 1, b: 1.5, s: "x" }]])
      for (let from = 0; from < sent.length; from += 15) {
        const wave = sent.slice(from, from + 15)
        const answers = await Promise.all(
          wave.flatMap((one, at) => {
            const [method, query, body] = MODES[one.mode].request(one)
            const written = send(`${method} ${uri}${query}`, body).then((answer) => {
              if (one.mode === "append" && answer.status === 409) return null
              expect(answer.status, answer.text).toBe(200)
              return { one, revision: answer.revision! }
            })
            return at % 4 === 0 ? [written, compactor().compact(where)] : [written]
          }),
        )
        const done = answers.filter((answer) => typeof answer === "object" && answer !== null)
        for (const { one } of done.sort((a, b) => a.revision - b.revision)) {
          const mode = MODES[one.mode]
          if ("refuses" in mode) expect(mode.refuses(model, one)).toBe(false)
          mode.model(model, one)
        }
        expect((await read(uri)).model).toEqual(rowsOf(model))
      }
    },
    60_000,
  )
})
