/**
 * Packed rows on their way into the database. What fits one statement goes with the commit; more of it is staged: put
 * into the log under numbers that no series has, where nobody sees it, until the commit hands it over.
 */
import { guard } from "../../feed/statement.ts"
import type { Committer } from "../../feed/feed.ts"
import { byteLength } from "../../lib/bytes.ts"
import { IMPORT_PARTS_AT_ONCE, STAGED_KEEP_MINUTES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Part } from "../part.ts"
import * as sql from "./sql.ts"

const SERIES_BITS = 16n
const CHANCE_BITS = 20n

/**
 * The number of a stage: minutes, chance, and room for the series of a write, below zero; so the older ones are those
 * nearest to zero. 2^26 minutes end in 2097.
 * @param now epoch milliseconds
 */
export function stageNumber(now: number, chance: number): bigint {
  const minutes = BigInt(Math.floor(now / 60_000))
  const one = (minutes << CHANCE_BITS) | (BigInt(chance) & ((1n << CHANCE_BITS) - 1n))
  return -(one << SERIES_BITS)
}

/** Stages with a number above this one, but below zero, belong to requests that must have died. */
export function staleNumber(now: number): bigint {
  return stageNumber(now - STAGED_KEEP_MINUTES * 60_000, 0)
}

export interface StageLimits {
  /** Of packed rows in one text, which is a parameter of a statement. */
  bytes: number
  /** Of IMPORT_PARTS_AT_ONCE texts each; before the last text, which is part of the commit. */
  statements: number
}

export class Stage {
  readonly #committer: Committer
  /** Of the first series; the others have the numbers below. */
  readonly number: bigint
  #pending: string[] = []
  #bytes = 2
  /** Texts that are full, and their rows; and how many such texts there were in all. */
  #closed: string[] = []
  #closedRows = 0
  #texts = 0
  /** Rows of the log that are staged. */
  count = 0

  readonly #limits: StageLimits

  constructor(committer: Committer, number: bigint, limits: StageLimits) {
    this.#committer = committer
    this.number = number
    this.#limits = limits
  }

  /** Takes parts of a series' log, in their order. Throws Problem too_large. */
  async add(key: number, parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      const text = partText(key, part)
      // Base64 is ASCII; statistics carry names of columns, which need not be.
      const bytes = text.length + byteLength(part.stats ?? "") - (part.stats?.length ?? 0) + 1
      if (this.#bytes + bytes > this.#limits.bytes) await this.#close()
      this.#pending.push(text)
      this.#bytes += bytes
    }
  }

  /** No more will come: only what fits one parameter is not staged then. */
  async finish(): Promise<void> {
    if (this.#closed.length > 0) await this.#flush()
  }

  /** What is not staged: the JSON text of a list, which fits one parameter; null when there is nothing. */
  get rest(): string | null {
    return this.#pending.length > 0 ? `[${this.#pending.join()}]` : null
  }

  /** Takes away what was staged. */
  async discard(): Promise<void> {
    if (this.count === 0) return
    this.count = 0
    await this.#committer.commit({ drafts: [], writes: [sql.unstage(this.number)] })
  }

  async #close(): Promise<void> {
    const text = this.rest
    if (text === null) return
    const { statements, bytes } = this.#limits
    const most = statements * IMPORT_PARTS_AT_ONCE
    if (++this.#texts > most) {
      const limit = (most + 1) * bytes
      throw new Problem(
        "too_large",
        `The rows must take at most ${limit} bytes when packed, they take more; send them in parts`,
        { limit },
      )
    }
    this.#closed.push(text)
    this.#closedRows += this.#pending.length
    this.#pending = []
    this.#bytes = 2
    if (this.#closed.length === IMPORT_PARTS_AT_ONCE) await this.#flush()
  }

  async #flush(): Promise<void> {
    const guards = this.count === 0 ? [guard(...sql.unused(this.number))] : []
    await this.#committer.commit({
      guards,
      drafts: [],
      writes: [sql.stage(this.number, this.#closed)],
    })
    this.count += this.#closedRows
    this.#closed = []
    this.#closedRows = 0
  }
}

/** As the statements want it. The texts need no escapes: base64, and JSON that stays JSON. */
function partText(key: number, { level, first, last, replaces, count, stats, body }: Part): string {
  const text = body === null ? "null" : `"${body}"`
  return `[${key},${level},${first},${last},${Number(replaces)},${count},${stats},${text}]`
}
