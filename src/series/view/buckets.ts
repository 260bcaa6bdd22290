/**
 * Views of buckets of time: those that a change touches are read, and no others. The last bucket is open: newer rows
 * may still come into it; it is told with `final: false`, and with `final: true` once when a later one has rows. Pure.
 */
import type { Telling, ViewDesk, ViewFrame } from "../../protocol/view.ts"
import { pathOf } from "../../protocol/uri.ts"
import { EVERYTHING, type Range } from "../bounds.ts"
import type { IndexKind } from "../frame.ts"
import { spanTexts } from "../patch.ts"
import { cover, type Span } from "../ranges.ts"
import { readResample, type ResampleOptions } from "../resample/options.ts"
import { stampFormat } from "../stamp.ts"
import type { Asked } from "./ask.ts"
import { patchedCopy, rememberCopy, type Copy } from "./copy.ts"
import { namesOf, readTold, stampOf, type ToldPatch, type ToldRows } from "./patch.ts"
import { patchText } from "./raw.ts"
import { outlineOf, readShown } from "./shown.ts"

/** What is kept of a view: the labels of its first and last bucket as stamps; null where it has none. */
export interface BucketMemory {
  first: number | null
  last: number | null
  /** The last bucket has a value in every column. */
  isWhole: boolean
  /** So has the one right before it, and they are values of their own. */
  isSolid: boolean
  /** Its columns. */
  columns: string[]
  /** Columns of the series that it is known to have taken notice of. */
  seen: string[]
  /** Where gaps are filled, because late rows change what stands in other buckets; absent where it is too large. */
  copy?: Copy
}

/** More stretches than these are read as one. */
const MOST_READINGS = 3

/** The view as it was read whole. */
export function rememberBuckets(json: string, asked: Asked, query: URLSearchParams): BucketMemory {
  const { columns, first, last, isWhole } = outlineOf(json, asked.isTurned)
  const isFilled = (query.get("fill") || "none") !== "none"
  return {
    first: first === undefined ? null : stampOf(first),
    last: last === undefined ? null : stampOf(last),
    isWhole,
    isSolid: false,
    columns,
    seen: [],
    ...(isFilled ? rememberCopy(json, asked) : {}),
  }
}

function isLastWhole({ data }: ToldRows): boolean {
  const last = data.at(-1)
  return Array.isArray(last) && !last.includes("null")
}

/** Tells all the changes that the desk knows as one. */
export function tellBuckets(asked: Asked, desk: ViewDesk): Telling {
  const memory = desk.memory as BucketMemory | undefined
  const patches = desk.changes.map(({ event, body }) =>
    event === "patch" && body !== null ? readTold(body) : null,
  )
  const [one] = patches
  if (!memory || !one || patches.includes(null)) return "state"
  const view = new BucketView(asked, one.kind, desk)
  const spans = view.touchedBy(patches as ToldPatch[], memory)
  if (spans === null) return "state"
  if (spans.length === 0) return { frames: [] }
  const uris = spans.map((span) => uriOf(desk, view, span))
  const shown = uris.map((uri) => desk.read(uri))
  if (shown.includes(undefined)) return "wait"
  if (shown.includes(null)) return "state"
  const found = shown.map((answer) => readShown(answer?.json ?? "", false))
  // Read one after the other, with a new column in between.
  if (new Set(found.map((rows) => rows.columns.join())).size > 1) return "state"
  const seen = [...new Set([...memory.seen, ...patches.flatMap((each) => namesOf(each!.rows))])]
  return view.told(spans, found, { ...memory, seen })
}

class BucketView {
  readonly kind: IndexKind
  readonly #options: ResampleOptions
  readonly #range: Range
  readonly #isAnywhere: boolean
  readonly #isMoving: boolean

  constructor(asked: Asked, kind: IndexKind, { query, changes }: ViewDesk) {
    const get = (name: string) => query.get(name) || undefined
    this.kind = kind
    this.#isMoving = asked.isMoving
    this.#range = asked.range(kind, changes.at(-1)?.at ?? 0)
    this.#options = readResample(
      {
        every: get("every") ?? "",
        agg: get("agg") ?? "mean",
        tz: get("tz"),
        fill: get("fill"),
        closed: get("closed") === "right" ? "right" : "left",
        label: get("label") === "right" ? "right" : "left",
      },
      kind,
    )
    this.#isAnywhere = this.#options.fill === "none"
  }

  /**
   * The stretches of whole buckets that the changes may have changed, as far as they are in the range; null where that
   * cannot be said.
   */
  touchedBy(patches: readonly ToldPatch[], memory: BucketMemory): Span[] | null {
    const { fill } = this.#options
    if (this.#isMoving && !this.#isAnywhere) return null
    // With an end, what is filled reaches to it, and which bucket is open is not to be seen.
    if (!this.#isAnywhere && this.#range.last < EVERYTHING.last) return null
    const spans: Span[] = []
    for (const { removed, rows } of patches) {
      // What came before the range is what its first buckets may be filled with.
      const earliest = Math.min(...removed.map(([from]) => from), ...rows.stamps)
      const isCarried = fill === "previous" || fill === "linear"
      if (isCarried && earliest < this.#range.first) return null
      for (const span of removed) {
        if (!this.#isAnywhere && !isWithin(span, rows)) return null
        // Where nothing was, nothing is taken away.
        this.#cover(spans, this.#clippedTo(span, memory))
      }
      for (const stamp of rows.stamps) this.#cover(spans, [stamp, stamp])
    }
    if (this.#isMoving) {
      // Rows have left the first bucket, or all of them have.
      if (memory.last !== null && this.#bucketOf(memory.last)[1] < this.#range.first) return null
      this.#cover(spans, [this.#range.first, this.#range.first])
    }
    const seen = new Set(memory.seen)
    const isNew =
      this.#options.aggregates.some(({ column }) => column === null) &&
      patches.some(({ rows }) => namesOf(rows).some((name) => !seen.has(name)))
    if (spans.length === 0) {
      if (!isNew) return []
      // Any bucket will do to show that there is a new column.
      if (memory.last === null) return null
      spans.push(this.#bucketOf(memory.last))
    }
    if (!this.#isAnywhere && !this.#fills(spans, memory)) return null
    this.#close(spans, memory)
    return spans.length <= MOST_READINGS ? spans : [[spans[0]![0], spans.at(-1)![1]]]
  }

  /** The frames that tell what was found in the spans; "state" where the last bucket is not known then. */
  told(spans: readonly Span[], found: readonly ToldRows[], memory: BucketMemory): Telling {
    const end = found.at(-1)!
    const columns = namesOf(end)
    if (!this.#areNullElsewhere(columns, memory.columns)) return "state"
    const labels = spans.map((span) => this.#labelsOf(span))
    const isAtEnd = memory.last === null || labels.at(-1)![1] >= memory.last
    const last = isAtEnd ? end.stamps.at(-1) : memory.last
    if (last === undefined || last === null) return "state"
    const rows: ToldRows = {
      columns: end.columns,
      index: found.flatMap(({ index }) => index),
      stamps: found.flatMap(({ stamps }) => stamps),
      data: found.flatMap(({ data }) => data),
    }
    const aged: Span[] = this.#isMoving ? [[EVERYTHING.first, labels[0]![0] - 1]] : []
    const removed = spanTexts([...aged, ...labels], this.kind, "ms")
    const open = isAtEnd ? rows.index.length - 1 : rows.index.length
    const frames: ViewFrame[] = []
    if (open > 0 || !isAtEnd) frames.push(frameOf(removed, part(rows, 0, open), true))
    if (isAtEnd) frames.push(frameOf(open > 0 ? "[]" : removed, part(rows, open), false))
    const first = Math.min(memory.first ?? Infinity, rows.stamps[0] ?? Infinity)
    const kept: BucketMemory = {
      ...memory,
      columns,
      first: Number.isFinite(first) ? first : null,
      last,
      isWhole: isAtEnd ? isLastWhole(end) : memory.isWhole,
      isSolid: last === memory.last ? memory.isSolid : this.#isNext(memory, last),
    }
    const { copy, ...others } = kept
    const patched = copy && patchedCopy(copy, [...aged, ...labels], rows, isAtEnd)
    return { frames, memory: patched ? { ...others, copy: patched } : others }
  }

  /** Whether a bucket comes right behind the last one that was, which had all its values. */
  #isNext({ last, isWhole }: BucketMemory, label: number): boolean {
    if (last === null || !isWhole) return false
    return this.#bucketOf(last)[1] + 1 === this.#bucketOf(label)[0]
  }

  /** The bounds of a stretch, as a query has them. */
  boundsOf([first, last]: Span): { start: string; end: string } {
    const format = stampFormat(this.kind, "us")
    return { start: format(first), end: format(last) }
  }

  /** Whether nothing but null stands in the other buckets, where a column is new. */
  #areNullElsewhere(columns: readonly string[], known: readonly string[]): boolean {
    const { fill, aggregates } = this.#options
    // With another column beside it, one may get another name.
    if (!known.every((name) => columns.includes(name))) return false
    if (columns.length === known.length) return true
    return (fill === "none" || fill === "null") && aggregates.every(({ agg }) => agg !== "count")
  }

  #cover(spans: Span[], [first, last]: Span): void {
    const { buckets } = this.#options
    const [low, high] = [Math.max(first, this.#range.first), Math.min(last, this.#range.last)]
    if (low > high) return
    const whole: Span = [
      buckets.lastOf(buckets.at(low).start) + 1,
      buckets.lastOf(buckets.at(high).end),
    ]
    cover(spans, this.#inRange(whole))
  }

  #inRange([first, last]: Span): Span {
    return [Math.max(first, this.#range.first), Math.min(last, this.#range.last)]
  }

  #clippedTo([first, last]: Span, memory: BucketMemory): Span {
    if (memory.first === null || memory.last === null) return [1, 0]
    return [
      Math.max(first, this.#bucketOf(memory.first)[0]),
      Math.min(last, this.#bucketOf(memory.last)[1]),
    ]
  }

  /** Whether the spans say all that changes where empty buckets have rows, too; they grow over a new gap. */
  #fills(spans: Span[], { first, last, isWhole, isSolid }: BucketMemory): boolean {
    if (first === null || last === null) return false
    const { fill } = this.#options
    const [low] = this.#labelsOf(spans[0]!)
    if (low < (fill === "previous" || fill === "linear" ? last : first)) return false
    // A line is drawn from the last value before a gap to the first after it: there must be no gap before them.
    if (fill === "linear" && !(low > last ? isWhole : isSolid)) return false
    const [from, to] = this.#bucketOf(last)
    const end = spans.at(-1)![1]
    if (end > to) cover(spans, [from, end])
    return true
  }

  /** The bucket that was open is told once more when a later one is told. */
  #close(spans: Span[], { last }: BucketMemory): void {
    if (last === null || this.#labelsOf(spans.at(-1)!)[1] <= last) return
    cover(spans, this.#inRange(this.#bucketOf(last)))
  }

  /** The first and the last stamp of the bucket with a label. */
  #bucketOf(label: number): Span {
    const { buckets, label: side } = this.#options
    const last = buckets.lastOf(label)
    const { start, end } = buckets.at(side === "left" ? last + 1 : last)
    return this.#inRange([buckets.lastOf(start) + 1, buckets.lastOf(end)])
  }

  /** The labels of the first and the last bucket of a stretch. */
  #labelsOf([first, last]: Span): [number, number] {
    const { buckets, label } = this.#options
    const [one, other] = [buckets.at(first), buckets.at(last)]
    return label === "left" ? [one.start, other.start] : [one.end, other.end]
  }
}

/** True when the rows reach over all that is taken away, so that no bucket at the ends is lost. */
function isWithin([first, last]: Span, { stamps }: ToldRows): boolean {
  const [low, high] = [stamps[0], stamps.at(-1)]
  return low !== undefined && high !== undefined && first >= low && last <= high
}

function part({ columns, index, stamps, data }: ToldRows, from: number, to?: number): ToldRows {
  return {
    columns,
    index: index.slice(from, to),
    stamps: stamps.slice(from, to),
    data: data.slice(from, to),
  }
}

function frameOf(removed: string, rows: ToldRows, final: boolean): ViewFrame {
  return { event: "patch", patch: patchText(removed, rows), extra: { final } }
}

/** The same view of one stretch, in orient split. */
function uriOf({ topic, query }: ViewDesk, view: BucketView, span: Span): string {
  const narrow = new URLSearchParams(query)
  for (const name of ["json_format", "jsonformat", "order"]) narrow.delete(name)
  for (const [name, value] of Object.entries({ ...view.boundsOf(span), orient: "split" })) {
    narrow.set(name, value)
  }
  return `${pathOf(topic)}?${narrow}`
}
