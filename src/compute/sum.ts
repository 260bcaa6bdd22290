/** scale × (e1_ts + e2_ts), row by row. Pure. */
import type * as z from "zod"
import type { SumBody, SumReply } from "../protocol/compute.ts"
import { Problem } from "../protocol/problem.ts"

type Input = z.output<typeof SumBody>
type Output = z.output<typeof SumReply>
type Cell = Output["scalar"]["data"][number][number]

/**
 * Rows keep their order and their dates. The sum is taken first and scaled then, in float64: the order decides the
 * last bits. A result that is no number is null, and then `error` is 1 and `log` says where.
 * Throws Problem invalid_request for missing or doubled columns and for ragged rows.
 */
export function sum({ param, scalar }: Input): Output {
  const [date, first, second] = ["date", "e1_ts", "e2_ts"].map((name) => columnOf(scalar, name))
  const faults: string[] = []
  const data = scalar.data.map((row, at): Cell[] => {
    if (row.length > scalar.headers.length) throw ragged(row.length, scalar.headers.length, at)
    const [a, b] = [row[first ?? -1] ?? null, row[second ?? -1] ?? null]
    const total =
      typeof a === "number" && typeof b === "number" ? param.scale * (a + b) : Number.NaN
    if (!Number.isFinite(total)) faults.push(`row ${at}: ${show(a)} + ${show(b)}`)
    return [row[date ?? -1] ?? null, Number.isFinite(total) ? total : null]
  })
  return { scalar: { data, headers: ["date", "sum_ts"] }, ...describe(faults) }
}

const FAULTS_NAMED = 5

function describe(faults: string[]): { error?: number; log?: string } {
  if (faults.length === 0) return {}
  const named = faults.slice(0, FAULTS_NAMED).join("; ")
  const more = faults.length > FAULTS_NAMED ? `; and ${faults.length - FAULTS_NAMED} more` : ""
  return { error: 1, log: `The sum is not a number in ${faults.length} rows: ${named}${more}` }
}

function columnOf({ headers }: Input["scalar"], name: string): number {
  const at = headers.indexOf(name)
  if (at >= 0 && headers.lastIndexOf(name) === at) return at
  const wrong = at < 0 ? "is missing" : "is there twice"
  throw new Problem("invalid_request", `The column "${name}" ${wrong} in scalar.headers`, {
    errors: { "scalar.headers": `"${name}" ${wrong}, got ${JSON.stringify(headers)}` },
  })
}

function ragged(cells: number, headers: number, row: number): Problem {
  return new Problem("invalid_request", `Row ${row} has ${cells} cells for ${headers} headers`, {
    errors: { [`scalar.data.${row}`]: `has ${cells} cells, headers has ${headers}` },
  })
}

function show(cell: Cell): string {
  return JSON.stringify(cell)
}
