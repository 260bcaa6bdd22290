/**
 * How far a connection has heard the journal, whatever it follows. What is quiet need not be asked for from where it was
 * last told of something, which may be long ago. Pure.
 */
import { formatPosition, parsePosition } from "../protocol/change.ts"
import type { Frame } from "../protocol/frames.ts"

export class Progress {
  #epoch = ""
  #revision = 0

  /** The epoch that a reply names. */
  begin(epoch = ""): void {
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#revision = 0
  }

  /** A frame that no reply announced. */
  take({ view, reset, epoch, revision, position = revision }: Frame): void {
    if (reset) this.begin(epoch)
    // Views and resets are in no order with the rest. The change itself may concern a view that comes behind this.
    else if (!view) this.#revision = Math.max(this.#revision, position - 1)
  }

  /** The later of a topic's own position and this. */
  sinceOf(own: string): string {
    const position = parsePosition(own)
    if (!position || position.epoch !== this.#epoch || position.revision >= this.#revision)
      return own
    return formatPosition({ epoch: this.#epoch, revision: this.#revision })
  }
}

/** The position that most have is said once. What is undefined is not written. */
export function shortened(uris: { uri: string; since: string; throttle: string | undefined }[]) {
  const counts = new Map<string, number>()
  for (const { since } of uris) counts.set(since, (counts.get(since) ?? 0) + 1)
  const [since = ""] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? []
  const short = uris.map(({ uri, throttle, ...own }) => {
    if (own.since !== since) return { uri, since: own.since, throttle }
    return throttle === undefined ? uri : { uri, throttle }
  })
  return { since, uris: short }
}
