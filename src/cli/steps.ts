/** What the demo does, step by step; what is not as it should be is collected in `faults`. */
import { isDeepStrictEqual } from "node:util"
import { CallError, type Client } from "../client/http.ts"
import type { Subscription } from "../client/subscription.ts"
import { countOf, differences, fromColumns, loadTables, sliceOf, toColumns } from "./files.ts"
import type { Columns, Split, Table } from "./files.ts"
import type { Ears } from "./hear.ts"
import { bad, dim, duration, grid, heading, plural } from "./print.ts"

const REFERENCE = "demo"
const DOCUMENT = "demo"
const KEY = "demo-tide"
/** The series that is followed: its last month comes while we listen, a week at a time. */
const FOLLOWED = "seattle-weather"
const LAST_MONTH = "2015-12"
const WEEK_ROWS = 7
const EXPIRE_SECONDS = 3
const EVENT_MILLISECONDS = 10_000
const BRIEF_CHARACTERS = 40

const PATCH = { theme: "dark", weather: { station: "Seattle", unit: "°C" } }

interface Copies {
  series: Subscription
  document: Subscription
  key: Subscription
}

export class Steps {
  /** Sentences. */
  readonly faults: string[] = []
  compared = 0
  readonly #api: Client
  readonly #ears: Ears
  readonly #tables = loadTables()
  readonly #followed = this.#tables.find(({ symbol }) => symbol === FOLLOWED) as Table
  /** Rows before the last month. */
  readonly #early = this.#followed.index.filter((label) => label < LAST_MONTH).length
  readonly #settings = { theme: "light", series: this.#tables.map(({ symbol }) => symbol) }
  readonly #uris: Record<keyof Copies, string>

  constructor(api: Client, ears: Ears) {
    this.#api = api
    this.#ears = ears
    this.#uris = {
      series: api.uri("series.get", { params: { reference: REFERENCE, symbol: FOLLOWED } }),
      document: api.uri("documents.get", { params: { name: DOCUMENT } }),
      key: api.uri("keys.get", { params: { id: KEY } }),
    }
  }

  async write(): Promise<void> {
    heading("Written", "from the files of vega-datasets")
    const print = grid("l16 r6 r7 r7 l23 r8 r9")
    print(["series", "rows", "columns", "values", "", "took", "revision"], dim)
    for (const [at, table] of this.#tables.entries()) {
      const part = sliceOf(table, 0, table === this.#followed ? this.#early : undefined)
      const { index, columns } = part
      // Every other one as `columns`, so that both ways in are used.
      const work = this.#save(table.symbol, part, at % 2 === 0 ? "split" : "columns")
      const { reply, took } = await timed(work)
      const range = `${index[0]} … ${index.at(-1)}`
      const figures = [index.length, columns.length, countOf(part), range, duration(took)]
      print([table.symbol, ...figures, reply.revision ?? ""])
    }
    const { reply, took } = await timed(
      this.#api.call("documents.put", {
        params: { name: DOCUMENT },
        body: { data: this.#settings },
      }),
    )
    print(["a document", "", "", "", this.#uris.document, duration(took), reply.revision ?? ""])
  }

  async listen(): Promise<Copies> {
    heading("Listening", "over the WebSocket: state first, then what changes")
    const { series, document, key } = this.#uris
    const copies = {
      series: await this.#ears.listen(series, EVENT_MILLISECONDS),
      document: await this.#ears.listen(document, EVENT_MILLISECONDS),
      key: await this.#ears.listen(key, EVENT_MILLISECONDS),
    }
    const rows = fromColumns(copies.series.value as Columns).index.length
    const print = grid("l34 l40 r9")
    print([series, plural(rows, "row"), copies.series.revision])
    print([document, brief(copies.document.value), copies.document.revision])
    print([key, brief(copies.key.value)])
    return copies
  }

  async change(): Promise<void> {
    heading("Changed", "each write is heard under the revision it was answered with")
    const print = grid("l42 r9 r8 r8 l8")
    print(["", "revision", "answered", "heard", "as"], dim)
    const { series, document, key } = this.#uris

    const act = async (
      what: string,
      uri: string,
      work: Promise<{ revision?: number | undefined }>,
    ) => {
      const start = performance.now()
      const { reply, took } = await timed(work)
      const { revision = 0 } = reply
      const { frame, at } = await this.#ears.until(
        `the event of "${what}" (revision ${revision})`,
        (one) => one.uri === uri && one.revision >= revision,
        EVENT_MILLISECONDS,
      )
      print([what, revision, duration(took), duration(at - start), frame.event])
      return { revision, start }
    }

    const query = { [KEY]: "high", expire_in: String(EXPIRE_SECONDS) }
    const expiry = `set ${KEY}, to expire in ${EXPIRE_SECONDS} s`
    const set = await act(expiry, key, this.#api.call("keys.put", { query }))
    for (let from = this.#early; from < this.#followed.index.length; from += WEEK_ROWS) {
      const week = sliceOf(this.#followed, from, from + WEEK_ROWS)
      const what = `append ${plural(week.index.length, "day")} to ${week.index.at(-1)}`
      await act(what, series, this.#save(FOLLOWED, week, "split"))
    }
    const patch = { params: { name: DOCUMENT }, body: { data: PATCH } }
    await act(`patch ${document}`, document, this.#api.call("documents.patch", patch))
    const { frame, at } = await this.#ears.until(
      `the expiry of ${KEY}`,
      (one) => one.uri === key && one.event === "delete" && one.revision > set.revision,
      EXPIRE_SECONDS * 1_000 + EVENT_MILLISECONDS,
    )
    if (frame["reason"] !== "expired") this.faults.push(`${KEY} was deleted, it did not expire`)
    print([`${KEY} expired by itself`, frame.revision, "", duration(at - set.start), "delete"])
  }

  async readBack(copies: Copies): Promise<void> {
    heading("Read back", "every value, next to the file it came from")
    for (const table of this.#tables) {
      const params = { reference: REFERENCE, symbol: table.symbol }
      const { body } = await this.#api.call("series.get", { params, query: { orient: "split" } })
      this.#judge(table.symbol, table.file, countOf(table), differences(table, body as Split))
    }
    const copy = fromColumns(copies.series.value as Columns)
    const flaws = differences(this.#followed, copy)
    this.#judge(FOLLOWED, "the listener's copy", countOf(this.#followed), flaws)

    const { body } = await this.#api.call("documents.get", { params: { name: DOCUMENT } })
    const wanted = { name: DOCUMENT, data: { ...this.#settings, ...PATCH } }
    const others = [body, copies.document.value].filter((one) => !isDeepStrictEqual(one, wanted))
    this.#judge(
      "the document",
      "and the copy",
      2,
      others.map((one) => `is ${JSON.stringify(one)}`),
    )

    const left = [await this.#key(), copies.key.value].filter((one) => one !== undefined)
    this.#judge(
      "the key",
      "gone, as the copy",
      2,
      left.map((one) => `is ${JSON.stringify(one)}`),
    )
  }

  #save(symbol: string, part: Split, orient: "split" | "columns") {
    return this.#api.call("series.put", {
      params: { reference: REFERENCE, symbol },
      query: { orient },
      body: orient === "split" ? part : toColumns(part),
    })
  }

  async #key(): Promise<unknown> {
    try {
      return (await this.#api.call("keys.get", { params: { id: KEY } })).body
    } catch (error) {
      if (error instanceof CallError && error.status === 404) return undefined
      throw error
    }
  }

  #judge(what: string, where: string, values: number, flaws: string[]): void {
    this.compared += values
    this.faults.push(...flaws.map((flaw) => `${what}: ${flaw}`))
    const words = flaws.length === 0 ? "equal" : plural(flaws.length, "difference")
    grid("l16 l20 r7 l40")([what, where, values, words], flaws.length === 0 ? undefined : bad)
  }
}

function brief(value: unknown): string {
  const text = value === undefined ? "nothing there" : JSON.stringify(value)
  return text.length > BRIEF_CHARACTERS ? `${text.slice(0, BRIEF_CHARACTERS - 1)}…` : text
}

async function timed<Value>(work: Promise<Value>): Promise<{ reply: Value; took: number }> {
  const start = performance.now()
  return { reply: await work, took: performance.now() - start }
}
