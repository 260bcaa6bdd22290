/** What statements say of the tail of a series. */
import type { Statement } from "../feed/statement.ts"
import { SERIES_TAIL_MAX_CHARACTERS } from "../protocol/limits.ts"
import type { Place } from "./sql.ts"

/** The end of its log, which `chunks` does not have; no row when there is no such series. */
export function tail({ reference, symbol }: Place): Statement {
  return {
    sql: "SELECT tail FROM series WHERE reference = ?1 AND symbol = ?2",
    params: [reference, symbol],
  }
}

/** What a write adds to the tail: the `text` that `tailOf` made; NULL when there is none. */
export const addition = (revision: string, text: string) =>
  `'[' || (${revision}) || (${text}) || '],'`

/** How a tail takes in that of a write: only if there is room. */
export const TAILED = `tail = iif(
    length(tail) + length(excluded.tail) <= ${SERIES_TAIL_MAX_CHARACTERS}, tail || excluded.tail, tail)`

/** True when the tail has not taken in what a write adds to it: then that has to be a chunk. */
export const isUntailed = (text: string) => {
  const added = addition("series.revision", text)
  return `(${text}) IS NULL OR substr(series.tail, -length(${added})) <> ${added}`
}
