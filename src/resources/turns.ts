/** Who writes a URI next, wherever in the world it runs: one object per URI, asked only after a collision. */
import { DurableObject, RpcTarget } from "cloudflare:workers"
import { TURN_MAX_MILLISECONDS } from "../protocol/limits.ts"

/** Ends when it is disposed of, also when whoever had it is gone. */
class Turn extends RpcTarget implements Disposable {
  readonly #end: () => void

  constructor(end: () => void) {
    super()
    this.#end = end
  }

  [Symbol.dispose](): void {
    this.#end()
  }
}

export class Turns extends DurableObject {
  #last: Promise<void> = Promise.resolve()

  /** Waits for those who came before. A turn only spares collisions; what is right is seen to by the commit's guards. */
  async take(): Promise<Turn> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    const timer = setTimeout(resolve, TURN_MAX_MILLISECONDS)
    return new Turn(() => {
      clearTimeout(timer)
      resolve()
    })
  }
}
