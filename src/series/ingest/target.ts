/** One series of a write: rows in, parts of its log out, in memory that does not grow with them. Pure. */
import { byteLength } from "../../lib/bytes.ts"
import {
  CHANGE_BODY_MAX_BYTES,
  COUNTED_MAX_STAMPS,
  NAME_MAX_BYTES,
  SERIES_MAX_COLUMNS,
} from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { WriteMode } from "../../protocol/series-write.ts"
import { slice, type Column, type Frame, type IndexKind, type Unit } from "../frame.ts"
import { maskOf } from "../kinds.ts"
import { cut, debtOf, levelOf, rowsOfChunk, type Part } from "../part.ts"
import type { Place, Written } from "../sql.ts"
import { stampFormat } from "../stamp.ts"
import { tailOf } from "../tail.ts"
import { Held } from "./held.ts"

/** How rows are to be written. */
export interface Wish {
  mode: WriteMode
  /** Of several rows with one stamp the last counts, none may be, or they become one, field by field. */
  onDuplicate: "last" | "error" | "unite"
}

export class Target {
  readonly place: Place
  /** Its number among the series of the write. */
  readonly key: number
  readonly #wish: Wish
  /** Rows that are not packed yet. */
  readonly #held: Held
  kind: IndexKind | null = null
  unit: Unit = "ms"
  zone: string | null = null
  indexName: string | null = null
  #debt = 0
  readonly #masks = new Map<string, number>()
  first = Infinity
  last = -Infinity
  /** Rows that were added. */
  rows = 0
  /** False once rows came that lie before others which are packed: then parts lie over each other. */
  isOrdered = true
  #packedLast = -Infinity
  #stamps: Float64Array[] | null = []
  /** Different stamps that are packed; null when only the database could tell. */
  distinct: number | null = 0
  #whole: Frame | null = null
  #tail: string | null = null

  constructor(place: Place, key: number, wish: Wish) {
    this.place = place
    this.key = key
    this.#wish = wish
    this.#held = new Held((stamp) => {
      if (wish.onDuplicate === "error") throw this.#problem(stamp, "is there twice")
    }, wish.onDuplicate === "unite")
  }

  /** What the rows say of their series. */
  get written(): Written {
    const { kind, unit, zone, indexName, first, last } = this
    return {
      kind,
      unit,
      zone,
      indexName,
      columns: JSON.stringify([...this.#masks]),
      span: kind === null ? null : [first, last],
    }
  }

  /** All rows, where they are few enough for a change to carry. */
  get whole(): Frame | null {
    if (this.rows > 0) return this.#whole
    const columns = [...this.#masks.keys()].map((name): Column => ({
      name,
      kind: "null",
      values: [],
    }))
    return { index: new Float64Array(), kind: "naive", unit: "ms", columns }
  }

  /** What it adds to the tail of the series (see `tailOf`), if that is all it has. */
  get tail(): string | null {
    return this.#tail
  }

  /** The stamps in their order; null when they are too many, or not known to be different. */
  get stamps(): Float64Array | null {
    if (!this.#stamps) return null
    if (this.#stamps.length === 1) return this.#stamps[0] as Float64Array
    const all = new Float64Array(this.#stamps.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const stamps of this.#stamps) {
      all.set(stamps, at)
      at += stamps.length
    }
    return all
  }

  /** How many of its parts are not full, with the range that mode update takes away where they are in disorder. */
  get debt(): number {
    return this.#debt + (this.#wish.mode === "update" && !this.isOrdered ? 1 : 0)
  }

  /** What the held rows take in memory, about. */
  get weight(): number {
    return this.#held.weight
  }

  /** Among other series they are not counted, so they need not be kept. */
  forgetStamps(): void {
    this.#stamps = null
  }

  /** Whether it holds enough for full chunks, and more than a change could carry as one patch. */
  get isFull(): boolean {
    return this.#held.rows > 3 * rowsOfChunk(this.#masks.size)
  }

  /** Rows that come after those before; the same stamp again counts more. Throws Problem unprocessable. */
  add(frame: Frame): void {
    const { index, columns, kind, unit, zone, indexName } = frame
    for (const column of columns) this.#know(column)
    this.rows += index.length
    this.zone = zone ?? this.zone
    this.indexName = indexName ?? this.indexName
    if (index.length === 0) return
    this.kind = kind
    if (unit === "us") this.unit = unit
    for (const stamp of index) {
      if (stamp < this.first) this.first = stamp
      if (stamp > this.last) this.last = stamp
    }
    this.#held.add(frame)
  }

  /**
   * The parts of the held rows; unless `everything` is wanted, those of full chunks only.
   * @param isEnd whether no more rows come
   * Throws Problem: unprocessable naming a stamp that is there twice, too_large.
   */
  pack(everything: boolean, isEnd = false): Part[] {
    if (this.#held.rows === 0) return []
    const all = this.#held.take()
    const count = all.index.length
    // What unites with the last row may be still to come.
    const ready = this.#wish.onDuplicate === "unite" && !isEnd ? count - 1 : count
    const upTo = everything ? ready : ready - (ready % rowsOfChunk(all.columns.length))
    const rest = slice(all, upTo, count)
    if (upTo < count) this.#held.add(rest)
    if (upTo === 0) return []
    const isSmall = count * (1 + all.columns.length) <= CHANGE_BODY_MAX_BYTES
    this.#whole = isSmall && upTo === count && this.#packedLast === -Infinity ? all : null
    return this.#partsOf(slice(all, 0, upTo))
  }

  #partsOf(frame: Frame): Part[] {
    const { index } = frame
    const first = index[0] as number
    const before = this.#packedLast
    const isAll = before === -Infinity
    if (first <= before) this.#disorder(first)
    this.#packedLast = Math.max(before, index.at(-1) as number)
    if (this.distinct !== null) this.distinct += index.length
    if (this.#stamps && (this.distinct ?? Infinity) <= COUNTED_MAX_STAMPS) this.#stamps.push(index)
    else this.#stamps = null
    const replaces = this.isOrdered && this.#wish.mode !== "upsert"
    const parts = cut(frame, replaces)
    this.#debt += debtOf(parts, frame.columns.length)
    this.#tail = isAll ? tailOf(parts) : null
    const [head] = parts
    // So that no old row is left between what was packed before and this.
    if (replaces && head && before > -Infinity) {
      head.first = before + 1
      head.level = levelOf([head.first, head.last])
    }
    return parts
  }

  #disorder(stamp: number): void {
    if (this.#wish.onDuplicate === "error") {
      throw this.#problem(stamp, "comes too late: in a body this large, rows must be sorted")
    }
    this.isOrdered = false
    this.distinct = null
  }

  #problem(stamp: number, flaw: string): Problem {
    const label = stampFormat(this.kind ?? "naive", this.unit)(stamp)
    const { reference, symbol } = this.place
    return new Problem(
      "unprocessable",
      `The stamp ${label} of "${reference}/${symbol}" ${flaw} (on_duplicate=error)`,
      { errors: { [`index.${label}`]: flaw } },
    )
  }

  #know(column: Column): void {
    const { name } = column
    const known = this.#masks.get(name)
    if (known === undefined) checkName(name, this.#masks.size + 1)
    this.#masks.set(name, (known ?? 0) | maskOf(column))
  }
}

function checkName(name: string, columns: number): void {
  // As JSON, which is how the series remembers it.
  const bytes = byteLength(JSON.stringify(name)) - 2
  const flaw =
    bytes > NAME_MAX_BYTES
      ? `The column "${name.slice(0, 40)}…" has a name of ${bytes} bytes, at most ${NAME_MAX_BYTES} fit`
      : columns > SERIES_MAX_COLUMNS
        ? `A series must have at most ${SERIES_MAX_COLUMNS} columns, the rows have ${columns} or more`
        : null
  if (flaw !== null) throw new Problem("unprocessable", flaw, { errors: { columns: flaw } })
}
