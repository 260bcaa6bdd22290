/** What a caller that waits hears of a hub: one frame after the other, until its time is up. */
import type { Head } from "../../protocol/frames.ts"
import type { Ear } from "./listen.ts"

export class Signs {
  readonly #ear: Ear
  readonly #heard: Head[] = []
  readonly #timer: ReturnType<typeof setTimeout> | undefined
  #isOver = false
  #wake: () => void = () => {}

  /**
   * @param signal aborts when the caller goes
   * @param seconds the longest wait; null: for ever
   */
  constructor(ear: Ear, signal: AbortSignal, seconds: number | null) {
    this.#ear = ear
    const over = () => {
      this.#isOver = true
      this.#wake()
    }
    this.#timer = seconds === null ? undefined : setTimeout(over, seconds * 1_000)
    signal.addEventListener("abort", over)
    ear.listen({
      heard: (_text, head) => {
        this.#heard.push(head)
        this.#wake()
      },
      closed: over,
    })
  }

  /** The next frame; null when the time is up, or the caller or the hub is gone. */
  async next(): Promise<Head | null> {
    while (this.#heard.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#heard.shift() ?? null
  }

  /** The next frame; those behind it that are here already go with it. */
  async nextOfMany(): Promise<Head | null> {
    const next = await this.next()
    this.#heard.length = 0
    return next
  }

  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#ear.close()
  }
}
