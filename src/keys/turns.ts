/** When each key may be written to Workers KV again, and which copies are owed to it until then. Pure. */
import { KV_WRITE_INTERVAL_MILLISECONDS } from "../protocol/limits.ts"
import type { Entry } from "./entry.ts"

/** A promise to pay what is owed. Whoever made it may have died; after a while another makes one. */
export interface Pledge {
  madeAt: number
}

interface Turn {
  /** Epoch milliseconds. */
  freeAt: number
  /** What Workers KV has not been given yet, null for gone; undefined: nothing is owed. */
  owed: { entry: Entry | null } | undefined
  /** Grows with every debt, so that who pays sees whether there is another since. */
  debts: number
  pledge: Pledge | undefined
}

/** Turns that are over are forgotten when there are more than this. */
const TURNS_KEPT = 1_000
/** A pledge that was not kept by then is nobody's: a runtime ends what goes on for 30 s after its answer. */
const PLEDGE_MILLISECONDS = 10_000

/**
 * One for an isolate and a namespace. It only spares Workers KV writes that it would refuse: nothing is wrong when
 * it is lost, because whoever owes has it in the index. All times are epoch milliseconds.
 */
export class Turns {
  readonly #turns = new Map<string, Turn>()

  /** True when the key was not written a moment ago, and nobody waits to write it. */
  isFree(name: string, now: number): boolean {
    const turn = this.#turns.get(name)
    return turn === undefined || (turn.freeAt <= now && turn.owed === undefined)
  }

  /** Notes that the key is written now, or was refused now. */
  take(name: string, now: number): void {
    this.#turn(name, now).freeAt = now + KV_WRITE_INTERVAL_MILLISECONDS
  }

  /** Notes that the key was not written after all. */
  release(name: string): void {
    const turn = this.#turns.get(name)
    if (turn) turn.freeAt = 0
  }

  /** When the key may be written. */
  freeAt(name: string): number {
    return this.#turns.get(name)?.freeAt ?? 0
  }

  /** Notes what is to be written later. Of several entries the newest is owed. */
  owe(name: string, entry: Entry | null, now: number): void {
    const turn = this.#turn(name, now)
    const before = turn.owed?.entry
    turn.debts++
    if (entry && before && before.revision > entry.revision) return
    turn.owed = { entry }
  }

  /** The entry owed, null for one to be deleted; undefined when nothing is owed. */
  owed(name: string): Entry | null | undefined {
    return this.#turns.get(name)?.owed?.entry
  }

  /** How often something was owed. */
  debts(name: string): number {
    return this.#turns.get(name)?.debts ?? 0
  }

  /** Nothing is owed any more. */
  forgive(name: string): void {
    const turn = this.#turns.get(name)
    if (!turn) return
    turn.owed = undefined
    turn.pledge = undefined
  }

  /** Promises to pay what is owed; null when somebody has. */
  pledge(name: string, now: number): Pledge | null {
    const turn = this.#turns.get(name)
    if (!turn?.owed || (turn.pledge && now - turn.pledge.madeAt < PLEDGE_MILLISECONDS)) return null
    return (turn.pledge = { madeAt: now })
  }

  /** False when it is paid, or another has taken the pledge over. */
  isPledged(name: string, pledge: Pledge): boolean {
    return this.#turns.get(name)?.pledge === pledge
  }

  #turn(name: string, now: number): Turn {
    const known = this.#turns.get(name)
    if (known) return known
    if (this.#turns.size >= TURNS_KEPT) {
      for (const [other, turn] of this.#turns) {
        if (!turn.owed && turn.freeAt <= now) this.#turns.delete(other)
      }
    }
    const turn = { freeAt: 0, owed: undefined, debts: 0, pledge: undefined }
    this.#turns.set(name, turn)
    return turn
  }
}
