/** Counting up in SQL, exactly. Pure. */
import type { Scaled } from "../lib/scaled.ts"

/** The number with the other sign. */
export function negated(text: string): string {
  return text.startsWith("-") ? text.slice(1) : `-${text}`
}

// 10 ^ n for 0 <= n <= 18, as an integer: what overflows in SQLite becomes a double, and shows by its type.
const power = (exponent: string) =>
  `CAST('1' || substr('000000000000000000', 1, ${exponent}) AS INTEGER)`

/**
 * SQL that adds a number to another: a SELECT of `sum` (an integer; a REAL where it left int64; NULL where there was no
 * number) and `scale` beside the columns of `rows`, a SELECT with one called `number`. What is added is written out: it
 * is known to be digits.
 */
export function sumSql(rows: string, { digits, scale }: Scaled): string {
  const parted = `SELECT *, CAST(replace(number, '.', '') AS INTEGER) AS whole,
    CASE instr(number, '.') WHEN 0 THEN 0 ELSE length(number) - instr(number, '.') END AS places
    FROM (${rows})`
  const scaled = `SELECT *, max(places, ${scale}) AS scale FROM (${parted})`
  return `SELECT *, whole * ${power("scale - places")} + (${digits}) * ${power(`scale - ${scale}`)} AS sum
    FROM (${scaled})`
}

/** SQL text of such a sum in fewest characters, as a column `result` beside the others. */
export function sumTextSql(sums: string): string {
  const digits = `SELECT *, ltrim(CAST(sum AS TEXT), '-') AS digits FROM (${sums})`
  const padded = `SELECT *, substr('0000000000000000000', 1, max(0, scale + 1 - length(digits))) || digits AS padded
    FROM (${digits})`
  return `SELECT *, CASE WHEN sum < 0 THEN '-' ELSE '' END || CASE scale WHEN 0 THEN padded
      ELSE rtrim(rtrim(substr(padded, 1, length(padded) - scale) || '.' || substr(padded, -scale), '0'), '.') END AS result
    FROM (${padded})`
}
