/** The columns of a resampled frame while they grow, bucket after bucket. Pure. */
import type { Aggregation } from "../../protocol/resample.ts"
import type { Column, ColumnKind, Json } from "../frame.ts"
import { kindOf, maskOf, maskOfKind } from "../kinds.ts"
import { aggProblem, checkAggregate, kindAfter, type Aggregate } from "./aggregate.ts"
import { partsOf, type Part } from "./part.ts"
import type { KnownStats } from "./tally.ts"

export interface Output {
  name: string
  kind: ColumnKind
  agg: Aggregation
  /** One for every closed bucket; NaN where it had no value. */
  cells: Json[]
}

interface Source {
  name: string
  mask: number
  isMet: boolean
  aggs: Aggregation[]
  parts: Part[]
}

export class Outputs {
  readonly #aggregates: readonly Aggregate[]
  readonly #bucket: (place: number) => string
  readonly #sources = new Map<string, Source>()

  /** @param bucket how an error names the bucket of a place */
  constructor(aggregates: readonly Aggregate[], bucket: (place: number) => string) {
    this.#aggregates = aggregates
    this.#bucket = bucket
  }

  /** Columns of the answer. */
  get width(): number {
    return [...this.#sources.values()].reduce((sum, { parts }) => sum + parts.length, 0)
  }

  /**
   * Makes room for columns, and joins their kinds with what they were before.
   * @param closed how many buckets are closed
   * Throws Problem invalid_request when a column of the joined kind has no such aggregation.
   */
  meet(columns: readonly Column[], closed: number): void {
    for (const column of columns) this.meetMask(column.name, maskOf(column), closed)
  }

  /** The same for a column of which only the bits are known. */
  meetMask(name: string, mask: number, closed: number): void {
    const source = this.#sourceOf(name, closed)
    if (source.isMet && (source.mask | mask) === source.mask) return
    source.isMet = true
    source.mask |= mask
    for (const agg of source.aggs) checkAggregate(agg, name, kindOf(source.mask))
  }

  /**
   * Rows, in order; the columns have been met.
   * @param cuts the rows before which the open bucket closes
   * Throws Problem unprocessable when a value is beyond int64 or all doubles.
   */
  add(columns: readonly Column[], rows: number, cuts: readonly number[]): void {
    const given = new Map(columns.map((column) => [column.name, column]))
    for (const { name, mask, parts } of this.#sources.values()) {
      const column = given.get(name)
      const kind = kindOf(mask)
      for (const part of parts) {
        let from = 0
        for (const cut of cuts) {
          if (column && cut > from) part.tally.add(column, from, cut)
          part.close(name, kind, this.#bucket)
          from = cut
        }
        if (column && rows > from) part.tally.add(column, from, rows)
      }
    }
  }

  /** The same as `meet` for columns of which only statistics are known. */
  meetStats(columns: ReadonlyMap<string, readonly (KnownStats | null)[]>, closed: number): void {
    for (const [name, chunks] of columns) {
      let mask = 0
      for (const stats of chunks) {
        if (stats?.kind === "int64") mask |= maskOfKind(stats.kind, [stats.min, stats.max])
        else if (stats) mask |= maskOfKind(stats.kind, [])
      }
      this.meetMask(name, mask, closed)
    }
  }

  /**
   * Chunks, in order, by their statistics; the columns have been met.
   * @param cuts the chunks before which the open bucket closes
   * Throws Problem as `add` does, Error for an aggregation that needs the rows.
   */
  addStats(
    columns: ReadonlyMap<string, readonly (KnownStats | null)[]>,
    count: number,
    cuts: readonly number[],
  ): void {
    for (const { name, mask, parts } of this.#sources.values()) {
      const chunks = columns.get(name)
      const kind = kindOf(mask)
      for (const part of parts) {
        const { tally, agg } = part
        if (chunks && !tally.addStats)
          throw new Error(`${agg} needs rows, statistics are not enough`)
        let from = 0
        for (const cut of cuts) {
          if (chunks && cut > from) tally.addStats?.(chunks, from, cut)
          part.close(name, kind, this.#bucket)
          from = cut
        }
        if (chunks) tally.addStats?.(chunks, from, count)
      }
    }
  }

  /** The columns under the names of the answer. Throws Problem invalid_request for a column that nobody gave. */
  done(): Output[] {
    const outputs = this.#chosen().flatMap((source) =>
      source.parts.map(({ name, agg, cells }) => {
        const kind = kindAfter(agg, kindOf(source.mask))
        return { name: this.#nameOf(source, name), kind, agg, cells }
      }),
    )
    checkNames(outputs)
    return outputs
  }

  #sourceOf(name: string, closed: number): Source {
    const known = this.#sources.get(name)
    if (known) return known
    const aggs = this.#aggregates
      .filter(({ column }) => column === null || column === name)
      .map(({ agg }) => agg)
    const parts = aggs.flatMap((agg) => partsOf(agg, closed))
    const source = { name, mask: 0, isMet: false, aggs, parts }
    this.#sources.set(name, source)
    return source
  }

  #chosen(): Source[] {
    const names = new Set(this.#aggregates.map(({ column }) => column))
    if (names.has(null) || this.#sources.size === 0) return [...this.#sources.values()]
    return [...names].map((name) => {
      const source = this.#sources.get(name ?? "")
      if (source) return source
      const known = [...this.#sources.keys()].map((one) => JSON.stringify(one)).join(", ")
      const flaw = `names the column ${JSON.stringify(name)}, the series has ${known}`
      throw aggProblem(`"agg" ${flaw}`, flaw)
    })
  }

  #nameOf({ name, aggs }: Source, part: string): string {
    if (aggs.length === 1 && aggs[0] !== "ohlc") return name
    return aggs.length === 1 && this.#sources.size === 1 ? part : `${name}_${part}`
  }
}

function checkNames(outputs: readonly Output[]): void {
  const seen = new Set<string>()
  for (const { name } of outputs) {
    if (seen.has(name)) {
      const flaw = `makes two columns of the name ${JSON.stringify(name)}`
      throw aggProblem(`"agg" ${flaw}; ask for fewer columns at once`, flaw)
    }
    seen.add(name)
  }
}
