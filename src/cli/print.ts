/** Words on a terminal: aligned, and coloured only where somebody looks (node:util knows of NO_COLOR and pipes). */
import { styleText } from "node:util"

type Style = (text: string) => string

export const bold: Style = (text) => styleText("bold", text)
export const dim: Style = (text) => styleText("dim", text)
export const good: Style = (text) => styleText("green", text)
export const bad: Style = (text) => styleText("red", text)

/** 12,345 */
export function count(value: number): string {
  return value.toLocaleString("en")
}

/** "1 row", "2 rows" */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`
}

/** "12 ms", "3.4 s" */
export function duration(milliseconds: number): string {
  return milliseconds < 1_000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1_000).toFixed(1)} s`
}

/** Prints a heading with a line of room above it. */
export function heading(text: string, aside = ""): void {
  console.log(`\n${bold(text)}${aside && `  ${dim(aside)}`}`)
}

/** A printer of rows: `grid("l16 r6")` aligns the first cell left in 16 characters, the second right in 6. */
export function grid(layout: string): (cells: readonly (string | number)[], style?: Style) => void {
  const columns = layout.split(" ").map((column) => [column[0], Number(column.slice(1))] as const)
  return (cells, style = (text) => text) => {
    const padded = columns.map(([side, width], at) => {
      const cell = cells[at] ?? ""
      const text = typeof cell === "number" ? count(cell) : cell
      return side === "r" ? text.padStart(width) : text.padEnd(width)
    })
    console.log(style(`  ${padded.join("  ").trimEnd()}`))
  }
}
