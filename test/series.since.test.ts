/** `since`, whatever happens to a series: who applies what it tells has what GET answers. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { expect, it } from "vitest"
import { Database } from "../src/feed/database.ts"
import { Feed } from "../src/feed/feed.ts"
import { Compactor } from "../src/series/compactor.ts"
import { send } from "./helpers.ts"

const reference = "since"
const DAY = 86_400_000
/** The first of 40 days, all of them past. */
const FIRST = Date.UTC(2015, 0, 1)
const label = (day: number) => new Date(FIRST + day * DAY).toISOString().slice(0, -1)

const day = fc.nat(39)
const rows = fc.uniqueArray(day, { maxLength: 6 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ rows, mode: fc.constantFrom("update", "upsert") }) },
  { weight: 2, arbitrary: fc.record({ rows, mode: fc.constant("replace") }) },
  { weight: 3, arbitrary: fc.record({ removed: fc.tuple(day, fc.nat(9)) }) },
  { weight: 2, arbitrary: fc.constant("compact" as const) },
  { weight: 1, arbitrary: fc.constant("delete" as const) },
  { weight: 4, arbitrary: fc.record({ retention: fc.constantFrom("7d", "20d", null) }) },
  { weight: 5, arbitrary: fc.constant("follow" as const) },
)

async function compact(symbol: string): Promise<void> {
  const db = new Database(env.DB)
  const feed = new Feed(db, { now: Date.now, poke: () => {} })
  await new Compactor(db, feed).compact({ reference, symbol })
}

/** A copy of a part of a series, kept by `since`. */
class Copy {
  readonly #uri: string
  readonly #range: string
  #rows = new Map<string, unknown>()
  #revision = 0

  constructor(uri: string, range: string) {
    this.#uri = uri
    this.#range = range
  }

  async follow(): Promise<void> {
    const now = await send(`GET ${this.#uri}?orient=split${this.#range}`)
    if (now.status === 404) return
    const since = `&since=${this.#revision}`
    const news = await send(`GET ${this.#uri}?orient=split${this.#range}${since}`)
    for (const [from, to] of JSON.parse(news.headers.get("X-Removed") ?? "[]")) {
      for (const key of this.#rows.keys()) if (from <= key && key <= to) this.#rows.delete(key)
    }
    for (const [row, key] of news.json.index.entries()) this.#rows.set(key, news.json.data[row])
    this.#revision = news.revision ?? 0
    expect([...this.#rows].toSorted()).toEqual(
      now.json.index.map((key: string, row: number) => [key, now.json.data[row]]),
    )
  }
}

it("keeps a copy right through every kind of change, of all of it and of a part", async () => {
  let run = 0
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 24, size: "max" }),
    async (steps) => {
      const symbol = `s${++run}`
      const uri = `/api/store/${reference}/${symbol}`
      await send(`PATCH /api/store/${reference}/`, { retention: null })
      const part = `&start=${label(10)}&end=${label(25)}`
      const copies = [new Copy(uri, ""), new Copy(uri, part)]
      let value = 0
      for (const one of [...steps, "follow" as const]) {
        if (one === "follow") for (const copy of copies) await copy.follow()
        else if (one === "compact") await compact(symbol)
        else if (one === "delete") await send(`DELETE ${uri}`)
        else if ("retention" in one) await send(`PATCH /api/store/${reference}/`, one)
        else if ("mode" in one) {
          const body = {
            columns: ["v"],
            index: one.rows.map(label),
            data: one.rows.map(() => [++value]),
          }
          await send(`PUT ${uri}?orient=split&mode=${one.mode}`, body)
        } else {
          const [from, length] = one.removed
          await send(`PATCH ${uri}`, { removed: [[label(from), label(from + length)]] })
        }
      }
    },
  )
  await fc.assert(property, { seed: 3, numRuns: 30, endOnFailure: true })
}, 120_000)
