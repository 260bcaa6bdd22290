/** Long polls: an ordinary answer, once there is something new in it. The hub says when; nobody asks again and again. */
import type { Answer } from "../protocol/endpoint.ts"
import { formatPosition, type Position } from "../protocol/change.ts"
import { Problem } from "../protocol/problem.ts"
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

/**
 * Answers once the resource has changed after what is known, or 304 when the time is up. `Last-Event-ID` in the
 * answer is where the next poll goes on from. Throws the Problem of the ordinary answer, also when the resource
 * went after what is known.
 */
export async function answerWhenNew(
  poll: Poll,
  listen: Listen,
  position: () => Promise<Position>,
): Promise<Answer> {
  const { known, isKnown } = poll
  // Taken before anything is read: what is read may be newer than it says, never older.
  const now = known?.epoch ? null : await position()
  const readAt = async (epoch: string, least: number) => {
    try {
      const answer = await poll.read()
      const id = formatPosition({ epoch, revision: Math.max(least, answer.revision ?? 0) })
      return { ...answer, headers: { ...answer.headers, "Last-Event-ID": id } }
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "not_found") throw error
      const headers = {
        ...error.headers,
        "Last-Event-ID": formatPosition({ epoch, revision: least }),
      }
      throw new Problem(error.code, error.message, error.details, headers)
    }
  }

  let from: Position
  if (known) {
    from = { epoch: known.epoch ?? now?.epoch ?? "", revision: known.revision }
  } else {
    from = now ?? (await position())
    const answer = await readAt(from.epoch, from.revision)
    if (!isKnown(answer.revision)) return answer
  }
  const ear = await listen({ ...poll, since: formatPosition(from) })
  try {
    const reply = await ear.reply
    if (!reply.ok) return await poll.read()
    const { epoch = "", position: reached = 0 } = reply
    const isReset = epoch !== from.epoch || reached < from.revision
    if (isReset) return await readAt(epoch, reached)
    let last = reached
    let isTold = reply.frames !== 0 || reply.reset === true
    const signs = new Signs(ear, poll.request.signal, poll.waitSeconds)
    try {
      for (;;) {
        if (isTold) {
          const answer = await readAt(epoch, last)
          if (!isKnown(answer.revision)) return answer
        }
        const sign = await signs.next()
        if (sign === null) break
        if (sign.reset) return await readAt(sign.epoch ?? epoch, sign.revision)
        last = Math.max(last, sign.position ?? sign.revision)
        isTold = true
      }
    } finally {
      signs.end()
    }
    return { status: 304, headers: { "Last-Event-ID": formatPosition({ epoch, revision: last }) } }
  } finally {
    ear.close()
  }
}
