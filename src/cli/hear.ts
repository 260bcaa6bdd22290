/** Listens over the WebSocket, and waits for what must be heard. */
import { connect, type Live } from "../client/live.ts"
import type { Subscription } from "../client/subscription.ts"
import type { Frame } from "../protocol/frames.ts"
import { duration } from "./print.ts"

export interface Heard {
  frame: Frame
  /** Of performance.now(). */
  at: number
}

export class Ears {
  readonly heard: Heard[] = []
  readonly #live: Live
  readonly #waiting = new Set<(heard: Heard) => void>()

  constructor(url: string, token?: string) {
    this.#live = connect(url, token === undefined ? {} : { token })
  }

  /** Subscribes, and waits until the state is there or it is known that there is none. */
  async listen(uri: string, milliseconds: number): Promise<Subscription> {
    const subscription = this.#live.subscribe(uri, ({ frame }) => {
      if (frame) this.#hear({ frame, at: performance.now() })
    })
    await within(milliseconds, `the answer to subscribing to ${uri}`, subscription.ready)
    return subscription
  }

  /** The first event, heard already or not yet, that is the one. Throws after the time given. */
  async until(what: string, isIt: (frame: Frame) => boolean, milliseconds: number): Promise<Heard> {
    const known = this.heard.find(({ frame }) => isIt(frame))
    if (known) return known
    const { promise, resolve } = Promise.withResolvers<Heard>()
    const listener = (heard: Heard) => {
      if (isIt(heard.frame)) resolve(heard)
    }
    this.#waiting.add(listener)
    return within(milliseconds, what, promise).finally(() => this.#waiting.delete(listener))
  }

  close(): void {
    this.#live.close()
  }

  #hear(heard: Heard): void {
    this.heard.push(heard)
    for (const listener of this.#waiting) listener(heard)
  }
}

async function within<Value>(ms: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${duration(ms)}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
