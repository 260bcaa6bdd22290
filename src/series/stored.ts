/** Rows of the database as what they mean, and back. Pure. */
import { DATABASE_TEXT_MAX_BYTES } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import type { SeriesEntry } from "../protocol/series.ts"
import { byteLength } from "../lib/bytes.ts"
import { decodeChunk } from "./chunk.ts"
import type { Frame, IndexKind } from "./frame.ts"
import { kindOf, maskOf } from "./kinds.ts"
import type { Entry, Shape } from "./merge.ts"
import type { Part } from "./part.ts"
import type { Span } from "./ranges.ts"
import type { ChunkRow, Place, SeriesRow, Written } from "./sql.ts"
import { stampFormat } from "./stamp.ts"
import { isTailId } from "./tail.ts"

/** The bits of `exact`: there is a row at `first`, there is one at `last`. Where not, they are bounds only. */
export const FIRST = 1
export const LAST = 2

/** What a series knows of itself. A series that never had a row takes any index; a schema may have named a zone. */
export function shapeOf({ kind, unit, zone, index_name, columns }: SeriesRow): Shape {
  const pairs = JSON.parse(columns) as [name: string, mask: number][]
  return {
    kind: kind ?? (zone === null ? "naive" : "utc"),
    unit,
    ...(zone === null ? {} : { zone }),
    ...(index_name === null ? {} : { indexName: index_name }),
    columns: pairs.map(([name, mask]) => ({ name, mask })),
  }
}

/**
 * A series in the list of its reference. Its ends are left out where only reading it would tell them.
 * @param floor no row before this stamp is kept
 */
export function entryOf(row: SeriesRow, floor: number): SeriesEntry {
  const { kind, unit, columns } = shapeOf(row)
  const entry: SeriesEntry = {
    symbol: row.symbol,
    revision: row.revision,
    columns: columns.map(({ name, mask }) => ({ name, kind: kindOf(mask) })),
  }
  const format = stampFormat(kind, unit)
  const label = (stamp: number) => (kind === "integer" ? stamp : format(stamp))
  if (row.first !== null && row.first >= floor && row.exact & FIRST) entry.first = label(row.first)
  if (row.last !== null && row.exact & LAST) entry.last = label(row.last)
  return entry
}

/** The steps of a series' log in their order. Throws Problem corrupt_data naming the chunk that cannot be read. */
export function entriesOf(
  chunks: readonly ChunkRow[],
  place: Place,
  kind: IndexKind | null,
): Entry[] {
  return chunks
    .toSorted((one, other) => one.revision - other.revision || one.id - other.id)
    .map((chunk) => {
      const { first, last, replaces, body } = chunk
      const removed: Span | null = replaces === 1 ? [first, last] : null
      try {
        return { removed, rows: body === null ? null : decodeChunk(body) }
      } catch (error) {
        throw corrupt(chunk, place, kind, error)
      }
    })
}

/** A chunk that is damaged, or of a newer version. */
export function corrupt(
  { id, first, last }: Pick<ChunkRow, "id" | "first" | "last">,
  { reference, symbol }: Place,
  kind: IndexKind | null,
  error: unknown,
): Problem {
  const reason = error instanceof Error ? error.message : String(error)
  const range = [first, last].map(stampFormat(kind ?? "naive", "us"))
  const isTail = isTailId(id)
  return new Problem(
    "corrupt_data",
    `${isTail ? "A part of the tail" : `Chunk ${id}`} of "${reference}/${symbol}", from ${range.join(" to ")}, cannot be read: ${reason}`,
    isTail ? { tail: { reference, symbol, range } } : { chunk: { id, reference, symbol, range } },
  )
}

/** What a sorted frame says of its series. */
export function writtenOf({ index, kind, unit, zone, indexName, columns }: Frame): Written {
  return {
    kind: index.length > 0 ? kind : null,
    unit,
    zone: zone ?? null,
    indexName: indexName ?? null,
    columns: JSON.stringify(columns.map((column) => [column.name, maskOf(column)])),
    span: spanOf(index),
  }
}

/** From the first stamp to the last; null when there is none. */
export function spanOf(index: Float64Array): Span | null {
  return index.length > 0 ? [index[0] as number, index.at(-1) as number] : null
}

/** The parts as JSON texts of lists that each fit one parameter of a statement. */
export function partTexts(parts: readonly Part[]): string[] {
  const texts: string[] = []
  let list: string[] = []
  let bytes = 0
  for (const part of parts) {
    const text = partText(part)
    const size = byteLength(text) + 1
    if (bytes + size > DATABASE_TEXT_MAX_BYTES && list.length > 0) {
      texts.push(`[${list.join()}]`)
      list = []
      bytes = 0
    }
    list.push(text)
    bytes += size
  }
  return list.length > 0 ? [...texts, `[${list.join()}]`] : texts
}

/** As the statement wants it. The texts need no escapes: base64, and JSON that stays JSON. */
function partText({ level, first, last, replaces, count, stats, body }: Part): string {
  const text = body === null ? "null" : `"${body}"`
  return `[${level},${first},${last},${Number(replaces)},${count},${stats},${text}]`
}
