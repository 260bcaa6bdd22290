/** A change: one row of the journal, one step of the order that everybody shares. Pure. */

export type ChangeEvent = "create" | "patch" | "state" | "delete" | "expiring"

/**
 * `state` says the resource was replaced as a whole. `body` is JSON text: the resource for create and state,
 * the patch for patch; null when it is too large or cannot say the change, and then readers GET the resource.
 * `expiring` says that the resource will be deleted at `expires_at`; it has no body and leaves the resource as it is.
 * `extra` is JSON text of members that a frame carries beside it (`expires_at`, `warn_at`, `reason`).
 */
export interface Change {
  revision: number
  /** Epoch milliseconds. */
  at: number
  uri: string
  event: ChangeEvent
  body: string | null
  extra: string | null
  /** When the change before it was made, where it is told by its commit; null where there was none. */
  before?: number | null
}

/** A place in the journal. Positions of different epochs have nothing to do with each other. */
export interface Position {
  epoch: string
  revision: number
}

/** `<epoch>.<revision>`, the form that `since` takes. */
export function formatPosition({ epoch, revision }: Position): string {
  return `${epoch}.${revision}`
}

/** The position in a text, or null when it has another form. */
export function parsePosition(text: string): Position | null {
  const parts = /^([0-9a-f]{1,32})\.(\d{1,15})$/.exec(text)
  return parts ? { epoch: parts[1] ?? "", revision: Number(parts[2]) } : null
}
