/** Runs a handler that writes, again when others changed meanwhile what it had read. */
import type { Journal } from "../feed/feed.ts"
import type { Answer, Call } from "../protocol/endpoint.ts"
import { HANDLER_MAX_ATTEMPTS } from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import { Stale, UnitOfWork } from "./unit.ts"

interface WriteServices {
  journal: Journal
  isBatch: boolean
  takeTurn: (uri: string) => Promise<Disposable>
}

/**
 * Does the work and commits what it collected. All that it read is a guard of the commit, so what it writes follows
 * from what is stored at that moment, as if calls came one after the other. Where the guard fails, the work is done
 * again, from then on in turn with others that collided at this URI.
 * @param isTold false where what GET answers is not what is written, so that the journal cannot tell it
 * @param work is given its own copy of the body each time, because handlers may change it
 * Throws Problem: conflict where a batch wrote before what this reads, overloaded when it collides again and again.
 */
export async function write(
  { uri, body }: Pick<Call, "uri"> & { body: unknown },
  { journal, isBatch, takeTurn }: WriteServices,
  isTold: (uri: string) => boolean,
  work: (unit: UnitOfWork, sent: unknown) => Promise<Answer>,
): Promise<Answer> {
  let seen: string | null = null
  let turn: Disposable | null = null
  try {
    for (let attempt = 1; attempt <= HANDLER_MAX_ATTEMPTS; attempt++) {
      const unit = new UnitOfWork(isTold)
      try {
        const answer = await work(unit, copyOf(body))
        return { ...answer, revision: await unit.flush(journal) }
      } catch (error) {
        if (!(error instanceof Stale)) throw error
      }
      // Nobody else changed it, so it is what the same transaction writes.
      if (isBatch && unit.seen === seen) throw clash(uri)
      seen = unit.seen
      if (!isBatch) turn ??= await takeTurn(uri).catch(logFailure)
    }
  } finally {
    turn?.[Symbol.dispose]()
  }
  const detail = `What the handler of "${uri}" reads changed ${HANDLER_MAX_ATTEMPTS} times while it ran, try again`
  throw new Problem("overloaded", detail, {}, { "Retry-After": "1" })
}

/** Numbers that are kept as text are shared, because no copy of them is one; they cannot be changed. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== "object" || value === null) return value
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  // By definition and not by assignment, or a member called `__proto__` would be lost.
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, copyOf(one)]))
}

function clash(uri: string): Problem {
  const detail = `The handler of "${uri}" reads what another operation of the same batch writes: send that one alone`
  return new Problem("conflict", detail)
}

/** Without a turn there are only more collisions. */
function logFailure(error: unknown): null {
  console.error({ event: "no_turn", message: String(error) })
  return null
}
