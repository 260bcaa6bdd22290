/** What a chunk says of its numbers without being opened. Pure. */
import { fromBase64, toBase64 } from "../lib/base64.ts"
import { lowerBound, type Column, type ColumnKind, type Frame } from "./frame.ts"
import { gridOf } from "./resample/grid.ts"
import type { ChunkStats } from "./resample/resample.ts"
import { narrow, Sum } from "./resample/sum.ts"
import type { KnownStats } from "./resample/tally.ts"

type Count = number | bigint

/** The values of a column that are numbers and not null, in one stretch. */
interface Stats {
  count: number
  min: Count
  max: Count
  /** Infinite beyond all doubles. */
  sum: Count
  /** Of doubles: what has to be added to the sum to be as exact as it was. */
  carry: number
}

/** The same of integers that are too long for doubles: those as digits. */
type Spelled = [count: number, min: number | string, max: number | string, sum: number | string]

/** A row of a chunk in a bucket that ends with another chunk is the rule, so the stretches are those of a calendar. */
const GRIDS = (["h", "d", "w"] as const).map((unit) => gridOf({ count: 1, unit }))
/** More would cost more than they save. */
const STRETCHES_MAX = 4

const VERSION = 1
const BEGINNING = `[${VERSION},"`
/** Of a stretch: its first and last stamp. */
const STAMPS_BYTES = 16
/** Of a column in a stretch: count, min, max, sum, carry. A chunk has fewer rows than 2^16. */
const STATS_BYTES = 34

/**
 * JSON text: [version, base64, column, …]. A column is its name, and the bytes have its numbers; or, where those are
 * too long for doubles, a list of the name and what there is in every stretch, null for no numbers. The bytes are the
 * stamps of all stretches, then the columns, stretch by stretch; little endian. They are read by the thousand for a
 * summary of years, where numbers as text were most of the work.
 *
 * The stretches are the hours of the chunk (in UTC), else its days or weeks, where those are few enough; else it is
 * one. Null when there are no numbers.
 */
export function statsText({ index, kind, columns }: Frame): string | null {
  const cuts = kind === "integer" ? [index.length] : cutsOf(index)
  const all = columns
    .map((column) => ({
      name: column.name,
      stats: cuts.map((to, at) => statsOf(column, cuts[at - 1] ?? 0, to)),
    }))
    .filter(({ stats }) => stats.some((one) => one !== null))
  if (all.length === 0) return null
  const packed = all.filter(({ stats }) => !stats.some(isLong))
  const bytes = new Uint8Array(cuts.length * (STAMPS_BYTES + packed.length * STATS_BYTES))
  const view = new DataView(bytes.buffer)
  for (const [at, to] of cuts.entries()) {
    view.setFloat64(STAMPS_BYTES * at, index[cuts[at - 1] ?? 0] as number, true)
    view.setFloat64(STAMPS_BYTES * at + 8, index[to - 1] as number, true)
  }
  let at = STAMPS_BYTES * cuts.length
  for (const one of packed.flatMap(({ stats }) => stats)) {
    if (one) putStats(view, at, one)
    at += STATS_BYTES
  }
  const members = all.map(({ name, stats }) =>
    stats.some(isLong) ? [name, ...stats.map(spelled)] : name,
  )
  return JSON.stringify([VERSION, toBase64(bytes), ...members])
}

/**
 * What `statsText` wrote of columns, stretch by stretch, a column without numbers left out; null where it does not
 * do: it is of another version or damaged, a sum is beyond all doubles, or a stretch is not within one bucket.
 * @param kinds the columns that are looked at, and what they are in the whole series
 * @param holds whether a bucket holds what is between two stamps
 */
export function readStats(
  text: string,
  kinds: ReadonlyMap<string, ColumnKind>,
  holds: (first: number, last: number) => boolean,
): ChunkStats[] | null {
  const stored = parts(text)
  if (!stored) return null
  const { view, stretches, columns } = stored
  const found: ChunkStats[] = []
  for (let at = 0; at < stretches; at++) {
    const first = view.getFloat64(STAMPS_BYTES * at, true)
    const last = view.getFloat64(STAMPS_BYTES * at + 8, true)
    if (!holds(first, last)) return null
    found.push({ first, last, columns: [] })
  }
  let from = STAMPS_BYTES * stretches
  for (const column of columns) {
    const isPacked = typeof column === "string"
    const name = isPacked ? column : column[0]
    const kind = kinds.get(name)
    if (kind !== undefined) {
      for (let at = 0; at < stretches; at++) {
        const stats = isPacked
          ? takeStats(view, from + STATS_BYTES * at, { name, kind })
          : unspelled(column[at + 1] as Spelled | null, { name, kind })
        if (stats?.sum === Infinity) return null
        if (stats) found[at]?.columns.push(stats)
      }
    }
    if (isPacked) from += STATS_BYTES * stretches
  }
  return found
}

type Known = Pick<KnownStats, "name" | "kind">
type Member = string | [name: string, ...stats: (Spelled | null)[]]

/** Null for what `statsText` of this version did not write. */
function parts(text: string): { view: DataView; stretches: number; columns: Member[] } | null {
  // The base64 is most of the text, and has nothing that JSON would write otherwise.
  const end = text.indexOf('"', BEGINNING.length)
  if (!text.startsWith(BEGINNING) || end < 0) return null
  try {
    const columns = membersOf(text.slice(end + 1))
    const { buffer, byteOffset, byteLength } = fromBase64(text.slice(BEGINNING.length, end))
    const packed = columns.filter((column) => typeof column === "string").length
    const stretches = byteLength / (STAMPS_BYTES + packed * STATS_BYTES)
    if (!Number.isInteger(stretches)) return null
    return { view: new DataView(buffer, byteOffset, byteLength), stretches, columns }
  } catch {
    return null
  }
}

// Chunks of one series come one after another, and nearly all of them name the same columns.
let lastEnding = "]"
let lastMembers: Member[] = []

/** The columns in the end of a text: `,"a","b"]`. Throws Error where it is damaged. */
function membersOf(ending: string): Member[] {
  if (ending === lastEnding) return lastMembers
  const [, ...members] = JSON.parse(`[0${ending}`) as unknown[]
  if (!members.every(isMember)) throw new Error("a column is neither a name nor a list")
  lastEnding = ending
  lastMembers = members
  return members
}

function isMember(column: unknown): column is Member {
  return typeof column === "string" || Array.isArray(column)
}

function putStats(view: DataView, at: number, { count, min, max, sum, carry }: Stats): void {
  view.setUint16(at, count, true)
  view.setFloat64(at + 2, Number(min), true)
  view.setFloat64(at + 10, Number(max), true)
  view.setFloat64(at + 18, Number(sum), true)
  view.setFloat64(at + 26, carry, true)
}

function takeStats(view: DataView, at: number, { name, kind }: Known): KnownStats | null {
  const count = view.getUint16(at, true)
  if (count === 0) return null
  return {
    name,
    kind,
    count,
    min: view.getFloat64(at + 2, true),
    max: view.getFloat64(at + 10, true),
    sum: view.getFloat64(at + 18, true),
    carry: view.getFloat64(at + 26, true),
  }
}

function isLong(stats: Stats | null): boolean {
  return stats !== null && [stats.min, stats.max, stats.sum].some((one) => typeof one === "bigint")
}

function spelled(stats: Stats | null): Spelled | null {
  return stats && [stats.count, digits(stats.min), digits(stats.max), digits(stats.sum)]
}

function unspelled(stats: Spelled | null, { name, kind }: Known): KnownStats | null {
  if (!stats) return null
  const [count, min, max] = stats
  const sum = number(stats[3])
  const carry = kind === "float64" ? restOf(sum) : 0
  return { name, kind, count, min: number(min), max: number(max), sum, carry }
}

function digits(one: Count): number | string {
  return typeof one === "bigint" ? String(one) : one
}

function number(one: number | string): Count {
  return typeof one === "string" ? BigInt(one) : one
}

/** What a double loses of a sum of integers. */
function restOf(sum: Count): number {
  return typeof sum === "bigint" ? Number(sum - BigInt(Number(sum))) : 0
}

/** Where the stretches of a sorted index end. */
function cutsOf(index: Float64Array): number[] {
  for (const { floor, next } of GRIDS) {
    const cuts: number[] = []
    for (let from = 0; from < index.length && cuts.length <= STRETCHES_MAX;) {
      from = lowerBound(index, next(floor(index[from] as number)))
      cuts.push(from)
    }
    if (cuts.length <= STRETCHES_MAX) return cuts
  }
  return [index.length]
}

function statsOf(column: Column, from: number, to: number): Stats | null {
  if (column.kind === "float64") return statsOfDoubles(column.values, from, to)
  if (column.kind !== "int64") return null
  let count = 0
  let min: Count = 0
  let max: Count = 0
  let sum: Count = 0
  for (let row = from; row < to; row++) {
    const value = column.values[row] ?? null
    if (value === null) continue
    if (count++ === 0) min = max = value
    if (value < min) min = value
    if (value > max) max = value
    sum = addIntegers(sum, value)
  }
  if (count === 0) return null
  return { count, min, max, sum: typeof sum === "bigint" ? narrow(sum) : sum, carry: 0 }
}

function statsOfDoubles(values: Float64Array, from: number, to: number): Stats | null {
  const sums = new Sum()
  const count = sums.addDoubles(values, from, to)
  if (count === 0) return null
  let min = Infinity
  let max = -Infinity
  // No comparison holds for NaN; of 0 and -0, that which comes first stays.
  for (let row = from; row < to; row++) {
    const value = values[row] as number
    if (value < min) min = value
    if (value > max) max = value
  }
  return { count, min, max, sum: sums.total(), carry: sums.carry }
}

/** Exact: a bigint from where doubles no longer count every integer. */
function addIntegers(sum: Count, value: Count): Count {
  if (typeof sum === "number" && typeof value === "number") {
    const total = sum + value
    if (Number.isSafeInteger(total)) return total
  }
  return BigInt(sum) + BigInt(value)
}
