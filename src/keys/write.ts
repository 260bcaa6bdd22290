/** What a write of a key is told, and what it tells. */
import type { Expiry } from "../feed/expiry.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import type { Value } from "./value.ts"

export interface WriteOptions {
  conditions?: Conditions
  /** Tell what was there before. */
  wantsPrevious?: boolean
}

/** How a key is to end. What is undefined stays as before: of a set, where the expiry does. */
export interface Ending {
  /** Epoch milliseconds; null: never. */
  expiry?: Expiry
  /** How many milliseconds before it that is told; null: not at all. Without an expiry there is none. */
  warn?: number | null | undefined
  /** What to do when it expires, as `readAction` made it; null: nothing. */
  onExpire?: string | null | undefined
}

/** Of a key that is new, or wholly replaced: what is not said is none. */
export function ofNew({ expiry = null, warn = null, onExpire = null }: Ending): Ending {
  return { expiry, warn, onExpire }
}

export interface SetOptions extends WriteOptions, Ending {
  /** Refuse to replace. */
  onlyNew?: boolean
}

export interface PatchOptions extends WriteOptions, Ending {
  /** Undefined: as before. */
  value?: Value | undefined
}

/** What a write did. */
export interface Written {
  /** 0 when nothing changed. */
  revision: number
  /** What GET answered before, or `null`, as JSON text; undefined when nobody asked. */
  previous?: string | undefined
}
