/** Long polls: an ordinary answer, once there is something new in it. The hub says when; nobody asks again and again. */
import type { Answer } from "../../protocol/endpoint.ts"
import { formatPosition, type Position } from "../../protocol/change.ts"
import { Problem } from "../../protocol/problem.ts"
import type { Listen, Wish } from "./listen.ts"
import { Signs } from "./signs.ts"

export interface Poll extends Wish {
  waitSeconds: number
  /** What the caller knows; without an epoch, of the present one. Null when only conditions say it, or nothing. */
  known: { epoch: string | null; revision: number } | null
  /** Whether the caller knows the resource at this revision. */
  isKnown: (revision: number | undefined) => boolean
  /** The ordinary answer. Throws Problem. */
  read: () => Promise<Answer>
}

/** Names what is about to expire, where that is what the poll waited for. */
const EXPIRING_HEADER = "X-Expiring"

/**
 * Answers once the resource has changed after what is known or is told to expire soon, or 304 when the time is up.
 * `Last-Event-ID` in the answer is where the next poll goes on from. Throws the Problem of the ordinary answer, also when
 * the resource went after what is known.
 */
export async function answerWhenNew(
  poll: Poll,
  listen: Listen,
  position: () => Promise<Position>,
): Promise<Answer> {
  const { known, isKnown } = poll
  // Taken before anything is read: what is read may be newer than it says, never older.
  const now = known?.epoch ? null : await position()
  let seen: number | undefined
  if (now && !known) {
    const answer = await readAt(poll, now)
    if (!isKnown(answer.revision)) return answer
    seen = answer.revision
  }
  const epoch = known?.epoch ?? now?.epoch ?? ""
  const from = { epoch, revision: known?.revision ?? now?.revision ?? 0 }
  const ear = await listen({ ...poll, since: formatPosition(from) })
  const signs = new Signs(ear, poll.request.signal, poll.waitSeconds)
  const expiring = new Set<string>()
  const next = async () => {
    const sign = await signs.next()
    if (sign?.event === "expiring") expiring.add(sign.uri)
    return sign
  }
  try {
    const reply = await ear.reply
    if (!reply.ok) return await poll.read()
    const at = { epoch: reply.epoch ?? "", revision: reply.position ?? 0 }
    // What the caller knows is of another journal, or of none yet; unless it is only the hub that was not told of it.
    if (at.epoch !== epoch) return await readAt(poll, at)
    if (at.revision < from.revision) {
      const head = await position()
      if (head.epoch !== epoch || head.revision < from.revision) return await readAt(poll, head)
      at.revision = from.revision
    }
    // They come right behind the reply, and what warns can be seen nowhere else.
    for (let own = reply.frames ?? 0; own > 0 && (await next()); own--);
    for (let isTold = reply.frames !== 0 || reply.reset; ; isTold = true) {
      if (isTold) {
        const answer = await readAt(poll, at)
        if (expiring.size > 0) return warning(answer, expiring)
        if (!isKnown(answer.revision)) return answer
        seen = answer.revision
      }
      const sign = await next()
      if (!sign) break
      if (sign.reset)
        return await readAt(poll, { epoch: sign.epoch ?? epoch, revision: sign.revision })
      at.revision = Math.max(at.revision, sign.position ?? sign.revision)
    }
    const headers = { "Last-Event-ID": formatPosition(at) }
    return { status: 304, headers, ...(seen === undefined ? {} : { revision: seen }) }
  } finally {
    signs.end()
  }
}

function warning(answer: Answer, expiring: ReadonlySet<string>): Answer {
  return { ...answer, headers: { ...answer.headers, [EXPIRING_HEADER]: [...expiring].join(", ") } }
}

/** The ordinary answer, read after all changes up to `at` were known; it says where to go on from. */
async function readAt({ read }: Poll, { epoch, revision }: Position): Promise<Answer> {
  try {
    const answer = await read()
    const id = formatPosition({ epoch, revision: Math.max(revision, answer.revision ?? 0) })
    return { ...answer, headers: { ...answer.headers, "Last-Event-ID": id } }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "not_found") throw error
    const headers = { ...error.headers, "Last-Event-ID": formatPosition({ epoch, revision }) }
    throw new Problem(error.code, error.message, error.details, headers)
  }
}
