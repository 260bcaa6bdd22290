/** Lines that could not be used, and how they are reported. Pure. */
import { Problem } from "../protocol/problem.ts"
import type { Line } from "./lines.ts"

/** What a reader could not use. */
export interface BadLine {
  line: number
  /** The end of a sentence about the line. */
  reason: string
  /** The beginning of the line. */
  text: string
}

const LINE_SHOWN_CHARACTERS = 120
const VALUE_SHOWN_CHARACTERS = 60

/** The report on a line. */
export function badLine({ number, text }: Pick<Line, "number" | "text">, reason: string): BadLine {
  return { line: number, reason, text: shorten(text, LINE_SHOWN_CHARACTERS) }
}

/** The beginning of a text, as a message can show it. */
export function shorten(text: string, characters = VALUE_SHOWN_CHARACTERS): string {
  // A slice would keep the whole text in memory, which may be a megabyte, as long as the message.
  const copy = Array.from(text.slice(0, characters)).join("").toWellFormed()
  return text.length > characters ? `${copy}…` : copy
}

/** The problem of a body that is refused whole for its bad lines, of which the first are given. */
export function refusalOf(bad: readonly BadLine[], total: number): Problem {
  const [{ line, reason } = { line: 0, reason: "" }] = bad
  const others = total > 1 ? `, and ${total - 1} more are bad` : ""
  return new Problem("unprocessable", `Line ${line} ${reason}${others}; nothing was stored`, {
    errors: Object.fromEntries(bad.slice(0, 10).map((one) => [`line.${one.line}`, one.reason])),
    bad_lines: bad,
    bad_total: total,
  })
}
