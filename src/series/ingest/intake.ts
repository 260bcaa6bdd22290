/** What one request brings, on its way into the database: rows by series, and the lines that were no rows. */
import { BAD_LINES_SHOWN, IMPORT_MAX_SERIES } from "../../protocol/limits.ts"
import { Problem } from "../../protocol/problem.ts"
import { refusalOf, type BadLine } from "../../lines/bad.ts"
import type { Frame } from "../frame.ts"
import type { Place } from "../sql.ts"
import type { Stage } from "./stage.ts"
import { Target, type Wish } from "./target.ts"

export class Intake {
  readonly #wish: Wish
  readonly #isPartial: boolean
  readonly stage: Stage
  readonly #targets = new Map<string, Target>()
  readonly #heldBytes: number
  #weight = 0
  readonly bad: BadLine[] = []
  badTotal = 0

  /** @param heldBytes how much is held back until it fills chunks, as weighed in memory */
  constructor(wish: Wish & { isPartial: boolean }, stage: Stage, heldBytes: number) {
    this.#wish = wish
    this.#isPartial = wish.isPartial
    this.stage = stage
    this.#heldBytes = heldBytes
  }

  get targets(): Target[] {
    return [...this.#targets.values()]
  }

  /** Rows and bad lines that came together. Throws Problem: unprocessable, too_large. */
  async take(rows: readonly (Place & { frame: Frame })[], bad: readonly BadLine[]): Promise<void> {
    this.badTotal += bad.length
    this.bad.push(...bad.slice(0, BAD_LINES_SHOWN - this.bad.length))
    // From here on the lines are read for their flaws only.
    if (this.badTotal > 0 && !this.#isPartial) return
    for (const { reference, symbol, frame } of rows) {
      const target = this.target({ reference, symbol })
      this.#weight -= target.weight
      target.add(frame)
      if (target.isFull) await this.stage.add(target.key, target.pack(false))
      this.#weight += target.weight
    }
    if (this.#weight > this.#heldBytes) await this.#packAll(false)
  }

  /** The series; from then on it is written, also if no rows come. Throws Problem too_large. */
  target({ reference, symbol }: Place): Target {
    const name = `${reference}\n${symbol}`
    const known = this.#targets.get(name)
    if (known) return known
    if (this.#targets.size === IMPORT_MAX_SERIES) {
      throw new Problem(
        "too_large",
        `A request must write at most ${IMPORT_MAX_SERIES} series, this one has more; send them in parts`,
        { limit: IMPORT_MAX_SERIES },
      )
    }
    const target = new Target({ reference, symbol }, this.#targets.size, this.#wish)
    this.#targets.set(name, target)
    return target
  }

  /** All has come. Throws Problem: unprocessable with the bad lines, and as `take`. */
  async finish(): Promise<void> {
    const rows = this.targets.reduce((sum, target) => sum + target.rows, 0)
    if (this.badTotal > 0 && (!this.#isPartial || rows === 0)) {
      throw refusalOf(this.bad, this.badTotal)
    }
    await this.#packAll(true)
    await this.stage.finish()
  }

  async #packAll(isEnd: boolean): Promise<void> {
    const { targets } = this
    for (const target of targets) {
      await this.stage.add(target.key, target.pack(true, isEnd))
      if (targets.length > 1) target.forgetStamps()
    }
    this.#weight = targets.reduce((sum, { weight }) => sum + weight, 0)
  }
}
