/**
 * What a hub reads on behalf of those who follow, so that none of its invocations asks too much of the database: as
 * much as there is room for in the one that runs, the rest in calls of the hub to itself, each an invocation of its own.
 */
import {
  READINGS_AT_ONCE,
  READINGS_MAX_CHARACTERS,
  READINGS_MAX_QUERIES,
  READINGS_OF_A_CALL,
  READINGS_OF_A_CALL_QUERIES,
} from "../protocol/live-limits.ts"
import { ask, Refusal, type Dispatch } from "./ask.ts"
import type { Reading } from "./delivery/fanout.ts"

/** What became of one URI: what is there (null: nothing), or the problem that it was answered with. */
export type Found = { reading: Reading } | { refusal: { code: string; json: string } }

export interface ReadingsParts {
  dispatch: Dispatch
  /** `readSome` of this very hub, as an invocation of its own. */
  again: (who: string | null, uris: string[]) => Promise<Found[]>
}

interface Waiting {
  who: string | null
  uri: string
  found: (found: Found) => void
  failed: (error: unknown) => void
}

/** Until one has cost more, a reading is taken to cost so many queries. Most cost one or two. */
const USUAL_QUERIES = 8

export class Readings {
  readonly #parts: ReadingsParts
  readonly #waiting: Waiting[] = []
  /** Queries of this invocation, those of readings on their way among them. */
  #spent = 0
  /** The most that one has cost. */
  #dearest = USUAL_QUERIES
  /** Readings on their way in this invocation, and calls. */
  #here = 0
  #calls = 0

  constructor(parts: ReadingsParts) {
    this.#parts = parts
  }

  /** Another invocation has begun. */
  begin(): void {
    this.#spent = 0
  }

  /** A resource as `who` may see it, null for the hub itself; null when there is none. Throws Refusal for anything else. */
  async read(who: string | null, uri: string): Promise<Reading> {
    const found = await new Promise<Found>((resolve, reject) => {
      this.#waiting.push({ who, uri, found: resolve, failed: reject })
      // At the end of the turn, because mostly several are asked for in one.
      if (this.#waiting.length === 1) queueMicrotask(() => this.#start())
    })
    if ("reading" in found) return found.reading
    throw new Refusal(found.refusal.code, found.refusal.json)
  }

  /** The same for everybody who follows it; one that cannot be read is as good as gone, unless it is worth waiting. */
  async readForAll(uri: string): Promise<Reading> {
    try {
      return await this.read(null, uri)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === "overloaded") throw error
      console.warn({ event: "unreadable_topic", uri, code: error.code })
      return null
    }
  }

  /**
   * The first of these, one after the other, at least one: whatever it costs, with the one before it stays below what an
   * invocation may ask.
   */
  async readSome(who: string | null, uris: readonly string[]): Promise<Found[]> {
    const all: Found[] = []
    let [queries, characters] = [0, 0]
    for (const uri of uris) {
      const { found, cost } = await this.#ask(who, uri)
      all.push(found)
      queries += cost
      characters += "reading" in found ? (found.reading?.json.length ?? 0) : 0
      if (queries > READINGS_OF_A_CALL_QUERIES || characters > READINGS_MAX_CHARACTERS) break
    }
    return all
  }

  #start(): void {
    while (this.#waiting[0] && this.#spent + this.#dearest <= READINGS_MAX_QUERIES) {
      void this.#readHere(this.#waiting.shift() as Waiting)
    }
    // What is on its way mostly costs less than was taken for it.
    if (this.#here > 0) return
    while (this.#waiting.length > 0 && this.#calls < READINGS_AT_ONCE) void this.#readThere()
  }

  async #readHere({ who, uri, found, failed }: Waiting): Promise<void> {
    const taken = this.#dearest
    this.#spent += taken
    this.#here++
    try {
      const answer = await this.#ask(who, uri)
      this.#spent += answer.cost - taken
      this.#dearest = Math.max(this.#dearest, answer.cost)
      found(answer.found)
    } catch (error) {
      failed(error)
    }
    this.#here--
    this.#start()
  }

  async #readThere(): Promise<void> {
    const who = this.#waiting[0]?.who ?? null
    const end = this.#waiting.findIndex((each) => each.who !== who)
    const most = Math.min(end < 0 ? READINGS_OF_A_CALL : end, READINGS_OF_A_CALL)
    const some = this.#waiting.splice(0, most)
    this.#calls++
    try {
      const uris = some.map(({ uri }) => uri)
      const all = await this.#parts.again(who, uris)
      for (const found of all) some.shift()?.found(found)
      this.#waiting.unshift(...some)
    } catch (error) {
      for (const { failed } of some) failed(error)
    }
    this.#calls--
    this.#start()
  }

  async #ask(who: string | null, uri: string): Promise<{ found: Found; cost: number }> {
    try {
      const { json, revision, isPart, queries } = await ask(this.#parts.dispatch, who, "GET", uri)
      return { found: { reading: { json: json ?? "null", revision, isPart } }, cost: queries }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, json, queries } = error
      const found = code === "not_found" ? { reading: null } : { refusal: { code, json } }
      return { found, cost: queries }
    }
  }
}
