/** Many operations, one transaction: each goes on by itself up to its commit, and there it waits for the others. */
import type { Change, Position } from "../protocol/change.ts"
import { BATCH_MAX_STATEMENTS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import type { Commit, Feed, Journal } from "./feed.ts"
import { countStatements, UnitRefused } from "./run.ts"

/** Does what it does with the journal it is given; answers when all of it is done. */
export type Operation<Result> = (journal: Journal) => Promise<Result>

/** How it ended; where `at` names the operation that did not go well, nothing is written, and only its result counts. */
export interface Ended<Result> {
  results: Result[]
  at: number | null
}

/** What an operation hears that had to wait for one that failed. */
const ABANDONED = "Another operation of the batch failed, so this one was not written"

/** What is said when it never fits: an operation that must read does not see what those before it write. */
const TOO_OFTEN =
  "What is stored changes too fast, or an operation must read what another one before it writes: send that one alone"

/** An operation may look again after a guard stopped it, and try once more; all of them together so often. */
const ROUNDS = 10

/**
 * Runs the operations in order, as if one came after the other; what they commit is written together or not at all.
 * One difference remains: what an operation reads, it reads as it was before all of them.
 * @param isFine whether an operation went well, judging by what it answered
 * Throws Problem too_large for more statements than a transaction may have, and what the database throws.
 */
export async function commitTogether<Result>(
  feed: Feed,
  operations: readonly Operation<Result>[],
  isFine: (result: Result) => boolean,
): Promise<Ended<Result>> {
  const parts: Part<Result>[] = []
  try {
    for (const operation of operations) {
      const part = new Part<Result>(feed)
      parts.push(part)
      await part.run(operation)
      if (part.isDone && !isFine(part.result)) return ended(parts, isFine)
    }
    for (let round = 1; !(await commitWaiting(feed, parts)); round++) {
      if (round === ROUNDS) throw new Problem("conflict", TOO_OFTEN)
      if (parts.some((part) => part.isDone && !isFine(part.result))) return ended(parts, isFine)
    }
    // Written: from here on, nothing can be said to have failed.
    return {
      results: await Promise.all(parts.map((part) => part.done as Promise<Result>)),
      at: null,
    }
  } finally {
    for (const part of parts) part.abandon()
    // Their answers are of no use, but nothing of them may go on behind the answer.
    await Promise.allSettled(parts.map((part) => part.done))
  }
}

/** Writes what waits; false when one operation was refused, which then has ended or waits again. */
async function commitWaiting<Result>(feed: Feed, parts: readonly Part<Result>[]): Promise<boolean> {
  const waiting = parts.filter((part) => part.commits)
  if (waiting.length === 0) return true
  const units = waiting.map(({ commits }) => commits ?? [])
  checkSize(units)
  try {
    const changes = await feed.commitUnits(units)
    for (const [at, part] of waiting.entries()) part.resolve(changes[at] ?? [])
    return true
  } catch (error) {
    if (!(error instanceof UnitRefused)) throw error
    await waiting[error.unit]?.refuse(error.problem)
    return false
  }
}

function checkSize(units: Commit[][]): void {
  const count = countStatements(units)
  if (count <= BATCH_MAX_STATEMENTS) return
  throw new Problem(
    "too_large",
    `A batch must take at most ${BATCH_MAX_STATEMENTS} statements of the database, this one takes ${count}`,
    { limit: BATCH_MAX_STATEMENTS },
  )
}

/** What is known when one of them did not go well. */
function ended<Result>(
  parts: readonly Part<Result>[],
  isFine: (result: Result) => boolean,
): Ended<Result> {
  const at = parts.findIndex((part) => part.isDone && !isFine(part.result))
  return { results: parts.map((part) => part.result), at }
}

/** One operation's place. It commits once; what is written cannot be added to. */
class Part<Result> implements Journal {
  readonly #feed: Feed
  /** What waits to be written. */
  commits: Commit[] | null = null
  done: Promise<Result> | undefined
  isDone = false
  #result: Result | undefined
  #written = false
  #settle: { resolve: (changes: Change[]) => void; reject: (problem: Problem) => void } | null =
    null
  #waits: () => void = () => {}

  constructor(feed: Feed) {
    this.#feed = feed
  }

  get result(): Result {
    return this.#result as Result
  }

  /** Lets it begin; comes back when it has ended or waits to be written. */
  async run(operation: Operation<Result>): Promise<void> {
    await this.#goOn(() => {
      this.done = operation(this).then((result) => {
        this.#result = result
        this.isDone = true
        return result
      })
    })
  }

  commit(commit: Commit): Promise<Change[]> {
    return this.commitAll([commit])
  }

  commitAll(commits: Commit[]): Promise<Change[]> {
    if (this.#written) throw new Error("An operation of a batch commits once")
    this.commits = commits
    const changes = new Promise<Change[]>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#waits()
    return changes
  }

  position(): Promise<Position> {
    return this.#feed.position()
  }

  resolve(changes: Change[]): void {
    this.#written = true
    this.commits = null
    this.#settle?.resolve(changes)
  }

  /** Tells it what stopped it; comes back when it has ended or waits again. */
  async refuse(problem: Problem): Promise<void> {
    await this.#goOn(() => {
      this.commits = null
      this.#settle?.reject(problem)
    })
  }

  abandon(): void {
    this.#written = true
    if (this.commits) this.#settle?.reject(new Problem("conflict", ABANDONED))
    this.commits = null
  }

  async #goOn(begin: () => void): Promise<void> {
    const waits = new Promise<void>((resolve) => {
      this.#waits = resolve
    })
    begin()
    await Promise.race([waits, this.done])
  }
}
