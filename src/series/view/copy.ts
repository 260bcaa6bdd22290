/**
 * Views that a change alone does not tell: all of it is read again and compared with a copy of what was told before.
 * That is one reading for all who watch it, which GET itself bounds. What has become different goes out, unless the whole
 * is shorter; so does the whole where it was too large to be kept. Pure.
 */
import { VIEW_COPY_MAX_CHARACTERS } from "../../protocol/live-limits.ts"
import { pathOf } from "../../protocol/uri.ts"
import type { Telling, ViewDesk, ViewFrame } from "../../protocol/view.ts"
import type { Range } from "../bounds.ts"
import type { Span } from "../ranges.ts"
import type { Asked } from "./ask.ts"
import { stampOf, type ToldPatch, type ToldRows } from "./patch.ts"
import { rowsText } from "./raw.ts"
import { readShown, rowTexts } from "./shown.ts"

interface CopyMemory {
  copy: Copy
}

/** Rows in the order of their stamps, all as JSON texts. */
export interface Copy {
  columns: string[]
  index: string[]
  rows: string[]
  /** The label of the bucket that was told as not final. */
  open: string | null
}

/** The view as it was read; undefined where it is too large. */
export function rememberCopy(json: string, asked: Asked): CopyMemory | undefined {
  if (json.length > VIEW_COPY_MAX_CHARACTERS) return undefined
  const shown = readShown(json, asked.isTurned)
  return { copy: copyOf(shown, asked.isBuckets ? (shown.index.at(-1) ?? null) : null) }
}

/** False when the change surely leaves the view as it is. @param at when it was made, epoch milliseconds */
export function isCopyTouched(asked: Asked, patch: ToldPatch, at: number, copy: Copy): boolean {
  // What is filled, or stands in another unit of time, is not looked into.
  if (asked.isBuckets || asked.isMoving || asked.isEpoch) return true
  const range = asked.range(patch.kind, at)
  const { first, last } = asked.isThinned ? range : withinEdge(range, asked, copy)
  const isInside = (span: Span) => span[0] <= last && span[1] >= first
  if (patch.removed.some(isInside)) return true
  if (patch.rows.stamps.some((stamp) => isInside([stamp, stamp]))) return true
  return asked.columns === null && patch.rows.columns.some((name) => !copy.columns.includes(name))
}

/** A view that is full shows nothing of what comes behind its last row, or before its first where that is the edge. */
function withinEdge({ first, last }: Range, { edge }: Asked, { index }: Copy): Range {
  if (!edge || index.length < edge.rows) return { first, last }
  return edge.side === "last"
    ? { first: Math.max(first, stampOf(index[0] as string)), last }
    : { first, last: Math.min(last, stampOf(index.at(-1) as string)) }
}

/** What makes the copy that is remembered what was read; "state" where that is too large, or its columns stand otherwise. */
export function differCopy(json: string, asked: Asked, desk: ViewDesk): Telling {
  const { copy } = desk.memory as CopyMemory
  if (json.length > VIEW_COPY_MAX_CHARACTERS) return "state"
  const shown = readShown(json, asked.isTurned)
  const known = copy.columns.length
  if (copy.columns.some((name, at) => name !== shown.columns[at])) return "state"
  const open = openOf(shown, asked, copy, desk)
  if (open === undefined) return "wait"
  const next = copyOf(shown, open)
  const memory = { copy: next }
  const isWider = shown.columns.length > known
  const held = isWider ? widened(copy, shown.columns.length - known) : copy
  const removed = removedFrom(held, shown)
  const before = new Map(held.index.map((label, at) => [label, held.rows[at]]))
  // The bucket that was open is told once more when it is so no longer.
  const isTold = (label: string, row: string) =>
    before.get(label) !== row || (label === copy.open) !== (label === open)
  const told = next.index.flatMap((label, at) => (isTold(label, next.rows[at] ?? "") ? [at] : []))
  if (removed === "[]" && told.length === 0 && !isWider) return { frames: [], memory }
  return { frames: framesOf(next, told, removed, asked), memory }
}

/**
 * The copy after ranges of its labels are taken away and rows come, the last of which is open if they are at the end;
 * undefined where it is too large, or its columns stand otherwise.
 */
export function patchedCopy(
  copy: Copy,
  removed: readonly Span[],
  rows: ToldRows,
  isAtEnd: boolean,
): Copy | undefined {
  if (copy.columns.some((name, at) => name !== rows.columns[at])) return undefined
  const { columns, index, rows: texts } = widened(copy, rows.columns.length - copy.columns.length)
  const all = new Map(
    index.flatMap((label, at) => {
      const stamp = stampOf(label)
      const isGone = removed.some(([first, last]) => stamp >= first && stamp <= last)
      return isGone ? [] : [[label, { stamp, text: texts[at] as string }] as const]
    }),
  )
  for (const [at, text] of rowTexts(rows).entries()) {
    all.set(rows.index[at] as string, { stamp: rows.stamps[at] as number, text })
  }
  const sorted = [...all].sort(([, one], [, other]) => one.stamp - other.stamp)
  const characters = sorted.reduce((sum, [label, { text }]) => sum + label.length + text.length, 0)
  if (characters > VIEW_COPY_MAX_CHARACTERS) return undefined
  return {
    columns: [...columns, ...rows.columns.slice(columns.length)],
    index: sorted.map(([label]) => label),
    rows: sorted.map(([, { text }]) => text),
    open: (isAtEnd ? rows.index.at(-1) : undefined) ?? copy.open,
  }
}

function copyOf({ columns, index, data }: ToldRows, open: string | null): Copy {
  return { columns, index, rows: rowTexts({ data }), open }
}

/** With so many columns more, of which nothing but null is known. */
function widened(copy: Copy, more: number): Copy {
  if (more <= 0) return copy
  const nulls = Array.from({ length: more }, () => "null").join()
  const rows = copy.rows.map((row) =>
    row === "[]" ? `[${nulls}]` : `${row.slice(0, -1)},${nulls}]`,
  )
  return { ...copy, rows }
}

/**
 * The label of the bucket that newer rows may still come into; null where no row of the view is it. Undefined: that must
 * be read first.
 */
function openOf(
  { index }: ToldRows,
  { isBuckets, edge, isThinned }: Asked,
  copy: Copy,
  desk: ViewDesk,
): string | null | undefined {
  const last = index.at(-1) ?? null
  if (!isBuckets || last === null) return null
  const isFull = edge?.side === "first" && index.length === edge.rows
  if (!isFull && !isThinned) return last
  // It does not become open again.
  if (copy.open === null && last === copy.index.at(-1)) return null
  const shown = desk.read(uriOfLast(desk))
  if (!shown) return shown === null ? null : undefined
  return readShown(shown.json, false).index.at(-1) === last ? last : null
}

/** The last bucket of all. */
function uriOfLast({ topic, query }: ViewDesk): string {
  const one = new URLSearchParams(query)
  for (const name of ["limit", "order", "max_points", "downsample", "on"]) one.delete(name)
  one.set("latest", "1")
  return `${pathOf(topic)}?${one}`
}

/** The ranges of rows that are held and were not read, as JSON text; none reaches over one that was. */
function removedFrom(held: Copy, { index, stamps }: ToldRows): string {
  const kept = new Set(index)
  const ranges: { first: string; last: string; place: number }[] = []
  let place = 0
  for (const label of held.index) {
    if (kept.has(label)) continue
    const stamp = stampOf(label)
    while (place < stamps.length && (stamps[place] as number) < stamp) place++
    const run = ranges.at(-1)
    if (run?.place === place) run.last = label
    else ranges.push({ first: label, last: label, place })
  }
  return `[${ranges.map(({ first, last }) => `[${first},${last}]`).join()}]`
}

/** @param told the places of the rows that are told */
function framesOf(
  { columns, index, rows, open }: Copy,
  told: readonly number[],
  removed: string,
  { isBuckets }: Asked,
): ViewFrame[] {
  const frame = (places: readonly number[], taken: string): ViewFrame => {
    const some = places.map((at) => index[at] as string)
    const data = places.map((at) => rows[at] as string)
    return { event: "patch", patch: rowsText(taken, columns, some, data) }
  }
  if (!isBuckets) return [frame(told, removed)]
  const closed = told.filter((at) => index[at] !== open)
  const opened = told.filter((at) => index[at] === open)
  const isAlone = closed.length === 0 && opened.length > 0
  const frames: ViewFrame[] = isAlone ? [] : [{ ...frame(closed, removed), extra: { final: true } }]
  if (opened.length === 0) return frames
  return [...frames, { ...frame(opened, isAlone ? removed : "[]"), extra: { final: false } }]
}
