/** The hub's place in the journal: what its subscribers have been told. Kept in the object's storage. */
import * as z from "zod"
import type { Mark } from "../../feed/feed.ts"
import type { Change, Position } from "../../protocol/change.ts"

/** The synchronous storage of a Durable Object. */
export interface Storage {
  get(key: string): unknown
  put(key: string, value: unknown): void
}

const Stored = z.object({
  epoch: z.string(),
  revision: z.int(),
  at: z.number(),
  madeAt: z.number().nullable().default(null),
  floors: z.array(z.tuple([z.string(), z.int()])),
})

const KEY = "cursor"

export class Cursor {
  /** URI or view → the revision at which it was read again, and so told already. */
  floors: ReadonlyMap<string, number>
  readonly epoch: string
  readonly #storage: Storage
  #revision: number
  #at: number
  /** When the change at the revision was made; null where it was not seen. */
  #madeAt: number | null

  constructor(
    storage: Storage,
    { epoch, revision, at: madeAt = null }: Mark,
    at = madeAt ?? 0,
    floors: readonly (readonly [string, number])[] = [],
  ) {
    this.#storage = storage
    this.epoch = epoch
    this.#revision = revision
    this.#at = at
    this.#madeAt = madeAt
    this.floors = new Map(floors)
  }

  /** The cursor as it was saved, or null when there is none. */
  static load(storage: Storage): Cursor | null {
    const { success, data } = Stored.safeParse(storage.get(KEY))
    if (!success) return null
    const { epoch, revision, madeAt, at, floors } = data
    return new Cursor(storage, { epoch, revision, at: madeAt }, at, floors)
  }

  get position(): Position {
    return { epoch: this.epoch, revision: this.#revision }
  }

  get revision(): number {
    return this.#revision
  }

  /** The position, by which a database that was put back is known. */
  get mark(): Mark {
    return { ...this.position, at: this.#madeAt }
  }

  /** When the newest change that was seen was made, in epoch milliseconds; 0 where none was. */
  get newest(): number {
    return this.#at
  }

  /** Goes past these changes. */
  pass(changes: readonly Change[]): void {
    for (const { revision, at } of changes) {
      if (revision >= this.#revision) this.#madeAt = at
      this.#revision = Math.max(this.#revision, revision)
      this.#at = Math.max(this.#at, at)
    }
  }

  /**
   * True for a change that should be behind us but is younger than all we have seen: the database went back, as
   * after a restore. Late and doubled pokes are never younger.
   */
  contradicts({ revision, at }: Change): boolean {
    return revision <= this.#revision && at > this.#at
  }

  /** Saves without waiting: in one turn with what was sent, the two are one. */
  save(): void {
    const floors = [...this.floors].filter(([, floor]) => floor > this.#revision)
    this.floors = new Map(floors)
    this.#storage.put(KEY, { ...this.position, at: this.#at, madeAt: this.#madeAt, floors })
  }
}
