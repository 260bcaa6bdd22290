/** Reads series as queries ask for them. */
import type { Database } from "../../feed/database.ts"
import { SERIES_EDGE_MAX_ROWS } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { ReadQuery } from "../../protocol/series-read.ts"
import { slice, type Frame } from "../frame.ts"
import { joinShapes, type Shape } from "../merge.ts"
import { spanTexts } from "../patch.ts"
import { cover, type Span } from "../ranges.ts"
import { isAging, retentionOf } from "../retention.ts"
import type { Place, SeriesRow } from "../sql.ts"
import { shapeOf } from "../stored.ts"
import { changedSince } from "./changed.ts"
import { readEdge } from "./edge.ts"
import { Vanished } from "./frames.ts"
import * as holding from "./hold.ts"
import type { Frames } from "./hold.ts"
import { checkQuery, choose, resampleOf, thinningOf } from "./query.ts"
import { overwritten, prime, readRows, takeSnapshot, TRIES, type RowsOptions } from "./snapshot.ts"
import { summarize } from "./summary.ts"
import { thin, type Source } from "./thin.ts"
import { readWindow, type Window } from "./window.ts"

/** What a query found. */
export interface View {
  revision: number
  shape: Shape
  /** In the order that was asked for; read while they are taken, once. */
  frames: Frames
  /** How many rows there are at most. */
  most: number
  headers: Record<string, string>
  /** Reads the rows again, from the first to the last and with these columns; null where it cannot. */
  again: Source["again"]
  /** Time alone may have changed it since the revision. */
  isAging: boolean
}

/** Pages of rows that are read twice. */
const PAGES_OF_TWO = 12

export class SeriesReader {
  readonly #db: Database
  readonly #now: () => number

  /** @param now the clock, epoch milliseconds: bounds may be relative to it */
  constructor(db: Database, now: () => number) {
    this.#db = db
    this.#now = now
  }

  /**
   * Null when there is no such series. All that is read until the frames are taken is of one moment; so is the
   * rest, or taking them throws Problem overloaded.
   * Throws Problem: invalid_request naming the parameter, too_large, unprocessable.
   */
  async read(place: Place, query: ReadQuery): Promise<View | null> {
    checkQuery(query)
    const window = readWindow(query, this.#now())
    for (let tries = 1; ; tries++) {
      try {
        const view = await this.#view(place, window, query)
        return view && (await thinned(view, query))
      } catch (error) {
        const isLate = error instanceof Vanished || isOverwritten(error)
        if (!isLate) throw error
        if (tries === TRIES) throw overwritten(place)
      }
    }
  }

  async #view(place: Place, window: Window, query: ReadQuery): Promise<View | null> {
    const { limit, latest, columns, since } = query
    const shapeFor = (row: SeriesRow) => choose(shapeOf(row), columns)
    const resample = resampleOf(query)
    const isLast = latest !== undefined || (limit !== undefined && query.order === "desc")
    const edge = { side: isLast ? ("last" as const) : ("first" as const), rows: latest ?? limit }
    if (resample) {
      const found = await summarize(this.#db, place, window, resample, shapeFor)
      return found && held(found.row, cut(found.frame, edge), window, query)
    }
    if (edge.rows !== undefined && edge.rows <= SERIES_EDGE_MAX_ROWS) {
      const wanted = { ...edge, rows: edge.rows }
      const found = await readEdge(this.#db, place, window, wanted, shapeFor)
      return found && held(found.row, found.frame, window, query)
    }
    return since === undefined
      ? this.#stream(place, window, shapeFor, { ...edge, rows: edge.rows ?? Infinity }, query)
      : this.#changes(place, window, shapeFor, since, query)
  }

  async #stream(
    place: Place,
    window: Window,
    shapeFor: (row: SeriesRow) => Shape,
    edge: { side: "first" | "last"; rows: number },
    { order }: ReadQuery,
  ): Promise<View | null> {
    const snapshot = await takeSnapshot(this.#db, place, window)
    if (!snapshot) return null
    const { row, metas } = snapshot
    const shape = shapeFor(row)
    const isTurned = order === "desc"
    const backwards = isTurned || edge.side === "last"
    await prime(this.#db, snapshot, { shape, backwards })
    const most = Math.min(
      edge.rows,
      metas.reduce((sum, { count }) => sum + count, 0),
    )
    const rows = framesOf(readRows(this.#db, snapshot, { shape, backwards }))
    const some = backwards ? holding.lastRows(rows, most) : holding.firstRows(rows, most)
    const again = (part: Shape) =>
      holding.firstRows(
        framesOf(readRows(this.#db, snapshot, { shape: part, pages: PAGES_OF_TWO })),
        most,
      )
    const isAll = edge.side === "first" || edge.rows === Infinity
    const view = { shape, most, ...toldOf(row, window), again: isAll ? again : null }
    if (isTurned) return { ...view, frames: holding.turned(some) }
    return { ...view, frames: backwards ? [await gathered(some, shape, most)] : some }
  }

  async #changes(
    place: Place,
    window: Window,
    shapeFor: (row: SeriesRow) => Shape,
    since: number,
    { order }: ReadQuery,
  ): Promise<View | null> {
    const snapshot = await takeSnapshot(this.#db, place, window, { bytes: 0 })
    if (!snapshot) return null
    const { row, metas, range, floor } = snapshot
    const shape = shapeFor(row)
    const whole = window.of(shape.kind)
    const aged: Span[] = whole.first < floor ? [[whole.first, floor - 1]] : []
    const told = (removed: readonly Span[]) => ({
      "X-Removed": spanTexts(removed, shape.kind, shape.unit),
    })
    if (since >= row.revision) {
      return held(row, holding.emptyFrame(shape), window, {}, told(aged))
    }
    const { removed, counts, part } = changedSince(
      metas,
      range,
      since,
      retentionOf(row)?.revision ?? 0,
    )
    for (const span of aged) cover(removed, span)
    const options: RowsOptions = { shape, counts, backwards: order === "desc" }
    const changed = { ...snapshot, part }
    await prime(this.#db, changed, options)
    const rows = framesOf(readRows(this.#db, changed, options))
    return {
      ...toldOf(row, window, told(removed)),
      shape,
      again: null,
      frames: order === "desc" ? holding.turned(rows) : rows,
      most: metas.filter(counts).reduce((sum, { count }) => sum + count, 0),
    }
  }
}

function isOverwritten(error: unknown): boolean {
  return error instanceof Problem && error.code === "overloaded" && "retry" in error.details
}

/** `max_points`, on what is left of everything else. */
async function thinned(view: View, query: ReadQuery): Promise<View> {
  const thinning = thinningOf(query)
  if (!thinning) return view
  const isTurned = query.order === "desc"
  const { frame, from } = await thin({ ...view, isTurned }, thinning)
  const to = frame.index.length
  const headers = { ...view.headers }
  if (to < from) headers["X-Downsampled"] = `${thinning.method}; from=${from}; to=${to}`
  return { ...view, frames: [isTurned ? holding.turn(frame) : frame], most: to, headers }
}

/** What every answer tells of a series. */
function toldOf(
  row: SeriesRow,
  { now, isMoving }: Window,
  headers: Record<string, string> = {},
): Pick<View, "revision" | "headers" | "isAging"> {
  const text = retentionOf(row)?.text
  return {
    revision: row.revision,
    headers: { ...headers, ...(text ? { Retention: text } : {}) },
    isAging: isMoving || isAging(row, now),
  }
}

function held(
  row: SeriesRow,
  frame: Frame,
  window: Window,
  { order }: ReadQuery,
  headers: Record<string, string> = {},
): View {
  return {
    ...toldOf(row, window, headers),
    shape: { ...frame, columns: joinShapes([], [frame]) },
    frames: [order === "desc" ? holding.turn(frame) : frame],
    most: frame.index.length,
    again: null,
  }
}

function cut(frame: Frame, { side, rows = Infinity }: { side: string; rows: number | undefined }) {
  const { length } = frame.index
  return side === "first"
    ? slice(frame, 0, Math.min(length, rows))
    : slice(frame, Math.max(0, length - rows), length)
}

async function gathered(frames: Frames, shape: Shape, most: number): Promise<Frame> {
  const list: Frame[] = []
  for await (const frame of frames) list.push(frame)
  return holding.hold(list.toReversed(), shape, most)
}

async function* framesOf(rows: ReturnType<typeof readRows>): AsyncGenerator<Frame> {
  for await (const [, frame] of rows) if (frame) yield frame
}
