/**
 * What was told of the URIs that match a pattern. There is no state to begin with, so it holds only what came whole
 * since, and no lists, of whose members' changes it need not be told; who wants all of it subscribes to lists. Pure.
 */
import type { Done, Frame } from "../protocol/frames.ts"
import { formatPosition } from "../protocol/change.ts"
import type { Pattern } from "../protocol/pattern.ts"
import { patched, type Copy, type Outcome, type Patchers } from "./replica.ts"

export class PatternReplica implements Copy {
  readonly #pattern: Pattern
  readonly #patchers: Patchers
  readonly #resources = new Map<string, unknown>()
  readonly #revisions = new Map<string, number>()
  #position = 0
  #epoch: string | undefined
  #begun = false
  /** All up to here was told when the subscription began. */
  #floor = 0
  /** The newest `expiring` since. */
  #warned = 0

  constructor(pattern: Pattern, patchers: Patchers = {}) {
    this.#pattern = pattern
    this.#patchers = patchers
  }

  get uri(): string {
    return this.#pattern.text
  }

  /** URI → what GET answers there, where that is known. Not to be changed. */
  get value(): ReadonlyMap<string, unknown> {
    return this.#resources
  }

  get revision(): number {
    return this.#position
  }

  get since(): string | undefined {
    if (this.#epoch === undefined) return undefined
    return formatPosition({ epoch: this.#epoch, revision: this.#position })
  }

  begin(reply: Done): void {
    this.#begun = true
    this.#epoch = reply.epoch
    if (!reply.resumed) this.#forget()
  }

  settle(position: number): void {
    this.#position = position
    this.#floor = position
    this.#warned = 0
  }

  pause(): void {
    this.#begun = false
  }

  lose(): void {
    this.pause()
    this.#epoch = undefined
  }

  take(frame: Frame): Outcome {
    if (!this.#begun) return "ignored"
    const position = frame.position ?? frame.revision
    if (frame.reset) {
      if (frame.uri !== this.uri) return "ignored"
      this.#forget()
      this.settle(position)
      this.#epoch = frame.epoch
      return "changed"
    }
    const uri = frame.event === "create" ? frame.member : frame.uri
    if (frame.view || !this.#pattern.matches(uri)) return "ignored"
    if (frame.event === "expiring") {
      if (frame.revision <= Math.max(this.#warned, this.#floor)) return "ignored"
      this.#warned = frame.revision
      this.#position = Math.max(this.#position, position)
      return "warned"
    }
    if (frame.revision <= (this.#revisions.get(uri) ?? this.#floor)) return "ignored"
    this.#revisions.set(uri, frame.revision)
    this.#position = Math.max(this.#position, position)
    // That a list has come to be is told with what was in it then.
    if (uri.endsWith("/")) return "changed"
    if (frame.event === "delete") this.#resources.delete(uri)
    else if (frame.event !== "patch") this.#resources.set(uri, frame.resource)
    else if (this.#resources.has(uri)) {
      const resource = this.#resources.get(uri)
      this.#resources.set(uri, patched(this.#patchers, uri, resource, frame.patch))
    }
    return "changed"
  }

  #forget(): void {
    this.#resources.clear()
    this.#revisions.clear()
  }
}
