/** What happened lately, for those who come back: where many do so at the same time, one reading of the journal serves all. */
import type { Feed } from "../../feed/feed.ts"
import type { Change, Position } from "../../protocol/change.ts"
import { BACKLOG_MAX_CHARACTERS, RESUME_MAX_CHARACTERS } from "../../protocol/live-limits.ts"

/** All changes after a position up to the revision `through`, or word that they cannot be told; `first` is then the first that can. */
export type Backlogged =
  | { reset: true; first?: number }
  | { reset: false; changes: readonly Change[]; through: number }

/** A run of the journal without a gap. */
interface Stretch {
  epoch: string
  /** The revision before the first. */
  after: number
  through: number
  /** It was read to the end after so many had asked. */
  asked: number
  changes: Change[]
  characters: number
}

export class Backlog {
  readonly #feed: () => Pick<Feed, "since">
  readonly #waiting = new Set<Position>()
  #chain: Promise<unknown> = Promise.resolve()
  #asked = 0
  #kept: Stretch | null = null
  /** Where the journal begins, as far as is known. */
  #first: { epoch: string; first: number } | null = null

  constructor(feed: () => Pick<Feed, "since">) {
    this.#feed = feed
  }

  /**
   * The changes after a position, at least up to the revision `until`; "now" stands for all that there are when this is
   * called. What is kept from an earlier reading may be of a database that was put back since; whoever follows it is told
   * so, as everybody is.
   */
  since(position: Position, until: number | "now"): Promise<Backlogged> {
    this.#waiting.add(position)
    const asked = ++this.#asked
    const run = this.#chain
      .then(() => this.#tell(position, until, asked))
      .finally(() => this.#waiting.delete(position))
    this.#chain = run.catch(() => {})
    return run
  }

  async #tell(position: Position, until: number | "now", asked: number): Promise<Backlogged> {
    const { epoch, revision } = position
    const first = this.#first?.epoch === epoch ? this.#first.first : 1
    if (revision + 1 < first) return { reset: true, first }
    const least = until === "now" ? revision : until
    const leastAsked = until === "now" ? asked : 0
    const target = Math.max(least, revision)
    const stretch = this.#stretchFor(position, least, first)
    while (stretch.through < target || stretch.asked < leastAsked) {
      const asking = this.#asked
      const page = await this.#feed().since({ epoch, revision: stretch.through })
      if (page.reset) {
        if (page.first === undefined || page.first <= stretch.through + 1) return { reset: true }
        // Trimmed; it may be that only another one was too far behind.
        this.#first = { epoch, first: page.first }
        return this.#tell(position, until, asked)
      }
      append(stretch, page.changes)
      if (stretch.characters > RESUME_MAX_CHARACTERS) return { reset: true }
      if (page.more) continue
      stretch.asked = asking
      break
    }
    const changes = stretch.changes.filter((change) => change.revision > revision)
    this.#keep(stretch)
    // The journal has not come to the position: it was put back since.
    if (stretch.through < revision) return { reset: true }
    return { reset: false, changes, through: stretch.through }
  }

  /** What is kept, where it reaches back far enough; else a new one, to be read. Until it is kept again it is nobody's. */
  #stretchFor({ epoch, revision }: Position, until: number, first: number): Stretch {
    const kept = this.#kept
    this.#kept = null
    if (kept?.epoch === epoch && kept.after <= revision) return kept
    // From the lowest that waits, so that those next in turn need not read what lies before this one.
    const waiting = [...this.#waiting].filter((each) => each.epoch === epoch)
    const lowest = Math.min(until, ...waiting.map((each) => each.revision))
    const after = Math.max(lowest, first - 1)
    return { epoch, after, through: after, asked: 0, changes: [], characters: 0 }
  }

  /** Keeps the newest of it. */
  #keep(stretch: Stretch): void {
    let dropped = 0
    while (stretch.characters > BACKLOG_MAX_CHARACTERS) {
      const change = stretch.changes[dropped++]
      if (!change) break
      stretch.characters -= lengthOf(change)
      stretch.after = change.revision
    }
    stretch.changes.splice(0, dropped)
    this.#kept = stretch
  }
}

function append(stretch: Stretch, changes: readonly Change[]): void {
  for (const change of changes) {
    stretch.changes.push(change)
    stretch.through = change.revision
    stretch.characters += lengthOf(change)
  }
}

function lengthOf({ uri, body, extra }: Change): number {
  return uri.length + (body?.length ?? 0) + (extra?.length ?? 0)
}
