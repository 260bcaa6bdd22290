/** What a write of a key is told, and what it tells. */
import type { Expiry } from "../feed/expiry.ts"
import type { Conditions } from "../protocol/endpoint.ts"
import type { Value } from "./value.ts"

export interface WriteOptions {
  conditions?: Conditions
  /** Tell what was there before. */
  wantsPrevious?: boolean
}

export interface SetOptions extends WriteOptions {
  /** Epoch milliseconds; null: never; undefined: as before, where the key is there. */
  expiry: Expiry
  /** What to do when it expires, as `readAction` made it; undefined: as before where the expiry is, else nothing. */
  onExpire?: string | null | undefined
  /** Refuse to replace. */
  onlyNew?: boolean
}

export interface PatchOptions extends WriteOptions {
  /** Undefined: as before. */
  value?: Value | undefined
  expiry?: Expiry
  /** Undefined: as before. */
  onExpire?: string | null | undefined
}

/** What a write did. */
export interface Written {
  /** 0 when nothing changed. */
  revision: number
  /** What GET answered before, or `null`, as JSON text; undefined when nobody asked. */
  previous?: string | undefined
}
