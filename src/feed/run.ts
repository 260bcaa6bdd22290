/** Units of work as one list of statements, and what it means that a guard among them failed. */
import type { Change } from "../protocol/change.ts"
import { Problem } from "../protocol/problem.ts"
import type { Commit, Draft } from "./feed.ts"
import * as sql from "./sql.ts"
import { numbered, stopping, type Guard, type Statement } from "./statement.ts"

/** A guard with the unit it belongs to. */
interface Placed {
  unit: number
  guard: Guard
}

export interface Run {
  statements: Statement[]
  guards: Placed[]
  /** The statements that record changes: of the sweep, then by unit. */
  appended: number[][]
  /** The statements whose rows somebody wants. */
  taken: [at: number, take: (rows: Change[]) => void][]
}

/** Thrown when a guard stopped a transaction: which unit it belonged to, and what it means. */
export class UnitRefused extends Error {
  override name = "UnitRefused"
  readonly unit: number
  readonly problem: Problem

  constructor(unit: number, problem: Problem) {
    super(problem.message)
    this.unit = unit
    this.problem = problem
  }
}

/** How many statements the units take, but for what they sweep. */
export function countStatements(units: readonly Commit[][]): number {
  return units
    .flat()
    .reduce(
      (sum, { guards = [], reads = [], drafts, writes }) =>
        sum + guards.length + reads.length + drafts.length + writes.length,
      0,
    )
}

/** The statements of the units, one unit after the other. */
export function runOf(units: Commit[][], append: (draft: Draft) => Statement): Run {
  const run: Run = { statements: [], guards: [], appended: [], taken: [] }
  const sweep = units.flat().find((commit) => commit.sweep)?.sweep
  addTo(run, sweep ? [sweep] : [], append)
  // A stop in a sweep is the first unit's to hear.
  run.statements = run.statements.map((statement) => stopping(statement, 0))
  for (const [unit, commits] of units.entries()) {
    const from = run.statements.length
    for (const guard of commits.flatMap(({ guards = [] }) => guards)) {
      run.statements.push(numbered(guard, run.guards.length))
      run.guards.push({ unit, guard })
    }
    addTo(run, commits, append)
    for (const [at, statement] of run.statements.entries()) {
      if (at >= from) run.statements[at] = stopping(statement, unit)
    }
  }
  return run
}

function addTo(run: Run, commits: Commit[], append: (draft: Draft) => Statement): void {
  const { statements } = run
  const appended: number[] = []
  for (const { reads = [], drafts, writes } of commits) {
    for (const { statement, take } of reads) {
      run.taken.push([statements.length, take])
      statements.push(statement)
    }
    for (const draft of drafts) {
      appended.push(statements.length)
      statements.push("each" in draft ? sql.appendEach(draft.each) : append(draft))
    }
    statements.push(...writes)
  }
  run.appended.push(appended)
}

/**
 * The problem of a guard that failed. What `explain` reads is what was stored before the transaction, so it cannot
 * know why a guard failed that came after other units: there the guard itself must know.
 */
export async function meaningOf({ unit, guard }: Placed, commits: Commit[]): Promise<Problem> {
  if (guard.means && (unit > 0 || guard.isPlain)) return guard.means()
  for (const { explain } of commits) {
    const problem = await explain?.()
    if (problem) return problem
  }
  return new Problem(
    "conflict",
    unit > 0
      ? "What is stored does not allow this, or would not after what comes before it"
      : "The resource changed at the same moment, try again",
  )
}
